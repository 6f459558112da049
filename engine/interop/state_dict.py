"""Weights out: a network's parameters as a state dict, as safetensors, NPZ or a checkpoint of torch."""

from __future__ import annotations

import importlib.util
import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.interop import tensors
from engine.interop.numbers import ExportError, npz
from engine.stop import Stop
from engine.writing import Content, write_whole

SUFFIXES = (".safetensors", ".npz", ".pt", ".pth")
OF_TORCH = (".pt", ".pth")
DTYPES = frozenset(tensors.DTYPES.values())
LONGEST_NAME = 400
_STACKED = re.compile(r"(weight|bias)_(ih|hh)_l\d+(_reverse)?$")


@dataclass(frozen=True)
class Origin:
    """What parameters that came from a file were called there.

    Attributes
    ----------
    names : mapping of str to str
        From each parameter's name here to the file's.
    dtypes : mapping of str to str
        The file's precision of each, by its name here: numpy's name, or "bfloat16".
    start : int or None
        The token whose row ``decoder.embedding.weight`` has once more at its end, for ``<bos>``.
    beside : mapping of str to ndarray
        What else the file's model holds, by its names there: it goes out again as it came.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    dtypes: Mapping[str, str] = field(default_factory=dict)
    start: int | None = None
    beside: Mapping[str, np.ndarray] = field(default_factory=dict)

    def cleared(self) -> Origin:
        """The same without what no file is given: names that are none have our own in their place."""
        return replace(
            self,
            names={ours: theirs if is_plain(theirs) else ours for ours, theirs in self.names.items()},
            dtypes={name: dtype for name, dtype in self.dtypes.items() if dtype in DTYPES},
            beside={name: array for name, array in self.beside.items() if is_plain(name)},
        )


def is_plain(name: str) -> bool:
    """Whether an array may be called so in a file: in an archive a name is a path, and it must not lead out of it."""
    outside = name.startswith("/") or ".." in name or any(sign in name for sign in "\\:")
    return 0 < len(name) <= LONGEST_NAME and name.isprintable() and not outside


def missing() -> str:
    """Say why no checkpoint of torch can be written; empty where one can."""
    return "" if importlib.util.find_spec("torch") else "PyTorch is not installed: pip install loopscope[torch]"


def recurrent(parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the recurrent layers alone, as ``torch.nn.LSTM`` and its like name theirs; empty where there are two."""
    return {name: value for name, value in parameters.items() if _STACKED.fullmatch(name)}


def as_in_file(parameters: Mapping[str, np.ndarray], origin: Origin) -> dict[str, np.ndarray]:
    """Return what came from a file under the file's names, in its precision where that loses nothing.

    What else the file's model holds is beside it, unless parameters are missing: then they are a part. A parameter
    that the file did not have is left out. What was trained or edited since stays in the precision it was computed
    in, where the file's own would round it.
    """
    origin = origin.cleared()
    found = dict(origin.beside) if set(origin.names) <= set(parameters) else {}
    for name, theirs in origin.names.items():
        if name in parameters:
            once_more = name == "decoder.embedding.weight" and origin.start is not None
            own = parameters[name][:-1] if once_more else parameters[name]
            found[theirs] = _narrowed(own, origin.dtypes.get(name, ""))
    return found


def in_bfloat16(arrays: Mapping[str, np.ndarray], origin: Origin) -> frozenset[str]:
    """Which of :func:`as_in_file`'s arrays the file had in bfloat16, which NumPy has not, and still fit into it."""
    called = {**{name: name for name in origin.beside}, **{theirs: ours for ours, theirs in origin.names.items()}}
    return frozenset(
        name for name, array in arrays.items()
        if origin.dtypes.get(called.get(name, "")) == "bfloat16" and array.dtype == np.float32
        and not np.any(array.view(np.uint32) & 0xFFFF)
    )  # fmt: skip


def _narrowed(array: np.ndarray, dtype: str) -> np.ndarray:
    if dtype in ("", "bfloat16", str(array.dtype)):  # numpy has no bfloat16; every float32 holds one
        return array
    with np.errstate(over="ignore"):
        narrow = array.astype(dtype)
    return narrow if np.array_equal(narrow.astype(array.dtype), array, equal_nan=True) else array


def save(
    path: str | Path, parameters: Mapping[str, np.ndarray], bfloat16: Collection[str] = frozenset(),
    stop: Stop | None = None,
) -> None:  # fmt: skip
    """Write parameters as a state dict: whole or not at all.

    Parameters
    ----------
    path : str or Path
        ``.safetensors``, ``.npz``, or ``.pt`` and ``.pth``, which need torch and are read by ``torch.load``.
    parameters : mapping of str to ndarray
        In the order of the state dict.
    bfloat16 : collection of str
        Which of them are written so; not into an ``.npz``, which has no such numbers.
    stop : Stop, optional
        What says that it is not wanted any more.

    Raises
    ------
    ExportError
        The name ends in something else, there is nothing to write, torch is missing, or it cannot be written.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise ExportError(path, f"ends in {kind or 'nothing'!r}; it must end in {', '.join(SUFFIXES)}")
    if not parameters:
        raise ExportError(path, "there are no parameters to write")
    if kind in OF_TORCH and missing():
        raise ExportError(path, missing())
    own = {name: np.ascontiguousarray(value) for name, value in parameters.items()}
    if kind == ".safetensors":
        # "pt" is what other programs look for before they read it as torch's.
        data: Content = b"".join(tensors.pieces(own, bfloat16, {"format": "pt"}))
    else:
        data = npz(own) if kind == ".npz" else _checkpoint(own, bfloat16)
    try:
        write_whole(path, data, stop)
    except OSError as error:
        raise ExportError(path, f"cannot be written: {error.strerror or error}") from None


def _checkpoint(arrays: Mapping[str, np.ndarray], bfloat16: Collection[str]) -> bytes:
    import torch

    stream = io.BytesIO()
    made: dict[str, Any] = {name: torch.from_numpy(value.copy()) for name, value in arrays.items()}
    made |= {name: made[name].to(torch.bfloat16) for name in bfloat16}
    torch.save(made, stream)
    return stream.getvalue()
