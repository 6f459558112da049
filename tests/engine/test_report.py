"""A report says what the run did, in its own numbers."""

import errno
import re
from html.parser import HTMLParser

import pytest
from samples import every_spec, name, problem

from engine import Network, narration
from engine.format import number
from engine.interop import report
from engine.interop.numbers import ExportError
from engine.interop.report import Picture
from engine.narration import Words

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
