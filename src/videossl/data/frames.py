"""Frames of a video at a requested size: from the frame store if its frames are large enough, else from the video
files.

The store is made for the study's networks (128 pixels at the paper's scale). A model with larger inputs reads its few
frames per video from the file itself: it sees every test video once, so a second store would not pay off.
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
    """Source of frames for a data set of clips."""

    def read(
        self, shard: int, batch: int, indices: Sequence[int] | np.ndarray, *, borrowed: bool = False
    ) -> np.ndarray:
        """Frames (T, H, W, 3) uint8 RGB of one video in the order of `indices`. With `borrowed`, the next call may
        overwrite the memory of the result."""
        ...


class VideoFileFrames:
    """Frames of a manifest's videos, decoded from their files, with a short side of `short_side` pixels."""

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
        """See :class:`Frames`. Raises UserError if the file has changed since it was stored."""
        path, start = self._files[shard, batch]
        return frames_at(path, start + np.asarray(indices, dtype=np.int64), self.short_side)


def frames_of(manifest: Path, rows: pd.DataFrame, root: Path, size: int) -> Frames:
    """Source of frames for square inputs of `size` pixels. `rows`: rows of the `manifest`."""
    store = open_store(manifest, rows)
    first = int(rows.loc[rows["status"] == "ok", "shard"].min())
    return store if store.settings(first)["short_side"] >= size else VideoFileFrames(rows, root, size)
