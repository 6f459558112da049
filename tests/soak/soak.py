"""Opens, steps, trains, edits, saves and closes many times, and fails where something of it stays.

    python tests/soak/soak.py ROUNDS [EVERY [KINDS]]

Every so many rounds (20) are done in a window; there are so many kinds of rounds (60: every scenario in every cell, and
several sizes). Prints what is held after each thirtieth part.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from PySide6.QtCore import QSettings, QStandardPaths, qInstallMessageHandler
from PySide6.QtWidgets import QApplication
from rounds import Held, held, slope, state_round, window_round

from gui import theme
from gui.work.collector import Collector

#: Growth in a round, once everything has been done that is done once; memory in bytes.
MOST = {"memory": 32_768, "handles": 0, "threads": 0, "widgets": 0, "timers": 0, "objects": 2}
#: In few rounds the allocator has not settled, and caches still fill.
SHORT, MOST_IN_SHORT = 300, {"memory": 16_000_000, "objects": 150}
PARTS = 30


def main(rounds: int, every: int = 20, kinds: int = 60) -> int:
    """Do so many rounds; 1 where something grows."""
    QStandardPaths.setTestModeEnabled(True)
    qInstallMessageHandler(lambda kind, context, text: None)  # the display that is none says what it lacks
    app = QApplication([])
    theme.install(app)
    collector = Collector()
    found: list[Held] = []
    part = max(1, rounds // PARTS)
    with TemporaryDirectory() as folder:
        QSettings.setDefaultFormat(QSettings.Format.IniFormat)
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        for n in range(rounds):
            (window_round if n % every == every - 1 else state_round)(n % kinds, Path(folder))
            if (n + 1) % part == 0:
                found.append(held())
                print(n + 1, *asdict(found[-1]).values(), flush=True)
    collector.stop()
    return report(found[len(found) // 3 :], part)


def report(found: list[Held], part: int) -> int:
    """Say by how much each thing grows in a round; 1 where that is too much."""
    grown = {name: slope([getattr(each, name) for each in found]) / part for name in MOST}
    print(*(f"{name} {growth:+.2f}" for name, growth in grown.items()), "in a round")
    most = MOST | (MOST_IN_SHORT if part * PARTS < SHORT else {})
    wrong = [name for name, growth in grown.items() if growth > most[name]]
    if wrong:
        print(f"growing: {', '.join(wrong)}", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
