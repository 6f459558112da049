"""Runs as scripts: what they compute is what was on the screen."""

import ast
import errno
import os
import runpy
import subprocess
import sys

import numpy as np
import pytest
from samples import CELLS, make_spec

from engine import Network
from engine.interop import code
from engine.interop.numbers import ExportError
from engine.losses import LOSSES
from engine.spec import PATTERNS
from engine.stop import Cancelled, Stop

MANY = ("many-to-one", "many-to-many", "sequence-to-sequence")


def run_of(pattern, cell, loss="cross-entropy", B=2, padded=True, forced=True, states=False, target=True, **facts):
    if pattern == "sequence-to-sequence" and loss == "cross-entropy":
        facts = {"vocab_size": 6, "embedding_size": 3, "input_size": None, **facts}
    spec = make_spec(pattern=pattern, cell=cell, loss=loss, **facts)
    rng = np.random.default_rng(3)
    T, S = 5 if pattern in MANY else 1, {"many-to-many": 5}.get(pattern, 4 if spec.has_feedback else 1)
    x = rng.integers(0, spec.vocab_size, (T, B)) if spec.has_embedding else rng.standard_normal((T, B, spec.input_size))
    classes = LOSSES[loss].class_targets
    y = rng.integers(0, spec.output_size, (S, B)) if classes else rng.random((S, B, spec.output_size))
    given = {"x": x, "target": y, "teacher_forcing": forced} if target else {"x": x, "steps": S}
    if padded and pattern in MANY:
        given["lengths"] = np.array([T, 3])[:B]
    if padded and spec.has_feedback and target:
        given["target_lengths"] = np.array([2, S])[:B]
    if not spec.has_feedback:
        given.pop("steps", None)
    if states:
        rows = spec.num_layers * spec.num_directions
        given["h_0"] = rng.standard_normal((rows, B, spec.hidden_size))
        if cell == "lstm":
            given["c_0"] = rng.standard_normal((rows, B, spec.hidden_size))
    return Network(spec).run(**given)


def executed(trace, library, tmp_path):
    """Run the script in a process of its own, outside the project."""
    code.save(tmp_path / "run.py", trace, library, "a test")
    done = subprocess.run(
        [sys.executable, "-I", "run.py", "out.npz"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(np.load(tmp_path / "out.npz"))


def called(trace, library, tmp_path):
    """Run the script in this process, which spares the time of another's imports."""
    code.save(tmp_path / "run.py", trace, library, "a test")
    return runpy.run_path(str(tmp_path / "run.py"), run_name="script")["main"]()


def compare(trace, found, tolerance=1e-10):
    compared = 0
    for key, mine in found.items():
        if key == "loss":
            wanted = trace.loss
        elif key.startswith("grad/"):
            wanted = trace.parameter_grads[key[5:]]
        else:
            b, _, name = key.partition("/")
            grad, name = name.startswith("grad/"), name.removeprefix("grad/")
            whole = (trace.grad if grad else trace.value)(name)
            wanted = whole[: len(mine), int(b)]
        np.testing.assert_allclose(mine, wanted, rtol=0, atol=tolerance, err_msg=key)
        compared += 1
    return compared


CASES = [
    *((pattern, cell, {}) for pattern in PATTERNS for cell in CELLS),
    ("many-to-many", "lstm", {"num_layers": 2, "bidirectional": True, "states": True}),
    ("many-to-one", "gru", {"num_layers": 2, "bidirectional": True}),
    ("sequence-to-sequence", "lstm", {"num_layers": 2, "bidirectional": True}),
    ("sequence-to-sequence", "gru", {"forced": False}),
    ("one-to-many", "lstm", {"forced": False, "vocab_size": 6, "embedding_size": 3, "input_size": None}),
    ("one-to-many", "rnn", {"loss": "mse", "forced": False, "num_layers": 2}),
    ("sequence-to-sequence", "rnn", {"loss": "binary-cross-entropy", "forced": False}),
    ("many-to-many", "rnn", {"loss": "linear", "nonlinearity": "relu"}),
    ("many-to-one", "rnn", {"loss": "mse", "nonlinearity": "identity", "bias": False}),
    ("sequence-to-sequence", "lstm", {"target": False}),
]


@pytest.mark.parametrize("library", [code.NUMPY, code.TORCH])
@pytest.mark.parametrize(("pattern", "cell", "facts"), CASES)
def test_a_script_makes_the_same_numbers(pattern, cell, facts, library, tmp_path):
    trace = run_of(pattern, cell, **facts)
    found = called(trace, library, tmp_path)
    wanted = 2 * 2 * len([key for key in trace.keys() if key != "loss"])  # noqa: SIM118 (not a mapping)
    compared = compare(trace, found)
    assert compared == (wanted + 1 + len(trace.parameters) if trace.has_gradients else wanted // 2)


def test_the_torch_script_agrees_where_numpy_would_not_be_asked(tmp_path):
    trace = run_of("many-to-one", "lstm", hidden_size=300, padded=False)
    found = called(trace, code.TORCH, tmp_path)
    assert (tmp_path / "run_data.npz").is_file()  # too much to be written into the script
    compare(trace, found)


def test_a_sampled_run_keeps_what_was_drawn(tmp_path):
    spec = make_spec(pattern="one-to-many", cell="gru", input_size=2)
    trace = Network(spec).run(np.ones((1, 2, 2)), steps=6, sample=4)
    compare(trace, called(trace, code.NUMPY, tmp_path))


def test_gradients_that_arrive_at_the_last_states(tmp_path):
    spec = make_spec(pattern="many-to-many", cell="lstm", loss="linear", num_layers=2)
    rng = np.random.default_rng(0)
    last = {f"{s}_n_grad": rng.standard_normal((2, 1, spec.hidden_size)) for s in "hc"}
    trace = Network(spec).run(
        rng.standard_normal((4, 1, spec.input_size)), rng.standard_normal((4, 1, spec.output_size)), **last
    )
    for library in code.LIBRARIES:
        compare(trace, executed(trace, library, tmp_path))  # in a process and a folder of its own


def test_a_title_cannot_leave_its_line(tmp_path):
    trace = run_of("many-to-one", "rnn")
    text = code.script(trace, title='"""\nimport os\n"""')
    assert '"""   import os    "' in text or text.count('"""') == code.script(trace).count('"""')
    compile(text, "run.py", "exec")


@pytest.fixture
def large():
    """A run whose weights are too much to be written into a script."""
    return run_of("many-to-one", "lstm", hidden_size=300, padded=False)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    return path


def held(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_weights_go_into_a_file_of_the_script_s_own(large, folder):
    (folder / "model.npz").write_bytes(b"the user's own")
    code.save(folder / "model.py", large)
    assert (folder / "model.npz").read_bytes() == b"the user's own"
    code.save(folder / "model.py", large, code.TORCH)  # over what a script came with
    (folder / "model.py").rename(folder / "other.py")
    found = runpy.run_path(str(folder / "other.py"), run_name="script")["main"]()
    compare(large, found)


@pytest.mark.parametrize("npz", [True, False])
def test_a_file_of_that_name_that_came_with_no_script_is_kept(large, folder, npz):
    theirs = folder / "model_data.npz"
    if npz:
        np.savez(theirs, weights=np.ones(3))
    else:
        theirs.write_bytes(b"no archive")
    before = held(folder)
    with pytest.raises(ExportError, match=r"^model\.py: beside it lies model_data\.npz, which came with no script"):
        code.save(folder / "model.py", large)
    assert held(folder) == before
    code.save(folder / "model.py", run_of("many-to-one", "rnn"))  # needs no such file


def test_a_script_that_cannot_be_written_leaves_what_was_there(large, folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    replace, stop = os.replace, Stop()
    stop.cancel()
    for there in (False, True):
        if there:
            code.save(folder / "model.py", run_of("many-to-one", "lstm", hidden_size=290))
        before = held(folder)
        monkeypatch.setattr("os.replace", full)  # the weights are in their place by then
        with pytest.raises(ExportError, match=r"^model\.py: cannot be written: No space left"):
            code.save(folder / "model.py", large)
        monkeypatch.setattr("os.replace", replace)
        with pytest.raises(Cancelled):
            code.save(folder / "model.py", large, stop=stop)
        assert held(folder) == before and len(before) == 2 * there


NAMES = ['tri"""ple', "back\\user", "a b", "tail\\", "{imports}", "ni\nne"]
NAMES += ["byte\udcff"] if sys.platform.startswith("linux") else []


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("stem", NAMES)
def test_a_script_may_have_any_name_and_any_title(tmp_path, monkeypatch, stem, large):
    if large:
        monkeypatch.setattr(code, "MOST_INSIDE", 10)
    trace = run_of("many-to-one", "rnn")
    path = tmp_path / f"{stem}.py"
    code.save(path, trace, "numpy", f'\0 {stem} """ \\u {"long " * 40}')
    # By its bytes: a path that is no text cannot be given to runpy.
    text = path.read_bytes().decode()
    space = {"__name__": "script", "__file__": str(path)}
    exec(compile(text, "script.py", "exec"), space)
    assert float(space["main"]()["loss"]) == pytest.approx(trace.loss, rel=1e-12)
    assert f"python '{stem}.py' out.npz" in text if stem == "a b" else "python SCRIPT.py out.npz" in text or "{" in stem


@pytest.mark.parametrize("library", code.LIBRARIES)
def test_no_line_of_a_docstring_is_longer_than_a_hundred(library):
    text = code.script(run_of("sequence-to-sequence", "lstm"), library, "long " * 60, "n" * 200 + ".py")
    tree = ast.parse(text)
    places = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.Module))]
    said = [node.body[0] for node in places if ast.get_docstring(node)]
    lines = text.splitlines()
    assert len(said) > 10
    assert max(len(line) for node in said for line in lines[node.lineno - 1 : node.end_lineno]) <= 100
