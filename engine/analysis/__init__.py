"""Pure functions of a trace (or of a network's weights): what the gradient did on its way, and why."""

from engine.analysis.check import Check, checked
from engine.analysis.contributions import contribution, contributions, loss_shares, step_shares
from engine.analysis.finite import NotFinite, first_not_finite
from engine.analysis.flow import gradient_bands, gradient_flow, horizon, state_flow
from engine.analysis.jacobians import jacobians, product_norms
from engine.analysis.paths import paths
from engine.analysis.rerun import rerun
from engine.analysis.sigma import largest_singular_values
from engine.analysis.spectra import eigenvalues, singular_values, spectral_radius
from engine.analysis.truncated import clipped, truncated

__all__ = [
    "Check",
    "NotFinite",
    "checked",
    "clipped",
    "contribution",
    "contributions",
    "eigenvalues",
    "first_not_finite",
    "gradient_bands",
    "gradient_flow",
    "horizon",
    "jacobians",
    "largest_singular_values",
    "loss_shares",
    "paths",
    "product_norms",
    "rerun",
    "singular_values",
    "spectral_radius",
    "state_flow",
    "step_shares",
    "truncated",
]
