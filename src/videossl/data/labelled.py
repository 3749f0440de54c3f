"""Labelled subsets of a target's training videos: a few videos of each class, for low-shot finetuning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from videossl.common.errors import UserError
from videossl.common.intact import read_json
from videossl.data.classes import class_names
from videossl.data.notes import few
from videossl.data.subsets import SubsetOrder, checksum


@dataclass(frozen=True)
class Labelled:
    """A labelled subset: the videos asked for of each class, those found, and the classes that have fewer."""

    asked: int = 0
    videos: int = 0
    classes: int = 0
    """Classes with a training video."""
    checksum: str = ""
    """Of the ids: equal for two networks only if they were finetuned on the same videos."""
    short: Mapping[str, int] | None = None
    """Number of videos of each class that has fewer than `asked`, by name."""

    def as_json(self) -> dict[str, Any]:
        """For `run.json`."""
        return {**self.__dict__, "short": dict(self.short or {})}

    def summary(self, shown: int = 5) -> str:
        """The classes that have fewer videos than asked for, in one sentence; empty if there are none."""
        if not self.short:
            return ""
        names = [f"{name} ({count})" for name, count in self.short.items()]
        return (
            f"classes with fewer than {self.asked} labelled videos, all of which are used ({len(names)} of"
            f" {self.classes}): {few(names, shown)}"
        )


def labelled_subset(videos: pd.DataFrame, asked: int, seed: int) -> tuple[pd.DataFrame, Labelled]:
    """The first `asked` videos of each class, in the order of pretraining subsets (:mod:`videossl.data.subsets`).

    So subsets of one seed are nested, each class has equally many unless it has fewer in all, and every network that is
    finetuned with the seed sees the same videos.

    Args:
        videos: training videos of a target; the columns id, label and label_name are read.
        asked: number of videos of each class.
        seed: decides which.

    Returns:
        The chosen rows in the order of `videos`, and their description.
    """
    order = SubsetOrder(videos.assign(split="train"), seed).of(np.ones(len(videos), bool))
    place_in_class = videos.iloc[order].groupby("label").cumcount().to_numpy()
    chosen = videos.iloc[np.sort(order[place_in_class < asked])].reset_index(drop=True)
    counts, names = chosen["label"].value_counts().sort_index(), class_names(videos)
    short = {names[int(label)]: int(count) for label, count in counts.items() if count < asked}
    return chosen, Labelled(asked, len(chosen), len(counts), checksum(chosen["id"]), short)


def read_labelled(run: Path) -> Labelled:
    """The labelled subset of a run from its `run.json`. An empty one if the file has none or cannot be read; code that
    shows the run reports an unreadable file."""
    try:
        return Labelled(**read_json(run, {}, "record of a run").get("labelled", {}))
    except (UserError, TypeError):
        return Labelled()
