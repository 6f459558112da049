"""Files that Loopscope ships: fonts, icons, trained weights and example data, wherever it is installed."""

from pathlib import Path

_ROOT = Path(__file__).resolve().parent


def path(*parts: str) -> Path:
    """Return the path of a shipped file or folder.

    Parameters
    ----------
    *parts : str
        Its place under ``resources``, as in ``path("icons", "play.svg")``.

    Raises
    ------
    FileNotFoundError
        There is no such file or folder; the message names it.
    """
    found = _ROOT.joinpath(*parts)
    if not found.exists():
        raise FileNotFoundError(f"resources has no {'/'.join(parts)!r}: {found} does not exist")
    return found
