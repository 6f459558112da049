"""Numbers out, and in again."""

import csv
import io
import json

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from samples import CELLS, make_spec, problem

from engine import ModelSpec, Network
from engine.interop import numbers
from engine.stop import Cancelled, Stop
from engine.writing import Watched


def run(padded=True, **facts):
    spec = make_spec(**{"bidirectional": True, "num_layers": 2, **facts})
    return Network(spec).run(**problem(spec, padded=padded, states=True))


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_track_as_csv_gives_the_same_numbers_back(dtype, gradient, tmp_path):
    trace = run(dtype=dtype, padded=False)
    numbers.save_track(tmp_path / "track.csv", trace, "l1_reverse.f*c", gradient)
    head, *rows = csv.reader((tmp_path / "track.csv").read_text(encoding="utf-8").splitlines())
    wanted = trace.grad("l1_reverse.f*c") if gradient else trace.value("l1_reverse.f*c")
    assert head == ["step", "sequence", *(f"unit {i + 1}" for i in range(wanted.shape[2]))]
    assert [(int(a) - 1, int(b) - 1) for a, b, *_ in rows] == list(np.ndindex(wanted.shape[:2]))
    found = np.array([[float(text) for text in row[2:]] for row in rows], dtype)
    assert np.array_equal(found.reshape(wanted.shape), wanted)


def test_a_track_as_npz(tmp_path):
    trace = run()
    numbers.save_track(tmp_path / "track.npz", trace, "output.y")
    with np.load(tmp_path / "track.npz", allow_pickle=False) as found:
        assert set(found) == {"value/output.y", "loopscope"}
        assert np.array_equal(found["value/output.y"], trace.value("output.y"))


def reading(path):
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as found:
            return {name: found[name] for name in found if name != "loopscope"}, str(found["loopscope"])
    with safetensors.safe_open(path, "numpy") as found:
        return safetensors.numpy.load_file(path), found.metadata()["loopscope"]


@pytest.mark.parametrize("suffix", numbers.TRACE_SUFFIXES)
@pytest.mark.parametrize("cell", CELLS)
def test_a_whole_run(cell, suffix, tmp_path):
    trace, path = run(cell=cell), tmp_path / f"run{suffix}"
    numbers.save_trace(path, trace)
    found, text = reading(path)
    facts = json.loads(text)
    assert ModelSpec.from_dict(facts["spec"]) == trace.spec
    assert (facts["engine"], facts["loss"]) == ("numpy", trace.loss)
    keys = trace.keys()
    for key in keys:
        assert np.array_equal(found[f"value/{key}"], trace.value(key))
        assert np.array_equal(found[f"grad/{key}"], trace.grad(key))
    for name, grad in trace.parameter_grads.items():
        assert np.array_equal(found[f"parameter/{name}"], trace.parameters[name])
        assert np.array_equal(found[f"parameter_grad/{name}"], grad)
    inputs = {name.removeprefix("input/"): value for name, value in found.items() if name.startswith("input/")}
    steps = inputs.pop("output_steps")
    assert np.array_equal(steps, trace.output_steps)
    again = Network(trace.spec, trace.parameters).run(**inputs)
    assert again.loss == trace.loss
    before = path.read_bytes()
    numbers.save_trace(path, trace)
    assert path.read_bytes() == before


def test_a_run_without_gradients_or_with_numbers_that_are_none(tmp_path):
    spec = make_spec(cell="rnn", loss="mse", nonlinearity="identity")
    numbers.save_trace(tmp_path / "run.npz", Network(spec).run(np.ones((2, 2))))
    found, text = reading(tmp_path / "run.npz")
    assert json.loads(text)["loss"] is None
    assert not [name for name in found if "grad" in name]
    with np.errstate(all="ignore"):
        broken = Network(spec).run(np.full((2, 2), np.inf), np.zeros((2, 3)))
    numbers.save_trace(tmp_path / "run.safetensors", broken)
    assert json.loads(reading(tmp_path / "run.safetensors")[1])["loss"] in ("inf", "nan")


def test_what_cannot_be_written_is_said(tmp_path):
    trace = run()
    with pytest.raises(numbers.ExportError, match=r"track\.txt: ends in '\.txt'; it must end in \.csv or \.npz"):
        numbers.save_track(tmp_path / "track.txt", trace, "l0.h")
    with pytest.raises(numbers.ExportError, match=r"^run\.npz: cannot be written: No such file or directory"):
        numbers.save_trace(tmp_path / "nowhere" / "run.npz", trace)
    with pytest.raises(KeyError, match="l7"):
        numbers.save_track(tmp_path / "track.csv", trace, "l7.h")
    assert not list(tmp_path.glob("*.*"))


@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_what_is_cancelled_while_it_is_written_is_not_there(suffix, tmp_path, monkeypatch):
    (folder := tmp_path / "out").mkdir()
    (folder / f"track{suffix}").write_bytes(b"before")
    trace, stop, written = run(), Stop(), []
    monkeypatch.setattr(numbers, "PIECE", 1)
    write = Watched.write

    def cancelling(file, data):
        written.append(data)
        if len(written) == 3:
            assert stop.cancel()
        return write(file, data)

    monkeypatch.setattr(Watched, "write", cancelling)
    with pytest.raises(Cancelled):
        numbers.save_track(folder / f"track{suffix}", trace, "l0.h", stop=stop)
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [(f"track{suffix}", b"before")]
    with pytest.raises(Cancelled):
        numbers.save_trace(folder / "run.safetensors", trace, stop)
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_table_in_pieces_is_what_python_writes_number_by_number(dtype, monkeypatch):
    rng = np.random.default_rng(2)
    array = (rng.standard_normal((7, 3, 4)) * 10.0 ** rng.integers(-30, 30, (7, 3, 4))).astype(dtype)
    array[0, 0] = np.nan, np.inf, -0.0, 1e16
    monkeypatch.setattr(numbers, "PIECE", 20)
    stream, lines = io.BytesIO(), io.StringIO()
    numbers._csv(array)(stream)
    table = csv.writer(lines, lineterminator="\n")
    table.writerow(["step", "sequence", *(f"unit {unit + 1}" for unit in range(4))])
    for step, sequence in np.ndindex(7, 3):
        table.writerow([step + 1, sequence + 1, *(str(value) for value in array[step, sequence])])
    assert stream.getvalue().decode() == lines.getvalue()


@pytest.mark.parametrize("key", ["l0.h", "output.y", "loss"])
def test_a_table_leaves_padding_out_and_names_the_tokens(key, tmp_path):
    trace = run(pattern="many-to-many", bidirectional=False)
    lengths, value = trace.batch.lengths, trace.value(key)
    names = [[f'{b}"{t},' for t in range(trace.batch.T)] for b in range(trace.batch.B)]
    numbers.save_track(tmp_path / "track.csv", trace, key, columns=names)
    with open(tmp_path / "track.csv", encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head[:3] == ["step", "sequence", "token"] and min(lengths) < trace.batch.T
    wanted = [(t, b) for t, b in np.ndindex(value.shape[:2]) if t < lengths[b]]
    assert [(int(row[0]) - 1, int(row[1]) - 1) for row in rows] == wanted
    for row, (t, b) in zip(rows, wanted, strict=True):
        assert row[2] == names[b][t] and np.array_equal([float(text) for text in row[3:]], value[t, b])


@pytest.mark.parametrize("key", ["encoder.l0.h", "decoder.l0.h", "output.logits"])
def test_the_tokens_of_either_part(key, tmp_path):
    trace = run(pattern="sequence-to-sequence", bidirectional=False, padded=False)
    T, S = trace.batch.T, trace.batch.S
    columns = [f"e{t}" for t in range(T)] + [f"d{s}" for s in range(S)]
    numbers.save_track(tmp_path / "track.csv", trace, key, columns=[columns] * trace.batch.B)
    rows = list(csv.DictReader((tmp_path / "track.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["token"] for row in rows} == set(columns[:T] if key.startswith("encoder") else columns[T:])
