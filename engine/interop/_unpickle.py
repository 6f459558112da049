"""A reader of pickles that runs nothing: known tensor globals become descriptions of arrays, all others inert.

No global of the file is ever looked up. What a pickle asks to call is a stub of ours, which keeps what it is given.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Storage classes of torch by name, as numpy's dtypes ("bfloat16" is read by its bits).
STORAGES = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "UntypedStorage": "uint8",
}  # fmt: skip
DTYPES = {
    "float32": "float32", "float": "float32", "float64": "float64", "double": "float64", "float16": "float16",
    "half": "float16", "bfloat16": "bfloat16", "int64": "int64", "int32": "int32", "int16": "int16", "int8": "int8",
    "uint8": "uint8", "bool": "bool",
}  # fmt: skip


@dataclass(frozen=True)
class Storage:
    """Where a tensor's numbers lie: the storage's key in the file."""

    dtype: str
    key: str
    numel: int


@dataclass(frozen=True)
class Tensor:
    """A tensor as its pickle describes it."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True)
class Dtype:
    """A torch.dtype, or a storage class, by numpy's name."""

    name: str


class Inert:
    """Stands for any object of the file; whatever is done to it, it only keeps."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.kept: list[Any] = list(args)
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.kept.append(value)

    def append(self, value: Any) -> None:
        """Keep an item."""
        self.kept.append(value)

    def extend(self, values: Any) -> None:
        """Keep items."""
        self.kept.extend(values)

    def add(self, value: Any) -> None:
        """Keep an item."""
        self.kept.append(value)

    def __hash__(self) -> int:
        return id(self)


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, stride: Any, *rest: Any) -> Any:
    if not isinstance(storage, Storage) or not isinstance(offset, int):
        return Inert()
    if not all(isinstance(n, int) for n in (*shape, *stride)):
        return Inert()
    return Tensor(storage, offset, tuple(shape), tuple(stride))


def _rebuild_parameter(data: Any, *rest: Any) -> Any:
    return data


def _ordered_dict(*items: Any) -> OrderedDict[Any, Any]:
    return OrderedDict(*items)


KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _rebuild_parameter,
    ("collections", "OrderedDict"): _ordered_dict,
}


class Reader(pickle.Unpickler):
    """Reads one pickle, and keeps which storages it speaks of."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        super().__init__(stream)
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Give a stub of ours for a global of the file; none is imported."""
        if (module, name) in KNOWN:
            return KNOWN[module, name]
        if module in ("torch", "torch.storage") and name in STORAGES:
            return Dtype(STORAGES[name])
        if module == "torch" and name in DTYPES:
            return Dtype(DTYPES[name])
        return Inert

    def persistent_load(self, pid: Any) -> Any:
        """Describe a storage; its bytes are read later, and only if they are wanted."""
        known = isinstance(pid, tuple) and len(pid) >= 5 and pid[0] == "storage" and isinstance(pid[1], Dtype)
        if known and isinstance(pid[4], int):
            found = Storage(pid[1].name, str(pid[2]), pid[4])
            return self.storages.setdefault(found.key, found)
        return Inert()


def read(data: bytes) -> Any:
    """Read one pickle into dicts, lists, numbers, :class:`Tensor` and :class:`Inert`.

    Raises
    ------
    Exception
        Of whatever kind, where the pickle is damaged; the caller says so in words.
    """
    return Reader(io.BytesIO(data)).load()


def tensors(tree: Any, deepest: int = 60) -> dict[str, Tensor]:
    """Every tensor of a tree by its dotted name: nested dicts, and modules with their parameters and children."""
    found: dict[str, Tensor] = {}
    waiting: list[tuple[str, Any, int]] = [("", tree, 0)]
    seen: set[int] = set()
    while waiting:
        name, value, depth = waiting.pop(0)
        if isinstance(value, Tensor):
            found.setdefault(name, value)
            continue
        if depth > deepest or id(value) in seen:
            continue
        seen.add(id(value))
        state = value.state if isinstance(value, Inert) else value
        if isinstance(state, tuple) and len(state) == 2 and isinstance(state[0], dict):
            state = state[0]
        if not isinstance(state, dict):
            continue
        parts = [state[key] for key in ("_parameters", "_buffers", "_modules") if isinstance(state.get(key), dict)]
        for part in parts or [state]:
            for key, item in part.items():
                if isinstance(key, str) and isinstance(item, (dict, Inert, Tensor)):
                    waiting.append((f"{name}.{key}" if name else key, item, depth + 1))
    return found
