"""A bench for the score without a scenario: small real runs on a state that needs no thread."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from PySide6.QtCore import QObject, Signal

from engine import ModelSpec, Network, narration
from gui.state.cursor import Cursor
from gui.state.horizon import Horizon
from gui.state.playback import Playback
from gui.state.selection import Selection

REVIEW = ("<s>", "I", "do", "not", "like", "this", "movie")
FRENCH = ("J’ai", "vu", "le", "match", "<eos>")
ENGLISH = ("I", "saw", "the", "game", "<eos>", "We", "watched", "a", "match", ".")


class Session(QObject):
    """The part of a session that the score reads."""

    trace_changed = Signal(object)

    def __init__(self, trace=None, words=None):
        super().__init__()
        self.trace, self.words = trace, words or narration.Words()


class State(QObject):
    """A state on a run that is given."""

    def __init__(self, trace=None, words=None):
        super().__init__()
        self.session = Session(trace, words)
        self.cursor = Cursor(self)
        self.selection = Selection(self)
        self.horizon = Horizon(self)
        self.playback = Playback(self.cursor, self)
        self.cells = []
        self.document = SimpleNamespace(
            set_cell=self.cells.append, project=SimpleNamespace(spec=None if trace is None else trace.spec)
        )
        if trace is not None:
            self.cursor.set_events(trace.events)

    def show(self, trace, words):
        """Put another run on."""
        self.session.trace, self.session.words = trace, words
        self.document.project.spec = trace.spec
        self.cursor.set_events(trace.events)
        self.session.trace_changed.emit(trace)


def sentiment(cell="rnn", T=7, hidden=8, layers=1, both=False, target=True, scale=2.2, seed=0, **more):
    """A many-to-one run over words."""
    spec = ModelSpec(
        pattern="many-to-one", cell=cell, hidden_size=hidden, output_size=3, vocab_size=20, embedding_size=4,
        num_layers=layers, bidirectional=both, seed=seed,
    )  # fmt: skip
    network = Network(spec)
    for name in network.parameters:
        network.parameters[name] = network.parameters[name] * scale
    trace = network.run(np.arange(T) % 20, 0 if target else None, **more)
    words = [REVIEW[i % len(REVIEW)] for i in range(T)]
    return trace, narration.words(trace, words, ("negative", "neutral", "positive"))


def translation(cell="lstm", layers=1, both=False, hidden=8, target=True):
    """A sequence-to-sequence run."""
    spec = ModelSpec(
        pattern="sequence-to-sequence", cell=cell, hidden_size=hidden, output_size=len(ENGLISH), vocab_size=9,
        embedding_size=4, num_layers=layers, bidirectional=both,
    )  # fmt: skip
    network = Network(spec)
    for name in network.parameters:
        network.parameters[name] = network.parameters[name] * 2.2
    given = {"target": np.arange(5)} if target else {"steps": 5}
    trace = network.run(np.arange(5), **given)
    return trace, narration.words(trace, FRENCH, ENGLISH)


def tagging(cell="gru", T=8, layers=1, both=True, hidden=8, outputs=6):
    """A many-to-many run with an output at every step."""
    spec = ModelSpec(
        pattern="many-to-many", cell=cell, hidden_size=hidden, output_size=outputs, vocab_size=20, embedding_size=4,
        num_layers=layers, bidirectional=both,
    )  # fmt: skip
    trace = Network(spec).run(np.arange(T) % 20, np.arange(T) % outputs)
    labels = ("noun", "verb", "adjective", "pronoun", "determiner", "adverb")
    return trace, narration.words(trace, [REVIEW[i % len(REVIEW)] for i in range(T)], labels)


def numbers(T=6, loss="mse", outputs=2, pattern="many-to-many", cell="rnn"):
    """A run over real vectors, without names."""
    spec = ModelSpec(pattern=pattern, cell=cell, hidden_size=6, output_size=outputs, input_size=3, loss=loss)
    rng = np.random.default_rng(1)
    shape = (T if pattern == "many-to-many" else 1, outputs)
    trace = Network(spec).run(rng.normal(size=(T, 3)), rng.random(shape))
    return trace, narration.words(trace)


def caption(T=6):
    """A one-to-many run: its own words feed back."""
    spec = ModelSpec(
        pattern="one-to-many", cell="gru", hidden_size=8, output_size=len(ENGLISH), vocab_size=12, embedding_size=4
    )
    trace = Network(spec).run(np.array([3]), np.arange(T))
    return trace, narration.words(trace, ("a picture",), ENGLISH)
