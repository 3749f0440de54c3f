"""Which classes of a target dataset have videos to train on and to test on, and which lack them."""

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
"""The key of a listing's and a manifest's attributes (kept in the Parquet file) for all class names, where the lists
have them: a class without any row is then known too."""


def with_class_names(frame: pd.DataFrame, classes: Mapping[str, int] | None) -> pd.DataFrame:
    """The listing, with {name: number} of all its classes among its attributes."""
    if classes is not None:
        frame.attrs[NAMES] = json.dumps({number: name for name, number in classes.items()})  # pandas copies it often
    return frame


def class_names(frame: pd.DataFrame) -> dict[int, str]:
    """{number: name} of the classes of a listing or manifest, those without a row among them; in order."""
    rows = frame[frame["label"] >= 0].drop_duplicates("label")
    names = {int(number): name for number, name in json.loads(frame.attrs.get(NAMES, "{}")).items()}
    own = rows["label_name"] if "label_name" in rows else [""] * len(rows)
    names |= {int(label): name or f"class {label}" for label, name in zip(rows["label"], own, strict=True)}
    return dict(sorted(names.items()))


@dataclass(frozen=True)
class ClassGaps:
    """How many classes there are, were trained on and tested, and the names of those that lack videos.

    `trained` is None where nothing is trained (zero-shot classification).
    """

    known: int = 0
    trained: int | None = None
    tested: int = 0
    without_videos: tuple[str, ...] = ()
    """Neither a training nor a test video can be used."""
    untrained: tuple[str, ...] = ()
    """Test videos, and no training video."""
    untested: tuple[str, ...] = ()
    """Training videos, and no test video."""

    def as_json(self) -> dict[str, Any]:
        """For `run.json`."""
        return asdict(self)

    @classmethod
    def parse(cls, value: Mapping[str, Any] | None) -> ClassGaps:
        """What :meth:`as_json` wrote; of a run that wrote nothing, or what cannot be read, no gaps."""
        try:
            return cls(**{key: tuple(v) if isinstance(v, list) else v for key, v in (value or {}).items()})
        except (TypeError, AttributeError):
            return cls()

    def sentences(self, shown: int = 5) -> list[str]:
        """What is missing, a sentence each; none where nothing is."""
        parts = (
            (self.without_videos, "without a usable video"),
            (self.untrained, "tested, but without a usable training video"),
            (self.untested, "without a usable test video"),
        )
        return [f"classes {text} ({len(names)} of {self.known}): {few(names, shown)}" for names, text in parts if names]

    def summary(self, shown: int = 5) -> str:
        """All in one sentence, with what n and chance are of; empty where nothing is missing."""
        found = self.sentences(shown)
        counts = f"n and chance level are those of the {self.tested} classes that were tested"
        return "; ".join([*found, counts]) if found else ""


def read_gaps(run: Path) -> ClassGaps:
    """What the `run.json` of a test says of classes; no gaps where there is none, or one that says nothing, or that
    cannot be read: who shows the run says so."""
    try:
        return ClassGaps.parse(read_json(run, {}, "record of a run").get("classes"))
    except UserError:
        return ClassGaps()


def class_gaps(names: Mapping[int, str], train: Iterable[int] | None, test: Iterable[int]) -> ClassGaps:
    """The gaps of the classes `names` by the labels of the usable training and test videos; `train` is None where
    nothing is trained."""
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
