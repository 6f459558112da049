"""One to one: a letter drawn on a small grid, and which one it is."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from engine.network import Network
from engine.spec import ModelSpec
from engine.tasks.base import Sample, Task, check_split, real_numbers, tasks

SIZE = 10
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Strokes in a box from (0, 0) at the top left to (1, 1): "x,y x,y …", a stroke between slashes. Round parts are given
# by enough points to look round at this size.
STROKES = {
    "A": "0,1 .5,0 1,1 / .2,.62 .8,.62",
    "B": "0,0 0,1 .7,1 .95,.75 .7,.5 0,.5 / 0,0 .65,0 .88,.25 .65,.5",
    "C": "1,.15 .7,0 .3,0 0,.3 0,.7 .3,1 .7,1 1,.85",
    "D": "0,0 0,1 .6,1 1,.65 1,.35 .6,0 0,0",
    "E": "1,0 0,0 0,1 1,1 / 0,.5 .75,.5",
    "F": "1,0 0,0 0,1 / 0,.5 .75,.5",
    "G": "1,.15 .7,0 .3,0 0,.3 0,.7 .3,1 .7,1 1,.8 1,.55 .6,.55",
    "H": "0,0 0,1 / 1,0 1,1 / 0,.5 1,.5",
    "I": ".5,0 .5,1 / .2,0 .8,0 / .2,1 .8,1",
    "J": ".3,0 1,0 / .75,0 .75,.75 .5,1 .2,1 0,.75",
    "K": "0,0 0,1 / 1,0 0,.55 / .3,.4 1,1",
    "L": "0,0 0,1 1,1",
    "M": "0,1 0,0 .5,.55 1,0 1,1",
    "N": "0,1 0,0 1,1 1,0",
    "O": ".5,0 .15,.15 0,.5 .15,.85 .5,1 .85,.85 1,.5 .85,.15 .5,0",
    "P": "0,1 0,0 .7,0 1,.27 .7,.55 0,.55",
    "Q": ".5,0 .15,.15 0,.5 .15,.85 .5,1 .85,.85 1,.5 .85,.15 .5,0 / .6,.6 1.05,1.05",
    "R": "0,1 0,0 .7,0 1,.27 .7,.52 0,.52 / .45,.52 1,1",
    "S": "1,.12 .7,0 .25,0 0,.22 .25,.46 .75,.54 1,.77 .75,1 .3,1 0,.88",
    "T": "0,0 1,0 / .5,0 .5,1",
    "U": "0,0 0,.7 .25,1 .75,1 1,.7 1,0",
    "V": "0,0 .5,1 1,0",
    "W": "0,0 .2,1 .5,.4 .8,1 1,0",
    "X": "0,0 1,1 / 1,0 0,1",
    "Y": "0,0 .5,.5 1,0 / .5,.5 .5,1",
    "Z": "0,0 1,0 0,1 1,1",
}


def _segments(letter: str) -> tuple[np.ndarray, np.ndarray]:
    """The points of a letter's strokes (P, 2), and the pairs of them that are joined (K, 2)."""
    points: list[list[float]] = []
    joined: list[tuple[int, int]] = []
    for stroke in STROKES[letter].split("/"):
        first = len(points)
        points += [[float(number) for number in point.split(",")] for point in stroke.split()]
        joined += [(index, index + 1) for index in range(first, len(points) - 1)]
    return np.array(points), np.array(joined)


def draw(letter: str, rng: np.random.Generator | None = None) -> np.ndarray:
    """Draw a letter on the grid as a hand would; without ``rng`` as printed.

    Parameters
    ----------
    letter : str
        One of ``LETTERS``.
    rng : numpy.random.Generator, optional
        Turns, slants, stretches and shifts it, moves every point a little, varies the pen, and adds noise. One in
        three is drawn in whole cells, as a mouse does.

    Returns
    -------
    ndarray (SIZE, SIZE)
        Ink from 0 to 1.
    """
    points, joined = _segments(letter)
    width, scale, shift = 0.55, np.array([6.4, 7.4]), np.zeros(2)
    if rng is not None:
        points = points + rng.normal(0, 0.035, points.shape)
        angle, slant = rng.normal(0, 0.09), rng.normal(0, 0.10)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle) + slant, np.cos(angle)]])
        points = (points - 0.5) @ turn + 0.5
        width = rng.uniform(0.4, 0.75)
        scale = np.array([rng.uniform(4.8, 8.0), rng.uniform(5.8, 8.2)])
        shift = rng.uniform(-0.7, 0.7, 2)
    points = (points - 0.5) * scale + (SIZE - 1) / 2 + shift
    start, along = points[joined[:, 0]], points[joined[:, 1]] - points[joined[:, 0]]
    rows, columns = np.mgrid[:SIZE, :SIZE]
    cells = np.stack([columns, rows], axis=-1).reshape(-1, 1, 2).astype(float)
    # Distance of each cell's centre to each segment, by projection.
    length = np.maximum((along**2).sum(-1), 1e-9)
    place = np.clip(((cells - start) * along).sum(-1) / length, 0, 1)
    distance = np.sqrt(((cells - start - place[..., None] * along) ** 2).sum(-1)).min(axis=1)
    ink = np.clip(width + 0.5 - distance, 0, 1).reshape(SIZE, SIZE)
    if rng is not None:
        if rng.random() < 1 / 3:
            ink = (ink > 0.4).astype(float)
        noise = rng.normal(0, 0.05, ink.shape) + (rng.random(ink.shape) < 0.008) * rng.uniform(0.3, 1.0, ink.shape)
        ink = np.clip(ink + noise, 0, 1)
    return np.round(ink, 3)


@cache
def _drawings(seed: int, each: int) -> list[tuple[np.ndarray, str]]:
    rng = np.random.default_rng(seed)
    return [(draw(letter, rng), letter) for _ in range(each) for letter in LETTERS]


class Glyph(Task):
    """One step: no memory is asked for, only a good look."""

    id = "glyph"
    title = "Drawn letter → which one"
    summary = "Looks once at a letter drawn on a small grid and says which of the 26 it is."
    pattern = "one-to-one"
    cell = "rnn"
    kind = "grid"
    metric_name = "held-out drawings named right"
    floor = 0.95
    output_labels = tuple(LETTERS)
    grid_size = SIZE
    grid_values = 0
    example_target = "R"

    def __init__(self) -> None:
        self.example = draw("R", np.random.default_rng(5))

    def split(self, name: str) -> list[Sample]:
        """300 drawings of each letter to train on, 25 others to measure on."""
        check_split(name)
        drawings = _drawings(1, 300) if name == "train" else _drawings(2, 25)
        return [self.encode(grid, letter) for grid, letter in drawings]

    def encode(self, source: Any, target: str | None = None) -> Sample:
        """Encode ink on the grid, (10, 10) from 0 to 1; ``target`` is a letter."""
        grid = real_numbers(source).astype(float)
        if grid.shape != (SIZE, SIZE):
            raise ValueError(f"the drawing has shape {grid.shape}; it must be {(SIZE, SIZE)}")
        if not (np.isfinite(grid).all() and grid.min() >= 0 and grid.max() <= 1):
            raise ValueError(f"the drawing holds values from {grid.min()} to {grid.max()}; ink goes from 0 to 1")
        if not grid.any():
            raise ValueError("the drawing is empty; draw a letter")
        x = grid.reshape(1, -1)
        if target is None:
            return Sample(grid, x, None, ("drawing",))
        if target.upper() not in LETTERS or len(target) != 1:
            raise ValueError(f"target={target!r} is not possible; it must be a letter from A to Z")
        return Sample(grid, x, np.array([LETTERS.index(target.upper())]), ("drawing",), (target.upper(),))

    def spec(self, cell: str) -> ModelSpec:
        """The grid's cells in, one output a letter."""
        return ModelSpec(
            pattern=self.pattern, cell=cell, input_size=SIZE * SIZE, hidden_size=32, output_size=len(LETTERS)
        )

    def train_options(self, cell: str) -> dict[str, object]:
        """The same for every cell."""
        return {"epochs": 30, "batch_size": 32, "learning_rate": 0.005, "clip": 5.0, "weight_decay": 0.05}

    def score(self, network: Network) -> dict[str, float]:
        """Drawings named right."""
        samples = self.split("test")
        said = self.outputs(network, samples)[0]
        return {"score": float((said == np.array([sample.target for sample in samples])[:, 0]).mean())}


tasks.add(Glyph.id, Glyph())
