"""From the sequences as typed or drawn to what a network runs on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine import ModelSpec, Trace, memory
from engine.losses import LOSSES
from engine.tasks import Sample, Task
from gui.state.project import Project

EOS = "<eos>"
LONGEST_ANSWER = 12
"""Output steps, besides those of the input, after which a network that finds no end is stopped."""


def encoded(project: Project, task: Task) -> tuple[Sample, ...]:
    """The project's sequences as samples; the target is None where none was given."""
    return tuple(task.encode(source, target) for source, target in zip(project.sources, project.targets, strict=True))


def fitted(spec: ModelSpec, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of ``Network.run``, class ids made one-hot vectors for a loss that compares vectors."""
    found = dict(inputs)
    target = found.get("target")
    if target is not None and not LOSSES[spec.loss].class_targets and np.asarray(target).dtype.kind in "iu":
        ids = np.asarray(target)
        found["target"] = (ids[..., None] == np.arange(spec.output_size)).astype(spec.dtype)
    return found


def states(given: Mapping[str, np.ndarray], sequences: int) -> dict[str, np.ndarray]:
    """Initial states, or gradients of last ones, given to every sequence: (num_layers · directions, B, H)."""
    found = {}
    for name, value in given.items():
        array = value[:, None, :] if value.ndim == 2 else value
        if array.shape[1] == 1:
            array = np.repeat(array, sequences, axis=1)
        found[name] = array
    return found


def unanswered(spec: ModelSpec, task: Task, sample: Sample) -> dict[str, Any]:
    """Keyword arguments of ``Network.run`` for one sequence without a target."""
    found = task.collate([sample])
    if spec.has_feedback:
        found.setdefault("steps", len(sample.x) + LONGEST_ANSWER)
    return found


def size(spec: ModelSpec, inputs: Mapping[str, Any]) -> memory.Size:
    """How many steps and sequences a run would have."""
    T = int(np.shape(inputs["x"])[0])
    target = inputs.get("target")
    S = T if target is None or not spec.has_feedback else int(np.shape(target)[0])
    return memory.Size(T, int(np.shape(inputs["x"])[1]), S)


def answered(sample: Sample, trace: Trace, labels: Sequence[str]) -> Sample:
    """Take the network's own answer as the sample's target.

    At each output the class with the largest logit. Where the output feeds back in, the run was free and its
    number of steps open: the answer ends with the first ``<eos>`` (included).

    Parameters
    ----------
    sample : Sample
    trace : Trace
        A forward run of this sequence alone.
    labels : sequence of str
        The classes' names.
    """
    ids = trace.value("output.logits")[:, 0].argmax(-1).astype(np.int64)
    if trace.spec.has_feedback and EOS in labels:
        ends = np.flatnonzero(ids == list(labels).index(EOS))
        ids = ids[: ends[0] + 1] if len(ends) else ids
    names = tuple(labels[i] if i < len(labels) else str(i) for i in ids)
    return replace(sample, target=ids, target_tokens=names)
