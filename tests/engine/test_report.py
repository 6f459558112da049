"""A report says what the run did, in its own numbers."""

import errno
import hashlib
import os
import re
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
from samples import every_spec, name, problem

from engine import Network, narration
from engine.format import number
from engine.interop import report
from engine.interop.numbers import ExportError
from engine.interop.report import Picture
from engine.narration import Words
from engine.stop import Cancelled, Stop

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
FACTS = {"title": "A | <b>", "weights": "trained", "input": "x", "version": "0.1", "notes": "a *note*"}


def run(spec):
    return Network(spec).run(**problem(spec))


class Reader(HTMLParser):
    """Checks that every tag is closed, and gathers the texts."""

    def __init__(self):
        super().__init__()
        self.open, self.texts = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.mark.parametrize("spec", list(every_spec(cell_names=("lstm",), num_layers=2)), ids=name)
def test_every_step_and_every_norm_of_any_network(spec, tmp_path):
    trace, words = run(spec), Words(sequence=1)
    report.save(tmp_path / "r.html", trace, words, FACTS, [Picture("score", "The score", SVG)])
    reader = Reader()
    reader.feed((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert not reader.open
    told = set(reader.texts)
    for n in range(len(trace.events.tokens)):
        assert trace.narrate(trace.events.token(n), words) in told
    for lane in trace.lanes.values():
        for grad in trace.grad(lane.key("h"))[:, 1]:
            assert number(narration.norm(grad), 4) in told
    assert f"Loss: {number(trace.loss, 6)}." in told and str(trace.spec.seed) in told


def test_markdown_has_a_folder_and_escapes_what_is_markdown(tmp_path):
    spec = next(iter(every_spec()))
    report.save(
        tmp_path / "r.md", run(spec), Words(columns=("a|b", "*c*")), FACTS, [Picture("score", "The score", SVG)]
    )
    text = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert (tmp_path / "r_pictures" / "score.svg").read_bytes() == SVG
    assert r"# A \| \<b\>" in text and r"a \*note\*" in text
    for table in re.split(r"\n\n", text):
        lines = [line for line in table.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) <= 1


@pytest.mark.parametrize("suffix", report.SUFFIXES)
def test_a_full_disk_leaves_nothing(suffix, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ExportError, match=r"No space left"):
        report.save(folder / f"r{suffix}", run(next(iter(every_spec()))), Words(), FACTS, [Picture("a", "A", SVG)])
    assert list(folder.iterdir()) == []


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ExportError, match=r"\.html or \.md"):
        report.save(tmp_path / "r.txt", run(next(iter(every_spec()))), Words(), {})


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    return path


def saved(folder, *names, stop=None):
    pictures = [Picture(name, name, SVG + name.encode()) for name in names]
    report.save(folder / "r.md", run(next(iter(every_spec()))), Words(), FACTS, pictures, stop=stop)


def held(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_pictures_of_the_report_before_give_way(folder):
    saved(folder, "score", "cell")
    (folder / "r_pictures" / ".DS_Store").write_bytes(b"of a system's")
    saved(folder, "score", "build")
    assert {name for name in held(folder) if name.endswith(".svg")} == {"r_pictures/score.svg", "r_pictures/build.svg"}
    assert [path.name for path in folder.glob(".*")] == []


@pytest.mark.parametrize("change", ["added", "edited", "theirs"])
def test_what_no_report_put_there_is_kept(folder, change):
    if change != "theirs":
        saved(folder, "score")
    pictures = folder / "r_pictures"
    pictures.mkdir(exist_ok=True)
    (pictures / ("score.svg" if change != "added" else "photo.png")).write_bytes(b"the user's own")
    before = held(folder)
    with pytest.raises(ExportError, match=r"^r\.md: beside it, r_pictures/(photo\.png|score\.svg) came with no report"):
        saved(folder, "score", "cell")
    assert held(folder) == before
    saved(folder)  # needs no such folder


def test_a_report_that_cannot_be_written_leaves_what_was_there(folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    replace, stop = os.replace, Stop()
    stop.cancel()
    for before in ({}, None):
        if before is None:
            saved(folder, "score", "build")
            before = held(folder)
        monkeypatch.setattr("os.replace", full)  # the pictures are in their place by then
        with pytest.raises(ExportError):
            saved(folder, "score", "cell")
        monkeypatch.setattr("os.replace", replace)
        with pytest.raises(Cancelled):
            saved(folder, "score", "cell", stop=stop)
        assert held(folder) == before and len(list(folder.iterdir())) == (2 if before else 0)


@pytest.mark.parametrize("stem", ["50% of #1", "a?b & c", "größe", "a\udcff"])
def test_links_of_markdown_find_their_pictures(folder, stem):
    report.save(folder / f"{stem}.md", run(next(iter(every_spec()))), Words(), FACTS, [Picture("score", "S", SVG)])
    text = (folder / f"{stem}.md").read_text(encoding="utf-8")
    address = re.findall(r"!\[S\]\(<(.*)>\)", text)[0]
    assert (folder / os.fsdecode(unquote_to_bytes(address))).read_bytes() == SVG and not set(address) & set("#?& ")


@pytest.mark.parametrize("forced", [True, False])
def test_what_is_needed_to_make_it_again(forced, tmp_path):
    spec = next(s for s in every_spec(cell_names=("lstm",)) if s.has_feedback and s.loss == "cross-entropy")
    given, network = problem(spec), Network(spec)
    trace = network.run(**given, teacher_forcing=forced)
    report.save(tmp_path / "r.html", trace, Words(sequence=1, labels=("a", "b", "c")), FACTS)
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert ("the targets (teacher forcing)" in text) is forced
    assert ("the network’s own outputs" in text) is not forced
    target = trace.batch.target[: trace.batch.target_lengths[1] if trace.batch.target_lengths is not None else None, 1]
    named = ", ".join("“{}”".format("abc"[i]) for i in target)
    assert f"{' '.join(map(str, target.tolist()))}: {named}" in text
    data = b"".join(np.ascontiguousarray(value).tobytes() for value in network.parameters.values())
    assert f"SHA-256 {hashlib.sha256(data).hexdigest()}" in text


def test_every_line_of_a_network_with_two_directions_says_which():
    spec = next(s for s in every_spec(cell_names=("lstm",), num_layers=2) if s.bidirectional and "many" in s.pattern)
    table = next(
        block for block in report.blocks(run(spec), Words(), {}) if getattr(block, "head", ())[1:2] == ("Pass",)
    )
    assert table.head[3] == "Direction"
    backward = [row for row in table.rows if row[1] == "backward"]
    assert backward and all(re.match(r"(forwards|backwards), layer \d$", row[3]) for row in backward)
