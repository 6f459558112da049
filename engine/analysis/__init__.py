"""Pure functions of a trace (or of a network's weights): what the gradient did on its way, and why."""

from engine.analysis.contributions import contributions
from engine.analysis.flow import gradient_flow, state_flow
from engine.analysis.jacobians import jacobians, product_norms
from engine.analysis.paths import paths
from engine.analysis.spectra import eigenvalues, singular_values, spectral_radius

__all__ = [
    "contributions",
    "eigenvalues",
    "gradient_flow",
    "jacobians",
    "paths",
    "product_norms",
    "singular_values",
    "spectral_radius",
    "state_flow",
]
