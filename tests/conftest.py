"""What every test starts from: no display, one thread, no settings of this machine, nothing left behind."""

import gc
import os
import sys
from pathlib import Path

# Before anything imports Qt, NumPy or torch.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
for _name in ("QT_SCALE_FACTOR", "QT_SCREEN_SCALE_FACTORS", "QT_STYLE_OVERRIDE", "QT_QPA_PLATFORMTHEME"):
    os.environ.pop(_name, None)
if sys.platform == "linux":
    os.environ["LC_ALL"] = "C.UTF-8"  # Qt warns under any locale that is not UTF-8

import pytest
from hypothesis import settings
from PySide6.QtCore import QSettings, QStandardPaths, QThread

settings.register_profile("loopscope", derandomize=True, deadline=None, database=None)
settings.load_profile("loopscope")

_USER_FOLDERS = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
_GUI_FIXTURES = ("qtbot", "qapp", "qtmodeltester")


@pytest.fixture(autouse=True)
def fresh_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep each test's settings and user folders in its own folder, which is returned.

    A ``QSettings("Loopscope", "Loopscope")`` is empty at first, and a program that a test starts finds an
    empty home.
    """
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in _USER_FOLDERS:
        monkeypatch.delenv(name, raising=False)
    QStandardPaths.setTestModeEnabled(True)
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    for form in (QSettings.Format.IniFormat, QSettings.Format.NativeFormat):
        QSettings.setPath(form, QSettings.Scope.UserScope, str(home / ".config"))
    return home


def _thread_count() -> int | None:
    """How many threads the system sees in this process; None where it does not say."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return None


def _running_threads() -> set[QThread]:
    return {thing for thing in gc.get_objects() if issubclass(type(thing), QThread) and _is_running(thing)}


def _is_running(thread: QThread) -> bool:
    try:
        return thread.isRunning() and thread is not QThread.currentThread()
    except RuntimeError:  # the C++ half is gone
        return False


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest):
    """Fail a test of the GUI that leaves a thread running or a window open.

    It is set up before ``qtbot``, so it looks after ``qtbot`` has closed the widgets it was given.
    """
    if not any(name in request.fixturenames for name in _GUI_FIXTURES):
        yield
        return
    from PySide6.QtWidgets import QApplication

    threads = _thread_count()
    windows = {w for w in QApplication.topLevelWidgets() if w.isVisible()} if QApplication.instance() else set()
    # As in the program (gui.work.collector): no worker's thread may collect, and so delete, a widget.
    gc.disable()
    yield
    gc.enable()
    from gui.work.worker import wait_for_abandoned

    wait_for_abandoned()
    left = [w for w in QApplication.topLevelWidgets() if w.isVisible() and w not in windows]
    names = [f"{type(w).__name__} {w.objectName() or w.windowTitle()!r}" for w in left]
    for window in left:  # the next test shall not pay for this one
        window.close()
    now = _thread_count()
    if threads is None or now is None or now > threads:  # reading every object takes a while
        for thread in _running_threads():
            names.append(f"running {type(thread).__name__} {thread.objectName()!r}")
            thread.requestInterruption()
            thread.quit()
            thread.wait(2000)
    if names:
        pytest.fail("left behind: " + ", ".join(names))
