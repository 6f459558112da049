"""What a lane's run of N steps reads and writes from outside its tape, cut once for each N.

A small network runs in less time than it takes to cut these views anew.
"""

from __future__ import annotations

import numpy as np

from engine.plan.compiled import INPUT, OUTSIDE
from engine.plan.tape import Tape


class Views:
    """Views of a tape's frames for N steps; "in time" means in the order of time, the others in that of computation.

    Attributes
    ----------
    x, hidden : ndarray (N, D, B), (N, H, B)
        What is read and the hidden state after every step, in time.
    initial, last : dict of ndarray (H, B)
        By state, before the first and after the last step computed.
    last_gradient, first_gradient : dict of ndarray (H, B)
        The gradients there.
    outside : ndarray (N, H, B) or None
        What comes to h at every step from outside, in time.
    """

    def __init__(self, tape: Tape, N: int, reverse: bool) -> None:
        self.N, self.reverse, self.order = N, reverse, slice(None, None, -1 if reverse else 1)
        at, states = tape.at, tape.plan.states
        self.x = tape.F[:N, at["F", INPUT]][self.order]
        self.hidden = tape.F[1 : N + 1, at["F", f"{states[0]}_prev"]][self.order]
        self.initial = {state: tape.F[0, at["F", f"{state}_prev"]] for state in states}
        self.last = {state: tape.F[N, at["F", f"{state}_prev"]] for state in states}
        self.last_gradient: dict[str, np.ndarray] = {}
        self.first_gradient: dict[str, np.ndarray] = {}
        self.outside: np.ndarray | None = None
        self.cleared: list[np.ndarray] = []

    def prepare_backward(self, tape: Tape) -> None:
        """Cut what lies in the gradients' frames, which the tape has by now."""
        if self.cleared:
            return
        N = self.N
        G, at, states = tape.G, tape.at, tape.plan.states
        self.last_gradient = {state: G[N, at["G", state]] for state in states}
        self.first_gradient = {state: G[0, at["G", state]] for state in states}
        self.cleared = list(self.last_gradient.values())
        if tape.size.outside:
            self.outside = G[1 : N + 1, at["G", OUTSIDE]][self.order]
            self.cleared.append(G[: N + 1, at["G", OUTSIDE]])
