"""Takes a validation split from the training videos of a dataset that has none."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable

import pandas as pd

from videossl.common.errors import UserError


def with_validation(
    listing: pd.DataFrame, fraction: float, seed: int = 0, group: Callable[[str], str] | None = None
) -> pd.DataFrame:
    """A copy of `listing` with about `fraction` of every class's training rows moved to val.

    `group` maps a video id to the recording it was cut from (see the reader's `group`). Videos of one recording stay
    together, as a clip would reveal the labels of its neighbours. Recordings are considered in the order of a hash of
    (seed, recording), so the choice does not depend on the order of rows. A recording is moved if this brings the
    classes closer to their quota, and never if it would leave a class without training videos. A listing with its own
    val split is returned unchanged, and so is any listing for fraction 0. Raises UserError for a fraction outside [0,
    1).
    """
    if not 0 <= fraction < 1:
        raise UserError(f"the validation fraction must be at least 0 and below 1, not {fraction}.")
    if fraction == 0 or (listing["split"] == "val").any():
        return listing.copy()
    train = listing[listing["split"] == "train"]
    totals = Counter(train["label"])
    quota = {label: max(1.0, fraction * count) for label, count in totals.items()}
    recordings = train["id"] if group is None else train["id"].map(group)
    members: dict[str, Counter[int]] = {}
    for recording, label in zip(recordings, train["label"], strict=True):
        members.setdefault(recording, Counter())[label] += 1

    taken: Counter[int] = Counter()
    chosen = set()
    for recording in sorted(members, key=lambda name: (_hash(seed, name), name)):
        counts = members[recording]
        gain = sum(abs(taken[c] - quota[c]) - abs(taken[c] + n - quota[c]) for c, n in counts.items())
        if gain > 0 and all(taken[c] + n < totals[c] for c, n in counts.items()):
            chosen.add(recording)
            taken += counts
    result = listing.copy()
    result.loc[recordings.index[recordings.isin(chosen)], "split"] = "val"
    return result


def _hash(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"validation:{seed}:{name}".encode()).digest()
