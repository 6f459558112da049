"""Files made to take memory, time or the machine: small to send, and nothing that a reader may believe."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.interop.read import LEGACY_MAGIC

MEGABYTE = 2**20
ZEROS = 100 * MEGABYTE


class Call:
    """What a pickle asks to be called."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


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


def torch_file(data: bytes, storages: dict[str, bytes] | None = None, method: int = zipfile.ZIP_STORED) -> bytes:
    """A file of torch around a pickle."""
    members = {"a/data.pkl": data, "a/byteorder": b"little"}
    return zipped(members | {f"a/data/{key}": raw for key, raw in (storages or {}).items()}, method)


def legacy_file(data: bytes) -> bytes:
    """The older format around a pickle."""
    return b"".join(pickle.dumps(part, 2) for part in (LEGACY_MAGIC, 1001, {})) + data


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def _tensor(key: str, numel: int, shape: bytes, stride: bytes) -> bytes:
    """Opcodes that describe a float32 tensor."""
    storage = b"(" + _text("storage") + b"ctorch\nFloatStorage\n" + _text(key) + _text("cpu")
    storage += b"J" + struct.pack("<i", numel) + b"tQ"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\0" + shape + stride + b"\x89}tR"


def _numbers(*values: int) -> bytes:
    return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"


def _laughs(end: bytes = b"") -> bytes:
    """A tuple of two of a tuple of two of … 200 times: 2^200 leaves in 600 bytes."""
    return b"\x80\x02" + b")" + b"2\x86" * 200 + end


def pickles(canary: Path) -> dict[str, bytes]:
    """Pickles that Python's own reader would run, or choke on."""
    import os
    import subprocess

    written = f"open({str(canary)!r}, 'w').write('ran')"
    touch = f"touch {canary}"
    twice = pickle.dumps({"model": {"weight_ih_l0": pickle.dumps(Call(exec, written)), "x": Call(os.system, touch)}})
    return {
        "system": pickle.dumps(Call(os.system, touch)),
        "eval": pickle.dumps(Call(eval, written)),
        "exec": pickle.dumps(Call(exec, written), 0),
        "popen": pickle.dumps(Call(subprocess.Popen, ["touch", str(canary)])),
        "open": pickle.dumps(Call(open, str(canary), "w"), 4),
        "nested": twice,
        "loads": pickle.dumps(Call(pickle.loads, pickle.dumps(Call(os.system, touch)))),
        "dunder": b"cbuiltins\ngetattr\n(c__main__\n__dict__\n" + _text("x") + b"tR.",
        "instance": b"(S'" + touch.encode() + b"'\nios\nsystem\n.",
        "setattr": b"ccollections\nOrderedDict\n(N}" + _text("__kwdefaults__") + b"}stb.",
        "laughs": _laughs(b"."),
        "hash_laughs": b"\x80\x02}" + _laughs()[2:] + b"K\1s.",
        "laughs_as_key": b"\x80\x02(" + _text("storage") + b"ctorch\nFloatStorage\n" + _laughs()[2:] + b"K\1K\1tQ.",
        "set_of_laughs": b"\x80\x04\x8f(" + _laughs()[2:] + b"\x90.",
        "frozen_laughs": b"\x80\x04(" + _laughs()[2:] + b"\x91.",
        "memo": b"\x80\x02}r\xff\xff\xff\x7f.",
        "memo_text": b"}p4000000000\n.",
        "bytes8": b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f.",
        "bytearray8": b"\x80\x05\x96" + struct.pack("<Q", 2**33) + b".",
        "text8": b"\x8d" + struct.pack("<Q", 2**40) + b"a.",
        "frame": b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"}.",
        "long": b"\x8b" + struct.pack("<i", 2**31 - 1) + b".",
        "digits": b"L" + b"9" * MEGABYTE + b"L\n.",
        "deep": b"]" * 400_000 + b"a" * 400_000 + b".",
        "dicts": b"(" + b"}" * 400_000 + b"l.",
        "sets": b"(" + b"\x8f" * 400_000 + b"l.",
        "marks": b"(" * MEGABYTE + b".",
        "recursive": b"]q\0h\0a.",
        "recursive_dict": b"}q\0" + _text("model") + b"h\0s.",
        "no_stop": b"\x80\x02}",
        "persistent": b"\x80\x02K\1Q.",
        "empty_call": b"\x80\x02)R.",
        "bare_build": b"\x80\x02b.",
        "wide": b"\x80\x02}(" + b"".join(_text(f"k{n}") + b"}" for n in range(60_000)) + b"u.",
        "long_names": _long_names(),
    }


def _long_names() -> bytes:
    """Dicts in dicts whose one long key is kept once, around many tensors: their full names take gigabytes."""
    data = b"\x80\x02" + _text("k" * 100_000) + b"q\x010" + _tensor("0", 1, _numbers(1), _numbers(1)) + b"q\x020"
    data += b"}h\x01" * 50 + b"}(" + b"".join(_text(f"{n:x}") + b"h\x02" for n in range(10_000)) + b"u"
    return data + b"s" * 50 + b"."


def tensors() -> dict[str, bytes]:
    """Pickles of tensors that are not what they say, with a storage of four numbers."""
    four = {
        "past": (_numbers(9), _numbers(1)),
        "negative": (_numbers(-1), _numbers(1)),
        "backwards": (_numbers(4), _numbers(-1)),
        "huge": (_numbers(2**31 - 1, 2**31 - 1), _numbers(0, 0)),
        "axes": (_numbers(*[1] * 3000), _numbers(*[1] * 3000)),
        "uneven": (_numbers(2, 2), _numbers(1)),
        "none": (b")", b")"),
        "empty": (_numbers(0, 2**31 - 1), _numbers(1, 1)),
        "endless": (b"(\x8b" + struct.pack("<i", 40_000) + b"\x7f" * 40_000 + b"t", _numbers(0)),
        "no": (b"N", b"N"),
    }
    return {
        name: b"\x80\x02}" + _text("weight_ih_l0") + _tensor("0", 4, shape, stride) + b"s."
        for name, (shape, stride) in four.items()
    }


def shared_layers() -> bytes:
    """20,000 layers that all share one storage of 256 kB: 5 GB of parameters in 10 MB."""
    data = b"\x80\x02}(" + _text("weight_ih_l0") + _tensor("0", 65_536, _numbers(256, 256), _numbers(256, 1)) + b"q\1"
    for layer in range(20_000):
        data += b"" if layer == 0 else _text(f"weight_ih_l{layer}") + b"h\1"
        data += _text(f"weight_hh_l{layer}") + b"h\1"
    return torch_file(data + b"u.", {"0": b"\0" * 262_144})


def npy(descr: object, shape: object, data: bytes = b"", version: tuple[int, int] = (1, 0), header: str = "") -> bytes:
    """An .npy whose header says what it is told."""
    text = header or repr({"descr": descr, "fortran_order": False, "shape": shape})
    raw = text.encode("latin1") + b"\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(raw))
    return b"\x93NUMPY" + bytes(version) + length + raw + data


def npys() -> dict[str, bytes]:
    """Headers that declare too much, or are no headers."""
    objects = io.BytesIO()
    np.save(objects, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return {
        "objects": objects.getvalue(),
        "huge": npy("<f8", (10**9, 10**9)),
        "overflow": npy("<f8", (2**62, 4)),
        "negative": npy("<f8", (-1, 2)),
        "bools": npy("<f8", (True,), b"\0" * 8),
        "wide_type": npy("V2000000000", (0,)),
        "sub": npy(("<f8", (10**6, 10**6)), (1,)),
        "axes": npy("<f8", (1,) * 60, b"\0" * 8),
        "big": npy("<f8", (10**400,)),
        "deep": npy("", (), header="(" * 9000),
        "minus": npy("", (), header="-" * 9000 + "1"),
        "nest": npy("", (), header="[" * 90 + "]" * 90),
        "long_header": npy("", (), header=" " * 60_000 + "{}"),
        "python2": npy("", (), header="{'descr': '<f8', 'fortran_order': False, 'shape': (1L,)}", data=b"\0" * 8),
        "version": npy("<f8", (1,), b"\0" * 8, (9, 9)),
        "header_past": b"\x93NUMPY\1\0\xff\xff{",
        "dates": npy("<M8[s]", (1,), b"\0" * 8),
        "calls": npy("", (), header="__import__('os').system('touch canary')"),
        "complex": npy("<c16", (1,), b"\0" * 16),
        "structs": npy([("a", "<f8"), ("b", "O")], (1,)),
        "texts": npy("<U4", (1,), b"\0" * 16),
        "none": npy("<f8", (0, 3)),
        "scalar": npy("<f8", (), b"\0" * 8),
    }


def archives() -> dict[str, bytes]:
    """Archives that unpack to more than they are, or name what is outside."""
    zeros = b"\0" * ZEROS
    header = npy("<f4", (ZEROS // 4,))
    one = zipped({"weight_ih_l0.npy": header + zeros}, zipfile.ZIP_DEFLATED)
    inner = zipped({"a.npy": zeros}, zipfile.ZIP_DEFLATED)
    outside = {"../../canary.npy": npy("<f8", (1,), b"\0" * 8), "/canary.npy": npy("<f8", (1,), b"\0" * 8)}
    return {
        "zeros": one,
        "lies": _understated(one),
        "twice": zipped({"a.npy": inner}, zipfile.ZIP_DEFLATED),
        "lzma": zipped({"a.npy": zeros[:99]}, zipfile.ZIP_LZMA),
        "bzip2": zipped({"a.npy": zeros[:99]}, zipfile.ZIP_BZIP2),
        "encrypted": zipped({"a.npy": b"x" * 90}, flag_bits=1),
        "claims": zipped({"a.npy": b"x" * 90}, file_size=2**40),
        "far": zipped({"a.npy": b"x" * 90}, header_offset=2**31),
        "outside": zipped(outside),
        "many": zipped({f"{n}.npy": b"" for n in range(20_000)}),
        "same": _overlapping(),
        "odd": zipped({"a.npy": b"x"}, compress_type=77),
        "nothing": zipped({}),
        "only_end": b"PK\3\4" + b"PK\5\6" + b"\0" * 18,
    }


def _understated(data: bytes) -> bytes:
    """An archive whose directory says of a member of 100 MB that it is of 300 bytes."""
    changed = bytearray(data)
    for mark, at in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        where = data.rindex(mark) if mark == b"PK\1\2" else data.index(mark)
        changed[where + at : where + at + 4] = struct.pack("<I", 300)
    return bytes(changed)


def _overlapping() -> bytes:
    """A directory that names one member a thousand times."""
    data = zipped({"a.npy": b"\0" * 100_000}, zipfile.ZIP_DEFLATED)
    start, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    entries = b"".join(data[start:end].replace(b"a.npy", b"%05d" % n) for n in range(1000))
    return data[:start] + entries + b"PK\5\6" + struct.pack("<4H2LH", 0, 0, 1000, 1000, len(entries), start, 0)


def safe(header: object, data: bytes = b"", size: int | None = None) -> bytes:
    """A safetensors file with this header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + data


def safes() -> dict[str, bytes]:
    """Headers that declare too much."""

    def one(shape: object, ends: object = (0, 16), dtype: object = "F32", name: str = "weight_ih_l0") -> bytes:
        return safe({name: {"dtype": dtype, "shape": shape, "data_offsets": ends}}, b"\0" * 16)

    several = {f"a{n}": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} for n in range(20_000)}
    return {
        "size": safe(b"{}", size=2**63),
        "huge": one([2**40, 2**40]),
        "overflow": one([2**62, 4, 2**62]),
        "far": one([4], (2**62, 2**63)),
        "back": one([4], (16, 0)),
        "type": one([4], dtype="F9"),
        "float": one([4.0]),
        "none": one(None),
        "axes": one([1] * 5000),
        "deep": safe(b"[" * 100_000),
        "digits": safe(b'{"a":' + b"9" * 100_000 + b"}"),
        "same": safe(several, b"\0" * 16),
        "name": one([2, 2], name="x" * 100_000),
        "lines": one([2, 2], name="a\nb\u202e<b>"),
        "list": safe([1, 2]),
        "text": safe(b'"a"'),
    }


def tokenizers() -> dict[str, bytes]:
    """Tokenizers whose steps double a text, and vocabularies with gaps."""
    base = {"model": {"type": "WordLevel", "vocab": {"a": 0, "<unk>": 1}, "unk_token": "<unk>"}}
    double = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
    fill = {"type": "Replace", "pattern": {"String": ""}, "content": "a" * 100_000}
    spelled = [{"type": "ByteLevel", "add_prefix_space": True, "use_regex": False}] * 60

    def steps(name: str, parts: str, every: object) -> bytes:
        return json.dumps(base | {name: {"type": "Sequence", parts: every}}).encode()

    nested: dict = {"type": "NFC"}
    for _ in range(300):
        nested = (
            {"type": "Sequence", "normalizers": [nested, nested]}
            if _ < 20
            else {"type": "Sequence", "normalizers": [nested]}
        )
    return {
        "doubles": steps("normalizer", "normalizers", [double] * 60),
        "fills": steps("normalizer", "normalizers", [fill] * 9),
        "spells": steps("pre_tokenizer", "pretokenizers", spelled),
        "gap": b'{"a": 4999999}',
        "far_gap": b'{"a": 99999999999}',
        "digits": b'{"a": ' + b"9" * 5000 + b"}",
        "named": b'{"' + b"9" * 5000 + b'": "a"}',
        "deep": b"[" * 200_000,
        "wide": json.dumps(["x"] * 100_000).encode(),
        "long": json.dumps(["x" * MEGABYTE]).encode(),
        "merges": json.dumps({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [1, 2]}}).encode(),
        "score": b'{"model": {"type": "Unigram", "vocab": [["a", "b"], ["c", null]]}}',
        "half": b'["\\ud800", "b"]',
        "type": json.dumps(base | {"normalizer": "x" * 5000}).encode(),
        "delimiter": json.dumps(base | {"pre_tokenizer": {"type": "CharDelimiterSplit", "delimiter": ""}}).encode(),
    }


def tables() -> dict[str, bytes]:
    """Tables and texts without measure."""
    return {
        "columns.csv": b",".join([b"1"] * 100_000) + b"\n" + b",".join([b"2"] * 100_000),
        "ragged.csv": b",".join([b"1"] * 100_000) + b"\n" + b",".join([b"2"] * 99_999),
        "word_columns.csv": b",".join([b"word"] * 100_000),
        "rows.csv": b"1\n" * 500_000,
        "empties.csv": b",\n" * 300_000,
        "comments.csv": b"#\n" * 300_000,
        "digits.csv": b"9" * MEGABYTE,
        "marks.csv": b'"' * MEGABYTE,
        "spaces.tsv": b"\t" * MEGABYTE,
        "last.csv": b"1,2\n" * 200_000 + b"x,y\n",
        "under.csv": b"1_000\n2\n",
        "columns.txt": b"word " * 200_000,
        "latin.csv": "Größe;1\n".encode("latin1"),
        "zero.txt": b"a\0b",
        "half.txt": b"\xed\xa0\x80",
    }


def project(facts: object, arrays: bytes, version: int = 1, **more: object) -> bytes:
    """A project whose digests are right."""
    members = {
        "project.json": facts
        if isinstance(facts, bytes)
        else json.dumps({"loopscope": version, **more, "facts": facts}).encode(),
        "arrays.safetensors": arrays,
    }
    members["digests.json"] = json.dumps({n: hashlib.sha256(data).hexdigest() for n, data in members.items()}).encode()
    return zipped(members)


def projects_() -> dict[str, bytes]:
    """Projects that are too large, too deep, too new, or not what they say."""
    spec = {"pattern": "many-to-one", "cell": "lstm", "input_size": 10**6, "hidden_size": 10**6, "output_size": 2}
    empty = safe({})
    facts = zipped(
        {"project.json": b" " * ZEROS, "arrays.safetensors": b"", "digests.json": b"{}"}, zipfile.ZIP_DEFLATED
    )
    return {
        "large": project({}, empty, spec=spec),
        "layers": project({}, empty, spec={**spec, "num_layers": 10**6}),
        "deep": project(b"[" * 200_000, empty),
        "digits": project(b'{"loopscope": ' + b"9" * 5000 + b"}", empty),
        "newer": project({}, empty, 10**9, spec=spec),
        "none": project(b"null", empty),
        "size": project({}, safe(b"{}", size=2**62), spec=spec),
        "zeros": facts,
        "lies": _understated(facts),
        "outside": zipped({"../../canary": b"x", "project.json": b"{}"}),
        "modules": project(json.dumps({"version": 1, "torch": "", "notes": [], "modules": []}).encode(), empty),
    }


def everything(canary: Path) -> dict[str, bytes]:
    """Every bomb by the name of its file."""
    made: dict[str, bytes] = dict(tables())
    for name, data in (pickles(canary) | tensors()).items():
        made |= {
            f"{name}.pt": torch_file(data, {"0": b"\0" * 16}),
            f"{name}_legacy.pth": legacy_file(data),
            f"{name}_bare.ckpt": data,
        }
    made["shared_layers.pt"] = shared_layers()
    made["packed_zeros.pt"] = torch_file(b"\0" * ZEROS, method=zipfile.ZIP_DEFLATED)
    for name, data in npys().items():
        made |= {f"{name}.npy": data, f"{name}_in.npz": zipped({"weight_ih_l0.npy": data, "weight_hh_l0.npy": data})}
    for name, data in archives().items():
        made |= {f"{name}_zip.npz": data, f"{name}_zip.pt": data, f"{name}_zip.loopscope": data}
    made |= {f"{name}.safetensors": data for name, data in safes().items()}
    made |= {f"{name}.json": data for name, data in tokenizers().items()}
    made |= {f"{name}.loopscope": data for name, data in projects_().items()}
    return made
