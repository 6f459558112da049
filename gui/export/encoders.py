"""Films from frames: GIF and WebP by Pillow, MP4 by PyAV or an ffmpeg on the PATH. No Qt; for a thread of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from engine.stop import Stop
from engine.writing import Watched, replacing

GIF, WEBP, MP4, PDF = ".gif", ".webp", ".mp4", ".pdf"
COLOURS = 256
PALETTE_SIDE = 640
"""Frames are made so small before a palette is chosen for them."""
BT709, LIMITED = 1, 1
"""How FFmpeg counts the colours of HD video, and the range of 16 to 235 that players expect."""
TIMEOUT = 120
"""Seconds that an encoder may take to finish after its last frame."""


class EncoderError(ValueError):
    """An encoder is not there or did not take the frames; the message says what it said."""


@dataclass(frozen=True)
class Frame:
    """One picture: 3 bytes a pixel, red, green, blue, row by row, ``stride`` bytes from one row to the next."""

    width: int
    height: int
    stride: int
    data: bytes


def missing(kind: str) -> str:
    """Say why a format cannot be written, and how to get what is missing; empty where it can."""
    if kind in (GIF, WEBP) and importlib.util.find_spec("PIL") is None:
        return "Pillow is not installed: pip install pillow"
    if kind == MP4 and importlib.util.find_spec("av") is None and shutil.which("ffmpeg") is None:
        return "No encoder for MP4 was found: pip install loopscope[mp4], or install ffmpeg"
    return ""


def sides(kind: str, width: int, height: int) -> tuple[int, int]:
    """Return how large the frames of a format can be, at least so large: those of MP4 have even sides."""
    # It keeps colours for squares of four pixels.
    return (width + width % 2, height + height % 2) if kind == MP4 else (width, height)


def encode(
    path: Path, kind: str, frames: Iterator[Frame], count: int, fps: float, samples: Sequence[Frame] = (),
    stop: Stop | None = None,
) -> None:  # fmt: skip
    """Write a film: whole or not at all.

    Parameters
    ----------
    path : Path
    kind : str
        ".gif", ".webp" or ".mp4".
    frames : iterator of Frame
        All of one size, one of those that :func:`sides` tells. What it raises ends the film, and leaves no file.
    count : int
        How many there are.
    fps : float
        Frames a second.
    samples : sequence of Frame
        Some of them: a GIF's one palette is chosen for these.
    stop : Stop, optional
        What says that the film is not wanted any more; it ends within a frame then.

    Raises
    ------
    Cancelled
        It is not wanted any more; no file is left.
    OSError
        The file cannot be written.
    EncoderError
        There is no encoder, or it failed.
    """
    stop = stop or Stop()
    with replacing(path, stop) as temporary:
        _encode(temporary, kind, frames, count, fps, samples, stop)


def _encode(
    path: Path, kind: str, frames: Iterator[Frame], count: int, fps: float, samples: Sequence[Frame], stop: Stop
) -> None:  # fmt: skip
    if missing(kind):
        raise EncoderError(missing(kind))

    def wanted() -> Iterator[Frame]:
        for frame in frames:
            stop.check()
            yield frame

    ENCODERS[kind](path, wanted(), count, fps, samples, stop)
    stop.check()


def measured(
    kind: str, runs: Sequence[Sequence[Frame]], count: int, fps: float, stop: Stop | None = None
) -> int:  # fmt: skip
    """How many bytes a film will have, by encoding some of its frames.

    Parameters
    ----------
    kind : str
    runs : sequence of sequence of Frame
        Frames that follow one another, from several places of the film.
    count : int
        How many frames the film has.
    fps : float
    stop : Stop, optional
        As of :func:`encode`.
    """
    stop = stop or Stop()
    samples = [frame for run in runs for frame in run]
    firsts, further, steps = 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="loopscope-") as folder:
        path = Path(folder) / f"part{kind}"

        def size(frames: Sequence[Frame]) -> int:
            _encode(path, kind, iter(frames), len(frames), fps, samples, stop)
            return path.stat().st_size

        for run in runs:
            alone = size(run[:1])
            firsts += alone
            if len(run) > 1:
                further += size(run) - alone
                steps += len(run) - 1
    first = firsts / max(1, len(runs))
    return round(first + max(0, count - 1) * (further / steps if steps else first))


# One format each -----------------------------------------------------------------------------------------------


def _picture(frame: Frame) -> Any:
    from PIL import Image

    return Image.frombytes("RGB", (frame.width, frame.height), frame.data, "raw", "RGB", frame.stride)


def palette(samples: Sequence[Frame]) -> Any:
    """A picture with the one palette that suits all samples."""
    from PIL import Image

    small = [_picture(frame) for frame in samples]
    for picture in small:
        picture.thumbnail((PALETTE_SIDE, PALETTE_SIDE), Image.Resampling.NEAREST)
    sheet = Image.new("RGB", (max(p.width for p in small), sum(p.height for p in small)))
    top = 0
    for picture in small:
        sheet.paste(picture, (0, top))
        top += picture.height
    return sheet.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _gif(
    path: Path, frames: Iterator[Frame], count: int, fps: float, samples: Sequence[Frame], stop: Stop
) -> None:  # fmt: skip
    from PIL import Image

    first = next(frames)
    colours = palette(samples or [first])

    def reduced(frame: Frame) -> Any:
        return _picture(frame).quantize(palette=colours, dither=Image.Dither.NONE)

    rest = (reduced(frame) for frame in frames)
    # A GIF counts in hundredths of a second; players take less than two of them for ten.
    hold = max(20, round(100 / fps) * 10)
    # Pillow takes all frames before it writes the first one.
    with Watched(path, stop) as file:
        reduced(first).save(
            file, "GIF", save_all=True, append_images=rest, duration=hold, loop=0, optimize=False, disposal=1
        )


def _webp(
    path: Path, frames: Iterator[Frame], count: int, fps: float, samples: Sequence[Frame], stop: Stop
) -> None:  # fmt: skip
    reel = _reel(frames, count)
    reel.save(path, "WEBP", save_all=True, duration=round(1000 / fps), loop=0, lossless=True, quality=30, method=1)


def _reel(frames: Iterator[Frame], count: int) -> Any:
    """The frames as one picture of Pillow's that has many, of which only one is in memory."""
    from PIL import Image

    class Reel(Image.Image):
        n_frames, is_animated = count, count > 1

        def __init__(self) -> None:
            super().__init__()
            self.at = -1
            self.seek(0)

        def seek(self, frame: int) -> None:
            while self.at < frame:  # forward only; whoever goes back is done with them
                taken = _picture(next(frames))
                self._im, self._mode, self._size, self.at = taken.im, taken.mode, taken.size, self.at + 1

        def tell(self) -> int:
            return max(0, self.at)

    return Reel()


def _mp4(
    path: Path, frames: Iterator[Frame], count: int, fps: float, samples: Sequence[Frame], stop: Stop
) -> None:  # fmt: skip
    (_by_av if importlib.util.find_spec("av") is not None else _by_ffmpeg)(str(path), frames, fps, stop)


def _by_av(name: str, frames: Iterator[Frame], fps: float, stop: Stop) -> None:
    import av

    first = next(frames)
    try:
        with av.open(name, "w", format="mp4", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
            stream.width, stream.height, stream.pix_fmt = first.width, first.height, "yuv420p"
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = BT709
            context.color_range = LIMITED
            stream.options = {"crf": "18", "preset": "medium", "tune": "animation"}
            for frame in _chained(first, frames):
                picture = av.VideoFrame.from_image(_picture(frame))
                told = picture.reformat(format="yuv420p", dst_colorspace=BT709, dst_color_range=LIMITED)
                for packet in stream.encode(told):
                    container.mux(packet)
            # The encoder still holds some dozens of frames; each takes its time.
            for packet in context.encode_lazy(None):
                stop.check()
                packet.stream = stream
                container.mux(packet)
    except av.error.FFmpegError as error:
        if isinstance(error, OSError) and error.errno is not None and 0 < error.errno < 200:
            raise OSError(error.errno, os.strerror(error.errno)) from None
        raise EncoderError(f"the encoder for MP4 failed: {error}") from None


def _by_ffmpeg(name: str, frames: Iterator[Frame], fps: float, stop: Stop) -> None:
    first = next(frames)
    size = f"{first.width}x{first.height}"
    command = [
        *("ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", f"{fps:g}"),
        *(
            "-i",
            "-",
            "-an",
            "-vf",
            "scale=out_color_matrix=bt709:out_range=tv",
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
        ),
        *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"),
        *("-crf", "18", "-movflags", "+faststart", "-f", "mp4", name),
    ]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said)
        assert process.stdin is not None
        try:
            with stop.calling(process.kill):
                try:
                    for frame in _chained(first, frames):
                        process.stdin.write(_packed(frame))
                    process.stdin.close()
                    status = process.wait(TIMEOUT)
                except BrokenPipeError:  # it has ended by itself, and said why
                    status = process.wait(TIMEOUT) or 1
        except subprocess.TimeoutExpired:
            raise EncoderError(f"ffmpeg did not end within {TIMEOUT} s of its last frame") from None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            with contextlib.suppress(OSError):  # what it did not take
                process.stdin.close()
        stop.check()  # killed, it says nothing
        if status:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            raise EncoderError(f"ffmpeg failed: {lines[-1] if lines else status}")


def _packed(frame: Frame) -> bytes:
    """The pixels without what pads the rows."""
    row = 3 * frame.width
    if frame.stride == row:
        return frame.data
    rows = io.BytesIO()
    for y in range(frame.height):
        rows.write(frame.data[y * frame.stride : y * frame.stride + row])
    return rows.getvalue()


def _chained(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest


ENCODERS: dict[str, Callable[[Path, Iterator[Frame], int, float, Sequence[Frame], Stop], None]] = {
    GIF: _gif, WEBP: _webp, MP4: _mp4,
}  # fmt: skip
