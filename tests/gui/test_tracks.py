"""Every registered track on runs of every kind: painted at every width, asked about every point."""

from itertools import pairwise

import numpy as np
import pytest
import score_bench as bench
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter

from engine import ModelSpec, Network, narration
from gui import colormaps, palette
from gui.frames.sheet import Sheet
from gui.score_layout import Strip, chosen, lay_out, names_of
from gui.score_scene import Scene
from gui.tracks.base import Hit, available, beginning, face, tracks, value_tip

RUNS = {
    "many-to-one": bench.sentiment,
    "one step": lambda: bench.sentiment(T=1),
    "forward only": lambda: bench.sentiment(target=False),
    "two ways, one output": lambda: bench.sentiment("gru", layers=2, both=True),
    "every step": bench.tagging,
    "encoder and decoder": bench.translation,
    "read both ways": lambda: bench.translation(both=True, layers=2),
    "its own words": bench.caption,
    "numbers": bench.numbers,
    "a chance each": lambda: bench.numbers(loss="binary-cross-entropy", outputs=1),
    "wide": lambda: bench.sentiment("lstm", hidden=96),
}


@pytest.fixture(params=RUNS)
def sheet(request, dressed):
    return Sheet(*RUNS[request.param]())


def scene_of(sheet, position, size=(700, 500), column=None):
    scene = Scene()
    scene.set_sheet(sheet)
    scene.resize(*size)
    if column:
        scene.zoom(column / scene.axis.column, 0)
        scene.fit() if column < scene.axis.column else None
    scene.set_position(position, sheet.trace.events.token(position - 1) if position else None)
    return scene


def painted(track, stage, width=700):
    image = QImage(width, round(stage.height) + 1, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    with QPainter(image) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(0, -stage.top)
        track.paint(painter, stage)
    return image


def pixels(image):
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4).copy()


@pytest.mark.parametrize("name", tracks.names())
def test_a_track_paints_at_every_width_and_position(name, sheet):
    count = len(sheet.trace.events.tokens)
    for track in tracks[name](sheet):
        for width in (700, 60):
            scene = scene_of(sheet, 0, (width, 500))
            for fitted in (False, True):
                if fitted:
                    scene.fit()
                for position in {0, 1, count // 2, count}:
                    scene.set_position(position, sheet.trace.events.token(position - 1) if position else None)
                    stage = scene.stage(Strip(track, 0, track.natural), 0, width)
                    painted(track, stage, width)
                    track.marks(stage)
                    track.note(stage)


@pytest.mark.parametrize("name", tracks.names())
def test_a_track_says_what_lies_at_every_point_and_shows_it_when_it_is_chosen(name, sheet):
    count = len(sheet.trace.events.tokens)
    for track in tracks[name](sheet):
        scene = scene_of(sheet, count)
        stage = scene.stage(Strip(track, 0, track.natural), 0, 700)
        for x in np.linspace(1, 679, 23):
            for y in np.linspace(1, track.natural - 1, 9):
                hit = track.hit(stage, float(x), float(y))
                if hit is None:
                    continue
                assert track.tip(stage, hit) or value_tip(stage, hit)
                outlines = track.outlines(stage, hit)
                assert all(outline.height() > 0 and outline.width() > 0 for outline in outlines)


@pytest.mark.parametrize("name", tracks.names())
def test_tracks_have_ids_titles_and_sensible_heights(name, sheet):
    made = tracks[name](sheet)
    assert len({track.id for track in made}) == len(made)
    for track in made:
        assert track.id.startswith(name) and track.title
        assert 0 < track.minimum <= track.natural
        if track.legend() is not None:
            assert track.legend() > 0


def test_what_is_not_computed_yet_is_a_slot(dressed):
    sheet = Sheet(*bench.sentiment())
    track = next(iter(tracks["gradient"](sheet)))
    before = scene_of(sheet, 7)
    stage = before.stage(Strip(track, 0, 130), 0, 700)
    first = pixels(painted(track, stage))
    assert len(np.unique(first.reshape(-1, 4), axis=0)) < 40  # one colour, and its soft edges
    after = scene_of(sheet, 10)
    second = pixels(painted(track, after.stage(Strip(track, 0, 130), 0, 700)))
    edge = int(after.axis.left(5))
    np.testing.assert_array_equal(first[:, : edge - 2], second[:, : edge - 2])
    assert (first[:, edge + 2 : 678] != second[:, edge + 2 : 678]).any()


def test_a_cell_has_the_colour_of_its_value(dressed):
    sheet = Sheet(*bench.sentiment())
    track = tracks["state"](sheet)[0]
    scene = scene_of(sheet, 7)
    strip = Strip(track, 0, 130)
    image = painted(track, scene.stage(strip, 0, 700))
    values = sheet.trace.value("l0.h")[:, 0]
    for step in range(7):
        for unit in range(8):
            box = track.outlines(scene.stage(strip, 0, 700), Hit("l0", step, unit))[0]
            found = image.pixelColor(box.center().toPoint())
            wanted = colormaps.diverging(float(values[step, unit]), track.frame.scale, palette.current())
            assert found.getRgb() == wanted.getRgb()


def test_what_is_not_a_number_is_hatched_in_every_size(dressed):
    spec = ModelSpec(pattern="many-to-one", cell="rnn", hidden_size=4, output_size=3, input_size=2)
    x = np.ones((20, 2))
    x[5] = np.nan
    trace = Network(spec).run(x, 1)
    sheet = Sheet(trace, narration.words(trace))
    warning = np.array(dressed.current().warning.getRgb()[:3])[::-1]
    for width in (1400, 100):
        scene = scene_of(sheet, 41, (width, 500))
        scene.fit()
        for name in ("state", "diagram", "norm"):
            track = tracks[name](sheet)[0]
            seen = pixels(painted(track, scene.stage(Strip(track, 0, 140), 0, width), width))
            near = np.abs(seen[..., :3].astype(int) - warning).sum(axis=-1) < 40
            if name != "diagram" or width == 1400:
                assert near.any(), (name, width)


def test_the_exact_value_is_told(dressed):
    trace, words = bench.sentiment()
    sheet = Sheet(trace, words)
    stage = scene_of(sheet, 15).stage(Strip(tracks["state"](sheet)[0], 0, 130), 0, 700)
    said = value_tip(stage, Hit("l0", 3, 5))
    value = trace.value("l0.h")[3, 0, 5]
    assert said == f"l0.h[6] · step 4 “not” = {value!r}".replace("np.float64(", "").replace(")", "").replace("-", "−")
    assert value_tip(stage, Hit("l0", 3, 5, gradient=True)).startswith("∂L/∂l0.h[6] · step 4 “not” = ")
    early = scene_of(sheet, 2).stage(Strip(tracks["state"](sheet)[0], 0, 130), 0, 700)
    assert "not computed yet" in value_tip(early, Hit("l0", 3, 5))


# Which are shown, and how tall ---------------------------------------------------------------------------


def heights(height, sizes=None, **more):
    found = available(Sheet(*bench.sentiment()))
    return lay_out(chosen(found, None), sizes or {}, height, 1.0, **more)


def test_tracks_fill_the_height_and_do_not_overlap(dressed):
    for height in (600, 716, 900, 1400):
        strips = heights(height)
        assert [s.track.kind for s in strips] == ["output", "diagram", "tokens", "state", "gradient", "norm"]
        assert strips[-1].bottom == pytest.approx(height - 6)
        for above, below in pairwise(strips):
            assert below.top == pytest.approx(above.bottom + 6)


def test_too_little_room_scrolls_or_squeezes(dressed):
    strips = heights(200)
    assert all(s.height == pytest.approx(s.track.minimum) for s in strips)
    assert heights(200, scrolls=False)[-1].bottom < strips[-1].bottom / 2


def test_a_height_of_its_own_stays(dressed):
    strips = heights(900, {"tokens": 90.0})
    assert next(s for s in strips if s.track.id == "tokens").height == 90
    assert strips[-1].bottom == pytest.approx(894)


def test_kinds_stand_for_all_lanes(dressed):
    found = available(Sheet(*bench.tagging(layers=2)))
    states = [t for t in found if t.kind == "state"]
    assert len(states) == 4
    assert chosen(found, ["norm", "state"])[1:] == states
    assert names_of(chosen(found, None), found) == ["output", "diagram", "tokens", "state", "gradient", "norm"]
    one = chosen(found, ["state:1:forward", "tokens"])
    assert [t.id for t in one] == ["state:1:forward", "tokens"]
    assert names_of(one, found) == ["state:1:forward", "tokens"]


@pytest.mark.parametrize("text", ["", "a", "Affection", "wiiiiiiiii", "été", "日本語テスト"])
def test_of_a_word_as_many_letters_are_shown_as_there_is_room_for(dressed, text):
    kind = face("ui", 13)
    for room in range(0, 90, 5):
        shown = beginning(kind, text, room)
        assert text.startswith(shown) and len(shown) >= min(1, len(text))
        assert len(shown) <= 1 or kind.width(shown) <= room
        assert shown == text or kind.width(text[: len(shown) + 1]) > room


def test_of_an_endless_word_only_the_beginning_is_measured():
    class Wide:
        """A font whose letters are 7 wide; how many letters were measured at once."""

        def __init__(self):
            self.metrics, self.measured = self, []

        def horizontalAdvance(self, text):
            self.measured.append(len(text))
            return 7 * len(text)

    kind = Wide()
    assert beginning(kind, "w" * 100_000, 40) == "wwwww"
    assert max(kind.measured) <= 10


@pytest.mark.parametrize("id", ["diagram", "norm"])
@pytest.mark.parametrize("T", [6, 160])
def test_past_a_sequence_s_end_no_gradient_is_drawn_where_none_ever_was(dressed, monkeypatch, id, T):
    spec = ModelSpec(pattern="many-to-many", cell="rnn", hidden_size=4, output_size=3, vocab_size=9, embedding_size=3)
    given = np.arange(2 * T).reshape(T, 2)
    trace = Network(spec).run(given % 9, given % 3, lengths=[T, T // 2])
    sheet = Sheet(trace, narration.words(trace, [""] * T, (), 1))
    line = sheet.norm.lines[0]
    assert line.silent.tolist() == [False] * (T // 2) + [True] * (T // 2)
    said = []
    monkeypatch.setattr("gui.tracks._passes._write", lambda painter, stage, start, end, text, *more: said.append(text))
    scene = scene_of(sheet, len(trace.events.tokens), (700, 500))
    strip = next(strip for strip in scene.strips if strip.track.id == id)
    stage = scene.stage(strip, 0, 700)
    image = pixels(painted(strip.track, stage))
    orange = stage.theme.backward
    like = (np.abs(image[..., :3].astype(int) - [orange.blue(), orange.green(), orange.red()]) < 30).all(-1)
    drawn = np.flatnonzero(like.any(0))
    assert drawn.size and drawn.max() <= stage.axis.right(T // 2 - 1) and not any("anish" in text for text in said)


def test_norms_at_the_end_of_what_a_number_can_hold_have_an_axis(dressed):
    spec = ModelSpec(pattern="many-to-one", cell="rnn", input_size=2, hidden_size=3, output_size=2, loss="mse")
    with np.errstate(over="ignore"):
        trace = Network(spec).run(np.ones((4, 2)), target=np.full((1, 2), -1.7e308))
    sheet = Sheet(trace, RUNS["numbers"]()[1])
    (track,) = (found for found in available(sheet) if found.kind == "norm")
    scene = scene_of(sheet, 9)
    strip = next(each for each in scene.strips if each.track.id == track.id)
    marks = track.marks(scene.stage(strip, 0, 700))
    assert sheet.norm.high == 309 and marks[0][1] == "10³⁰⁹"
    places = [y for y, _ in marks]
    assert np.isfinite(places).all() and places == sorted(places)
    assert not painted(track, scene.stage(strip, 0, 700)).isNull()
