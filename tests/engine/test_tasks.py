"""Every registered task: its data, its encoding of a user's own input, and the score of its shipped weights."""

from __future__ import annotations

import numpy as np
import pytest

from engine import Network, tasks
from engine.spec import PATTERNS, ModelSpec
from engine.tasks.base import Task
from engine.tasks.caption import caption, scenes
from engine.tasks.glyph import LETTERS, STROKES, draw
from engine.vocabulary import Vocabulary, english_words, french_words

TASKS = tasks.all()
TEXT = [task for task in TASKS if task.kind == "text"]
GRID = [task for task in TASKS if task.kind == "grid"]
CELLS = ("rnn", "gru", "lstm")
PLAIN = ".,!?"


def named(task: Task) -> str:
    return task.id


def plain_words(task, text: str) -> tuple[str, ...]:
    return tuple(word.casefold() for word in task.words(text) if word not in PLAIN)


def test_one_task_for_each_pattern():
    assert [task.pattern for task in TASKS] == list(PATTERNS)
    assert set(tasks.ids()) == {"glyph", "caption", "movie-review", "tagging", "translation"}
    assert tasks.get("tagging").id == "tagging"
    with pytest.raises(KeyError, match="movie-review"):
        tasks.get("nothing")


@pytest.mark.parametrize("task", TASKS, ids=named)
def test_describes_itself(task):
    assert task.title and task.metric_name and task.summary.endswith(".")
    assert task.cell in CELLS and task.kind in ("text", "grid")
    for cell in CELLS:
        spec = task.spec(cell)
        assert isinstance(spec, ModelSpec) and spec.pattern == task.pattern and spec.cell == cell
        assert spec.dtype == "float64" and spec.output_size == len(task.output_labels)
        assert {"epochs", "batch_size", "learning_rate"} <= task.train_options(cell).keys()


@pytest.mark.parametrize("task", TASKS, ids=named)
def test_splits_are_deterministic_and_apart(task):
    train, test = task.split("train"), task.split("test")
    again = type(task)().split("test")
    assert all(
        np.array_equal(a.x, b.x) and np.array_equal(a.target, b.target) for a, b in zip(test, again, strict=True)
    )
    assert len(train) >= 1000 and len(test) >= 200
    seen = {sample.x.tobytes() for sample in train}
    assert not [sample.source for sample in test if sample.x.tobytes() in seen]
    for sample in (*train[:50], *test):
        assert len(sample.tokens) == len(sample.x) and len(sample.target_tokens) == len(sample.target)
    with pytest.raises(ValueError, match="train, test"):
        task.split("validation")


@pytest.mark.parametrize("task", TEXT, ids=named)
def test_held_out_words_occur_in_training_and_held_out_sentences_do_not(task):
    train = [plain_words(task, text) for text, _, _ in task.examples("train")]
    test = [plain_words(task, text) for text, _, _ in task.examples("test")]
    assert len(set(train)) == len(train) and len(set(test)) == len(test)
    assert not set(test) & set(train)
    assert {word for sentence in test for word in sentence} <= {word for sentence in train for word in sentence}
    assert not [sample.source for sample in task.split("test") if "<unk>" in sample.tokens]


def test_sizes_of_the_review_corpus():
    task = tasks.get("movie-review")
    train, test = task.split("train"), task.split("test")
    assert len(train) >= 1000 and len(test) >= 300 and len(task.vocabulary) >= 500
    pairs: dict[str, list] = {}
    for sample in test:
        if sample.pair:
            pairs.setdefault(sample.pair, []).append(sample)
    assert len(pairs) >= 100
    for two in pairs.values():
        assert {sample.target_tokens[0] for sample in two} == {"negative", "positive"}
    opening = next(sample for sample in test if sample.source == task.example)
    assert {sample.source for sample in pairs[opening.pair]} == {"I do not like this movie", "I do like this movie"}


def test_tags_depend_on_context():
    task = tasks.get("tagging")
    assert {"can", "light", "play", "that", "her", "saw"} <= task.ambiguous and len(task.ambiguous) >= 50
    assert len(task.output_labels) <= 12 and len(task.split("test")) >= 250


def test_held_out_captions_are_unseen_combinations():
    train, test = scenes()
    assert not {caption(scene) for scene in train} & {caption(scene) for scene in test}
    words = {word for scene in train for word in caption(scene).split()}
    assert (
        {word for scene in test for word in caption(scene).split()} <= words <= set(tasks.get("caption").output_labels)
    )


def test_every_letter_has_strokes_and_looks_unlike_the_others():
    assert set(STROKES) == set(LETTERS)
    printed = np.array([draw(letter).ravel() for letter in LETTERS])
    distances = np.linalg.norm(printed[:, None] - printed, axis=2) + 99 * np.eye(len(LETTERS))
    assert distances.min() > 1


@pytest.mark.parametrize("task", TASKS, ids=named)
def test_opening_example_is_ready_to_step(task):
    sample = task.encode(task.example, task.example_target)
    assert sample.target is not None
    trace = Network(task.spec(task.cell)).run(**task.collate([sample]))
    assert np.isfinite(trace.loss) and trace.parameter_grads


@pytest.mark.parametrize("task", TEXT, ids=named)
def test_own_text_is_always_encoded(task):
    sample = task.encode("Zyxwv the, QWRT!?  ünïcödé … 42 <unk>")
    assert "<unk>" in sample.tokens and "Zyxwv" not in sample.tokens and sample.target is None
    assert sample.x.max() < len(task.vocabulary)
    network = Network(task.spec("gru"))
    assert network.run(**task.collate([sample])).loss is None
    for nothing in ("", "   ", "\n\t"):
        with pytest.raises(ValueError, match="no words"):
            task.encode(nothing)


@pytest.mark.parametrize("task", TEXT, ids=named)
def test_what_the_corpus_knows_has_its_target(task):
    assert " ".join(task.encode(task.example).target_tokens).startswith(task.example_target)
    text, target, _ = task.examples("train")[7]
    assert " ".join(task.encode(text.upper()).target_tokens).startswith(target)


def test_own_targets():
    review, tagging, translation = (tasks.get(name) for name in ("movie-review", "tagging", "translation"))
    assert review.encode("It is fine", "positive").target.tolist() == [2]
    with pytest.raises(ValueError, match=r"'happy'.*negative, neutral, positive"):
        review.encode("It is fine", "happy")
    with pytest.raises(ValueError, match="2 tags; there must be 3"):
        tagging.encode("They play well", "PRON VERB")
    with pytest.raises(ValueError, match="'NN'"):
        tagging.encode("They play", "PRON NN")
    assert translation.encode("Le chat", "the cat").target_tokens == ("the", "cat", "<eos>")
    with pytest.raises(ValueError, match="'zebra'"):
        translation.encode("Le chat", "the zebra")
    with pytest.raises(ValueError, match="'dragon'"):
        tasks.get("caption").encode(tasks.get("caption").example, "a red dragon")
    with pytest.raises(ValueError, match="A to Z"):
        tasks.get("glyph").encode(tasks.get("glyph").example, "Ä")


@pytest.mark.parametrize("task", GRID, ids=named)
def test_own_drawings(task):
    size = task.grid_size
    assert task.example.shape == (size, size)
    grid = np.zeros((size, size), dtype=int)
    with pytest.raises(ValueError, match="empty"):
        task.encode(grid)
    with pytest.raises(ValueError, match="shape"):
        task.encode(np.ones((size, size + 1)))
    with pytest.raises(ValueError, match="values"):
        task.encode(grid + 77)
    grid[2, 3] = 1
    sample = task.encode(grid)
    assert sample.x.shape == (1, task.spec("rnn").input_size) and sample.target is None
    assert task.collate([sample]).get("steps") == task.steps


@pytest.mark.parametrize("task", TASKS, ids=named)
def test_collate_pads_behind(task):
    samples = sorted(task.split("test")[:40], key=lambda sample: -len(sample.x))
    batch = task.collate(samples)
    for column, sample in enumerate(samples):
        steps = len(sample.x)
        assert np.array_equal(batch["x"][:steps, column], sample.x) and not batch["x"][steps:, column].any()
        assert np.array_equal(batch["target"][: len(sample.target), column], sample.target)
        if "lengths" in batch:
            assert batch["lengths"][column] == steps
        if "target_lengths" in batch:
            assert batch["target_lengths"][column] == len(sample.target)
    assert "steps" not in batch
    Network(task.spec("rnn")).run(**batch)
    with pytest.raises(ValueError, match="no samples"):
        task.collate([])


@pytest.mark.parametrize("task", TASKS, ids=named)
def test_a_batch_says_what_each_sequence_says_alone(task):
    samples = task.split("test")[:6]
    network = Network(task.spec("gru"))
    together = task.outputs(network, samples)
    for column, sample in enumerate(samples):
        alone = task.outputs(network, [sample])[:, 0]
        assert np.array_equal(together[: len(alone), column], alone)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("task", TASKS, ids=named)
def test_shipped_weights_reach_their_floor(task, cell):
    parameters, known = task.weights(cell)
    network = Network(task.spec(cell), parameters)
    scores = task.score(network)
    assert network.parameters.keys() == parameters.keys()
    assert ModelSpec.from_dict(known["spec"]) == task.spec(cell) and known["metric"] == task.metric_name
    assert scores["score"] == pytest.approx(known["score"], abs=1e-6) and scores["score"] >= task.floor


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("task", TASKS, ids=named)
def test_shipped_weights_get_the_opening_example_right(task, cell):
    sample = task.encode(task.example, task.example_target)
    network = Network(task.spec(cell), task.weights(cell)[0])
    assert task.outputs(network, [sample])[: len(sample.target), 0].tolist() == sample.target.tolist()


def test_no_weights_for_a_cell_that_has_none():
    assert tasks.get("glyph").weights("nothing") is None


def test_english_and_french_words():
    assert english_words("I don't like it.") == ["I", "do", "n't", "like", "it", "."]
    assert english_words("It’s WON'T cannot so-so!") == ["It", "'s", "WO", "N'T", "can", "not", "so-so", "!"]
    assert french_words("J’ai vu") == ["J'", "ai", "vu"]
    assert french_words("Aujourd'hui, est-ce qu'il n'a pas l'été ?") == [
        "Aujourd'hui", ",", "est-ce", "qu'", "il", "n'", "a", "pas", "l'", "été", "?",
    ]  # fmt: skip


def test_vocabulary():
    words = Vocabulary.count([["b", "A", "a"], ["c", "a"]])
    assert words.words == ("<unk>", "a", "b", "c") and len(words) == 4
    assert words.ids(["A", "zzz", "c"]) == [1, 0, 3] and words.shown("zzz") == "<unk>" and words.shown("A") == "A"
    assert "B" in words and "zzz" not in words
    with pytest.raises(ValueError, match="'zzz'"):
        Vocabulary(("a",), unknown=None).id("zzz")
    with pytest.raises(ValueError, match="twice"):
        Vocabulary(("a", "A"), unknown=None)
    with pytest.raises(ValueError, match="<unk>"):
        Vocabulary(("a",))
