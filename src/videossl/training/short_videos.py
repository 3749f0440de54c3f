"""Videos that are too short for a pretext task: which they are, and how a run tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from videossl.common.errors import UserError
from videossl.data.feasible import require_videos
from videossl.data.notes import few, tell
from videossl.training.specs import PretrainSpec


@dataclass(frozen=True)
class ShortVideos:
    """Videos with fewer than `min_frames` frames: `train` of `trained` videos, and those left out of the test."""

    min_frames: int
    train: list[str]
    trained: int
    heldout: list[str]

    def as_json(self) -> dict[str, Any] | None:
        """For `run.json`: the numbers, and the first names; None if no video is too short."""
        if not self.train and not self.heldout:
            return None
        return {
            "min_frames": self.min_frames,
            "train": len(self.train),
            "of": self.trained,
            "heldout": len(self.heldout),
            "names": few(self.train or self.heldout),
        }

    def tell(self, task: str) -> None:
        """Print one note for training and one for held-out videos, with the first names, if there are any."""
        short = f"fewer than {self.min_frames} frames, too short for {task}"
        if self.train:
            text = f"{len(self.train):,} of {self.trained:,} training videos have {short}; others take their place"
            tell(f"{text}: {few(self.train)}")
        if self.heldout:
            tell(f"{len(self.heldout):,} held-out videos have {short}, and are left out: {few(self.heldout)}")


def long_enough(videos: pd.DataFrame, heldout: pd.DataFrame, min_frames: int) -> tuple[pd.DataFrame, ShortVideos]:
    """The held-out videos of at least `min_frames` frames, and which videos are shorter.

    videos, heldout: rows of the manifest (columns `id` and `frames`).
    """
    short = [list(rows.loc[rows["frames"] < min_frames, "id"]) for rows in (videos, heldout)]
    kept = heldout[heldout["frames"] >= min_frames].reset_index(drop=True)
    return kept, ShortVideos(min_frames, short[0], len(videos), short[1])


def require_long_videos(videos: pd.DataFrame, short: ShortVideos, spec: PretrainSpec, subset: str, source: str) -> None:
    """UserError unless enough training videos for a step are long enough for the task."""
    usable = short.trained - len(short.train)
    if short.train and not usable:
        raise UserError(
            f"none of the {short.trained} videos of subset {subset} of dataset {source} has the {short.min_frames}"
            f" frames that {spec.task} needs with clips of {spec.clip.frames} frames and the options {spec.options};"
            f" the longest has {videos['frames'].max()}. Lower clip.frames, the options or the complexity"
            f" (`recipe_overrides: {{{spec.task}: {{clip: {{frames: …}}}}}}` in the configuration), leave the task out,"
            " or use longer videos."
        )
    counted = f", without videos of fewer than {short.min_frames} frames," if short.train else ""
    require_videos(
        usable,
        spec.batch_size,
        spec.accumulation_steps,
        f"subset {subset} of dataset {source}{counted}",
        f"Give it more: the training list and files of datasets.{source}, and subsets.{subset}.",
    )
