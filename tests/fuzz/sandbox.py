"""What the test of bombs runs: reads every file of a folder in every way there is, and watches what that does.

Prints a line of JSON for each reading: the file, the way, what was said, seconds, and megabytes more than before.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import sysconfig
import time
from pathlib import Path

from said import attempt
from wholesome import all_suffixes, readers_of, samples

GIGABYTE = 2**30
#: What a reader has no business with; a write is told from a reading by its flags.
EVENTS = (
    "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "subprocess.Popen", "pty.spawn",
    "socket.", "urllib.", "http.", "ctypes.dlopen", "pickle.find_class", "code.__new__", "os.remove",
    "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.link", "os.symlink", "os.truncate", "os.putenv", "shutil.",
    "tempfile.", "webbrowser.", "sys.settrace",
)  # fmt: skip
#: The ways that go through the others: what load_torch does is a part of of_file.
WAYS = ("of_file", "captures", "storing", "with_sequence", "vocabularies")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
OURS = tuple({*map(os.path.realpath, (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), os.getcwd()))})


def _watch(offences: list[str]) -> None:
    def heard(event: str, arguments: tuple) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES
        if writes or event.startswith(EVENTS):
            offences.append(f"{event} {arguments!r:.100}")
        elif event == "exec" and not os.path.realpath(arguments[0].co_filename).startswith(OURS):
            offences.append(f"{event} {arguments[0].co_filename:.100}")

    sys.addaudithook(heard)


def _status(name: str) -> int:
    """What the system says of this process, in bytes: VmHWM is the most memory that it has had."""
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def _forget_peak() -> None:
    file = os.open("/proc/self/clear_refs", os.O_WRONLY)
    os.write(file, b"5")
    os.close(file)


def main(folder: Path, good: Path) -> None:
    """Read good files first, so that all is loaded, and then the bombs."""
    for name, data in samples().items():
        (good / name).write_bytes(data)
        for reader in readers_of((good / name).suffix):
            attempt(reader.read, good / name)
    known = all_suffixes()
    files = sorted(path for path in folder.iterdir() if path.suffix in known)
    most = _status("VmSize") + 2 * GIGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    offences: list[str] = []
    _watch(offences)
    for path in files:
        for reader in readers_of(path.suffix):
            if reader.name not in WAYS:
                continue
            _forget_peak()
            offences.clear()
            before, began = _status("VmHWM"), time.process_time()
            try:
                said, wrong = attempt(reader.read, path), ""
            except BaseException as error:
                said, wrong = "", f"{type(error).__name__}: {error}"[:300]
            line = {
                "file": path.name, "way": reader.name, "said": said, "wrong": wrong, "offences": offences[:3],
                "seconds": time.process_time() - began, "megabytes": (_status("VmHWM") - before) / 2**20,
                "size": path.stat().st_size / 2**20,
            }  # fmt: skip
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
