"""A unit's whole sum: its terms are the trace's, they add up, and each leads to where it came from."""

import numpy as np
import pytest

from engine import ModelSpec, Network, narration
from engine.registry import cells
from gui.frames.inspector import Inspection
from gui.frames.whole_sum import Origin, whole_sum

UNIT = 3


def make(name, **facts):
    spec = ModelSpec(pattern="many-to-many", cell=name, input_size=3, hidden_size=5, output_size=2, **facts)
    trace = Network(spec).run(np.random.default_rng(2).standard_normal((4, 3)), [0, 1, 0, 1])
    return Inspection(trace, narration.Words())


@pytest.mark.parametrize("name", cells.names())
def test_the_terms_add_up_and_every_origin_holds_the_number(name):
    inspection = make(name, num_layers=2, bidirectional=True)
    trace = inspection.trace
    for prefix in trace.lanes:
        place = inspection.place(prefix, 2)
        for recorded in inspection.names:
            found = whole_sum(inspection, place, recorded, UNIT)
            assert sum(term.value for term in found.terms) == pytest.approx(found.total, abs=1e-14)
            assert found.value == trace.value(f"{prefix}.{recorded}")[2, 0, UNIT]
            sizes = [abs(term.value) for term in found.terms]
            assert sizes == sorted(sizes, reverse=True)
            for term in found.terms:
                assert term.value == pytest.approx(np.prod([value for _, value, _ in term.factors]), abs=1e-15)
                for called, value, origin in term.factors:
                    if origin is not None and not called.startswith(("(", "1")):
                        key = f"{origin.prefix}.{origin.name}"
                        assert trace.value(key)[origin.step, 0, origin.unit] == value


def test_the_sum_of_a_vanilla_unit():
    inspection = make("rnn")
    trace = inspection.trace
    found = whole_sum(inspection, inspection.place("l0", 2), "h", UNIT)
    assert (found.name, found.inner, found.function) == ("h₃[4]", "a₃[4]", "tanh")
    assert len(found.terms) == 3 + 5 + 2
    assert found.total == pytest.approx(trace.value("l0.a")[2, 0, UNIT])
    by_name = {term.factors[-1][0]: term for term in found.terms}
    weight, read = by_name["h₂[2]"].factors
    assert weight == ("W_hh[4, 2]", trace.parameters["weight_hh_l0"][UNIT, 1], None)
    assert read == ("h₂[2]", trace.value("l0.h")[1, 0, 1], Origin("l0", 1, 1, "h"))
    assert by_name["x₃[1]"].factors[1][2] is None
    assert by_name["b_ih[4]"].value == trace.parameters["bias_ih_l0"][UNIT]


def test_a_pre_activation_stands_for_what_squashes_it():
    inspection = make("lstm")
    place = inspection.place("l0", 2)
    assert whole_sum(inspection, place, "a_f", UNIT) == whole_sum(inspection, place, "f", UNIT)


def test_a_cell_state_is_what_is_kept_and_what_is_written():
    inspection = make("lstm")
    found = whole_sum(inspection, inspection.place("l0", 2), "c", UNIT)
    origins = {tuple(origin.name for _, _, origin in term.factors) for term in found.terms}
    assert origins == {("f", "c"), ("i", "g")}
    first = whole_sum(inspection, inspection.place("l0", 0), "c", UNIT)
    assert any(origin is None for term in first.terms for _, _, origin in term.factors)
