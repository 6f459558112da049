"""One persistent thread that does the newest job it was given."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

Job = Callable[[], Any]

# Python hands the interpreter over every 5 ms by default, which a window beside a busy thread feels.
SWITCH_SECONDS = 0.0005


class _Thread(QThread):
    reported = Signal(int, object, object)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.wake = threading.Condition()
        self.job: tuple[int, Job] | None = None
        self.stopping = False

    def run(self) -> None:
        while True:
            with self.wake:
                while self.job is None and not self.stopping:
                    self.wake.wait()
                if self.stopping or self.job is None:
                    return
                (ticket, job), self.job = self.job, None
            result, failure = None, None
            try:
                result = job()
            except Exception as error:  # handed over to the window, which says it
                failure = error
            del job
            if not self.stopping:
                self.reported.emit(ticket, result, failure)
            del result, failure

    def stop(self) -> None:
        with self.wake:
            self.stopping, self.job = True, None
            self.wake.notify()

    def finish(self) -> None:
        if self.stopping:
            return
        self.stop()
        if QThread.currentThread() is not self:
            self.wait()


#: Threads whose jobs nobody waits for; one that is destroyed before it has ended aborts the process.
_abandoned: list[_Thread] = []


def wait_for_abandoned() -> None:
    """Wait until every abandoned thread has ended; to be called before the program ends."""
    while _abandoned:
        _abandoned.pop().wait()


class Worker(QObject):
    """Runs jobs outside the GUI's thread; a job that has not begun gives way to a newer one.

    The signals arrive in the thread that the worker lives in. The thread starts with the first job.
    """

    done = Signal(int, object)
    """Ticket and result of a job."""
    failed = Signal(int, object)
    """Ticket and exception of a job."""

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread: _Thread | None = None
        self._name = name
        self._ticket = 0
        self._closed = False

    @property
    def newest(self) -> int:
        """The ticket of the job that was submitted last."""
        return self._ticket

    def submit(self, job: Job) -> int:
        """Do a job as soon as the running one is done; return its ticket."""
        if self._closed:
            raise RuntimeError(f"the worker {self._name!r} is closed")
        if self._thread is None:
            self._start()
        thread = self._thread
        assert thread is not None
        self._ticket += 1
        with thread.wake:
            thread.job = (self._ticket, job)
            thread.wake.notify()
        return self._ticket

    def close(self) -> None:
        """Wait for the running job and end the thread."""
        self._closed = True
        if self._thread is not None:
            self._thread.finish()
            self._thread = None

    def abandon(self) -> None:
        """Drop the running job's result and wait for nothing: the thread ends by itself when the job is done."""
        self._closed = True
        if self._thread is not None:
            self._thread.stop()
            _abandoned.append(self._thread)
            self._thread = None
        _abandoned[:] = [thread for thread in _abandoned if thread.isRunning()]

    def _start(self) -> None:
        if sys.getswitchinterval() > SWITCH_SECONDS:
            sys.setswitchinterval(SWITCH_SECONDS)
        thread = self._thread = _Thread(self._name)
        thread.reported.connect(self._on_reported)
        # A thread that outlives its worker would abort the process.
        self.destroyed.connect(partial(_Thread.finish, thread))
        thread.start()

    def _on_reported(self, ticket: int, result: Any, failure: Exception | None) -> None:
        if self._closed:
            return
        if failure is None:
            self.done.emit(ticket, result)
        else:
            self.failed.emit(ticket, failure)
