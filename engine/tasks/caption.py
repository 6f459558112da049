"""One to many: a small picture, and its caption, word by word."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import numpy as np

from engine.network import Network
from engine.spec import ModelSpec
from engine.tasks.base import Sample, Task, check_split, exact_match, tasks
from engine.vocabulary import END

SIZE = 8
COLOURS = ("red", "green", "blue", "yellow", "purple")
#: What a cell's colour index means: how red, green and blue it is, and whether it is painted at all.
PALETTE = np.array(
    [[0, 0, 0, 0], [1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1], [1, 1, 0, 1], [1, 0, 1, 1]], dtype=float
)  # fmt: skip
SHAPES = {
    "square": ("XXX", "XXX", "XXX"),
    "circle": (".X.", "X.X", ".X."),
    "cross": ("X.X", ".X.", "X.X"),
    "triangle": ("X..", "XX.", "XXX"),
}
#: Where a single shape can be, and the row and column of its top left corner (either of two).
PLACES = {
    "in the top left": ((0, 1), (0, 1)),
    "at the top": ((0, 1), (2, 3)),
    "in the top right": ((0, 1), (4, 5)),
    "on the left": ((2, 3), (0, 1)),
    "in the centre": ((2, 3), (2, 3)),
    "on the right": ((2, 3), (4, 5)),
    "in the bottom left": ((4, 5), (0, 1)),
    "at the bottom": ((4, 5), (2, 3)),
    "in the bottom right": ((4, 5), (4, 5)),
}
#: How two shapes can lie, and the corners of the first and of the second.
RELATIONS = {
    "above": (((0, 1), (2, 3)), ((4, 5), (2, 3))),
    "left of": (((2, 3), (0, 1)), ((2, 3), (4, 5))),
}
WORDS = (
    END, "a", *COLOURS, *SHAPES, "in", "at", "on", "the", "top", "bottom", "left", "right", "centre", "above", "of",
)  # fmt: skip

Scene = tuple[str, ...]


def scenes() -> tuple[list[Scene], list[Scene]]:
    """Every combination, as (colour, shape, place) or (colour, shape, relation, colour, shape): to train on, held out.

    One single shape in eight and one pair in eight are held out; every word is still among those trained on.
    """
    singles = [*product(COLOURS, SHAPES, PLACES)]
    things = [*product(COLOURS, SHAPES)]
    pairs = [(*one, how, *two) for one, how, two in product(things, RELATIONS, things) if one != two]
    rng = np.random.default_rng(0)
    train: list[Scene] = []
    test: list[Scene] = []
    for scenes in (singles, pairs):
        order = rng.permutation(len(scenes))
        cut = len(scenes) // 8
        test += [scenes[index] for index in order[:cut]]
        train += [scenes[index] for index in order[cut:]]
    return train, test


def caption(scene: Scene) -> str:
    """The sentence for a scene."""
    first = f"a {scene[0]} {scene[1]} {scene[2]}"
    return first if len(scene) == 3 else f"{first} a {scene[3]} {scene[4]}"


def paint(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Paint a scene, its shapes a little shifted, with now and then a stray cell.

    Returns
    -------
    ndarray (SIZE, SIZE) of int
        0 for nothing, 1 and up for the colours.
    """
    grid = np.zeros((SIZE, SIZE), dtype=int)
    corners = [PLACES[scene[2]]] if len(scene) == 3 else list(RELATIONS[scene[2]])
    for (colour, shape), (rows, columns) in zip((scene[:2], scene[3:]), corners, strict=False):
        row, column = (span[rng.integers(len(span))] for span in (rows, columns))
        inked = np.array([[mark == "X" for mark in line] for line in SHAPES[shape]])
        grid[row : row + 3, column : column + 3][inked] = 1 + COLOURS.index(colour)
    if rng.random() < 0.25:
        empty = np.argwhere(grid == 0)
        y, x = empty[rng.integers(len(empty))]
        grid[y, x] = rng.integers(1, len(PALETTE))
    return grid


@cache
def _pictures(name: str) -> list[tuple[np.ndarray, str]]:
    train, test = scenes()
    found = []
    if name == "train":
        rng = np.random.default_rng(1)
        # A single shape has fewer combinations and more places: it is painted oftener.
        for scene in train:
            found += [(paint(scene, rng), caption(scene)) for _ in range(48 if len(scene) == 3 else 24)]
    else:
        rng = np.random.default_rng(2)
        for scene in test:
            found += [(paint(scene, rng), caption(scene)) for _ in range(6 if len(scene) == 3 else 3)]
    return found


class Caption(Task):
    """The picture is seen once, at the first step; from then on the state must remember it."""

    id = "caption"
    title = "Small picture → caption"
    summary = "Sees a picture of one or two shapes once, then describes it word by word."
    pattern = "one-to-many"
    kind = "grid"
    metric_name = "captions of unseen combinations exactly right"
    floor = 0.90
    output_labels = WORDS
    steps = 9
    grid_size = SIZE
    grid_values = len(PALETTE)
    example_target = "a red square in the top left"

    def __init__(self) -> None:
        self.example = paint(("red", "square", "in the top left"), np.random.default_rng(0))

    def split(self, name: str) -> list[Sample]:
        """Pictures of the combinations to train on, or of the held-out ones."""
        check_split(name)
        return [self.encode(grid, text) for grid, text in _pictures(name)]

    def encode(self, source: Any, target: str | None = None) -> Sample:
        """Encode an (8, 8) grid of colour indices, as planes of red, green, blue and paint; ``target`` is a caption."""
        grid = np.asarray(source)
        if grid.shape != (SIZE, SIZE):
            raise ValueError(f"the picture has shape {grid.shape}; it must be {(SIZE, SIZE)}")
        if grid.dtype.kind not in "iu" or grid.min() < 0 or grid.max() >= len(PALETTE):
            raise ValueError(f"the picture holds other values than the colours, whole numbers up to {len(PALETTE) - 1}")
        if not grid.any():
            raise ValueError("the picture is empty; paint a shape")
        grid = grid.astype(int)
        x = PALETTE[grid].transpose(2, 0, 1).reshape(1, -1)
        if target is None:
            return Sample(grid, x, None, ("picture",))
        words = (*target.split(), END)
        wrong = [word for word in words if word not in WORDS]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is not a word of these captions; they are {', '.join(WORDS[1:])}")
        return Sample(grid, x, np.array([WORDS.index(word) for word in words]), ("picture",), words)

    def spec(self, cell: str) -> ModelSpec:
        """Four planes of the grid in, a word out; the word goes back in as one-hot."""
        return ModelSpec(
            pattern=self.pattern, cell=cell, input_size=PALETTE.shape[1] * SIZE * SIZE, hidden_size=48,
            output_size=len(WORDS),
        )  # fmt: skip

    def train_options(self, cell: str) -> dict[str, object]:
        """The plain cell wants smaller steps and more of them."""
        plain = cell == "rnn"
        return {
            "epochs": 24 if plain else 14, "batch_size": 32, "learning_rate": 0.003 if plain else 0.005, "clip": 5.0,
            "weight_decay": 0.2,
        }  # fmt: skip

    def score(self, network: Network) -> dict[str, float]:
        """Whole captions ("score"), and single words at their place ("words"), running free."""
        samples = self.split("test")
        return exact_match(samples, self.outputs(network, samples))


tasks.add(Caption.id, Caption())
