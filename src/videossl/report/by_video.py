"""The results of single test videos behind a number, to compare networks in pairs and to average over seeds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd

from videossl.common.results import read_predictions

PREDICTIONS = "predictions.parquet"
_SHARE_OF_CORRECT = re.compile(r"(^|_)(top1|recall_at_1)$")
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Term:
    """A measured number in a sum of numbers: its factor and value, and where the results of single videos would be.

    A number has one term, a difference of two has two, with the factors 1 and -1.
    """

    folder: str
    """The run folder."""
    metric: str
    value: float
    split: str
    noise: str = ""
    severity: int = 0
    factor: float = 1.0

    def times(self, factor: float) -> Term:
        """The term of the number times `factor`."""
        return Term(self.folder, self.metric, self.value, self.split, self.noise, self.severity, factor * self.factor)


def values_by_video(terms: Sequence[Term]) -> pd.Series | None:
    """The sum of the terms for each video, indexed by the sorted videos; None unless all were tested on the same videos
    and say so video by video."""
    found = [_correct(term) for term in terms]
    if not found or any(one is None or not one.index.equals(found[0].index) for one in found):
        return None
    return sum(term.factor * one for term, one in zip(terms, found, strict=True))


def _correct(term: Term) -> pd.Series | None:
    """Which videos are correct, as 0 or 1; None if the predictions are not those that the number is the mean of."""
    path = Path(term.folder) / PREDICTIONS
    if not _SHARE_OF_CORRECT.search(term.metric) or not path.is_file():
        return None
    correct = _read_once(path, term.split, term.noise, term.severity, path.stat().st_mtime_ns)
    if correct is None or abs(correct.mean() - term.value) > _ROUNDING:
        return None  # a mean over several test sets, or over classes
    return correct


@lru_cache(maxsize=4096)
def _read_once(path: Path, split: str, noise: str, severity: int, changed: int) -> pd.Series | None:
    rows = read_predictions(path)
    rows = rows[(rows["split"] == split) & (rows["noise"] == noise) & (rows["severity"] == severity)]
    return None if rows.empty else rows.set_index("video")["correct"].astype(float).sort_index()
