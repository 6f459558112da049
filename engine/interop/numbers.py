"""Numbers out: one track of a run as CSV or NPZ, the whole run as NPZ or safetensors."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import safetensors.numpy

from engine.projects import DATE
from engine.stop import Stop
from engine.trace import Trace
from engine.writing import Content, write_whole

TRACK_SUFFIXES = (".csv", ".npz")
TRACE_SUFFIXES = (".npz", ".safetensors")
#: Under this name a file says, as JSON, what its numbers are of.
FACTS = "loopscope"
VERSION = 1
#: So many numbers become text before it is asked whether they are still wanted.
PIECE = 2**14


class ExportError(ValueError):
    """A file cannot be written; the message begins with its name and says why. What was there is untouched."""

    def __init__(self, path: str | Path, what: str) -> None:
        super().__init__(f"{Path(path).name}: {what}")
        self.path, self.what = Path(path), what

    def __reduce__(self) -> tuple[type, tuple[Path, str]]:
        return ExportError, (self.path, self.what)


def save_track(
    path: str | Path, trace: Trace, key: str, gradient: bool = False, stop: Stop | None = None,
    columns: Sequence[Sequence[str]] = (),
) -> None:  # fmt: skip
    """Write one value of a run, or its gradient, at every step.

    Parameters
    ----------
    path : str or Path
        ``.csv``: a row for each step and sequence, and a column for each unit, all counted from 1 as in the window, in
        as many digits as give the same number back; steps that only pad a shorter sequence are left out. ``.npz``: one
        array (T or S, B, size) under the key's name.
    trace : engine.Trace
    key : str
        One of ``trace.keys()``, or an operation inside a cell ("l0.f*c").
    gradient : bool
    stop : Stop, optional
        What says that it is not wanted any more.
    columns : sequence of sequence of str, optional
        Of each sequence, what the columns of the score are called (`Words.columns`): a column "token" of a table.

    Raises
    ------
    ExportError
        The file's name ends in something else, or it cannot be written.
    KeyError
        There is no such key.
    ValueError
        A gradient of a run without a target.
    """
    path = _checked(path, TRACK_SUFFIXES)
    array, name = (trace.grad(key), f"grad/{key}") if gradient else (trace.value(key), f"value/{key}")
    if path.suffix.lower() == ".csv":
        real, places = _rows(trace, key)
        names = columns if len(columns) == array.shape[1] and all(columns) else ()
        _write(path, _csv(array, real, [[words[at] for at in places] for words in names]), stop)
    else:
        _write(path, npz({name: array, FACTS: np.array(facts(trace))}), stop)


def save_trace(path: str | Path, trace: Trace, stop: Stop | None = None) -> None:
    """Write everything that a run recorded: values, gradients, parameters, and what went in.

    Parameters
    ----------
    path : str or Path
        ``.npz`` or ``.safetensors``. Names are ``value/l0.h``, ``grad/l0.h``, ``parameter/weight_ih_l0``,
        ``parameter_grad/weight_ih_l0``, ``input/x``, ``input/target``, …; what they are of stands under "loopscope", as
        JSON: an array of text in an NPZ, metadata in safetensors.
    trace : engine.Trace
    stop : Stop, optional
        What says that it is not wanted any more.

    Raises
    ------
    ExportError
        The file's name ends in something else, or it cannot be written.
    """
    path = _checked(path, TRACE_SUFFIXES)
    found = arrays(trace)
    if path.suffix.lower() == ".npz":
        _write(path, npz({**found, FACTS: np.array(facts(trace))}), stop)
    else:
        own = {name: np.ascontiguousarray(value) for name, value in found.items()}
        _write(path, safetensors.numpy.save(own, metadata={FACTS: facts(trace)}), stop)


def arrays(trace: Trace) -> dict[str, np.ndarray]:
    """Return every array of a run by the name that it has in a file."""
    batch, keys = trace.batch, trace.keys()
    found = {f"value/{key}": trace.value(key) for key in keys}
    if trace.has_gradients:
        found |= {f"grad/{key}": trace.grad(key) for key in keys}
    found |= {f"parameter/{name}": value for name, value in trace.parameters.items()}
    found |= {f"parameter_grad/{name}": value for name, value in trace.parameter_grads.items()}
    given = {"x": batch.x, "target": batch.target, "lengths": batch.lengths, "target_lengths": batch.target_lengths}
    given |= {"fed_back": trace.fed_back, "output_steps": trace.output_steps}
    given |= batch.initial | {f"{name}_grad": value for name, value in batch.final.items()}
    return found | {f"input/{name}": value for name, value in given.items() if value is not None}


def facts(trace: Trace) -> str:
    """Say as JSON what a run was: spec, engine, device, loss (as text where it is no finite number)."""
    loss: float | str | None = trace.loss
    if loss is not None and not np.isfinite(loss):
        loss = str(loss)
    return json.dumps(
        {
            "version": VERSION, "spec": trace.spec.to_dict(), "engine": trace.engine, "device": trace.device,
            "loss": loss, "reduction": trace.batch.reduction, "forced": trace.batch.forced,
        },
        sort_keys=True, allow_nan=False,
    )  # fmt: skip


def _checked(path: str | Path, suffixes: tuple[str, ...]) -> Path:
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise ExportError(path, f"ends in {path.suffix or 'nothing'!r}; it must end in {' or '.join(suffixes)}")
    return path


def _write(path: Path, content: Content, stop: Stop | None) -> None:
    try:
        write_whole(path, content, stop)
    except OSError as error:
        raise ExportError(path, f"cannot be written: {error.strerror or error}") from None


def _rows(trace: Trace, key: str) -> tuple[np.ndarray | None, list[int]]:
    """Of a track which steps of which sequence are no padding, None where all are; and the score's column of each."""
    lane = next((lane for lane in trace.lanes.values() if key.startswith(f"{lane.prefix}.")), None)
    timeline, batch = trace.timeline, trace.batch
    if lane is not None:
        first = timeline.offset(lane.part)
        return batch.step_mask(lane.part), list(range(first, first + timeline.steps(lane.part)))
    first, lengths = timeline.offset(timeline.output_part), batch.target_lengths
    real = None if lengths is None else np.arange(batch.S)[:, None] < lengths
    return real, [first + int(step) for step in timeline.output_steps]


def _csv(array: np.ndarray, real: np.ndarray | None = None, tokens: Sequence[Sequence[str]] = ()) -> Content:
    """What writes a table to a stream, in pieces."""
    steps, sequences, units = array.shape
    lines = max(1, PIECE // max(1, units))
    kept = np.arange(steps * sequences) if real is None else np.flatnonzero(real.reshape(-1))

    def place(row: int) -> str:
        step, sequence = divmod(row, sequences)
        return f"{step + 1},{sequence + 1}" + (f",{_quoted(tokens[sequence][step])}" if tokens else "")

    def write(stream: IO[bytes]) -> None:
        head = ["step", "sequence", *(["token"] if tokens else []), *(f"unit {unit + 1}" for unit in range(units))]
        stream.write(",".join(head).encode() + b"\n")
        rows = array.reshape(steps * sequences, units)
        for first in range(0, len(kept), lines):
            here = kept[first : first + lines]
            piece = rows[here]
            # A float32's own shortest digits, not those of the float64 nearest to it, which only NumPy knows.
            texts = (map(str, row) for row in (piece.tolist() if piece.dtype == np.float64 else piece))
            table = (f"{place(at)},{','.join(row)}\n" for at, row in zip(here.tolist(), texts, strict=True))
            stream.write("".join(table).encode(errors="replace"))

    return write


def _quoted(text: str) -> str:
    """A text as one field of a table."""
    return '"{}"'.format(text.replace('"', '""')) if set(text) & set(',"\r\n') else text


def npz(arrays: Mapping[str, np.ndarray]) -> Content:
    """Return what writes an NPZ to a stream; the same content gives the same bytes."""

    def write(stream: IO[bytes]) -> None:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(arrays):
                with archive.open(_member(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(arrays[name]), allow_pickle=False)

    return write


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info
