"""A reader of pickles that runs nothing: known tensor globals become descriptions of arrays, all others inert.

No global of the file is ever looked up, and nothing that it asks to call is called.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.interop._pickle_machine import Inert, Machine, is_key
from engine.interop.files import Damaged

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
#: What torch makes quantized tensors and layers of.
QUANTIZED = ("_rebuild_qtensor", "qint8", "quint8", "qint32")
MOST_AXES, LARGEST = 16, 2**48
#: How many of the arguments of a call are looked at.
MOST_ARGUMENTS = 8
#: Names are longer, and named things more, only where a file wants to take memory.
LONGEST_NAME, MOST_NAMED = 400, 100_000


@dataclass(frozen=True, slots=True)
class Storage:
    """Where a tensor's numbers lie: the storage's key in the file."""

    dtype: str
    key: str
    numel: int


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True)
class Known:
    """What makes a description of ours from the arguments that the file gives."""

    make: Callable[..., Any]


class Reader(Machine):
    """Reads one pickle of torch's, and keeps which storages it speaks of, and whether of quantized numbers.

    Parameters
    ----------
    data : bytes
    at : int
    stored : int, optional
        As of :class:`Machine`.
    """

    def __init__(self, data: bytes, at: int = 0, stored: int | None = None) -> None:
        super().__init__(data, at, stored)
        self.storages: dict[str, Storage] = {}
        self.quantized = False

    def found(self, module: Any, name: Any) -> Any:
        """Stand-ins for what tensors are made of; everything else is inert."""
        if isinstance(module, str) and isinstance(name, str):
            if (module, name) in KNOWN:
                return Known(KNOWN[module, name])
            if module in ("torch", "torch.storage") and name in STORAGES:
                return Dtype(STORAGES[name])
            if module == "torch" and name in DTYPES:
                return Dtype(DTYPES[name])
            self.quantized = self.quantized or "quantized" in module or name in QUANTIZED
        return Inert()

    def called(self, what: Any, arguments: Any) -> Any:
        """A description of the tensor, dict or parameter that is to be made; everything else is inert."""
        if isinstance(what, Known) and isinstance(arguments, tuple):
            first = arguments[0] if arguments else None
            self.spend(len(first) if isinstance(first, list | tuple) else 1)
            return what.make(*arguments[:MOST_ARGUMENTS])
        return Inert()

    def stored(self, pid: Any) -> Any:
        """Describe a storage; its bytes are read later, and only if they are wanted."""
        known = isinstance(pid, tuple) and len(pid) >= 5 and pid[0] == "storage" and isinstance(pid[1], Dtype)
        if known and isinstance(pid[2], str | int) and is_key(pid[2]) and isinstance(pid[4], int):
            found = Storage(pid[1].name, str(pid[2]), pid[4])
            return self.storages.setdefault(found.key, found)
        return Inert()


def _rebuild_tensor(storage: Any = None, offset: Any = None, shape: Any = None, stride: Any = None, *_: Any) -> Any:
    if not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(stride, tuple):
        return Inert()
    if max(len(shape), len(stride)) > MOST_AXES:
        return Inert()
    if not all(isinstance(n, int) and abs(n) < LARGEST for n in (offset, *shape, *stride)):
        return Inert()
    return Tensor(storage, offset, shape, stride)


def _rebuild_parameter(data: Any = None, *_: Any) -> Any:
    return data


def _ordered_dict(items: Any = (), *_: Any) -> dict[Any, Any]:
    pairs = [pair for pair in items if isinstance(pair, list | tuple) and len(pair) == 2] if _listed(items) else []
    return {key: value for key, value in pairs if is_key(key)}


def _listed(items: Any) -> bool:
    return isinstance(items, list | tuple)


KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _rebuild_parameter,
    ("collections", "OrderedDict"): _ordered_dict,
}


def read(data: bytes, stored: int | None = None) -> Any:
    """Read one pickle into dicts, lists, numbers, :class:`Tensor` and :class:`Inert`.

    Parameters
    ----------
    data : bytes
    stored : int, optional
        As of :class:`Machine`.

    Raises
    ------
    Damaged
        The pickle is broken.
    """
    return Reader(data, stored=stored).load()


@dataclass(frozen=True)
class Found:
    """What is in a tree.

    Attributes
    ----------
    tensors : dict of str to Tensor
        By their dotted names.
    containers : dict of str to str
        For each tensor what its name begins with because of the dicts around its state dict, or its module.
    modules : dict of str to dict
        What modules say of themselves, by their names.
    """

    tensors: dict[str, Tensor]
    containers: dict[str, str]
    modules: dict[str, dict[Any, Any]]


def search(tree: Any, deepest: int = 60) -> Found:
    """Every tensor of a tree: of nested dicts, and of modules with their parameters and children.

    Raises
    ------
    Damaged
        It has more of them than any network.
    """
    found = Found({}, {}, {})
    waiting: deque[tuple[str, str | None, Any, int]] = deque([("", None, tree, 0)])
    seen: set[int] = set()
    while waiting:
        name, module, value, depth = waiting.popleft()
        if isinstance(value, Tensor):
            found.tensors.setdefault(name, value)
            continue
        state = value.state if isinstance(value, Inert) else value
        if isinstance(state, tuple) and len(state) == 2 and isinstance(state[0], dict):
            state = state[0]
        if depth > deepest or not isinstance(state, dict) or id(state) in seen:
            continue
        parts = [state[key] for key in ("_parameters", "_buffers", "_modules") if isinstance(state.get(key), dict)]
        if parts:
            found.modules[name] = state
            module = name if module is None else module
        # Each dict once, however many modules share it.
        fresh = [part for part in parts or [state] if id(part) not in seen]
        seen.update(map(id, (state, *fresh)))
        for key, item in (pair for part in fresh for pair in part.items()):
            named = isinstance(key, str) and len(name) + len(key) < LONGEST_NAME
            if named and isinstance(item, (dict, Inert, Tensor)):
                full = f"{name}.{key}" if name else key
                if isinstance(item, Tensor):
                    found.containers.setdefault(full, name if module is None else module)
                waiting.append((full, module, item, depth + 1))
                if len(waiting) + len(found.tensors) + len(found.modules) > MOST_NAMED:
                    raise Damaged(f"it names more than {MOST_NAMED:,} tensors, dicts and modules")
    return found
