"""Looks at a user's video files before anything is configured: which can be used, how long they are, which look alike.

A video counts as usable if it decodes completely, as in the frame store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from videossl.common.progress import track
from videossl.data.encode import Wanted, encode_videos
from videossl.data.video import BrokenVideo

SIDE = 16
"""Side of a thumbnail in pixels."""
ALIKE = 0.95
"""Correlation of two thumbnails from which on two videos count as near-duplicates. Of the pairs of 300 clips of tennis
(docs/study/real.md), 1 in 500 reaches it, mostly successive clips of one scene."""
ROWS = 512
"""Rows of the table of correlations that are computed at a time."""


@dataclass(frozen=True)
class Seen:
    """A usable video."""

    frames: int
    thumbnail: np.ndarray
    """The first frame, squeezed to SIDE x SIDE: uint8 (SIDE, SIDE, 3)."""


def survey(files: Mapping[str, Path], processes: int = 1) -> Iterator[tuple[str, Seen | str]]:
    """Each video by its name, in order: what was seen, or why it cannot be used. Progress on standard error."""
    wanted = [Wanted(path, SIDE, _first_frame) for path in files.values()]
    found = track(encode_videos(wanted, processes=max(1, processes)), "looking at videos", len(wanted))
    for name, video in zip(files, found, strict=True):
        if isinstance(video, BrokenVideo):
            yield name, str(video)
        else:
            thumbnail = video.frames[0]
            assert thumbnail is not None
            yield name, Seen(len(video.frames), thumbnail)


def _first_frame(frame: np.ndarray, size: tuple[int, int], number: int) -> np.ndarray | None:
    from PIL import Image

    if number:
        return None
    return np.asarray(Image.fromarray(frame).resize((SIDE, SIDE), Image.Resampling.BOX))


def alike(thumbnails: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of thumbnails whose correlation is at least ALIKE. A plain one (black) is like no other."""
    if not thumbnails:
        return []
    values = np.stack(thumbnails).reshape(len(thumbnails), -1).astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    values /= np.where(lengths < values.shape[1] ** 0.5, np.inf, lengths)  # less than one grey level: plain
    pairs = []
    for first in range(0, len(values), ROWS):
        rows, columns = np.nonzero(values[first : first + ROWS] @ values.T >= ALIKE)
        pairs += [(int(row) + first, int(column)) for row, column in zip(rows, columns, strict=True)]
    return [(row, column) for row, column in pairs if row < column]


def joined(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Number of the group of each of `count` videos, where the videos of a pair are in one group."""
    above = list(range(count))

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    for first, second in pairs:
        above[max(top(first), top(second))] = min(top(first), top(second))
    return [top(place) for place in range(count)]
