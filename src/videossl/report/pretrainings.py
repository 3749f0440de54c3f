"""Notes on the pretrainings behind a number: videos that were too short for the task, and keys of a query's own video
among its negatives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from videossl.common.errors import UserError
from videossl.common.results import OWN_VIDEO, read_cell
from videossl.report.spec import Spec
from videossl.training.record import read_run


@dataclass(frozen=True)
class Facts:
    """Facts of one pretraining."""

    identity: Mapping[str, Any]
    too_short: Mapping[str, Any] | None
    """See :class:`videossl.training.short_videos.ShortVideos`; None if no video was too short."""
    own_video: float | None
    """Fraction of queries with a key of their own video in the queue; None for a task without a queue."""
    excluded: bool
    """Whether such keys were left out of the negatives."""


def pretraining_notes(spec: Spec, folders: Iterable[str]) -> list[str]:
    """Notes on the pretrainings in `folders`, without those that are not there or cannot be read: the number's own run
    has its reason then."""
    found = [facts for folder in dict.fromkeys(folders) if (facts := _facts_of(Path(folder))) is not None]
    return [*_too_short(spec, found), *_own_videos(spec, found)]


def _facts_of(folder: Path) -> Facts | None:
    try:
        state = (folder / "run.json").stat()
        return _read(folder, state.st_mtime_ns, state.st_size)
    except (OSError, UserError):
        return None


@lru_cache(maxsize=4096)
def _read(folder: Path, changed: int, size: int) -> Facts:
    run, metrics = read_run(folder / "run.json"), read_cell(folder / "metrics.parquet").set_index("metric")["value"]
    own = float(metrics[OWN_VIDEO]) if OWN_VIDEO in metrics else None
    excluded = bool(run["recipe"].get("options", {}).get("exclude_same_video"))
    return Facts(run["identity"], run.get("too_short"), own, excluded)


def _too_short(spec: Spec, found: Iterable[Facts]) -> list[str]:
    """One sentence per task and variant: how many videos of each set were too short."""
    groups: dict[tuple[str, int], dict[str, None]] = {}
    for facts in found:
        if facts.too_short:
            short, task = facts.too_short, spec.label("task", facts.identity["task"])
            name = " ".join(part for part in (task, facts.identity["complexity"]) if part)
            trained, heldout = f"{short['train']:,} of {short['of']:,} for training", f"{short['heldout']:,} held out"
            item = f"{trained} and {heldout} ({_set(spec, facts)})"
            groups.setdefault((name, short["min_frames"]), {})[item] = None
    return [
        f"{name} left out videos of fewer than {frames} frames, too short for the task: {'; '.join(items)}."
        " In training, others took their place."
        for (name, frames), items in groups.items()
    ]


def _own_videos(spec: Spec, found: Iterable[Facts]) -> list[str]:
    """One sentence per task: the share of queries that met their own video in the queue, for each set of videos."""
    groups: dict[tuple[str, bool], dict[str, list[float]]] = {}
    for facts in found:
        if facts.own_video:
            name = spec.label("task", facts.identity["task"])
            sets = groups.setdefault((name, facts.excluded), {})
            sets.setdefault(_set(spec, facts), []).append(facts.own_video)
    return [
        f"{name}: share of the queries for which the queue held a key of their own video: {_shares(sets)}. Such keys"
        f" {'were left out of the negatives' if excluded else 'count as negatives, as in the reference'}."
        for (name, excluded), sets in groups.items()
    ]


def _shares(sets: Mapping[str, list[float]]) -> str:
    """Percentages by set of videos; a range where networks differ."""
    items = []
    for name, values in sets.items():
        texts = dict.fromkeys(f"{100 * value:.1f}" for value in (min(values), max(values)))
        items.append(f"{' to '.join(texts)} % ({name})")
    return ", ".join(items)


def _set(spec: Spec, facts: Facts) -> str:
    return ", ".join(spec.label(axis, facts.identity[axis]) for axis in ("source", "subset"))
