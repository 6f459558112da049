"""How the tracks share the score's height, and which of them are shown in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gui.tracks.base import Track

MARGIN = 6.0
"""Above the first and below the last track."""
SPACE = 6.0
"""Between two tracks."""


@dataclass(frozen=True)
class Strip:
    """A track and the stretch of height that it has, before scrolling."""

    track: Track
    top: float
    height: float

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.height


def lay_out(
    tracks: Sequence[Track],
    sizes: Mapping[str, float],
    height: float,
    unit: float,
    narrow: bool = False,
    scrolls: bool = True,
) -> list[Strip]:
    """Give every track its height.

    Where there is room all have what they like and share the rest by their stretch; where there is too
    little they give way together, down to their minimum, below which the score scrolls.

    Parameters
    ----------
    tracks : sequence of Track
        From the top down.
    sizes : mapping
        Heights that the user has set, by the track's id; these stay.
    height : float
        What there is, in pixels.
    unit : float
        Pixels of a length of 1.
    narrow : bool
        Whether steps run into one another, so that some tracks fold.
    scrolls : bool
        False: the tracks give way below their minimum too.
    """
    room = height - unit * (2 * MARGIN + SPACE * max(0, len(tracks) - 1))
    fixed = {t.id: t.folded * unit for t in tracks if narrow and t.folded}
    fixed |= {t.id: max(sizes[t.id], 24 * unit) for t in tracks if t.id in sizes}
    free = [t for t in tracks if t.id not in fixed]
    room -= sum(fixed.values())
    least, liked = (sum(getattr(t, name) for t in free) * unit for name in ("minimum", "natural"))
    stretch = sum(t.stretch for t in free)
    found = dict(fixed)
    for track in free:
        if room >= liked:
            share = track.stretch / stretch if stretch else 1 / len(free)
            found[track.id] = track.natural * unit + (room - liked) * share
        else:
            give = max(0.0, (room - least) / (liked - least)) if liked > least else 0.0
            found[track.id] = (track.minimum + (track.natural - track.minimum) * give) * unit
            if not scrolls and room < least:
                found[track.id] *= max(0.3, room / least)
    strips, top = [], MARGIN * unit
    for track in tracks:
        strips.append(Strip(track, top, found[track.id]))
        top += found[track.id] + SPACE * unit
    return strips


def chosen(available: Sequence[Track], names: Sequence[str] | None) -> list[Track]:
    """The tracks to show, in order.

    Parameters
    ----------
    available : sequence of Track
        Every track of the run, in their own order.
    names : sequence of str or None
        Ids of tracks, or kinds, which stand for every lane's; None: those that are shown at first.
    """
    if names is None:
        return [track for track in available if track.shown]
    ranks = {name: rank for rank, name in reversed(list(enumerate(names)))}
    found = [(ranks.get(t.id, ranks.get(t.kind)), i, t) for i, t in enumerate(available)]
    return [t for rank, _, t in sorted((r, i, t) for r, i, t in found if r is not None)]


def names_of(shown: Sequence[Track], available: Sequence[Track]) -> list[str]:
    """What settings keep of a choice: the kind where all its lanes stand together, else their ids."""
    names: list[str] = []
    for index, track in enumerate(shown):
        lanes = [other.id for other in available if other.kind == track.kind]
        run = [other.id for other in shown[index : index + len(lanes)]]
        if track.kind in names:
            continue
        names.append(track.kind if run == lanes else track.id)
    return names
