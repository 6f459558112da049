"""Start-up and end of the program: the application object, its log, the window or the picture."""

from __future__ import annotations

import faulthandler
import logging
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from types import TracebackType

from PySide6.QtCore import (
    QCoreApplication,
    QEvent,
    QEventLoop,
    QSize,
    Qt,
    QTimer,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtWidgets import QApplication, QWidget

from gui import snapshot, theme
from gui.command_line import Options, UsageError
from gui.icons import icon
from gui.main_window import MainWindow
from gui.paths import crash_file, log_file
from gui.preparing import Preparing
from gui.settings import Settings
from gui.state import looking
from gui.state.app_state import AppState
from gui.work.collector import Collector
from gui.work.worker import wait_for_abandoned

_log = logging.getLogger("loopscope")
LOG_BYTES = 1_000_000


def start(options: Options) -> int:
    """Open the window, or draw the picture, and return the program's exit status.

    Raises
    ------
    UsageError
        What was asked for turned out not to be possible.
    """
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("Loopscope")
    app.setOrganizationName("Loopscope")
    state = AppState(project=options.project)  # the first run begins while the window is being built
    settings = Settings()
    _begin_log(keep_faults=not options.snapshot)
    chosen = options.theme or ("light" if options.snapshot else settings.theme)
    theme.themes().choose(chosen if chosen in theme.themes().names() else theme.SYSTEM)
    if not options.snapshot:
        theme.themes().zoom = settings.zoom
    theme.install(app)
    app.setWindowIcon(icon("loopscope"))
    collector = Collector(app)
    try:
        return _draw(options, state) if options.snapshot else _open(app, options, state, settings)
    finally:
        state.close()
        wait_for_abandoned()
        collector.stop()


def _open(app: QApplication, options: Options, state: AppState, settings: Settings) -> int:
    window = MainWindow(state, settings)
    _report_failures(window.say_failure)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    theme.themes().zoom_changed.connect(lambda zoom: setattr(settings, "zoom", zoom))
    state.playback.speed = settings.speed
    if options.file is not None:
        looking.restore(state, options.file.view)
        window.filing.look.apply(options.file.view)
    if options.step is not None:
        _when_run(state, lambda: _step_or_say(state, options.step, window))
    window.show()
    window.filing.begin(options.file)
    if options.asked is not None:
        window.filing.importer().ask(*options.asked)
    if options.present:
        _when_run(state, window.present)
    preparing = Preparing(state)
    status = app.exec()
    preparing.close()
    window.filing.end(over=False)
    window.deleteLater()
    return status


def _on_qt_message(kind: QtMsgType, context: object, text: str) -> None:
    """Where only a picture is drawn, Qt's remarks on the missing screen go to the log."""
    _log.warning("Qt: %s", text)


def _draw(options: Options, state: AppState) -> int:
    """Draw the window to a file once the run is there and the layout has settled."""
    assert options.snapshot is not None
    qInstallMessageHandler(_on_qt_message)
    if state.session.running:
        waiting = QEventLoop()
        state.session.running_changed.connect(waiting.quit)
        waiting.exec()
    if state.session.trace is None:
        why = state.session.error or "this run needs much memory: a shorter input would do"
        raise UsageError(f"{options.file.path}: {why}" if options.file is not None else why)
    if options.file is not None:
        looking.restore(state, options.file.view)
    _step(state, options.step)
    widget = _stage(state) if options.present else _window(state, options)
    widget.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    widget.resize(QSize(*options.size))
    widget.show()
    widget.resize(QSize(*options.size))
    for _ in range(4):  # layouts answer to layouts; each round posts the next one's events
        QCoreApplication.sendPostedEvents()
        QCoreApplication.processEvents()
    try:
        snapshot.save(widget, options.snapshot)
    except OSError as error:
        raise UsageError(f"--snapshot {options.snapshot}: {(error.strerror or str(error)).lower()}") from None
    finally:
        widget.close()
        widget.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    return 0


def _window(state: AppState, options: Options) -> QWidget:
    window = MainWindow(state)
    if options.file is not None:
        window.filing.file.adopt(options.file)
        window.filing.look.apply(options.file.view)
    return window


def _stage(state: AppState) -> QWidget:
    from gui.presentation import Presentation  # not needed before it is asked for

    return Presentation(state)  # without settings: a picture is the same for everybody


def _step(state: AppState, step: int | None) -> None:
    """Put the playhead where the command line wants it; UsageError where that is no position."""
    if step is None:
        return
    count = state.cursor.count
    if not -count - 1 <= step <= count:
        raise UsageError(
            f"--step {step} is not possible; this run has positions from 0 to {count}, or −1 to −{count + 1}"
        )
    state.cursor.go(step if step >= 0 else count + 1 + step)


def _step_or_say(state: AppState, step: int | None, window: MainWindow) -> None:
    try:
        _step(state, step)
    except UsageError as error:
        window.say_failure(str(error))


def _when_run(state: AppState, call: Callable[[], object]) -> None:
    """Call once when the first run is done."""
    if state.session.trace is not None:
        call()
    else:
        state.session.trace_changed.connect(lambda: QTimer.singleShot(0, call), Qt.ConnectionType.SingleShotConnection)


def _begin_log(keep_faults: bool) -> None:
    path = log_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One failure may come with every frame that is painted.
        handler: logging.Handler = RotatingFileHandler(
            path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.NullHandler()
    if keep_faults:
        with suppress(OSError):
            faulthandler.enable(open(crash_file(), "a", encoding="utf-8"))  # noqa: SIM115 (open to the end)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    _log.addHandler(handler)
    _log.propagate = False


def _report_failures(say: Callable[[str], None]) -> None:
    """Write what nobody foresaw to the log, and say it in the window instead of ending."""
    saying = False

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        nonlocal saying
        if issubclass(kind, KeyboardInterrupt):
            QCoreApplication.quit()
            return
        _log.error("unforeseen failure", exc_info=(kind, error, trace))
        if not saying:  # a failure while saying so must not go round in circles
            saying = True
            text = QCoreApplication.translate("application", "Something unforeseen went wrong: {}. More is in {}")
            say(text.format("".join(traceback.format_exception_only(kind, error)).strip(), log_file()))
            saying = False

    sys.excepthook = hook
