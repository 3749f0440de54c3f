"""Frames of a video at a wanted size: from the frame store where it is large enough, else from the video files.

The store is made for the study's networks (128 pixels at the paper's scale). A model that wants more reads its few
frames of each video from the file itself: it sees every test video once, so a second store would not pay.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from videossl.data.file_names import video_path
from videossl.data.manifest import open_store
from videossl.data.materialise import require_videos
from videossl.data.video import frames_at


class Frames(Protocol):
    """What a data set of clips reads from."""

    def read(
        self, shard: int, batch: int, indices: Sequence[int] | np.ndarray, *, borrowed: bool = False
    ) -> np.ndarray:
        """Frames (T, H, W, 3) uint8 RGB of one video in the order of `indices`; with `borrowed` in memory that the next
        reading may use again."""
        ...


class VideoFileFrames:
    """The frames of a manifest's videos, decoded from their files, with the short side at `short_side` pixels."""

    def __init__(self, manifest: pd.DataFrame, root: Path, short_side: int) -> None:
        require_videos(root)
        usable = manifest[manifest["status"] == "ok"]
        starts = usable["start_frame"].fillna(0).astype(int)
        self._files = {
            (int(shard), int(batch)): (video_path(root, path), start)
            for shard, batch, path, start in zip(usable["shard"], usable["batch"], usable["path"], starts, strict=True)
        }
        self.short_side = short_side

    def read(
        self, shard: int, batch: int, indices: Sequence[int] | np.ndarray, *, borrowed: bool = False
    ) -> np.ndarray:
        """See :class:`Frames`; a file that has changed since it was stored is a UserError."""
        path, start = self._files[shard, batch]
        return frames_at(path, start + np.asarray(indices, dtype=np.int64), self.short_side)


def frames_of(manifest: Path, rows: pd.DataFrame, root: Path, size: int) -> Frames:
    """Frames of a dataset for squares of `size` pixels. `rows` are those of the `manifest`."""
    store = open_store(manifest, rows)
    first = int(rows.loc[rows["status"] == "ok", "shard"].min())
    return store if store.settings(first)["short_side"] >= size else VideoFileFrames(rows, root, size)
