"""Retrain and rewrite the shipped weights: ``python -m engine.tasks.train [task …] [--cell rnn gru lstm]``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from engine import tasks
from engine.network import Network
from engine.registry import cells
from engine.tasks.base import WEIGHTS, Task
from engine.training import train


def trained(task: Task, cell: str) -> tuple[Network, dict[str, Any]]:
    """Train a task's network from its seed, in float32, and measure it as it will be loaded.

    Returns
    -------
    (Network, dict)
        With float32 parameters; and its scores, by name, in the spec's own arithmetic.
    """
    spec = task.spec(cell)
    start = task.initial(spec.but(dtype="float32"))
    batch = task.collate(task.training_samples())
    last = None
    for event in train(start, batch, seed=spec.seed, **task.train_options(cell)):
        if event.kind != "step":
            last = event
    assert last is not None
    network = Network(start.spec, last.parameters)
    return network, task.score(Network(spec, network.parameters))


def save(task: Task, cell: str, network: Network, scores: dict[str, float]) -> int:
    """Write one weight file, the same bytes for the same weights; return its size."""
    spec = task.spec(cell)
    known = {
        "task": task.id, "spec": spec.to_dict(), "seed": spec.seed, "metric": task.metric_name,
        "score": round(scores["score"], 6), "scores": {name: round(value, 6) for name, value in scores.items()},
    }  # fmt: skip
    parameters = {name: np.ascontiguousarray(network.parameters[name]) for name in sorted(network.parameters)}
    path = WEIGHTS / f"{task.id}-{cell}.safetensors"
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    save_file(parameters, path, {"loopscope": json.dumps(known, sort_keys=True)})
    path.chmod(0o644)
    return path.stat().st_size


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what was asked for, print every score, and fail where one is below its floor."""
    parser = argparse.ArgumentParser(prog="python -m engine.tasks.train", description=__doc__)
    parser.add_argument("task", nargs="*", help=f"of {', '.join(tasks.ids())}; all where none is named")
    parser.add_argument("--cell", nargs="+", choices=cells.names(), default=["rnn", "gru", "lstm"])
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.task if name not in tasks.ids()]
    if unknown:
        parser.error(f"there is no task {unknown[0]!r}; there are {', '.join(tasks.ids())}")
    low = 0
    for name in chosen.task or tasks.ids():
        task = tasks.get(name)
        for cell in chosen.cell:
            begun = time.perf_counter()
            network, scores = trained(task, cell)
            size = save(task, cell, network, scores)
            low += scores["score"] < task.floor
            listed = ", ".join(f"{key} {value:.4f}" for key, value in scores.items())
            print(
                f"{name:13s} {cell:5s} {listed}  (floor {task.floor:.2f}; {size / 1000:.0f} kB, "
                f"{time.perf_counter() - begun:.0f} s)", flush=True,
            )  # fmt: skip
    if low:
        print(f"{low} below the floor", file=sys.stderr)
    return 1 if low else 0


if __name__ == "__main__":
    raise SystemExit(main())
