"""Files made to be dangerous: refused or read in little time and memory, in a process where every act is heard."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bombs import everything

ROOT = Path(__file__).resolve().parents[2]
#: Generous: what is proportional to a file stays far below, what is not goes far beyond.
SECONDS, MEGABYTES, PER_MEGABYTE = 8, 120, 100

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="how much memory it had is read from /proc")


def test_nothing_goes_off(tmp_path):
    folder, good, canary = tmp_path / "bombs", tmp_path / "good", tmp_path / "canary"
    folder.mkdir()
    good.mkdir()
    files = everything(canary)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    program = [sys.executable, str(Path(__file__).with_name("sandbox.py")), str(folder), str(good)]
    path = os.pathsep.join((str(ROOT), str(Path(__file__).parent)))
    done = subprocess.run(
        program, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert not done.stderr, done.stderr[:1000]
    read = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["file"] for line in read} == set(files)  # none is left out
    wrong = [line for line in read if line["wrong"] or line["offences"]]
    assert not wrong, wrong[:5]
    costly = [
        line for line in read
        if line["seconds"] > SECONDS or line["megabytes"] > MEGABYTES + PER_MEGABYTE * line["size"]
    ]  # fmt: skip
    assert not costly, costly[:5]
    assert not canary.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bombs", "good", "home"]
    assert len(list(folder.iterdir())) == len(files)  # nothing is put beside them
