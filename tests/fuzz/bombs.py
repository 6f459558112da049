"""Files made to take memory, time or the machine: small to send, and nothing that a reader may believe."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
from pickle_bombs import MEGABYTE, legacy_file, packed, pickles, shared_layers, tensors, torch_file, turns
from zips import overlapping, understated, zipped

ZEROS = 100 * MEGABYTE


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
        "no_letters": npy("|S0", (3 * 10**9,)),
        "no_text": npy("<U0", (3 * 10**9,)),
        "no_width": npy("|V0", (2**40,)),
        "empty_axes": npy("<f8", (2**62, 0, 2**62)),
        "texts": npy("<U4", (1,), b"\0" * 16),
        "none": npy("<f8", (0, 3)),
        "scalar": npy("<f8", (), b"\0" * 8),
    }


def archives() -> dict[str, bytes]:
    """Archives that unpack to more than they are, or name what is outside."""
    zeros = b"\0" * ZEROS
    header = npy("<f4", (ZEROS // 4,))
    one_number = npy("<f4", (1, 1), b"\0" * 4)
    long = b"\x93NUMPY\2\0" + struct.pack("<I", 2**32 - 1)
    one = zipped({"weight_ih_l0.npy": header + zeros}, zipfile.ZIP_DEFLATED)
    inner = zipped({"a.npy": zeros}, zipfile.ZIP_DEFLATED)
    outside = {"../../canary.npy": npy("<f8", (1,), b"\0" * 8), "/canary.npy": npy("<f8", (1,), b"\0" * 8)}
    return {
        "zeros": one,
        "lies": understated(one),
        "layers": zipped({f"weight_{end}_l{n}.npy": one_number for n in range(3000) for end in ("ih", "hh")}),
        "lies_of_header": understated(zipped({"a.npy": long + 6 * zeros}, zipfile.ZIP_DEFLATED), 5000),
        "twice": zipped({"a.npy": inner}, zipfile.ZIP_DEFLATED),
        "lzma": zipped({"a.npy": zeros[:99]}, zipfile.ZIP_LZMA),
        "bzip2": zipped({"a.npy": zeros[:99]}, zipfile.ZIP_BZIP2),
        "encrypted": zipped({"a.npy": b"x" * 90}, flag_bits=1),
        "claims": zipped({"a.npy": b"x" * 90}, file_size=2**40),
        "far": zipped({"a.npy": b"x" * 90}, header_offset=2**31),
        "outside": zipped(outside),
        "many": zipped({f"{n}.npy": b"" for n in range(20_000)}),
        "same": overlapping(),
        "odd": zipped({"a.npy": b"x"}, compress_type=77),
        "nothing": zipped({}),
        "only_end": b"PK\3\4" + b"PK\5\6" + b"\0" * 18,
    }


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
    longer = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 9999}
    endless = {"a": 0, "##a": 1, "[UNK]": 2, "b" * 5000: 3}
    spelled = [{"type": "ByteLevel", "add_prefix_space": True, "use_regex": False}] * 60

    def grown(**model: object) -> bytes:
        return json.dumps({"model": model, "normalizer": longer}).encode()

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
        "word_piece": grown(type="WordPiece", vocab=endless, unk_token="[UNK]", max_input_chars_per_word=10**9),
        "unigram": grown(type="Unigram", vocab=[["b", -1.0], ["c" * 10_000, -1.0]], unk_id=0),
        "pairs": grown(type="BPE", vocab={"a": 0, "aa": 1}, merges=["a a"]),
        "many_steps": steps("normalizer", "normalizers", [{"type": "Lowercase"}] * 100_000),
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
    return zipped(_with_digests(members))


def _with_digests(members: dict[str, bytes]) -> dict[str, bytes]:
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    return members | {"digests.json": json.dumps(digests).encode()}


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
        "lies": understated(facts),
        "outside": zipped({"../../canary": b"x", "project.json": b"{}"}),
        "modules": project(json.dumps({"version": 1, "torch": "", "notes": [], "modules": []}).encode(), empty),
    }


def captures_() -> dict[str, bytes]:
    """Captures whose digests are right, and whose arrays are not."""

    def capture(arrays: bytes) -> bytes:
        return zipped(_with_digests({"capture.json": facts, "arrays.safetensors": arrays}))

    facts = json.dumps({"version": 1, "torch": "", "notes": [], "modules": []}).encode()
    entry = {"dtype": "F32", "shape": [2 * MEGABYTE], "data_offsets": [0, 8 * MEGABYTE]}
    return {
        "several": capture(safe({f"0/{n}": entry for n in range(150)}, b"\0" * (8 * MEGABYTE))),
        "long": capture(safe(b"{}", size=2**62)),
    }


def keras_() -> dict[str, bytes]:
    """Archives of Keras that unpack to more than they say."""
    one = zipped({"model.weights.h5": b"x", "config.json": b" " * (6 * ZEROS)}, zipfile.ZIP_DEFLATED)
    other = zipped({"config.json": b"{}", "model.weights.h5": b"\0" * (6 * ZEROS)}, zipfile.ZIP_DEFLATED)
    return {"lies_of_facts": understated(one), "lies_of_weights": understated(other)}


def onnx_() -> dict[str, bytes]:
    """A chain of layers that all read the same two arrays."""
    try:
        from onnx import helper, numpy_helper
    except ImportError:
        return {}
    same = [numpy_helper.from_array(np.zeros((1, 256, 64), np.float32), name) for name in "WR"]
    nodes = [
        node for n in range(2500) for node in (
            helper.make_node("LSTM", [f"x{n}", "W", "R"], [f"y{n}"], hidden_size=64),
            helper.make_node("Squeeze", [f"y{n}"], [f"x{n + 1}"], axes=[1]),
        )
    ]  # fmt: skip
    graph = helper.make_graph(nodes, "shared", [helper.make_tensor_value_info("x0", 1, [None, None, 64])], [], same)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)])
    return {"shared": model.SerializeToString()}


def everything(canary: Path) -> dict[str, bytes]:
    """Every bomb by the name of its file."""
    made: dict[str, bytes] = dict(tables())
    for name, data in (pickles(canary) | tensors()).items():
        made |= {
            f"{name}.pt": torch_file(data, {"0": b"\0" * 16}),
            f"{name}_legacy.pth": legacy_file(data),
            f"{name}_bare.ckpt": data,
        }
    made |= {f"{name}.pt": data for name, data in packed().items()}
    made |= {"shared_layers.pt": shared_layers(), "turns.pt": turns()}
    made["packed_zeros.pt"] = torch_file(b"\0" * ZEROS, method=zipfile.ZIP_DEFLATED)
    for name, data in npys().items():
        made |= {f"{name}.npy": data, f"{name}_in.npz": zipped({"weight_ih_l0.npy": data, "weight_hh_l0.npy": data})}
    for name, data in archives().items():
        made |= {f"{name}_zip.npz": data, f"{name}_zip.pt": data, f"{name}_zip.loopscope": data}
    made |= {f"{name}.safetensors": data for name, data in safes().items()}
    made |= {f"{name}.json": data for name, data in tokenizers().items()}
    made |= {f"{name}.loopscope": data for name, data in (projects_() | captures_()).items()}
    made |= {f"{name}.onnx": data for name, data in onnx_().items()}
    made |= {f"{name}.keras": data for name, data in keras_().items()}
    return made
