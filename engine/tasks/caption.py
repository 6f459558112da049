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
COLOURS = ("red", "green", "blue", "yellow")
#: What a cell's colour index means, as light: nothing, red, green, blue, yellow.
PALETTE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]], dtype=float)
SHAPES = {
    "square": ("XXX XXX XXX", "XXXX XXXX XXXX XXXX"),
    "circle": (".X. X.X .X.", ".XX. X..X X..X .XX."),
    "cross": ("X.X .X. X.X", "X..X .XX. .XX. X..X"),
    "triangle": ("X.. XX. XXX", "X... XX.. XXX. XXXX"),
}
#: Where a single shape can be, and the row and column of its top left corner when it is 3 wide (lowest, highest).
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

    One single shape in six and one pair in six are held out; every word is still among those trained on.
    """
    singles = [*product(COLOURS, SHAPES, PLACES)]
    things = [*product(COLOURS, SHAPES)]
    pairs = [(*one, how, *two) for one, how, two in product(things, RELATIONS, things) if one != two]
    rng = np.random.default_rng(0)
    train: list[Scene] = []
    test: list[Scene] = []
    for scenes in (singles, pairs):
        order = rng.permutation(len(scenes))
        cut = len(scenes) // 6
        test += [scenes[index] for index in order[:cut]]
        train += [scenes[index] for index in order[cut:]]
    return train, test


def caption(scene: Scene) -> str:
    """The sentence for a scene."""
    first = f"a {scene[0]} {scene[1]} {scene[2]}"
    return first if len(scene) == 3 else f"{first} a {scene[3]} {scene[4]}"


def _put(grid: np.ndarray, colour: str, shape: str, corner: tuple[int, int], big: bool) -> None:
    rows = SHAPES[shape][1 if big else 0].split()
    for y, row in enumerate(rows):
        for x, mark in enumerate(row):
            if mark == "X":
                grid[corner[0] + y, corner[1] + x] = 1 + COLOURS.index(colour)


def paint(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Paint a scene, its shapes a little large or small and shifted, with now and then a stray cell.

    Returns
    -------
    ndarray (SIZE, SIZE) of int
        0 for nothing, 1 to 4 for the colours.
    """
    grid = np.zeros((SIZE, SIZE), dtype=int)
    corners = [PLACES[scene[2]]] if len(scene) == 3 else list(RELATIONS[scene[2]])
    for (colour, shape), (rows, columns) in zip((scene[:2], scene[3:]), corners, strict=False):
        big = bool(rng.random() < 0.5)
        row, column = (int(rng.choice(span)) for span in (rows, columns))
        _put(grid, colour, shape, (min(row, SIZE - 4) if big else row, min(column, SIZE - 4) if big else column), big)
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
            found += [(paint(scene, rng), caption(scene)) for _ in range(24 if len(scene) == 3 else 12)]
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
        """Encode an (8, 8) grid of colour indices as red, green and blue planes; ``target`` is a caption."""
        grid = np.asarray(source)
        if grid.shape != (SIZE, SIZE):
            raise ValueError(f"the picture has shape {grid.shape}; it must be {(SIZE, SIZE)}")
        if not np.isin(grid, np.arange(len(PALETTE))).all():
            raise ValueError(f"the picture holds other values than 0 to {len(PALETTE) - 1}, the colours")
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
        """Three colour planes in, a word out; the word goes back in as one-hot."""
        return ModelSpec(
            pattern=self.pattern, cell=cell, input_size=3 * SIZE * SIZE, hidden_size=48, output_size=len(WORDS),
            init="orthogonal",
        )  # fmt: skip

    def train_options(self, cell: str) -> dict[str, object]:
        """The plain cell wants smaller steps."""
        rate = 0.002 if cell == "rnn" else 0.005
        return {"epochs": 20, "batch_size": 32, "learning_rate": rate, "clip": 5.0, "weight_decay": 0.02}

    def score(self, network: Network) -> dict[str, float]:
        """Whole captions ("score"), and single words at their place ("words"), running free."""
        samples = self.split("test")
        return exact_match(samples, self.outputs(network, samples))


tasks.add(Caption.id, Caption())
