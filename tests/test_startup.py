"""What the start of the program loads, and what it leaves until it is needed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LATER = ("torch", "h5py", "onnx", "PIL", "av", "engine.interop.read", "engine.interop.load", "gui.state.importing")


def test_the_window_leaves_out_what_opens_files():
    code = f"import sys, gui.application; print([name for name in {LATER!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
