"""Captioned videos for training small video-language models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from videossl.common.errors import UserError
from videossl.data.frames import Frames
from videossl.data.manifest import open_store, read_listing_file, read_manifest
from videossl.data.subsets import make_subset
from videossl.videolanguage.specs import CorpusSpec
from videossl.videolanguage.texts import phrase


@dataclass(frozen=True)
class Corpus:
    """Videos and captions; captions are class names."""

    store: Frames
    videos: pd.DataFrame
    """Rows of a manifest; `label` is the index into the used captions."""
    captions: list[str]


def read_corpus(spec: CorpusSpec, manifest: Path, left_out: Sequence[Path]) -> Corpus:
    """The corpus of a specification with `videos` and `subset_seed`.

    `manifest`: manifest of the videos, with the frame store in the same folder; `left_out`: listings of the datasets
    whose classes must not be captions.
    """
    rows = read_manifest(manifest)
    others = [name for path in left_out for name in read_listing_file(path)["label_name"]]
    videos, captions = captioned(rows, others, spec.videos, spec.subset_seed)
    return Corpus(open_store(manifest, rows), videos, captions)


def captioned(
    manifest: pd.DataFrame, left_out: Sequence[str], videos: int, seed: int
) -> tuple[pd.DataFrame, list[str]]:
    """`videos` training videos, balanced over captions, and their captions. Excludes the class names `left_out`."""
    unseen = {phrase(name) for name in left_out}
    names = manifest["label_name"].map(phrase)
    kept = manifest[(manifest["label"] >= 0) & ~names.isin(unseen)].reset_index(drop=True)
    if kept.empty:
        raise UserError("no caption of the corpus is left: each is a class of a dataset in vifm.training.leave_out.")
    chosen, _ = make_subset(kept, videos, seed)
    rows = kept.iloc[chosen["row"].to_numpy()].reset_index(drop=True)
    captions = sorted(set(rows["label_name"].map(phrase)))
    return rows.assign(label=rows["label_name"].map(phrase).map(captions.index)), captions
