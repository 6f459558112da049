"""A process that edits and saves is killed at 200 random moments, and what is left always opens."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process for each kill takes too long where it cannot be forked")
def test_two_hundred_kills_leave_no_broken_file(tmp_path):
    folder = tmp_path / "saves"
    folder.mkdir()
    program = [sys.executable, str(Path(__file__).with_name("kill_loop.py")), str(folder)]
    environment = {**os.environ, "PYTHONPATH": "."}
    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-2000:]
    edits, interrupted = map(int, done.stdout.split())
    assert edits > 0  # the processes did save
    assert interrupted > 0  # and many a kill did come in the middle of it
