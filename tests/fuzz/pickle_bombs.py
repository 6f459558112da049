"""Pickles made to run something, or to take memory and time, and files of torch around them."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from zips import zipped

from engine.interop.read import LEGACY_MAGIC

MEGABYTE = 2**20


class Call:
    """What a pickle asks to be called."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


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
    } | _again()


def _again() -> dict[str, bytes]:
    """What is made once and gone through again and again, by two bytes each time."""
    once, made = b"ccollections\nOrderedDict\nq\1", b"(" + b"".join(_text(f"{n:x}") + b"}\x86" for n in range(20_000))
    state = b"".join(_text(f"{n:x}") + b"h\1)Rh\2b" for n in range(3000))
    equal = b"".join(b"\x8a\x40" + (k * (2**61 - 1) << 61).to_bytes(64, "little") + b"N" for k in range(1, 20_000))
    parameter = b"ctorch._utils\n_rebuild_parameter\nq\1"
    return {
        "ordered": once + made + b"lq\2" + b"h\1h\2\x85R0" * 200_000 + b"}.",
        "kept": once + made + b"lq\2(" + b"h\1h\2\x85R" * 20_000 + b"l.",
        "arguments": parameter + b"(" + b"N" * 500_000 + b"tq\2" + b"h\1h\2R0" * 300_000 + b"}.",
        "strides": b"(" + b"N" * 300_000 + b"tq\0" + _tensor("0", 1, b"h\0q\1", b"h\0q\2") * 2 + b".",
        "hash": b"\x8b" + struct.pack("<i", 2_000_000) + b"\x7f" * 2_000_000 + b"q\1}" + b"h\1Ns" * 300_000 + b".",
        "equal": b"}(" + equal + b"u.",
        "states": b"ca\nb\nq\1}q\2(" + state + b"u.",
        "parts": b"ca\nb\nq\1}q\2(" + state.replace(b"h\2b", b"}" + _text("_modules") + b"h\2sb") + b"u.",
        "memos": b"N" + b"\x94" * 3_000_000 + b".",
    }  # fmt: skip


def packed() -> dict[str, bytes]:
    """Pickles that are small in the file alone."""
    tensor = _tensor("0", 4, _numbers(1), _numbers(1)) + b"q\2}("
    bare = {
        "many_dicts": b"(" + b"}" * 9_900_000 + b"l.",
        "many_tensors": tensor + b"".join(_text(f"{n:x}") + b"h\2" for n in range(1_000_000)) + b"u.",
        "many_names": tensor + b"".join(_text(f"{n:x}") + b"h\2" for n in range(200_000)) + b"u.",
        "one_text": _text("a" * 60 * MEGABYTE + "\U0001f600") + b".",
    }
    return {name: torch_file(data, {"0": b"\0" * 16}, zipfile.ZIP_DEFLATED) for name, data in bare.items()}


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


def turns() -> bytes:
    """Layers whose weights lie by turns in two storages of 28 MB, each of which is 28 kB in the file."""
    names = [(f"weight_{end}_l{layer}", key) for layer in range(500) for end, key in (("ih", "0"), ("hh", "1"))]
    parts = [_text(name) + _tensor(key, 7_000_000, _numbers(1, 1), _numbers(1, 1)) for name, key in names]
    data = b"\x80\x02}(" + b"".join(parts) + b"u."
    return torch_file(data, dict.fromkeys("01", b"\0" * 28_000_000), zipfile.ZIP_DEFLATED)
