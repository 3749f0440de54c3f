"""Which classes of a target dataset have videos to train on and to test on, and which do not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from videossl.common.errors import UserError
from videossl.common.intact import read_json
from videossl.data.notes import few

NAMES = "classes"
"""Attribute of a listing or manifest (stored in the Parquet file) with all class names, if the official lists have
them: classes without any video are then known too."""


def with_class_names(frame: pd.DataFrame, classes: Mapping[str, int] | None) -> pd.DataFrame:
    """Return the listing with {name: number} of all classes among its attributes."""
    if classes is not None:
        frame.attrs[NAMES] = json.dumps(
            {number: name for name, number in classes.items()}
        )  # as text, since pandas copies attributes often
    return frame


def class_names(frame: pd.DataFrame) -> dict[int, str]:
    """{number: name} of all classes of a listing or manifest, also those without a row; sorted by number."""
    rows = frame[frame["label"] >= 0].drop_duplicates("label")
    names = {int(number): name for number, name in json.loads(frame.attrs.get(NAMES, "{}")).items()}
    own = rows["label_name"] if "label_name" in rows else [""] * len(rows)
    names |= {int(label): name or f"class {label}" for label, name in zip(rows["label"], own, strict=True)}
    return dict(sorted(names.items()))


@dataclass(frozen=True)
class ClassGaps:
    """Numbers of known, trained and tested classes, and the names of classes that lack videos.

    `trained` is None if nothing is trained (zero-shot classification).
    """

    known: int = 0
    trained: int | None = None
    tested: int = 0
    without_videos: tuple[str, ...] = ()
    """Classes without a usable training or test video."""
    untrained: tuple[str, ...] = ()
    """Classes with test videos but no training video."""
    untested: tuple[str, ...] = ()
    """Classes with training videos but no test video."""

    def as_json(self) -> dict[str, Any]:
        """For `run.json`."""
        return asdict(self)

    @classmethod
    def parse(cls, value: Mapping[str, Any] | None) -> ClassGaps:
        """Parse the output of :meth:`as_json`. No gaps if it is missing or malformed."""
        try:
            return cls(**{key: tuple(v) if isinstance(v, list) else v for key, v in (value or {}).items()})
        except (TypeError, AttributeError):
            return cls()

    def sentences(self, shown: int = 5) -> list[str]:
        """One sentence per kind of gap; none if no class lacks videos."""
        parts = (
            (self.without_videos, "without a usable video"),
            (self.untrained, "tested, but without a usable training video"),
            (self.untested, "without a usable test video"),
        )
        return [f"classes {text} ({len(names)} of {self.known}): {few(names, shown)}" for names, text in parts if names]

    def summary(self, shown: int = 5) -> str:
        """All gaps in one sentence that also says what n and chance level refer to; empty if there are none."""
        found = self.sentences(shown)
        counts = f"n and chance level are those of the {self.tested} classes that were tested"
        return "; ".join([*found, counts]) if found else ""


def read_gaps(run: Path) -> ClassGaps:
    """Class gaps of a test from its `run.json`. No gaps if the file is missing, unreadable or has none; code that shows
    the run reports an unreadable file."""
    try:
        return ClassGaps.parse(read_json(run, {}, "record of a run").get("classes"))
    except UserError:
        return ClassGaps()


def class_gaps(names: Mapping[int, str], train: Iterable[int] | None, test: Iterable[int]) -> ClassGaps:
    """Class gaps from the labels of usable training and test videos.

    names: {number: name} of all classes. train: None if nothing is trained.
    """
    trained, tested = set(names if train is None else train), set(test)

    def named(labels: set[int]) -> tuple[str, ...]:
        return tuple(names[label] for label in sorted(labels))

    return ClassGaps(
        known=len(names),
        trained=None if train is None else len(trained),
        tested=len(tested),
        without_videos=named(set(names) - trained - tested),
        untrained=named(tested - trained),
        untested=named(trained - tested),
    )
