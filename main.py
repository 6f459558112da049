"""Loopscope: look inside recurrent networks, one step at a time. Reads the command line and starts."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys


def _prepare(arguments: list[str]) -> str:
    """Set what has to stand before NumPy and Qt are loaded; return why it cannot start, or nothing."""
    # One thread: two make small networks many times slower. More only where the user's environment says so.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    if sys.stderr is not None:
        faulthandler.enable()
    if any(word.split("=")[0] == "--snapshot" for word in arguments) and not os.environ.get("QT_QPA_PLATFORM"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in screens):
        return "there is no screen to open a window on; --snapshot OUT.png draws it without one"
    return ""


def main(arguments: list[str] | None = None) -> int:
    """Run the program and return its exit status: 0, or 2 where what was asked for cannot be."""
    arguments = sys.argv[1:] if arguments is None else arguments
    problem = _prepare(arguments)

    from gui import command_line

    try:
        options = command_line.parse(arguments)
        if isinstance(options, str):
            print(options)
            return 0
        if problem:
            raise command_line.UsageError(problem)

        from gui import application

        return application.start(options)
    except command_line.UsageError as error:
        print(f"loopscope: {error}", file=sys.stderr)
        return 2
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        log = logging.getLogger("loopscope")
        if log.handlers:
            log.exception("unforeseen failure")
        said = f"loopscope: something unforeseen went wrong: {type(error).__name__}: {error}"
        print(" ".join(said.split()), file=sys.stderr, flush=True)
        # What the failure left half done in Qt cannot be taken down in order.
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
