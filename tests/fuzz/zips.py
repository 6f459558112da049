"""Archives that say of themselves what they are told to."""

from __future__ import annotations

import io
import struct
import zipfile


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED, **facts: int) -> bytes:
    """An archive; ``facts`` are put over what it says of each of its members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        for info in archive.filelist:
            for name, value in facts.items():
                setattr(info, name, value)
    return stream.getvalue()


def understated(data: bytes, size: int = 300) -> bytes:
    """An archive whose directory says of its last member, however large, that it is of so many bytes."""
    changed = bytearray(data)
    for mark, at in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        where = data.rindex(mark) if mark == b"PK\1\2" else data.index(mark)
        changed[where + at : where + at + 4] = struct.pack("<I", size)
    return bytes(changed)


def overlapping() -> bytes:
    """A directory that names one member a thousand times."""
    data = zipped({"a.npy": b"\0" * 100_000}, zipfile.ZIP_DEFLATED)
    start, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    entries = b"".join(data[start:end].replace(b"a.npy", b"%05d" % n) for n in range(1000))
    return data[:start] + entries + b"PK\5\6" + struct.pack("<4H2LH", 0, 0, 1000, 1000, len(entries), start, 0)
