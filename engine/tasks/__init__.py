"""The scenarios: real input, a network for it in every cell, and its score on held-out data. One file each."""

from __future__ import annotations

from engine.spec import PATTERNS
from engine.tasks.base import Sample, Task, experiments, tasks

__all__ = ["Sample", "Task", "all", "experiments", "get", "ids"]


def get(id: str) -> Task:
    """The task or experiment of that id; KeyError names the tasks there are."""
    return experiments[id] if id in experiments else tasks[id]


def all() -> tuple[Task, ...]:
    """Every task, in the order of the patterns from one to one to sequence to sequence."""
    return tuple(sorted(tasks, key=lambda task: (PATTERNS.index(task.pattern), task.id)))


def ids() -> tuple[str, ...]:
    """Every task's id, in the same order."""
    return tuple(task.id for task in all())
