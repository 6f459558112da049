"""Analyses: kept with the run, stale ones dropped, the newest of a kind first."""

import threading

import pytest

from gui.state.analyses import MOST, Analyses, Failed


@pytest.fixture
def analyses(qtbot):
    made = Analyses()
    made.set_trace("run 1")
    yield made
    made.close()


def wait(qtbot, analyses, key, function):
    if analyses.get(key, function) is None:
        with qtbot.waitSignal(analyses.done, check_params_cb=lambda found: found == key):
            pass
    return analyses.get(key, function)


def test_a_result_comes_and_stays(analyses, qtbot):
    calls = []
    assert analyses.get(("a", 1), lambda trace: calls.append(trace) or "found") is None
    with qtbot.waitSignal(analyses.done) as done:
        pass
    assert done.args == [("a", 1)]
    assert analyses.get(("a", 1), calls.append) == "found"
    assert calls == ["run 1"]


def test_a_failure_is_a_result(analyses, qtbot):
    def fail(trace):
        raise ValueError("this cannot be")

    assert wait(qtbot, analyses, ("a",), fail) == Failed("this cannot be")


def test_another_run_drops_what_was_there_and_what_is_under_way(analyses, qtbot):
    gate, begun = threading.Event(), threading.Event()

    def slow(trace):
        begun.set()
        gate.wait(5)
        return f"of {trace}"

    assert wait(qtbot, analyses, ("kept",), lambda trace: 1) == 1
    analyses.get(("slow",), slow)
    assert begun.wait(5)
    analyses.set_trace("run 2")
    seen = []
    analyses.done.connect(seen.append)
    assert analyses.get(("slow",), slow) is None
    gate.set()
    qtbot.waitUntil(lambda: seen == [("slow",)])
    assert analyses.get(("slow",), slow) == "of run 2"
    assert analyses.get(("kept",), lambda trace: 2) is None


def test_of_those_that_wait_the_newest_of_a_kind_counts(analyses, qtbot):
    gate, begun, ran = threading.Event(), threading.Event(), []

    def first(trace):
        begun.set()
        gate.wait(5)

    analyses.get(("first",), first)
    assert begun.wait(5)
    for k in range(20):
        analyses.get(("slider", k), lambda trace, k=k: ran.append(k) or k)
    analyses.get(("other",), lambda trace: ran.append("other") or 0)
    gate.set()
    qtbot.waitUntil(lambda: len(ran) == 2)
    assert ran == [19, "other"]


def test_what_is_asked_twice_runs_once(analyses, qtbot):
    gate, ran = threading.Event(), []

    def slow(trace):
        ran.append(1)
        gate.wait(5)
        return 1

    for _ in range(3):
        analyses.get(("a",), slow)
    gate.set()
    qtbot.waitUntil(lambda: analyses.get(("a",), slow) == 1)
    assert ran == [1]


def test_it_keeps_so_many(analyses, qtbot):
    for k in range(MOST + 5):
        assert wait(qtbot, analyses, ("a", k), lambda trace, k=k: k + 1) == k + 1
    assert analyses.get(("a", MOST + 4), lambda trace: None) == MOST + 5
    assert len(analyses._kept) == MOST


def test_nothing_runs_once_it_is_closed(qtbot):
    analyses = Analyses()
    analyses.set_trace("run")
    analyses.close()
    assert analyses.get(("a",), lambda trace: 1) is None
