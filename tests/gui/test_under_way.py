"""An export that takes its time: it is said, can be cancelled, and no window closes on it unasked."""

import threading

import pytest
from PySide6.QtWidgets import QPushButton, QWidget

from engine.writing import write_whole
from gui.export.saving import Saver
from gui.export.under_way import DROP, WAIT, UnderWay

LONG = 60_000


class Bench:
    """A window, its saver, and an export that lasts until it is let go."""

    def __init__(self, qtbot, folder):
        self.qtbot, self.folder, self.go, self.said, self.failed = qtbot, folder, threading.Event(), [], []
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.window.resize(600, 400)
        self.saver = Saver(self.said.append, self.failed.append, self.window)
        self.under_way = UnderWay(self.window, self.saver)
        self.window.show()

    def write(self, name="a.csv", patience=0, fails=False):
        self.under_way._timer.setInterval(patience)

        def job(stop):
            while not self.go.wait(0.001):
                stop.check()
            if fails:
                raise ValueError("a.csv: it went wrong")
            write_whole(self.folder / name, b"content", stop)

        self.saver.write(self.folder / name, job)

    def until(self, true):
        self.qtbot.waitUntil(true, timeout=20_000)

    def idle(self):
        self.until(lambda: not self.saver.busy)

    def press(self, within, name):
        within.findChild(QPushButton, name).click()

    def files(self):
        return [path.name for path in self.folder.iterdir()]


@pytest.fixture
def bench(qtbot, dressed, tmp_path):
    (tmp_path / "out").mkdir()
    made = Bench(qtbot, tmp_path / "out")
    yield made
    made.go.set()
    made.saver.close()


def test_a_short_one_is_not_spoken_of_before_it_is_there(bench):
    bench.go.set()
    bench.write(patience=LONG)
    bench.idle()
    assert not bench.under_way.toast.isVisible() and bench.said == ["a.csv is written (7 bytes)."]


def test_a_long_one_is_said_and_can_be_cancelled(bench):
    bench.write()
    bench.write("b.csv")
    bench.until(bench.under_way.toast.isVisible)
    assert bench.under_way.toast.text() == "Writing a.csv…"
    bench.press(bench.under_way.toast, "cancel")
    bench.until(lambda: bench.under_way.toast.text() == "Writing b.csv…")
    bench.go.set()
    bench.idle()
    assert bench.said == ["Cancelled; a.csv was not written.", "b.csv is written (7 bytes)."]
    assert bench.files() == ["b.csv"] and not bench.under_way.toast.isVisible() and not bench.failed


def test_a_window_that_closes_waits_a_moment_for_a_short_one(bench):
    bench.write(patience=LONG)
    assert not bench.window.close() and bench.under_way.question is None
    bench.go.set()
    bench.until(lambda: not bench.window.isVisible())
    assert bench.files() == ["a.csv"]


def test_a_window_that_closes_asks_about_a_long_one_and_waits(bench):
    bench.write()
    assert not bench.window.close()
    bench.until(lambda: bench.under_way.question is not None)
    assert not bench.window.close()
    bench.press(bench.under_way.question, WAIT)
    assert bench.under_way.question is None and bench.window.isVisible()
    bench.go.set()
    bench.until(lambda: not bench.window.isVisible())
    assert bench.files() == ["a.csv"]


def test_what_need_not_be_written_is_not_and_the_window_closes(bench):
    bench.write()
    bench.write("b.csv")
    bench.window.close()
    bench.until(lambda: bench.under_way.question is not None)
    bench.press(bench.under_way.question, DROP)
    bench.until(lambda: not bench.window.isVisible())
    assert bench.files() == [] and not bench.saver.busy


@pytest.mark.parametrize("fails", [False, True])
def test_a_window_that_is_not_to_close_after_all_stays(bench, fails):
    bench.write(fails=fails)
    bench.window.close()
    bench.until(lambda: bench.under_way.question is not None)
    if not fails:
        bench.press(bench.under_way.question, "cancel")
    bench.go.set()
    bench.idle()
    assert bench.window.isVisible() and bench.under_way.question is None
    assert bench.failed == (["a.csv: it went wrong"] if fails else [])
    assert bench.window.close()


def test_taken_down_it_ends_at_once_and_leaves_no_file(bench):
    bench.write()
    bench.write("b.csv")
    bench.saver.close()
    assert bench.files() == [] and bench.window.close()
