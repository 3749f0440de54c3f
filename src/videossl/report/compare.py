"""Compares two runs, or two sets of seeds, tested on the same videos: video by video, with the tables' statistics."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from videossl.analysis.statistics import chance_of_mean, crossed_chance, mcnemar_p, two_sided_p
from videossl.common.errors import UserError
from videossl.common.results import CONDITION, IDENTITY, read_cell, read_predictions
from videossl.report.by_video import PREDICTIONS, Term, values_by_video
from videossl.report.collect import Record, read_number
from videossl.report.gains import difference
from videossl.report.over_seeds import OverSeeds, over_seeds
from videossl.report.site.predictions import class_names
from videossl.report.status import OK

METRICS_FILE = "metrics.parquet"
COMPARABLE = ("top1", "recall_at_1")
"""Metrics that are the share of correct videos; the first one that a run has is compared."""
_SEED = re.compile(r"seed\d+")


@dataclass(frozen=True)
class ClassComparison:
    """One class. Accuracies, and their difference first - second, are fractions, means over the seeds."""

    name: str
    n: int
    first: float
    second: float

    @property
    def difference(self) -> float:
        """first - second"""
        return self.first - self.second


@dataclass(frozen=True)
class RunComparison:
    """Two networks on the same test videos; all values are fractions."""

    metric: str
    target: str
    split: str
    n: int
    """Test videos."""
    seeds: tuple[int, ...]
    """Of the first network's runs; those of the second stand in the same order."""
    first: OverSeeds
    second: OverSeeds
    difference: OverSeeds
    """first - second, paired by seed and video."""
    p_value: float
    """One seed: McNemar's exact test. Several: Student's t test with the claims' variance over seeds and videos."""
    only_first: int
    only_second: int
    """Pairs of seed and video that only this network has right."""
    classes: tuple[ClassComparison, ...]
    """From the largest to the smallest difference."""
    identities: tuple[Mapping[str, object], Mapping[str, object]]
    """Identity columns of both."""


def compare_runs(first: Sequence[Path], second: Sequence[Path]) -> RunComparison:
    """Compare two networks by their run folders: one, or one for each seed, in pairs.

    Raises:
        UserError: a folder has no finished test, or the two were not tested on the same videos.
    """
    if not first or len(first) != len(second):
        raise ValueError(f"need as many runs of one network as of the other, got {len(first)} and {len(second)}")
    pairs = [(_record(one), _record(other)) for one, other in zip(first, second, strict=True)]
    _require_same_metric(pairs, first, second)
    reference = _labels(first[0], pairs[0][0])
    for folder, record in zip([*first[1:], *second], [*(a for a, _ in pairs[1:]), *(b for _, b in pairs)], strict=True):
        _require_same_videos(first[0], reference, folder, _labels(folder, record))
    gaps = [difference(one, other) for one, other in pairs]
    firsts, seconds = (np.stack([_by_video(record) for record in side]) for side in zip(*pairs, strict=True))
    own = pairs[0][0]
    return RunComparison(
        metric=own.identity["metric"],
        target=own.identity["target"],
        split=own.split,
        n=firsts.shape[1],
        seeds=tuple(int(one.identity["seed"]) for one, _ in pairs),
        first=over_seeds([one for one, _ in pairs]),
        second=over_seeds([other for _, other in pairs]),
        difference=over_seeds(gaps),
        p_value=_p_value(firsts, seconds),
        only_first=int(((firsts == 1) & (seconds == 0)).sum()),
        only_second=int(((firsts == 0) & (seconds == 1)).sum()),
        classes=_by_class(reference, firsts.mean(axis=0), seconds.mean(axis=0), _names(first[0], own)),
        identities=(own.identity, pairs[0][1].identity),
    )


def runs_of_seeds(folder: Path) -> dict[int, Path]:
    """The finished runs that differ from that in `folder` in the seed alone, itself included, by seed."""
    absolute = folder.resolve()
    places = [number for number, part in enumerate(absolute.parts) if _SEED.fullmatch(part)]
    if not places:
        raise UserError(f"{folder} has no part seed0, seed1, … in its path, so its other seeds cannot be found.")
    above, below = Path(*absolute.parts[: places[-1]]), absolute.parts[places[-1] + 1 :]
    found = {
        int(one.name.removeprefix("seed")): one.joinpath(*below)
        for one in above.glob("seed*")
        if _SEED.fullmatch(one.name) and one.joinpath(*below, METRICS_FILE).is_file()
    }
    return dict(sorted(found.items()))


def _record(folder: Path) -> Record:
    """The number of a run that is compared, as in tables."""
    path = folder / METRICS_FILE
    if not path.is_file():
        raise UserError(f"{folder} has no {METRICS_FILE}: name the folder of a finished run with a test.")
    frame = read_cell(path)
    clean = frame[frame["noise"] == ""]
    metric = next((name for name in COMPARABLE if (clean["metric"] == name).any()), None)
    if metric is None or not (folder / PREDICTIONS).is_file():
        raise UserError(
            f"{folder} has no {' or '.join(COMPARABLE)} of single test videos without noise, so it cannot be compared"
            " video by video. Name runs of a finetuning, k-NN, linear probe, distillation or retrieval."
        )
    identity = {**{key: frame.iloc[0][key] for key in IDENTITY}, **CONDITION, "metric": metric}
    found = read_number(path, identity, "the comparison")
    term = Term(str(folder), metric, found["value"], found["split"])
    record = Record(identity, identity, OK, terms=(term,), run_dir=str(folder), **found)
    if values_by_video([term]) is None:
        raise UserError(
            f"{folder}: its {metric} is not the share of correct predictions in {PREDICTIONS} (such as a mean over"
            " several test sets), so it cannot be compared video by video."
        )
    return record


def _by_video(record: Record) -> np.ndarray:
    found = values_by_video(record.terms)
    assert found is not None  # `_record` has looked
    return found.to_numpy()


def _labels(folder: Path, record: Record) -> pd.Series:
    """Class of each test video, sorted by video."""
    rows = read_predictions(folder / PREDICTIONS)
    rows = rows[(rows["split"] == record.split) & (rows["noise"] == "") & (rows["severity"] == 0)]
    return rows.set_index("video")["label"].sort_index()


def _require_same_metric(pairs: Sequence[tuple[Record, Record]], first: Sequence[Path], second: Sequence[Path]) -> None:
    records = dict(zip((*first, *second), (*(a for a, _ in pairs), *(b for _, b in pairs)), strict=True))
    own = pairs[0][0]
    for folder, record in records.items():
        for what, one, other in [
            ("target", own.identity["target"], record.identity["target"]),
            ("split", own.split, record.split),
            ("metric", own.identity["metric"], record.identity["metric"]),
        ]:
            if one != other:
                raise UserError(
                    f"the runs cannot be compared: the {what} of {first[0]} is {one}, that of {folder} is {other}."
                    " Name runs tested on the same videos."
                )


def _require_same_videos(first: Path, own: pd.Series, folder: Path, other: pd.Series) -> None:
    """Raise UserError unless both runs were tested on the same videos with the same classes."""
    if not own.index.equals(other.index):
        only = [own.index.difference(other.index), other.index.difference(own.index)]
        counts = "; ".join(
            f"{len(videos)} only by {place}, such as {videos[0]}"
            for place, videos in zip((first, folder), only, strict=True)
            if len(videos)
        )
        raise UserError(
            f"the runs cannot be compared: they were tested on different videos ({counts}). Evaluate one of them again"
            " with the other's list of test videos."
        )
    differing = own.index[own.to_numpy() != other.to_numpy()]
    if len(differing):
        raise UserError(
            f"the runs cannot be compared: {first} and {folder} have other classes for {len(differing)} test videos,"
            f" such as {differing[0]} ({own[differing[0]]} and {other[differing[0]]})."
        )


def _p_value(first: np.ndarray, second: np.ndarray) -> float:
    """Probability of such a difference, or a larger one, between equal networks. first, second: (seeds, videos)."""
    if len(first) == 1:
        return mcnemar_p(int(((first == 1) & (second == 0)).sum()), int(((first == 0) & (second == 1)).sum()))
    gap = first - second
    of_videos, one = crossed_chance([], [gap.mean(axis=0)]).variance, 1 / gap.shape[1] ** 2
    further = max(0.0, one - of_videos)  # as if one video told them apart, as in claims
    chance = chance_of_mean(gap, further)
    return two_sided_p(float(gap.mean()) / chance.error, chance.freedom)


def _by_class(
    labels: pd.Series, first: np.ndarray, second: np.ndarray, names: Mapping[int, str]
) -> tuple[ClassComparison, ...]:
    frame = pd.DataFrame({"label": labels.to_numpy(), "first": first, "second": second})
    found = [
        ClassComparison(names.get(int(label), f"class {label}"), len(rows), *rows[["first", "second"]].mean())
        for label, rows in frame.groupby("label")
    ]
    return tuple(sorted(found, key=lambda one: (-one.difference, one.name)))


def _names(folder: Path, record: Record) -> dict[int, str]:
    """Class names of the target, from the results folder that the run lies in; {} if it is not there."""
    target = f"data/{record.identity['target']}/manifest.parquet"
    there = (parent / target for parent in folder.resolve().parents)
    return next((class_names(path) for path in there if path.is_file()), {})
