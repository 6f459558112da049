"""What the test of kills runs: processes that edit and save without end, killed at random moments by their parent."""

import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

from engine import ModelSpec, projects, writing

SPEC = ModelSpec(pattern="many-to-one", cell="gru", input_size=16, hidden_size=48, output_size=4)
KILLS, SEED = 200, 7
LONGEST = 0.06


class Edited:
    """A network whose every number says which edit it is from."""

    def __init__(self, edit: int) -> None:
        self.spec = SPEC
        self.parameters = {name: np.full(shape, float(edit)) for name, shape in projects.layout.shapes(SPEC).items()}


def save_for_ever(path: Path, edit: int) -> None:
    """Edit and save, until killed."""
    while True:
        edit += 1
        projects.save(path, Edited(edit), arrays={"x": np.full(2000, float(edit))}, facts={"edit": edit})


def consistent(path: Path) -> int:
    """The edit that a file holds; AssertionError where it holds parts of two."""
    saved = projects.load(path)
    edit = saved.facts["edit"]
    for array in (*saved.parameters.values(), *saved.arrays.values()):
        assert (array == edit).all(), f"parts of two edits: {edit} and {array.flat[0]}"
    return edit


def main(folder: Path) -> None:
    """Kill processes while they save, and open what is left; prints how many edits were saved."""
    moments, path, edit, interrupted = random.Random(SEED), folder / "work.loopscope", 0, 0
    projects.save(path, Edited(0), arrays={"x": np.zeros(2000)}, facts={"edit": 0})
    for _ in range(KILLS):
        child = os.fork()
        if child == 0:
            save_for_ever(path, edit)
        time.sleep(moments.random() * LONGEST)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found = consistent(path)
        assert found >= edit, f"edit {edit} was saved, and the file has gone back to {found}"
        edit = found
        interrupted += writing.sweep(folder)
        assert [each.name for each in folder.iterdir()] == [path.name]
    print(edit, interrupted)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
