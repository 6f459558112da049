"""A machine that reads pickles and can do nothing: plain values come out, and inert stand-ins for all else.

The opcodes are those of Python's documentation of ``pickletools``. Nothing is looked up, called, hashed or compared
on the file's word, and what is gone through once more is paid for, so what a file costs is proportional to its size.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from engine.interop.files import Damaged

#: How many operations every pickle may take, and for how many of the file's bytes one more. Checkpoints take 33 a
#: tensor, and four a word of a vocabulary, of seven bytes each.
FREE, BYTES_EACH = 1_000_000, 6
#: A number beyond these bytes takes long to be computed with; nothing that a network has is so large.
LONGEST_NUMBER = 1024
#: What may be the key of a dict: a tuple of tuples of tuples takes exponentially long to hash.
KEYS = (str, int, float, bytes, type(None))


def is_key(value: Any) -> bool:
    """Whether a value may be the key of a dict; of numbers beyond 64 bits, endlessly many have the same hash."""
    return isinstance(value, KEYS) and not (isinstance(value, int) and value.bit_length() > 64)


class Inert:
    """Stands for any object of a file.

    Attributes
    ----------
    state : object
        What the file says it consists of.
    """

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: Any = None


class Machine:
    """Reads one pickle.

    Parameters
    ----------
    data : bytes
    at : int
        Where in it the pickle begins; after :meth:`load`, where it ends.
    stored : int, optional
        How many bytes the file has for it, where it lies there compressed.
    """

    def __init__(self, data: bytes, at: int = 0, stored: int | None = None) -> None:
        self.data, self.at = data, at
        self.most = self.left = FREE + (len(data) if stored is None else stored) // BYTES_EACH
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def found(self, module: Any, name: Any) -> Any:
        """What stands for a global of the file."""
        return Inert()

    def called(self, what: Any, arguments: Any) -> Any:
        """What stands for the result of a call that the file asks for."""
        return Inert()

    def stored(self, pid: Any) -> Any:
        """What stands for an object that is kept outside the pickle."""
        return Inert()

    def load(self) -> Any:
        """Return what the pickle describes.

        Raises
        ------
        Damaged
            It is no pickle, cut short, or asks for more than its size is worth.
        """
        data, begin = self.data, self.at
        try:
            while True:
                self.spend(1)
                code = data[self.at]
                self.at += 1
                if code == STOP:
                    return self.stack.pop()
                OPERATIONS[code](self)
        except Damaged:
            raise
        except (LookupError, ValueError, TypeError, OverflowError, struct.error):
            raise Damaged(f"its pickle is broken at byte {self.at - begin:,}") from None

    def spend(self, count: int) -> None:
        """Pay for so many operations, or for so many things that are gone through."""
        self.left -= count
        if self.left < 0:
            raise Damaged(f"its pickle asks for more than {self.most:,} operations, which its size is not worth")

    def take(self, count: int) -> bytes:
        """The next bytes."""
        end = self.at + count
        if not 0 <= count <= len(self.data) - self.at:
            raise LookupError
        piece, self.at = self.data[self.at : end], end
        return piece

    def number(self, form: str) -> Any:
        """The next number, in a form of :mod:`struct`."""
        (value,) = struct.unpack(form, self.take(struct.calcsize(form)))
        return value

    def line(self) -> bytes:
        """The bytes up to the end of the line."""
        end = self.data.index(b"\n", self.at)
        piece, self.at = self.data[self.at : end], end + 1
        return piece

    def since_mark(self) -> list[Any]:
        """Take what was put on the stack since the last mark."""
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def top(self, count: int) -> list[Any]:
        """Take the uppermost things of the stack."""
        if len(self.stack) < count:
            raise LookupError
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return items

    def fill(self, items: list[Any]) -> None:
        """Put keys and values into the dict on the stack; what is no key here is left out."""
        into = self.stack[-1]
        if type(into) is dict:
            for key, value in zip(items[::2], items[1::2], strict=True):
                if is_key(key):
                    into[key] = value

    def extend(self, items: list[Any]) -> None:
        """Append to the list on the stack."""
        if type(self.stack[-1]) is list:
            self.stack[-1] += items

    def remember(self, index: int) -> None:
        """Keep what is on the stack under a number."""
        self.memo[index] = self.stack[-1]


Operation = Callable[[Machine], None]
STOP = ord(".")


def _value(read: Callable[[Machine], Any]) -> Operation:
    """Push what is read."""
    return lambda m: m.stack.append(read(m))


def _skip(read: Callable[[Machine], Any]) -> Operation:
    """Do something, and push nothing."""

    def operation(m: Machine) -> None:
        read(m)

    return operation


def _whole(line: bytes) -> int | bool:
    """INT's number; True and False were once written 01 and 00."""
    return line == b"01" if line in (b"00", b"01") else int(line)


def _long(raw: bytes) -> int:
    if len(raw) > LONGEST_NUMBER:
        raise ValueError
    return int.from_bytes(raw, "little", signed=True)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")


def _quoted(line: bytes) -> str:
    """A text of the oldest protocol; its escapes are left as they are."""
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1]:
        raise ValueError
    return line[1:-1].decode("latin1")


def _dict(m: Machine) -> None:
    items = m.since_mark()
    m.stack.append({})
    m.fill(items)


def _frozen_set(m: Machine) -> None:
    m.since_mark()
    m.stack.append(Inert())  # sets hold no tensors


def _call(m: Machine, count: int = 2) -> None:
    what, arguments, *_ = m.top(count)
    m.stack.append(m.called(what, arguments))


def _object(m: Machine) -> None:
    what, *arguments = m.since_mark()
    m.stack.append(m.called(what, tuple(arguments)))


def _instance(m: Machine) -> None:
    what = m.found(m.line().decode(), m.line().decode())
    m.stack.append(m.called(what, tuple(m.since_mark())))


def _global(m: Machine) -> None:
    m.stack.append(m.found(m.line().decode(), m.line().decode()))


def _global_of_stack(m: Machine) -> None:
    m.stack.append(m.found(*m.top(2)))


def _build(m: Machine) -> None:
    state = m.stack.pop()
    if type(m.stack[-1]) is Inert:
        m.stack[-1].state = state


def _get(m: Machine, index: int) -> None:
    m.stack.append(m.memo[index])


OPERATIONS: dict[int, Operation] = {
    ord(code): operation
    for code, operation in {
        "\x80": _skip(lambda m: m.take(1)), "\x95": _skip(lambda m: m.take(8)),
        "(": lambda m: m.marks.append(len(m.stack)), "0": _skip(lambda m: m.top(1)),
        "1": _skip(Machine.since_mark), "2": _value(lambda m: m.stack[-1]),
        "N": _value(lambda m: None), "\x88": _value(lambda m: True), "\x89": _value(lambda m: False),
        "I": _value(lambda m: _whole(m.line())), "J": _value(lambda m: m.number("<i")),
        "K": _value(lambda m: m.number("B")), "M": _value(lambda m: m.number("<H")),
        "L": _value(lambda m: int(m.line().removesuffix(b"L"))),
        "\x8a": _value(lambda m: _long(m.take(m.number("B")))),
        "\x8b": _value(lambda m: _long(m.take(m.number("<i")))),
        "F": _value(lambda m: float(m.line())), "G": _value(lambda m: m.number(">d")),
        "S": _value(lambda m: _quoted(m.line())), "T": _value(lambda m: m.take(m.number("<i")).decode("latin1")),
        "U": _value(lambda m: m.take(m.number("B")).decode("latin1")),
        "V": _value(lambda m: m.line().decode("raw-unicode-escape")),
        "X": _value(lambda m: _text(m.take(m.number("<I")))), "\x8c": _value(lambda m: _text(m.take(m.number("B")))),
        "\x8d": _value(lambda m: _text(m.take(m.number("<Q")))),
        "B": _value(lambda m: m.take(m.number("<I"))), "C": _value(lambda m: m.take(m.number("B"))),
        "\x8e": _value(lambda m: m.take(m.number("<Q"))), "\x96": _value(lambda m: m.take(m.number("<Q"))),
        "]": _value(lambda m: []), "l": _value(Machine.since_mark),
        "a": lambda m: m.extend(m.top(1)), "e": lambda m: m.extend(m.since_mark()),
        ")": _value(lambda m: ()), "t": _value(lambda m: tuple(m.since_mark())),
        "\x85": _value(lambda m: tuple(m.top(1))), "\x86": _value(lambda m: tuple(m.top(2))),
        "\x87": _value(lambda m: tuple(m.top(3))),
        "}": _value(lambda m: {}), "d": _dict, "s": lambda m: m.fill(m.top(2)), "u": lambda m: m.fill(m.since_mark()),
        "\x8f": _value(lambda m: Inert()), "\x90": _skip(Machine.since_mark), "\x91": _frozen_set,
        "c": _global, "\x93": _global_of_stack, "i": _instance, "o": _object, "\x81": _call, "R": _call,
        "\x92": lambda m: _call(m, 3), "b": _build,
        "\x82": _value(lambda m: m.take(1) and Inert()), "\x83": _value(lambda m: m.take(2) and Inert()),
        "\x84": _value(lambda m: m.take(4) and Inert()),
        "P": _value(lambda m: m.stored(m.line().decode())), "Q": _value(lambda m: m.stored(m.stack.pop())),
        "g": lambda m: _get(m, int(m.line())), "h": lambda m: _get(m, m.number("B")),
        "j": lambda m: _get(m, m.number("<I")),
        "p": lambda m: m.remember(int(m.line())), "q": lambda m: m.remember(m.number("B")),
        "r": lambda m: m.remember(m.number("<I")), "\x94": lambda m: m.remember(len(m.memo)),
    }.items()
}  # fmt: skip
