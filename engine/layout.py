"""Which lanes a network has (part × layer × direction), and its parameters' names and shapes, torch's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from engine.registry import cells
from engine.spec import ModelSpec


@dataclass(frozen=True)
class Lane:
    """One layer in one direction of one part: what runs along the time axis.

    Attributes
    ----------
    part : str
        "", "encoder" or "decoder".
    layer : int
    direction : str
        "forward" or "reverse".
    input_size : int
        Length of the vector it reads.
    row : int
        Its place in ``h_0`` (num_layers · directions, B, H).
    """

    part: str
    layer: int
    direction: str
    input_size: int
    row: int

    @property
    def reverse(self) -> bool:
        """True where it reads the sequence from the end."""
        return self.direction == "reverse"

    @property
    def prefix(self) -> str:
        """What its keys begin with, e.g. ``encoder.l0_reverse``."""
        return f"{self.part}{'.' if self.part else ''}l{self.layer}{'_reverse' if self.reverse else ''}"

    @property
    def before(self) -> str:
        """What its parameters' names begin with ("encoder." or nothing)."""
        return f"{self.part}." if self.part else ""

    @property
    def suffix(self) -> str:
        """What its parameters' names end with, e.g. ``_l0_reverse``."""
        return f"_l{self.layer}{'_reverse' if self.reverse else ''}"

    def parameter(self, stacked: str) -> str:
        """The full name of one of its parameters, e.g. ``encoder.weight_ih_l0``."""
        return f"{self.before}{stacked}{self.suffix}"

    def key(self, name: str) -> str:
        """The full key of one of its recorded names."""
        return f"{self.prefix}.{name}"


@lru_cache(maxsize=256)
def lanes(spec: ModelSpec, part: str) -> tuple[Lane, ...]:
    """A part's lanes, in order of computation: layer by layer, forward before reverse."""
    directions = ("forward", "reverse") if spec.bidirectional and part != "decoder" else ("forward",)
    first = spec.input_size or 0
    if part == "decoder":
        first = spec.feedback_size
    elif spec.pattern == "one-to-many":
        first += spec.feedback_size
    found = []
    for layer in range(spec.num_layers):
        size = first if layer == 0 else spec.hidden_size * len(directions)
        for d, direction in enumerate(directions):
            found.append(Lane(part, layer, direction, size, layer * len(directions) + d))
    return tuple(found)


def parts(spec: ModelSpec) -> tuple[str, ...]:
    """The parts in order of computation."""
    return ("encoder", "decoder") if spec.pattern == "sequence-to-sequence" else ("",)


def all_lanes(spec: ModelSpec) -> tuple[Lane, ...]:
    """Every lane of every part."""
    return tuple(lane for part in parts(spec) for lane in lanes(spec, part))


def find(spec: ModelSpec, layer: int = 0, direction: str = "forward", part: str | None = None) -> Lane:
    """Return one lane; without ``part`` the emitting one. ValueError says which there are."""
    part = parts(spec)[-1] if part is None else part
    for lane in lanes(spec, part) if part in parts(spec) else ():
        if (lane.layer, lane.direction) == (layer, direction):
            return lane
    known = ", ".join(lane.prefix for lane in all_lanes(spec))
    raise ValueError(f"layer={layer!r}, direction={direction!r}, part={part!r} is not there; there are {known}")


def stacked_names(spec: ModelSpec) -> tuple[str, ...]:
    """Which stacked parameters each lane has."""
    weights = ("weight_ih", "weight_hh")
    return (*weights, "bias_ih", "bias_hh") if spec.bias else weights


def output_before(spec: ModelSpec) -> str:
    """What the head's parameters' names begin with."""
    return "decoder." if spec.pattern == "sequence-to-sequence" else ""


def head_size(spec: ModelSpec) -> int:
    """Length of the vector the head reads."""
    return spec.hidden_size * (1 if spec.pattern == "sequence-to-sequence" else spec.num_directions)


@lru_cache(maxsize=256)
def _shapes(spec: ModelSpec) -> tuple[tuple[str, tuple[int, ...]], ...]:
    H = spec.hidden_size
    found: dict[str, tuple[int, ...]] = {}
    if spec.has_embedding:
        before = "encoder." if spec.pattern == "sequence-to-sequence" else ""
        found[f"{before}embedding.weight"] = (spec.vocab_size or 0, spec.embedding_size or 0)
    rows = cells[spec.cell].blocks * H
    for part in parts(spec):
        if part == "decoder":
            if spec.bidirectional:
                found["bridge.weight"] = (H, 2 * H)
                for state in cells[spec.cell].states[1:]:
                    found[f"bridge.weight_{state}"] = (H, 2 * H)
            if spec.feeds_embedding:
                found["decoder.embedding.weight"] = (spec.output_size + 1, spec.embedding_size or 0)
        for lane in lanes(spec, part):
            sizes = {
                "weight_ih": (rows, lane.input_size),
                "weight_hh": (rows, H),
                "bias_ih": (rows,),
                "bias_hh": (rows,),
            }
            for name in stacked_names(spec):
                found[lane.parameter(name)] = sizes[name]
    found[f"{output_before(spec)}output.weight"] = (spec.output_size, head_size(spec))
    found[f"{output_before(spec)}output.bias"] = (spec.output_size,)
    return tuple(found.items())


def shapes(spec: ModelSpec) -> dict[str, tuple[int, ...]]:
    """Every parameter's shape by its name, in the order torch would register them."""
    return dict(_shapes(spec))
