"""A film of the stepping: of what, from where to where, how fast, how large; and how it gets on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from gui.export import encoders
from gui.export.asking import ask_path
from gui.export.encoders import GIF, MP4, PDF, WEBP
from gui.export.fields import GIVEN, Fields, Preview
from gui.export.film import Film, Plan, stops
from gui.export.remark import Remark
from gui.export.saving import bytes_of
from gui.export.studio import STAGE, STAGE_SIZE, NothingToDraw
from gui.state.cursor import OPERATION, TOKEN
from gui.theme import px
from gui.widgets import Choice, FieldRow, FloatField, IntField, label, push_button

if TYPE_CHECKING:
    from gui.main_window import MainWindow

SLOWEST, FASTEST = 0.1, 50.0


class FilmDialog(QDialog):
    """Asks, measures, and films; the window stays usable beside it.

    Parameters
    ----------
    window : MainWindow
    written : callable
        Is given the path of a film that is there.
    """

    def __init__(self, window: MainWindow, written: Callable[[Path], object]) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Film"))
        self._window, self._written = window, written
        self.film: Film | None = None
        self.fields = Fields(window, panels=False)
        self.fields.what.set_current(STAGE)
        self.fields.sizing.set_current(GIVEN)
        self.fields.wide.set_value(STAGE_SIZE.width() * 2 // 3)
        self.fields.high.set_value(STAGE_SIZE.height() * 2 // 3)
        self.preview = Preview(window, self.fields)
        self.format = Choice([(GIF, "GIF"), (WEBP, "WebP"), (MP4, "MP4"), (PDF, self.tr("PDF, a page for each step"))])
        for kind in (GIF, WEBP, MP4):
            self.format.set_enabled(kind, not encoders.missing(kind), encoders.missing(kind))
        self._count = count = window.state.cursor.count
        self.first, self.last = IntField(0, 0, count), IntField(count, 0, count)
        self.granularity = Choice([(TOKEN, self.tr("token")), (OPERATION, self.tr("operation"))])
        self.granularity.set_current(window.state.cursor.granularity)
        self.fps = FloatField(2.0, SLOWEST, FASTEST, 0.5)
        self.note = Remark()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(self.tr("Filming"))
        self.bar.hide()
        self.save_button = push_button(self.tr("&Film…"), "primary")
        self.measure_button = push_button(
            self.tr("&Measure"), "", self.tr("Encode some of the frames, to know how large the file will be")
        )
        self.cancel_button = push_button(self.tr("Close"))
        self._lay_out()
        self._connect()
        self.preview.refresh()
        self._tell()

    def plan(self) -> Plan:
        """What was asked for."""
        first, cursor = self.first.value(), self._window.state.cursor
        chosen = stops(cursor, first, max(first, self.last.value()), self.granularity.current())
        return Plan(self.fields.subject(), self.format.current(), chosen, self.fps.value())

    def save(self, path: Path) -> None:
        """Film into a file."""
        self._begin(path)

    def measure(self) -> None:
        """Encode some frames, and say how large the film will be."""
        self._begin(None)

    def done(self, result: int) -> None:
        """Stop what is under way: no file is left."""
        film, self.film = self.film, None
        if film is not None and not film.cancel() and film.path is not None:
            self._written(film.path)
        super().done(result)

    # Making ---------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        span = QWidget()
        row = QHBoxLayout(span)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.first)
        row.addWidget(label("–", "muted"))
        row.addWidget(self.last)
        span.setFocusProxy(self.first)
        self.first.setAccessibleName(self.tr("From position"))
        self.last.setAccessibleName(self.tr("To position"))
        self._fps_row = FieldRow(self.tr("Frames a seco&nd"), self.fps)
        tip = self.tr("Positions of the playhead: 0 is before the first step")
        for field in (
            FieldRow(self.tr("&Steps"), span, tip),
            FieldRow(self.tr("A frame fo&r each"), self.granularity),
            self._fps_row,
            FieldRow(self.tr("F&ormat"), self.format),
        ):
            self.fields.column.addWidget(field)
        self.fields.column.addStretch(1)
        self.fields.column.addWidget(self.note.label)
        self.fields.column.addWidget(self.bar)
        self.fields.setFixedWidth(px(300))
        buttons = QDialogButtonBox()
        self.save_button.setDefault(True)
        for button in (self.save_button, self.measure_button):
            buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.cancel_button, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self._on_cancel)
        row = QHBoxLayout()
        row.setSpacing(px(20))
        row.addWidget(self.preview, 1)
        row.addWidget(self.fields)
        box = QVBoxLayout(self)
        box.setContentsMargins(px(20), px(18), px(20), px(16))
        box.setSpacing(px(12))
        box.addWidget(label(self.tr("Film of the stepping"), "heading"))
        box.addLayout(row, 1)
        box.addWidget(buttons)
        self.resize(px(860), px(500))

    def _connect(self) -> None:
        self.save_button.clicked.connect(self._on_save)
        self.measure_button.clicked.connect(self.measure)
        self._window.state.session.trace_changed.connect(self._on_trace_changed)
        self.preview.drawn.connect(self._on_drawn)
        self.preview.failed.connect(self.note.fail)
        for choice in (self.format, self.granularity):
            choice.chosen.connect(self._tell)
        self.fields.changed.connect(self._tell)
        for field in (self.first, self.last, self.fps):
            field.committed.connect(self._tell)

    def _on_trace_changed(self) -> None:
        """Another run may have fewer steps, or more; all of it is filmed where all of it was to be."""
        count = self._window.state.cursor.count
        whole = self.last.value() == self._count
        self._count = count
        for field in (self.first, self.last):
            field.set_maximum(count)
        if whole:
            self.last.set_value(count)
        self._tell()

    def _on_drawn(self, size: QSize) -> None:
        self.fields.show_size(size)
        self.fields.make_possible(partial(encoders.sides, self.format.current()))

    def _tell(self, *_: object) -> None:
        """Say what the film will be; how large it is has to be measured anew."""
        self.fields.make_possible(partial(encoders.sides, self.format.current()))
        plan = self.plan()
        self._fps_row.setVisible(plan.kind != PDF)
        frames = len(plan.indices)
        if plan.kind == PDF:
            text = self.tr("{} pages").format(frames)
        else:
            text = self.tr("{} frames, {} s").format(frames, f"{frames / plan.fps:.3g}")
        lacking = [encoders.missing(kind) for kind in (GIF, WEBP, MP4) if encoders.missing(kind)]
        self.note.say("\n".join([text, *dict.fromkeys(lacking)]))
        able = not encoders.missing(plan.kind)
        self.save_button.setEnabled(able and self.film is None)
        self.measure_button.setEnabled(able and self.film is None)

    # Filming --------------------------------------------------------------------------------------------------

    def _begin(self, path: Path | None) -> None:
        plan = self.plan()
        try:
            film = Film(self._window, plan, path, self)
        except NothingToDraw as error:
            self.note.fail(str(error))
            return
        self.film = film
        film.progressed.connect(self._on_progressed)
        film.measured.connect(self._on_measured)
        film.finished.connect(self._on_finished)
        film.failed.connect(self._on_failed)
        self.fields.setEnabled(False)
        self.cancel_button.setText(self.tr("Cancel"))
        self.bar.setRange(0, len(plan.indices) if path is not None else 0)
        self.bar.setValue(0)
        self.bar.show()
        self._tell()
        self.note.say(self.tr("Drawing the frames…") if path is not None else self.tr("Encoding some frames…"))
        film.start()

    def _stop(self) -> bool:
        """End it, one way or another; tell whether no file is left."""
        film, self.film = self.film, None
        in_time = film is None or film.cancel()
        if film is not None:
            film.deleteLater()
        self.fields.setEnabled(True)
        self.cancel_button.setText(self.tr("Close"))
        self.bar.hide()
        self._tell()
        return in_time

    def _on_progressed(self, drawn: int, count: int) -> None:
        if self.bar.maximum() > 0:
            self.bar.setValue(drawn)
            self.note.say(self.tr("Frame {} of {}").format(drawn, count))

    def _on_measured(self, size: int) -> None:
        plan = self.plan()
        used = sum(map(len, plan.runs()))
        self._stop()
        text = self.tr("About {}, measured by encoding {} of {} frames.")
        self.note.say(text.format(bytes_of(size), used, len(plan.indices)))

    def _on_finished(self, path: Path) -> None:
        self._stop()
        self._written(path)
        self.accept()

    def _on_failed(self, text: str) -> None:
        self._stop()
        self.note.fail(text)

    def _on_cancel(self) -> None:
        film = self.film
        if film is None:
            self.reject()
        elif self._stop() or film.path is None:
            self.note.say(self.tr("Cancelled; no file was left."))
        else:
            self._on_finished(film.path)

    def _on_save(self) -> None:
        kind = self.format.current()
        path = ask_path(self, self.tr("Film"), f"steps{kind}", [(self.format.currentText(), kind)])
        if path is not None:
            self.save(path)
