"""One lane's run on a tape: what goes in, forward, backward, and what can be read afterwards.

Arrays that pass between lanes are feature-major, (steps, features, B), in the order of time; the tape itself counts the
steps in the order of computation, which is the other way round in a reverse lane.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.layout import Lane
from engine.plan.compiled import OUTSIDE, Compiled
from engine.plan.recorded import Recorded
from engine.plan.tape import Size, Tape
from engine.plan.views import Views
from engine.plan.weights import Packing


class LaneTape(Tape):
    """A tape with the matrices' packing, and the views that its runs were last given."""

    def __init__(self, plan: Compiled, size: Size, capacity: int) -> None:
        super().__init__(plan, size, capacity)
        self.packing = Packing(plan, self)
        self._weighing += self.packing.nbytes
        self._views: Views | None = None

    def views(self, N: int, reverse: bool) -> Views:
        """Views for N steps."""
        found = self._views
        if found is None or found.N != N or found.reverse != reverse:
            found = self._views = Views(self, N, reverse)
        return found


class LaneRun(Recorded):
    """One lane of one run.

    Parameters
    ----------
    plan : Compiled
    lane : Lane
    tape : LaneTape
        For at least N steps; whoever gave it sees to it that nobody else has it.
    N : int
    mask : ndarray (N, B) or None
        Which steps are real, in the order of time.
    given : mapping
        The lane's stacked parameters: "weight_ih", ….

    Attributes
    ----------
    x : ndarray (N, D, B)
        What it reads, to be written before it runs.
    hidden : ndarray (N, H, B)
        The hidden state after every step.
    """

    def __init__(
        self, plan: Compiled, lane: Lane, tape: LaneTape, N: int, mask: np.ndarray | None,
        given: Mapping[str, np.ndarray],
    ) -> None:  # fmt: skip
        self.plan, self.lane, self.tape, self.N, self.given = plan, lane, tape, N, given
        self.at, self.size = tape.at, tape.size
        self.views = tape.views(N, lane.reverse)
        self.order, self.x, self.hidden = self.views.order, self.views.x, self.views.hidden
        self.F, self.G, self.holds = tape.F, tape.G, True
        self.mask = mask
        if mask is not None:
            np.logical_not(mask[self.order][:, None, :], out=tape.mask[:N])
        tape.packing.load(given)

    # Forward ---------------------------------------------------------------------------------------------

    def initial(self, state: str) -> np.ndarray:
        """A state before the first step, (H, B), to be written before it runs."""
        return self.views.initial[state]

    def last(self, state: str) -> np.ndarray:
        """A state after the last step computed, (H, B)."""
        return self.views.last[state]

    def forward(self) -> None:
        """Compute all steps."""
        if not self.size.fused:
            self.tape.packing.read_before(self.N)
        self.tape.forward(0, self.N)

    def step(self, k: int) -> None:
        """Compute one step, the k-th in the order of computation."""
        self.tape.forward(k, k + 1)

    # Backward --------------------------------------------------------------------------------------------

    def start_backward(self) -> None:
        """Make room for gradients: 0 at the last states, and at every step what comes from outside."""
        self.tape.prepare_backward()
        self.tape.packing.load_back(self.given)
        self.G = self.tape.G
        self.views.prepare_backward(self.tape)
        for gathering in self.views.cleared:
            gathering.fill(0)

    def last_gradient(self, state: str) -> np.ndarray:
        """Where the gradient of a state after the last step gathers, (H, B)."""
        return self.views.last_gradient[state]

    def first_gradient(self, state: str) -> np.ndarray:
        """The gradient of a state before the first step, (H, B)."""
        return self.views.first_gradient[state]

    def gradient_at(self, k: int) -> np.ndarray:
        """Where the gradient of h after the k-th step computed gathers, (H, B), before it is carried on."""
        return self.G[k + 1, self.at["G", self.plan.states[0]]]

    @property
    def outside(self) -> np.ndarray:
        """What comes to h at every step from outside the lane, (N, H, B), to be added to before it runs backward."""
        assert self.views.outside is not None
        return self.views.outside

    def backward(self) -> None:
        """Carry the gradients back through all steps."""
        if self.size.outside:
            final = self.G[self.N]
            final[self.at["G", self.plan.states[0]]] += final[self.at["G", OUTSIDE]]
        self.tape.backward(0, self.N)

    def step_back(self, k: int) -> np.ndarray:
        """Carry the gradients back through step k alone, and return what arrives at its input, (D, B)."""
        self.tape.backward(k, k + 1)
        return self.tape.packing.input_gradient(k, k + 1, self.given)[0]

    def input_gradient(self) -> np.ndarray:
        """∂L/∂x, (N, D, B)."""
        return self.tape.packing.input_gradient(0, self.N, self.given)[self.order]

    def weight_gradients(self) -> dict[str, np.ndarray]:
        """∂L/∂ the stacked parameters."""
        return self.tape.packing.gradients(self.N, self.given)

    # The trace --------------------------------------------------------------------------------------------

    def detach(self) -> LaneTape | None:
        """Copy what was recorded, and leave the tape, which is returned; only reading goes on."""
        if not self.holds:
            return None
        self.F, self.G, self.holds = self.F[: self.N + 1].copy(), self.G[: self.N + 1].copy(), False
        tape = self.tape
        del self.tape, self.views, self.x, self.hidden
        return tape
