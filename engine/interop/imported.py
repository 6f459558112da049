"""A network of a file as a scenario: what it reads, what its outputs are called, and its own weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from engine import layout
from engine.interop import vocabularies
from engine.interop.state_dict import DTYPES, Origin, is_plain
from engine.interop.tokenizer import Tokenizer
from engine.losses import LOSSES
from engine.network import Network
from engine.spec import ModelSpec
from engine.tasks.base import Sample, Task, real_numbers

#: Steps of the first input where none is given, and the seed of its numbers.
STEPS, SEED = 12, 0
#: What is shown for tokens that would be nothing on screen.
BLANKS = {" ": "␣", "\n": "↵", "\r": "␍", "\t": "⇥"}
#: How many letters what is shown of it may have.
LONGEST = {"title": 400, "source": 4000, "labels": 1000}
FACTS = {
    "title": (str, "a text"), "source": (str, "a text"), "labels": (list, "a list of texts"),
    "next_token": (bool, "true or false"),
}  # fmt: skip


class Imported(Task):
    """A network that came from a file.

    Parameters
    ----------
    title : str
        What it is called: the file's name.
    spec : ModelSpec
    parameters : mapping of str to ndarray
        Under torch's names; what is missing is initialised by the spec's seed. Where the output layer is
        missing, the hidden state itself is the output, and the loss is "linear": the gradient of what is looked at.
    tokenizer : Tokenizer, optional
        For a spec with an embedding; by default tokens are called by their ids.
    labels : sequence of str, optional
        A name for each output.
    next_token : bool, optional
        Whether the target of each step is the token after it. By default where the outputs are the
        vocabulary and aligned with the input.
    example : str or ndarray, optional
        What it opens with.
    source : str
        Where it came from, in a sentence.
    origin : Origin, optional
        What its parameters are called in the file, where their layout there is torch's.
    """

    id = "imported"
    trainable = False
    target_source = "next token"
    kind: str
    metric_name = ""
    floor = 0.0

    def __init__(
        self, title: str, spec: ModelSpec, parameters: Mapping[str, np.ndarray], *, tokenizer: Tokenizer | None = None,
        labels: tuple[str, ...] = (), next_token: bool | None = None, example: Any = None, source: str = "",
        origin: Origin | None = None,
    ) -> None:  # fmt: skip
        self.title, self.source, self.origin = title, source, (origin or Origin()).cleared()
        self._network = completed(spec, parameters)
        spec = self._spec = self._network.spec
        self.summary = source or title
        self.pattern, self.cell = spec.pattern, spec.cell
        self.kind = "text" if spec.has_embedding else "vectors"
        self.numeric_target = not LOSSES[spec.loss].class_targets
        self.tokenizer = _fitting(spec, tokenizer)
        aligned = spec.has_embedding and spec.pattern == "many-to-many" and spec.loss == "cross-entropy"
        self.next_token = (aligned and spec.output_size == spec.vocab_size) if next_token is None else next_token
        if self.next_token and not (aligned and spec.output_size == spec.vocab_size):
            raise ValueError("next_token=True needs many-to-many, cross-entropy, and an output for each token")
        self.output_labels = _labels(spec, labels, self.tokenizer if self.next_token else None)
        self.steps = STEPS if spec.has_feedback else None
        self.drawn = example is None
        self.example = self._first() if example is None else example

    def spec(self, cell: str) -> ModelSpec:
        """The file's network; another cell of the same sizes has no weights there."""
        return self._spec if cell == self.cell else self._spec.but(cell=cell, forget_bias=None)

    def under(self, pattern: str) -> Imported:
        """Return the same network under another pattern.

        Raises
        ------
        ValueError
            Its parameters do not go with that pattern.
        """
        spec = self._spec.but(pattern=pattern)
        if layout.shapes(spec) != layout.shapes(self._spec):
            raise ValueError(f"{self.title}: its weights are those of {self.pattern}, and {pattern} has others")
        return Imported(
            self.title, spec, self._network.parameters, tokenizer=self.tokenizer, labels=self.output_labels,
            source=self.source, origin=self.origin,
        )  # fmt: skip

    def weights(self, cell: str) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """The file's weights."""
        return (dict(self._network.parameters), {}) if cell == self.cell else None

    def initial(self, spec: ModelSpec) -> Network:
        """Untrained parameters; a hidden state that is put out as it is stays so."""
        size, own = spec.hidden_size * spec.num_directions, self._network.parameters.get("output.weight", np.zeros(0))
        handed = np.array_equal(own, np.eye(self._spec.hidden_size * self._spec.num_directions))
        return completed(spec, {}) if handed and spec.output_size == size else super().initial(spec)

    def split(self, name: str) -> list[Sample]:
        """Nothing: the data are elsewhere."""
        return []

    def score(self, network: Network) -> dict[str, float]:
        """Nothing is measured."""
        return {}

    def inputs(self, rng: np.random.Generator) -> np.ndarray:
        """An input of random numbers, (T, D), as long as the one it opens with."""
        steps = len(self.example) if isinstance(getattr(self, "example", None), np.ndarray) else STEPS
        steps = 1 if self.pattern in ("one-to-one", "one-to-many") else steps
        return rng.standard_normal((steps, self._spec.input_size or 1))

    def unknown_words(self, source: Any) -> list[str]:
        """The tokens that the vocabulary does not have."""
        if self.tokenizer is None or not isinstance(source, str):
            return []
        return [token for token in dict.fromkeys(self.tokenizer.split(source)) if not self.tokenizer.known(token)]

    def encode(self, source: Any, target: Any = None) -> Sample:
        """Encode a text, token ids (T,) that no text need stand for, or numbers (T, D)."""
        if self.tokenizer is not None:
            if isinstance(source, str):
                ids, tokens = self.tokenizer.encode(source)
            else:
                ids = self.token_ids(source).tolist()
                tokens = tuple(self.tokenizer.words[index] for index in ids)
            sample = Sample(source, np.array(ids), None, tuple(BLANKS.get(token, token) for token in tokens))
        else:
            numbers = real_numbers(source)
            size = self._spec.input_size
            if numbers.ndim != 2 or numbers.shape[1] != size or not len(numbers):
                raise ValueError(
                    f"the input has the shape {numbers.shape}; this network reads (T, {size}): "
                    f"axis 0 the steps, axis 1 the {size} inputs"
                )
            sample = Sample(source, numbers, None, tuple(f"x{t}" for t in range(1, len(numbers) + 1)))
        if self.pattern in ("one-to-one", "one-to-many") and len(sample.x) != 1:
            raise ValueError(f"{self.pattern} reads one step; this input has {len(sample.x)}")
        return self._answered(sample, target)

    def token_ids(self, found: Any) -> np.ndarray:
        """Return an array as one sequence of this network's token ids, (T,).

        Raises
        ------
        ValueError
            It is none: it has more axes, or holds something else.
        """
        array, words = np.asarray(found), () if self.tokenizer is None else self.tokenizer.words
        flat = array.reshape(-1)
        if len(flat) != max(array.shape, default=1) or not len(flat):
            raise ValueError(f"the sequence has the shape {array.shape}; the token ids of one are (T,)")
        if array.dtype.kind not in "iuf":
            raise ValueError(f"the sequence holds values of type {array.dtype}; token ids are whole numbers")
        with np.errstate(invalid="ignore"):  # a NaN is no id, and is refused below
            whole = flat.astype(np.int64)
        if not np.array_equal(whole, flat) or flat.min() < 0 or flat.max() >= len(words):
            raise ValueError(f"the sequence holds {flat.min()} to {flat.max()}; token ids are 0 to {len(words) - 1}")
        return whole

    def _answered(self, sample: Sample, target: Any) -> Sample:
        if not LOSSES[self._spec.loss].class_targets:
            return self._with_numbers(sample, target)
        if isinstance(target, np.ndarray):
            raise ValueError("the target of cross-entropy is a class for each output, not an array of numbers")
        if target is None:
            if not self.next_token:
                return sample
            if len(sample.x) < 2:
                raise ValueError("the target is the next token: at least two are needed")
            return replace(sample, x=sample.x[:-1], tokens=sample.tokens[:-1], target=sample.x[1:],
                           target_tokens=sample.tokens[1:])  # fmt: skip
        one = self.pattern in ("one-to-one", "many-to-one")
        names = [target] if one else target.split()
        unknown = [name for name in names if name not in self.output_labels]
        if unknown:
            known = ", ".join(self.output_labels[:8]) + (", …" if len(self.output_labels) > 8 else "")
            raise ValueError(f"{unknown[0]!r:.60} is none of the outputs: {known:.200}")
        if self.pattern == "many-to-many" and len(names) != len(sample.x):
            raise ValueError(f"the target has {len(names)} outputs and the input {len(sample.x)} steps; one for each")
        ids = np.array([self.output_labels.index(name) for name in names])
        return replace(sample, target=ids, target_tokens=tuple(names))

    def _with_numbers(self, sample: Sample, target: Any) -> Sample:
        steps = len(sample.x) if self.pattern == "many-to-many" else 1
        size = self._spec.output_size
        if target is None:
            if self._spec.loss != "linear":
                raise ValueError(f"{self._spec.loss} compares with numbers: it needs a target ({steps}, {size})")
            if self._spec.has_feedback:
                return sample
            # The gradient of the last output: what of the past it depends on.
            values = np.zeros((steps, size))
            values[-1] = 1.0
        else:
            values = real_numbers(target)
            if values.shape[1:] != (size,) or (len(values) != steps and not self._spec.has_feedback):
                wanted = "S" if self._spec.has_feedback else str(steps)
                raise ValueError(f"the target has the shape {values.shape}; it must be ({wanted}, {size})")
        return replace(sample, target=values, target_tokens=("",) * len(values))

    def _first(self) -> Any:
        if self.kind == "vectors":
            return self.inputs(np.random.default_rng(SEED))
        count = 1 if self.pattern in ("one-to-one", "one-to-many") else STEPS
        size = self._spec.vocab_size or 1
        ids = np.random.default_rng(SEED).integers(0, size, count)
        joined = "" if self.tokenizer is not None and self.tokenizer.kind == "letters" else " "
        return joined.join(self.tokenizer.words[i] for i in ids)  # type: ignore[union-attr]

    def facts(self) -> dict[str, Any]:
        """What makes it beside the spec and the parameters, as JSON."""
        return {
            "title": self.title, "source": self.source, "labels": list(self.output_labels),
            "next_token": self.next_token, "tokenizer": None if self.tokenizer is None else self.tokenizer.facts(),
            "names": dict(self.origin.names), "dtypes": dict(self.origin.dtypes), "start": self.origin.start,
        }  # fmt: skip

    @classmethod
    def from_facts(cls, facts: Any, spec: ModelSpec, parameters: Mapping[str, np.ndarray]) -> Imported:
        """Undo :meth:`facts`.

        Parameters
        ----------
        facts : mapping
        spec : ModelSpec
        parameters : mapping of str to ndarray
            As they came from the file, before edits by hand.

        Raises
        ------
        ValueError
            A fact is missing or of another kind; the message names it.
        """
        if not isinstance(facts, dict):
            raise ValueError(f"an imported network must be an object, not {facts!r:.60}")
        for name, (kind, called) in FACTS.items():
            if not isinstance(facts.get(name), kind):
                raise ValueError(f"{name}={facts.get(name)!r:.60} is not possible; it must be {called}")
        if not all(isinstance(label, str) for label in facts["labels"]):
            raise ValueError("labels must be a list of texts")
        for name, most in LONGEST.items():
            found = max(map(len, facts[name]), default=0) if name == "labels" else len(facts[name])
            if found > most:
                raise ValueError(f"{name} of {found:,} letters is not possible; at most {most:,} are shown")
        tokenizer, start = facts.get("tokenizer"), facts.get("start")
        if start is not None and (isinstance(start, bool) or not isinstance(start, int)):
            raise ValueError(f"start={start!r:.60} is not possible; it must be a token's id, or null")
        names, dtypes = _texts(facts, "names"), _texts(facts, "dtypes")
        wrong = next((name for name in (*names, *names.values(), *dtypes) if not is_plain(name)), None)
        if wrong is not None:
            raise ValueError(f"{wrong!r:.60} is no name of an array")
        unknown = next((dtype for dtype in dtypes.values() if dtype not in DTYPES), None)
        if unknown is not None:
            raise ValueError(f"{unknown!r:.60} is no type of numbers known here")
        return cls(
            facts["title"], spec, parameters, source=facts["source"], labels=tuple(facts["labels"]),
            next_token=facts["next_token"],
            tokenizer=None if tokenizer is None else vocabularies.from_facts(tokenizer, spec.vocab_size),
            origin=Origin(names, dtypes, start),
        )  # fmt: skip


def _texts(facts: dict[str, Any], name: str) -> dict[str, str]:
    """An object of texts; files from before it was kept have none."""
    found = facts.get(name, {})
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError(f"{name} must be an object of texts")
    return found


def completed(spec: ModelSpec, parameters: Mapping[str, np.ndarray]) -> Network:
    """The network of a file, whose parameters may be there in part.

    Where it has no output layer, its hidden state is put out as it is, and the loss is linear.
    """
    if spec.pattern == "sequence-to-sequence" or "output.weight" in parameters:
        return Network(spec, parameters)
    size = spec.hidden_size * spec.num_directions
    headless = spec.but(output_size=size, loss="linear")
    head = {"output.weight": np.eye(size, dtype=spec.dtype), "output.bias": np.zeros(size, spec.dtype)}
    return Network(headless, {**parameters, **head})


def _fitting(spec: ModelSpec, tokenizer: Tokenizer | None) -> Tokenizer | None:
    """The tokenizer, with as many tokens as the embedding has rows."""
    if not spec.has_embedding:
        if tokenizer is not None:
            raise ValueError("this network reads numbers; it needs no vocabulary")
        return None
    size = spec.vocab_size or 0
    if tokenizer is None:
        return Tokenizer.of_ids(size)
    if len(tokenizer.words) > size:
        raise ValueError(f"the vocabulary has {len(tokenizer.words)} tokens and the embedding {size} rows")
    # An embedding is often padded to a round number of rows.
    more = tuple(f"<{index}>" for index in range(len(tokenizer.words), size))
    return replace(tokenizer, words=tokenizer.words + more) if more else tokenizer


def _labels(spec: ModelSpec, labels: tuple[str, ...], tokenizer: Tokenizer | None) -> tuple[str, ...]:
    if tokenizer is not None and not labels:
        return tuple(BLANKS.get(word, word) for word in tokenizer.words)
    if labels and len(labels) != spec.output_size:
        raise ValueError(f"there are {len(labels)} labels for {spec.output_size} outputs")
    return labels or tuple(map(str, range(spec.output_size)))
