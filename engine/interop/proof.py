"""A network of a file against torch's own fused layer, on the same input: the proof that it was read rightly."""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import layout
from engine.trace import Trace

KINDS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}


@dataclass(frozen=True)
class Proof:
    """How far a run is from torch's.

    Attributes
    ----------
    layer : str
        torch's layer ("torch.nn.LSTM").
    difference : float
        The largest absolute difference of any hidden state of the last layer, and of any layer's last states, where
        they are finite; infinite where ours and torch's are not in the same places.
    scale : float
        The largest absolute value among torch's.
    numbers : int
        How many were compared.
    dtype : str
        In which torch computed.
    """

    layer: str
    difference: float
    scale: float
    numbers: int
    dtype: str


def provable(trace: Trace) -> str:
    """Why a run cannot be held against torch's fused layer, in a sentence; empty where it can."""
    if importlib.util.find_spec("torch") is None:
        return "PyTorch is not installed, so that this network could not be compared with it"
    if trace.spec.cell not in KINDS or (trace.spec.cell == "rnn" and trace.spec.nonlinearity == "identity"):
        return f"PyTorch has no layer with the {trace.spec.cell.upper()} cell as it is here"
    return ""


def against_torch(trace: Trace) -> Proof:
    """Run torch's fused kernel (``torch.nn.RNN``, ``GRU``, ``LSTM``) on what a trace's layers read, and compare.

    Parameters
    ----------
    trace : Trace
        Of any pattern; each part (encoder, decoder) is run on its own input, from its own initial state.

    Raises
    ------
    ValueError
        torch has no such layer, or is not there; :func:`provable` says it before.
    """
    why = provable(trace)
    if why:
        raise ValueError(why)
    import torch

    name = KINDS[trace.spec.cell]
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        for part in layout.parts(trace.spec):
            pairs += _compared(torch, name, trace, part)
    return Proof(
        f"torch.nn.{name}",
        max(_difference(ours, theirs) for ours, theirs in pairs),
        max(float(np.max(np.abs(theirs[np.isfinite(theirs)]), initial=0.0)) for _, theirs in pairs),
        sum(theirs.size for _, theirs in pairs),
        trace.spec.dtype,
    )


def _difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference where both are finite; infinite where only one is, or they are so in other ways."""
    finite = np.isfinite(ours) & np.isfinite(theirs)
    if not np.array_equal(ours[~finite], theirs[~finite], equal_nan=True):
        return np.inf
    return float(np.max(np.abs(ours[finite] - theirs[finite]), initial=0.0))


def _compared(torch: Any, name: str, trace: Trace, part: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Ours and torch's: the outputs of the last layer where they are real, and every layer's last states."""
    spec, lanes = trace.spec, layout.lanes(trace.spec, part)
    x = trace.read_by(lanes[0].prefix)
    layer = getattr(torch.nn, name)(
        x.shape[2], spec.hidden_size, spec.num_layers, bias=spec.bias, dtype=getattr(torch, spec.dtype),
        bidirectional=any(lane.reverse for lane in lanes),
        **({"nonlinearity": spec.nonlinearity} if name == "RNN" else {}),
    )  # fmt: skip
    before = lanes[0].before
    layer.load_state_dict(
        {
            key: torch.tensor(trace.parameters[before + key], dtype=getattr(torch, spec.dtype))
            for key in layer.state_dict()
        }
    )
    states = trace.graph.states
    start = [torch.tensor(np.stack([trace.starts_from(lane.key(s)) for lane in lanes])) for s in states]
    mask = trace.batch.step_mask(part)
    lengths = np.full(x.shape[1], len(x)) if mask is None else mask.sum(0)
    packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(x), torch.tensor(lengths), enforce_sorted=False)
    out, last = layer(packed, tuple(start) if len(start) > 1 else start[0])
    theirs = torch.nn.utils.rnn.pad_packed_sequence(out, total_length=len(x))[0].numpy()
    ours = np.concatenate([trace.value(lane.key("h")) for lane in lanes if lane.layer == spec.num_layers - 1], axis=2)
    real = np.ones(x.shape[:2], bool) if mask is None else mask
    found = [(ours[real], theirs[real])]
    for state, tensor in zip(states, last if len(states) > 1 else (last,), strict=True):
        for lane in lanes:
            value = trace.value(lane.key(state))
            # On padding a state is held: the last of the run is the last of the sequence, or the first of the reverse.
            found.append((value[0 if lane.reverse else -1], tensor[lane.row].numpy()))
    return found
