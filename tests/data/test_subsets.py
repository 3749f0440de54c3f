"""Nested class-balanced subsets and the validation split, over random class sizes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from videossl.common.errors import UserError
from videossl.data.readers.registry import group_of
from videossl.data.readers.validation import with_validation
from videossl.data.subsets import make_subset, subset_order


def manifest_of(sizes: list[int], rng: np.random.Generator | None = None) -> pd.DataFrame:
    """sizes[c] usable training videos of class c, with unusable and test rows; shuffled if `rng` is given."""
    rows = [(f"c{c}_v{i}", c, "train", "ok") for c, size in enumerate(sizes) for i in range(size)]
    rows += [(f"t{i}", i % len(sizes), "test", "ok") for i in range(7)]
    rows += [(f"b{c}", c, "train", "broken" if c % 2 else "missing") for c in range(len(sizes))]
    frame = pd.DataFrame(rows, columns=["id", "label", "split", "status"])
    frame["label_name"] = "class " + frame["label"].astype(str)
    return frame if rng is None else frame.sample(frac=1, random_state=rng).reset_index(drop=True)


@pytest.mark.parametrize("case", range(20))
def test_properties(case: int) -> None:
    rng = np.random.default_rng(case)
    sizes = [int(size) for size in rng.integers(0, 40, size=rng.integers(2, 12))]
    sizes[0] += 1
    manifest = manifest_of(sizes, rng)
    total = sum(sizes)
    previous: list[str] = []
    for size in sorted({int(n) for n in rng.integers(1, total + 1, size=6)} | {total}):
        frame, description = make_subset(manifest, size, seed=3)
        ids = list(frame["id"])
        assert len(set(ids)) == size == description["size"]
        assert ids[: len(previous)] == previous  # strictly nested: the smaller is a prefix
        previous = ids

        source = manifest.iloc[frame["row"]]
        assert list(source["id"]) == ids
        assert list(source["label"]) == list(frame["label"])
        assert set(source["split"]) == {"train"}
        assert set(source["status"]) == {"ok"}

        counts = Counter(frame["label"])
        taken = [counts[c] for c in range(len(sizes))]
        open_classes = [n for n, size in zip(taken, sizes, strict=True) if n < size]
        if open_classes:  # balanced among classes that have videos left, and nobody ahead of them by more than one
            assert max(open_classes) - min(open_classes) <= 1
            assert max(taken) - min(open_classes) <= 1
        assert description["per_class"] == {"min": min(taken), "max": max(taken)}
        assert description["classes"] == len(sizes)
        assert description["listed"] == total + len(sizes)
        check_shortfall(description, sizes, taken)


def check_shortfall(description: dict, sizes: list[int], taken: list[int]) -> None:
    share, remainder = divmod(description["size"], len(sizes))
    for c, (n, available) in enumerate(zip(taken, sizes, strict=True)):
        missing = description["shortfall"].get(f"class {c}", 0)
        if missing:
            assert n == available
            assert missing in (share - n, share + 1 - n)
        else:
            assert n >= share
    # What some classes lack is what the others gave on top of their share.
    surplus = sum(max(0, n - share) for n in taken) - remainder
    assert abs(sum(description["shortfall"].values()) - surplus) <= remainder


def test_order_does_not_depend_on_rows_or_other_classes() -> None:
    manifest = manifest_of([9, 3, 6])
    ids = list(manifest["id"].iloc[subset_order(manifest, seed=0)])
    for case in range(5):
        shuffled = manifest.sample(frac=1, random_state=case).reset_index(drop=True)
        assert list(shuffled["id"].iloc[subset_order(shuffled, seed=0)]) == ids
    without = manifest[manifest["label"] != 1]
    assert list(without["id"].iloc[subset_order(without, seed=0)]) == [name for name in ids if name[:2] != "c1"]
    assert list(manifest["id"].iloc[subset_order(manifest, seed=1)]) != ids


def test_order_is_the_same_on_every_machine() -> None:
    manifest = manifest_of([3, 2])
    assert list(make_subset(manifest, None, seed=0)[0]["id"]) == ["c0_v2", "c1_v1", "c0_v0", "c1_v0", "c0_v1"]


def test_paper_sizes() -> None:
    """10k, 30k, 50k, 100k of 400 classes are 25, 75, 125 and 250 of each."""
    manifest = manifest_of([600] * 400)
    frame, description = make_subset(manifest, 100_000, seed=0)
    for size, each in ((10_000, 25), (30_000, 75), (50_000, 125), (100_000, 250)):
        assert set(frame["label"].iloc[:size].value_counts()) == {each}
    assert description["shortfall"] == {}


def test_class_without_usable_videos_is_a_shortfall() -> None:
    _, description = make_subset(manifest_of([10, 0, 10]), 9, seed=0)
    assert description["shortfall"] == {"class 1": 3}
    assert description["per_class"] == {"min": 0, "max": 5}


@pytest.mark.parametrize("size", [0, 9])
def test_impossible_sizes(size: int) -> None:
    with pytest.raises(UserError, match=r"8 training videos are usable \(10 listed"):
        make_subset(manifest_of([4, 4]), size, seed=0)


# --- validation split ---


def listing_of(videos: dict[str, int]) -> pd.DataFrame:
    rows = [(name, label, "train") for name, label in videos.items()] + [("held", 0, "test")]
    return pd.DataFrame(rows, columns=["id", "label", "split"])


def test_validation_is_balanced_and_deterministic() -> None:
    listing = listing_of({f"c{c}v{i}": c for c in range(5) for i in range(20 + c)})
    carved = with_validation(listing, 0.2, seed=1)
    counts = carved[carved["split"] == "val"]["label"].value_counts()
    assert all(abs(counts[c] - 0.2 * (20 + c)) <= 1 for c in range(5))
    assert carved.loc[carved["id"] == "held", "split"].item() == "test"
    shuffled = listing.sample(frac=1, random_state=0)
    again = with_validation(shuffled, 0.2, seed=1)
    assert set(again.loc[again["split"] == "val", "id"]) == set(carved.loc[carved["split"] == "val", "id"])
    assert set(listing["split"]) == {"train", "test"}  # the argument is not changed
    other = with_validation(listing, 0.2, seed=2)
    assert not other["split"].equals(carved["split"])


def test_validation_keeps_recordings_together() -> None:
    listing = listing_of({f"v_C{c}_g{g:02d}_c{i:02d}": c for c in range(4) for g in range(10) for i in range(4)})
    carved = with_validation(listing, 0.2, seed=0, group=group_of("ucf101"))
    val = carved[carved["split"] == "val"]
    assert set(val["label"].value_counts()) == {8}
    recordings = carved["id"].map(group_of("ucf101"))
    assert carved["split"].groupby(recordings).nunique().max() == 1


def test_validation_never_empties_a_class() -> None:
    listing = listing_of({"single": 0, "pair1": 1, "pair2": 1})
    carved = with_validation(listing, 0.5)
    assert carved.loc[carved["id"] == "single", "split"].item() == "train"
    assert carved["split"].tolist().count("val") == 1


def test_validation_fraction() -> None:
    listing = listing_of({"a": 0, "b": 0, "c": 0, "d": 0})
    for fraction in (1, -0.1):
        with pytest.raises(UserError, match="below 1"):
            with_validation(listing, fraction)
    pd.testing.assert_frame_equal(with_validation(listing, 0), listing)
    official = with_validation(listing, 0.5)
    pd.testing.assert_frame_equal(with_validation(official, 0.25, seed=5), official)  # has its own: kept


@pytest.mark.parametrize(
    ("reader", "video", "recording"),
    [
        ("ucf101", "v_HandStandPushups_g08_c01", "v_HandStandPushups_g08"),
        ("hmdb51", "SchoolRulesHowTheyHelpUs_wave_f_nm_np1_ba_med_0", "SchoolRulesHowTheyHelpUs_wave"),
        ("diving48", "-mmq0PT-u8k_00155", "-mmq0PT-u8k"),
        ("kinetics", "abc_EFG-123_000002_000012", "abc_EFG-123"),
    ],
)
def test_recordings(reader: str, video: str, recording: str) -> None:
    assert group_of(reader)(video) == recording
