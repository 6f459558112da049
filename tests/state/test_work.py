"""The worker thread, the mailbox, the collector, and the places that compute."""

import gc
import threading
import weakref

import pytest
from PySide6.QtCore import QCoreApplication

from engine.recording import engines
from gui.state import computing
from gui.work.collector import Collector
from gui.work.mailbox import Mailbox
from gui.work.worker import Worker, wait_for_abandoned


@pytest.fixture
def worker(qtbot):
    made = Worker("test")
    yield made
    made.close()


def test_results_arrive_in_this_thread(worker, qtbot):
    where = []
    worker.done.connect(lambda *_: where.append(threading.get_ident()))
    with qtbot.waitSignal(worker.done) as done:
        ticket = worker.submit(threading.get_ident)
    assert done.args[0] == ticket == worker.newest
    assert done.args[1] != threading.get_ident()
    assert where == [threading.get_ident()]


def test_a_failure_arrives_and_the_thread_lives_on(worker, qtbot):
    with qtbot.waitSignal(worker.failed) as failed:
        worker.submit(lambda: 1 / 0)
    assert isinstance(failed.args[1], ZeroDivisionError)
    with qtbot.waitSignal(worker.done) as done:
        worker.submit(lambda: 7)
    assert done.args[1] == 7


def test_a_waiting_job_gives_way_to_a_newer_one(worker, qtbot):
    gate, ran = threading.Event(), []
    worker.submit(lambda: gate.wait(10))
    for name in "abc":
        worker.submit(lambda name=name: ran.append(name))
    gate.set()
    qtbot.waitUntil(lambda: ran == ["c"])


def test_a_closed_worker_takes_no_jobs(worker):
    worker.close()
    with pytest.raises(RuntimeError, match="closed"):
        worker.submit(lambda: None)


def test_nobody_waits_for_an_abandoned_job(qtbot):
    made, gate, begun = Worker("abandoned"), threading.Event(), threading.Event()
    results = []
    made.done.connect(lambda *found: results.append(found))

    def job():
        begun.set()
        assert gate.wait(20)

    made.submit(job)
    assert begun.wait(20)
    made.abandon()  # does not wait: the gate is closed
    with pytest.raises(RuntimeError, match="closed"):
        made.submit(job)
    made.deleteLater()
    gate.set()
    wait_for_abandoned()
    QCoreApplication.processEvents()
    assert results == []


def test_a_worker_that_goes_takes_its_thread_along(qtbot):
    worker = Worker("gone")
    with qtbot.waitSignal(worker.done):
        worker.submit(lambda: None)
    thread = worker._thread
    worker.deleteLater()
    qtbot.waitUntil(thread.isFinished)


def test_a_mailbox_keeps_the_newest():
    box = Mailbox()
    assert box.take() is None
    box.put(1)
    box.put(2)
    assert (box.take(), box.take()) == (2, None)


def test_garbage_is_collected_by_the_timer(qtbot):
    class Node:
        pass

    collector = Collector()
    try:
        assert not gc.isenabled()
        gone = threading.Event()
        node = Node()
        node.itself = node
        weakref.finalize(node, gone.set)
        del node
        collector._timer.setInterval(1)
        collector._thresholds = (0, 1000, 1000)
        qtbot.waitUntil(gone.is_set)
    finally:
        collector.stop()
    assert gc.isenabled()


@pytest.mark.parametrize("engine", engines.names())
def test_every_engine_has_a_place_without_being_loaded(engine, monkeypatch):
    known = [place for place in computing.places() if place.engine == engine]
    assert known
    assert all(place.title and place.id.startswith(engine) for place in known)


def test_a_missing_torch_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(type(engines["torch"]), "missing", lambda self: "not installed; pip install torch")
    assert [p.missing for p in computing.places() if p.engine == "torch"] == ["not installed; pip install torch"] * 2


def test_found_devices_are_listed(monkeypatch):
    titles = [place.title for place in computing.places(("cpu", "cuda:0"))]
    assert titles == ["NumPy", "Torch CPU", "Torch CUDA"]
    titles = [place.title for place in computing.places(("cpu", "cuda:0", "cuda:1"))]
    assert titles == ["NumPy", "Torch CPU", "Torch CUDA 0", "Torch CUDA 1"]
    assert computing.places(("cpu",))[-1].missing
    assert computing.at(computing.places(("cpu", "cuda:0")), "torch", "cuda").device == "cuda:0"
