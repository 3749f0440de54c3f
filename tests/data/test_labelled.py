"""Labelled subsets for low-shot finetuning: nested, balanced, seeded."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from videossl.common.files import write_json
from videossl.common.intact import sealed
from videossl.data.labelled import Labelled, labelled_subset, read_labelled

SIZES = {0: 12, 1: 3, 2: 7}


def videos(shuffle: int | None = None) -> pd.DataFrame:
    rows = [(f"{label}-{n}", label, f"class {label}") for label, count in SIZES.items() for n in range(count)]
    frame = pd.DataFrame(rows, columns=["id", "label", "label_name"])
    frame["split"] = np.where(np.arange(len(frame)) % 3 == 0, "val", "train")
    return frame if shuffle is None else frame.sample(frac=1, random_state=shuffle).reset_index(drop=True)


@pytest.mark.parametrize("asked", [1, 3, 5, 100])
def test_every_class_has_as_many_as_asked_or_all(asked):
    chosen, labelled = labelled_subset(videos(), asked, seed=0)
    assert chosen["label"].value_counts().to_dict() == {label: min(asked, size) for label, size in SIZES.items()}
    short = {f"class {label}": size for label, size in SIZES.items() if size < asked}
    assert labelled.short == short and (labelled.videos, labelled.classes) == (len(chosen), 3)
    assert [name in labelled.summary() for name in short] == [True] * len(short) and bool(labelled.summary()) == bool(
        short
    )


def test_subsets_are_nested_and_the_validation_videos_are_among_them():
    chosen = [set(labelled_subset(videos(), asked, seed=4)[0]["id"]) for asked in (1, 2, 5, 12)]
    assert all(small < large for small, large in itertools.pairwise(chosen))
    assert chosen[-1] == set(videos()["id"])


def test_the_seed_decides_and_the_order_of_rows_does_not():
    first = set(labelled_subset(videos(), 2, seed=0)[0]["id"])
    assert first == set(labelled_subset(videos(shuffle=1), 2, seed=0)[0]["id"])
    others = [set(labelled_subset(videos(), 2, seed=seed)[0]["id"]) for seed in range(1, 6)]
    assert any(other != first for other in others)


def test_a_video_that_drops_out_is_replaced_within_its_class():
    first = labelled_subset(videos(), 3, seed=0)[0]
    lost = first["id"][first["label"] == 0].iloc[0]
    again = labelled_subset(videos()[lambda frame: frame["id"] != lost].reset_index(drop=True), 3, seed=0)[0]
    assert set(first["id"]) - set(again["id"]) == {lost} and len(again) == len(first)
    assert set(again["id"]) - set(first["id"]) <= set(videos()["id"][videos()["label"] == 0])


def test_a_record_says_what_was_labelled(tmp_path):
    labelled = labelled_subset(videos(), 5, seed=0)[1]
    write_json(tmp_path / "run.json", sealed({"labelled": labelled.as_json()}))
    assert read_labelled(tmp_path / "run.json") == labelled
    assert (
        "classes with fewer than 5 labelled videos, all of which are used (1 of 3): class 1 (3)" in labelled.summary()
    )
    write_json(tmp_path / "other.json", sealed({"samples": {}}))
    assert read_labelled(tmp_path / "other.json") == read_labelled(tmp_path / "none.json") == Labelled()
    assert json.loads((tmp_path / "run.json").read_text())["labelled"]["short"] == {"class 1": 3}
