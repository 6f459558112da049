"""Names of matrices and states set as symbols, where words and numbers stand beside them."""

from __future__ import annotations

import pytest

from gui.widgets import Segment, SegmentedControl, SymbolLabel
from gui.widgets.rich_line import lowered


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Eigenvalues of W_hh", "Eigenvalues of W<sub>hh</sub>"),
        ("J = ∂(h, c)_t/∂(h, c)_t−1", "J = ∂(h, c)<sub>t</sub>/∂(h, c)<sub>t−1</sub>"),
        ("∂L/∂weight_hh_l0", "∂L/∂weight_hh_l0"),
        ("ρ < 1 < σ₁", "ρ &lt; 1 &lt; σ₁"),
    ],
)
def test_labels_set_an_index_lower_and_say_what_they_were_given(qapp, text, shown):
    label = SymbolLabel(text)
    assert label.text() == label.accessibleName() == text
    assert super(SymbolLabel, label).text() == shown


def test_a_symbol_on_a_segment_is_as_wide_as_it_is_set(show):
    control = show(SegmentedControl([Segment("a", "W_hh", math=True), Segment("b", "W_hh")]))
    symbol, word = control._buttons
    assert symbol.sizeHint().width() < word.sizeHint().width()
    assert symbol.accessibleName() == "W_hh"
    assert not control.grab().isNull()


def test_a_transposed_weight_is_raised_in_the_narration():
    assert lowered("through W_ihᵀ it", "plain") == [
        ("through W", "text"),
        ("ih", "sub"),
        ("T", "sup"),
        (" it", "text"),
    ]
