"""Ways to damage a file: blindly, and from inside, so that its digests, checksums and lengths are right again."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from typing import Any

from hypothesis import strategies as st

SPECIAL = [0, 1, 0x7F, 0x80, 0xFF, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1]
VALUES = st.one_of(
    st.none(), st.booleans(), st.sampled_from([*SPECIAL, -1, -(2**63), 10**30, 1e308, -0.5]), st.text(max_size=8),
    st.sampled_from([[], {}, [[]], [None], {"": {}}, "\0", "../../etc", "<b>", "\ud800", "a" * 3000, float("nan")]),
)  # fmt: skip


class Content(bytes):
    """Bytes that are not written out in full where a test fails."""

    def __repr__(self) -> str:
        return f"{len(self):,} bytes {bytes(self[:200])!r}"


@st.composite
def blindly(draw: st.DrawFn, data: Content) -> Content:
    """Cut, flip, overwrite, repeat or replace bytes."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(changed) - 1)))
        how = draw(st.sampled_from(("cut", "flip", "number", "repeat", "drop", "noise", "insert")))
        if how == "cut":
            del changed[at:]
        elif how == "flip" and changed:
            changed[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "number":
            width = draw(st.sampled_from((1, 2, 4, 8)))
            value = draw(st.sampled_from(SPECIAL)) % 2 ** (8 * width)
            changed[at : at + width] = value.to_bytes(width, "little")
        elif how == "repeat":
            changed[at:at] = changed[at : at + draw(st.integers(1, 400))]
        elif how == "drop":
            del changed[at : at + draw(st.integers(1, 60))]
        elif how == "noise":
            changed[at:at] = draw(st.binary(max_size=40))
        else:
            changed[at:at] = draw(
                st.sampled_from((b"\0" * 300, b"\xff" * 300, b"[" * 3000, b"9" * 5000, b"\n\n", b"("))
            )
    return Content(changed)


@st.composite
def json_values(draw: st.DrawFn, tree: Any) -> Any:
    """A tree of JSON with one or two of its nodes changed, added or gone."""
    tree = json.loads(json.dumps(tree))
    for _ in range(draw(st.integers(1, 2))):
        node, place = tree, None
        while isinstance(node, dict | list) and node and (place is None or draw(st.integers(0, 3))):
            key = draw(st.sampled_from(sorted(node))) if isinstance(node, dict) else draw(st.integers(0, len(node) - 1))
            place, node = (node, key), node[key]
        if place is None:
            return draw(VALUES)
        parent, key = place
        how = draw(st.sampled_from(("change", "drop", "more", "twice")))
        if how == "change":
            parent[key] = draw(VALUES)
        elif how == "drop":
            del parent[key]
        elif isinstance(parent, dict):
            parent[draw(st.text(max_size=5)) if how == "more" else f"{key}x"] = draw(VALUES)
        else:
            parent.insert(key, draw(VALUES) if how == "more" else parent[key])
    return tree


def _json_bytes(tree: Any) -> Content:
    return Content(json.dumps(tree).encode())


@st.composite
def inside_safetensors(draw: st.DrawFn, data: Content) -> Content:
    """Another header, of the right length."""
    size = struct.unpack("<Q", data[:8])[0]
    header = _json_bytes(draw(json_values(json.loads(data[8 : 8 + size]))))
    return Content(struct.pack("<Q", len(header)) + header + data[8 + size :])


@st.composite
def inside(draw: st.DrawFn, name: str, data: Content) -> Content:
    """Change what a file holds so that it is well formed around it."""
    if name.endswith(".safetensors"):
        return draw(inside_safetensors(data))
    if name.endswith(".json"):
        return _json_bytes(draw(json_values(json.loads(data))))
    return draw(in_archive(data) if zipfile.is_zipfile(io.BytesIO(data)) else blindly(data))


@st.composite
def in_archive(draw: st.DrawFn, data: Content) -> Content:
    """Change a member of an archive, or what the archive says of it; digests are made anew."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: Content(archive.read(info)) for info in archive.infolist()}
    name = draw(st.sampled_from(sorted(members)))
    how = draw(st.sampled_from(("content", "content", "content", "name", "drop", "more")))
    if how == "content":
        content = members[name]
        members[name] = draw(inside(name, content) if name.endswith((".json", ".safetensors")) else blindly(content))
    elif how == "name":
        other = draw(st.sampled_from(("../../canary", "/canary", "x" * 3000, "a\nb", "\ufffd")))
        members[other] = members.pop(name)
    elif how == "drop":
        del members[name]
    else:
        members[draw(st.text("abc./", min_size=1, max_size=9))] = Content(b"x")
    if "digests.json" in members and name != "digests.json":
        facts = {n: hashlib.sha256(content).hexdigest() for n, content in members.items() if n != "digests.json"}
        members["digests.json"] = _json_bytes(facts)
    stream = io.BytesIO()
    method = draw(st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)))
    with zipfile.ZipFile(stream, "w", method) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return Content(stream.getvalue())
