"""Opening, stepping, training, editing, saving and closing again and again; ``make soak`` does it at length."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rounds import Held
from soak import report

ROOT = Path(__file__).resolve().parents[2]
ROUNDS, EVERY, KINDS = 16, 4, 4


@pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is read from /proc")
def test_nothing_stays(tmp_path):
    program = [sys.executable, str(Path(__file__).with_name("soak.py")), *map(str, (ROUNDS, EVERY, KINDS))]
    path = os.pathsep.join((str(ROOT), str(Path(__file__).parent)))
    done = subprocess.run(
        program,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_what_grows_is_seen(capsys):
    steady = [Held(10**8, 9, 3, 0, 1, 50_000)] * 20
    assert report(steady, 1) == 0
    assert report([Held(10**8, 9 + n, 3, 0, 1, 50_000) for n in range(20)], 1) == 1
    assert report([Held(10**8 + n * 10**8, 9, 3, 0, 1, 50_000) for n in range(20)], 1) == 1
    assert "growing: memory" in capsys.readouterr().err
