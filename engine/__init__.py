"""Loopscope's engine: recurrent networks with every number recorded. No Qt, no display."""

from engine import analysis
from engine.errors import EngineError
from engine.network import Network
from engine.spec import ModelSpec, SpecError
from engine.trace import Trace

__all__ = ["EngineError", "ModelSpec", "Network", "SpecError", "Trace", "analysis"]
