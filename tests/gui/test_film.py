"""The stepping as a film: every step a frame, the user's playhead where it was, and no file where it was cancelled."""

import errno
import importlib.util
import re
import shutil
import threading

import pytest
from PySide6.QtCore import QSize

from gui import snapshot
from gui.export import encoders
from gui.export.encoders import GIF, PDF, WEBP, Frame
from gui.export.film import Film, Plan, stops
from gui.export.film_dialog import FilmDialog
from gui.export.studio import SCORE, STAGE, WINDOW, Studio, Subject
from gui.state.cursor import OPERATION, TOKEN
from gui.theme import theme, themes
from gui.work.worker import wait_for_abandoned

Image = pytest.importorskip("PIL.Image")
SIZE = QSize(480, 320)


@pytest.fixture
def window(standing):
    return standing(900, 600)


def plan(window, kind, last=4, what=SCORE, look="dark", by=TOKEN):
    return Plan(Subject(what, look, SIZE), kind, stops(window.state.cursor, 0, last, by), 4.0)


def made(qtbot, window, wanted, path):
    film = Film(window, wanted, path, window)
    failures = []
    film.failed.connect(failures.append)
    with qtbot.waitSignal(film.ended, timeout=60_000):
        film.start()
    assert not failures
    return film


def pictures(path):
    with Image.open(path) as film:
        found = []
        for i in range(film.n_frames):
            film.seek(i)
            found.append(film.convert("RGB").tobytes())
        return film.size, found


@pytest.mark.parametrize("what", [SCORE, STAGE])
@pytest.mark.parametrize("kind", [GIF, WEBP])
def test_every_step_is_a_frame_and_no_two_are_alike(qtbot, window, tmp_path, kind, what):
    window.state.cursor.go(3)
    seen = window.score.grab().toImage()
    made(qtbot, window, plan(window, kind, what=what), tmp_path / f"film{kind}")
    size, frames = pictures(tmp_path / f"film{kind}")
    assert size == (480, 320) and len(frames) == 5 and len(set(frames)) == 5
    assert window.state.cursor.position == 3 and theme().name == "light"
    assert window.score.grab().toImage() == seen
    assert [path.name for path in tmp_path.glob("*film*")] == [f"film{kind}"]


def test_every_operation_is_a_frame(qtbot, window, tmp_path):
    cursor, last = window.state.cursor, window.state.cursor.count
    wanted = stops(cursor, last - 1, last, OPERATION)
    assert wanted[0] == cursor.start(last - 1) and wanted[-1] == cursor.total
    assert len(wanted) == len(window.state.session.trace.events.graph.operations) + 2  # where it begins, and ∂L/∂h
    film = Plan(Subject(STAGE, "light", SIZE), WEBP, wanted, 4.0)
    made(qtbot, window, film, tmp_path / "film.webp")
    _, frames = pictures(tmp_path / "film.webp")
    assert len(frames) == len(set(frames)) == len(wanted)
    film = Plan(film.subject, WEBP, stops(cursor, last - 1, last, TOKEN), 4.0)
    made(qtbot, window, film, tmp_path / "ends.webp")
    assert pictures(tmp_path / "ends.webp")[1] == [frames[0], frames[-1]]


@pytest.mark.parametrize("what", [SCORE, STAGE])
def test_the_playhead_is_where_it_stands_in_every_frame_also_on_a_screen(window, monkeypatch, what):
    monkeypatch.setattr("gui.score_canvas.QGuiApplication.platformName", lambda: "xcb")
    monkeypatch.setattr(type(themes()), "animation_ms", lambda self, span: span)
    made = Studio(window, Subject(what, "light", SIZE))
    try:
        canvas = (made.widget if what == SCORE else made.widget.score).canvas
        for index in stops(made.state.cursor, 0, made.state.cursor.count, TOKEN):
            made.go(index)
            with made.drawing():
                assert canvas._band == canvas._goal()
    finally:
        made.close()


def test_a_pdf_has_a_page_for_each_step_of_lines_and_fonts(qtbot, window, tmp_path):
    made(qtbot, window, plan(window, PDF, what=STAGE), tmp_path / "film.pdf")
    data = (tmp_path / "film.pdf").read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", data)) == 5
    assert b"/FontFile" in data


def test_a_film_of_the_window(qtbot, window, tmp_path):
    wanted = Plan(Subject(WINDOW, "light", QSize(800, 500)), WEBP, (0, window.state.cursor.start(8)), 2.0)
    made(qtbot, window, wanted, tmp_path / "film.webp")
    size, frames = pictures(tmp_path / "film.webp")
    assert size == (800, 500) and len(set(frames)) == 2


@pytest.mark.parametrize("kind", [GIF, WEBP, PDF])
def test_the_size_is_measured_with_real_frames(qtbot, window, tmp_path, kind):
    count = window.state.cursor.count
    told = []
    film = Film(window, plan(window, kind, count), None, window)
    film.measured.connect(told.append)
    with qtbot.waitSignal(film.ended, timeout=60_000):
        film.start()
    made(qtbot, window, plan(window, kind, count), tmp_path / f"film{kind}")
    real = (tmp_path / f"film{kind}").stat().st_size
    assert 0.5 * real < told[0] < 2 * real


@pytest.mark.parametrize("kind", [GIF, WEBP, PDF])
def test_cancel_stops_and_leaves_no_file(qtbot, window, tmp_path, kind):
    (tmp_path / "out").mkdir()
    film = Film(window, plan(window, kind, window.state.cursor.count), tmp_path / "out" / f"film{kind}", window)
    film.progressed.connect(lambda drawn, count: drawn == 3 and film.cancel())
    finished = []
    film.finished.connect(finished.append)
    with qtbot.waitSignal(film.ended, timeout=60_000):
        film.start()
    assert not finished and not film.running
    wait_for_abandoned()
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("kind", [GIF, WEBP, PDF])
def test_a_full_disk_leaves_what_was_there(qtbot, window, tmp_path, kind, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = tmp_path / "out"
    folder.mkdir()
    (folder / f"film{kind}").write_bytes(b"before")
    monkeypatch.setattr("os.fsync", full)
    film = Film(window, plan(window, kind, 2), folder / f"film{kind}", window)
    said = []
    film.failed.connect(said.append)
    with qtbot.waitSignal(film.ended, timeout=60_000):
        film.start()
    qtbot.waitUntil(lambda: bool(said))
    assert said == [f"film{kind}: cannot be written: No space left on device"]
    assert [path.name for path in folder.iterdir()] == [f"film{kind}"]
    assert (folder / f"film{kind}").read_bytes() == b"before"


@pytest.mark.parametrize("kind", [GIF, WEBP, PDF])
def test_cancel_while_the_file_is_being_finished_leaves_none(qtbot, window, tmp_path, monkeypatch, kind):
    reached, go = threading.Event(), threading.Event()
    monkeypatch.setattr("os.fsync", lambda file: reached.set() or go.wait(20))
    (tmp_path / "out").mkdir()
    film = Film(window, plan(window, kind, 2), tmp_path / "out" / f"film{kind}", window)
    film.start()
    qtbot.waitUntil(reached.is_set, timeout=60_000)
    stopped = film._stop.cancel()
    go.set()
    assert stopped and film.cancel()
    wait_for_abandoned()
    assert not film.running and list((tmp_path / "out").iterdir()) == []


def test_cancelled_too_late_it_says_so(qtbot, window, tmp_path):
    film = Film(window, plan(window, WEBP, 2), tmp_path / "film.webp", window)
    finished = []
    film.finished.connect(finished.append)
    film.start()
    while not (tmp_path / "film.webp").exists():
        film._turn()  # without the event loop, by which the thread's report would come
    assert not film.cancel() and not finished
    assert len(pictures(tmp_path / "film.webp")[1]) == 3


def test_another_theme_of_the_window_leaves_the_film_s_alone(window):
    made = Studio(window, Subject(STAGE, "dark", SIZE))
    try:
        with made.drawing() as widget:
            before = snapshot.image(widget)
        themes().choose("high-contrast")
        with made.drawing() as widget:
            assert snapshot.image(widget) == before
    finally:
        made.close()


def test_an_edit_while_it_is_filmed_leaves_the_film_alone(qtbot, window, tmp_path):
    made(qtbot, window, plan(window, GIF), tmp_path / "one.gif")
    film = Film(window, plan(window, GIF), tmp_path / "two.gif", window)
    film.progressed.connect(lambda drawn, count: drawn == 1 and window.state.document.open_scenario("tagging"))
    with qtbot.waitSignal(film.ended, timeout=60_000):
        film.start()
    assert (tmp_path / "one.gif").read_bytes() == (tmp_path / "two.gif").read_bytes()
    qtbot.waitUntil(lambda: not window.state.session.running, timeout=20_000)


def test_closing_the_window_ends_the_film(qtbot, window, tmp_path):
    window.actions_["file.film"].trigger()
    dialog = window.exporter.dialog
    dialog.save(tmp_path / "film.webp")
    film = dialog.film
    with qtbot.waitSignal(film.progressed, timeout=60_000):
        pass
    window.close()
    assert not film.running and not (tmp_path / "film.webp").exists()


COLOURS = [(200, 30, 40), (20, 160, 60), (30, 60, 190), (240, 240, 240), (12, 12, 12), (11, 107, 203), (194, 65, 12)]


def decoded(path):
    """The mean colour of each frame of a film as a player shows it, its size and its rate, by PyAV."""
    with pytest.importorskip("av").open(str(path)) as film:
        stream = film.streams.video[0]
        frames = list(film.decode(stream))
        assert {(f.colorspace, f.color_primaries, f.color_trc, f.color_range) for f in frames} == {(1, 1, 1, 1)}
        shown = [frame.reformat(format="rgb24", src_colorspace=1, src_color_range=1).to_ndarray() for frame in frames]
        return [frame.mean((0, 1)) for frame in shown], shown[0].shape[1::-1], float(stream.average_rate)


@pytest.fixture(params=["av", "ffmpeg"])
def encoder(request, monkeypatch):
    """Each of the two encoders of MP4."""
    if request.param == "ffmpeg":
        if shutil.which("ffmpeg") is None:
            pytest.skip("there is no ffmpeg")
        find = importlib.util.find_spec
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "av" else find(name))


@pytest.mark.parametrize("size", [(66, 48), (1280, 720)])
def test_mp4_shows_the_frames_in_their_colours(tmp_path, encoder, size):
    wide, high = size
    pad = b"\0" * (-3 * wide % 4)
    frames = [Frame(wide, high, 3 * wide + len(pad), (bytes(colour) * wide + pad) * high) for colour in COLOURS]
    encoders.encode(tmp_path / "film.mp4", ".mp4", iter(frames), len(frames), 4.0)
    means, shown, rate = decoded(tmp_path / "film.mp4")
    assert shown == size and rate == 4.0 and len(means) == len(COLOURS)
    for mean, colour in zip(means, COLOURS, strict=True):
        assert abs(mean - colour).max() <= 3


def test_the_dialog_offers_even_sizes_for_mp4(qtbot, window, tmp_path):
    window.actions_["file.film"].trigger()
    dialog = window.exporter.dialog
    dialog.fields.wide.set_value(641)
    dialog.fields.high.set_value(361)
    dialog.fields.changed.emit()
    assert dialog.plan().subject.size == QSize(641, 361)
    dialog.format.set_current(".mp4")
    dialog.format.chosen.emit(".mp4")
    assert (dialog.fields.wide.value(), dialog.fields.high.value()) == (642, 362)
    wanted = dialog.plan()
    assert wanted.subject.size == QSize(642, 362)
    dialog.close()
    odd = Plan(Subject(STAGE, "light", QSize(641, 361)), ".mp4", wanted.indices[:3], 4.0)
    made(qtbot, window, odd, tmp_path / "film.mp4")
    assert decoded(tmp_path / "film.mp4")[1] == (642, 362)


def test_mp4_of_the_stage(qtbot, window, tmp_path):
    made(qtbot, window, plan(window, ".mp4", what=STAGE), tmp_path / "film.mp4")
    means, size, rate = decoded(tmp_path / "film.mp4")
    assert len(means) == 5 and size == (480, 320) and rate == 4.0


def test_the_dialog_follows_granularity_and_another_run(qtbot, window):
    state = window.state
    window.actions_["file.film"].trigger()
    dialog = window.exporter.dialog
    assert dialog.plan().indices == (0, *(state.session.trace.events.tokens + 1))
    dialog.granularity.set_current(OPERATION)
    assert dialog.plan().indices == tuple(range(state.cursor.total + 1))
    for text in ("good", "I do not like this very long movie at all"):
        state.document.edit("x", sources=(text,), targets=(None,))
        qtbot.waitUntil(lambda: not state.session.running, timeout=20_000)
        assert dialog.plan().indices == tuple(range(state.cursor.total + 1))
        assert f"{state.cursor.total + 1} frames" in dialog.note.text()
    dialog.first.set_value(3)
    dialog.last.set_value(4)
    state.document.edit("x", sources=("",), targets=(None,))
    qtbot.waitUntil(lambda: not state.session.running, timeout=20_000)
    assert dialog.last.value() == min(4, state.cursor.count)
    dialog.close()


def test_the_dialog_measures_films_and_cancels(qtbot, window, tmp_path):
    window.actions_["file.film"].trigger()
    dialog = window.exporter.dialog
    assert isinstance(dialog, FilmDialog) and not dialog.isModal()
    dialog.fields.wide.set_value(480)
    dialog.fields.high.set_value(320)
    dialog.last.set_value(3)
    dialog.measure()
    qtbot.waitUntil(lambda: dialog.film is None, timeout=60_000)
    assert "measured by encoding 4 of 4 frames" in dialog.note.text()
    dialog.save(tmp_path / "film.gif")
    dialog._on_cancel()
    assert "Cancelled" in dialog.note.text() and not (tmp_path / "film.gif").exists()
    dialog.save(tmp_path / "film.gif")
    qtbot.waitUntil(lambda: window.exporter.dialog is None, timeout=60_000)
    assert pictures(tmp_path / "film.gif")[0] == (480, 320)
    assert "film.gif is written" in window.exporter.toast.text()
