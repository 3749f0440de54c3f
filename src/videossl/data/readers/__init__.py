"""Readers of the real datasets' own layouts: official list files and video folders -> one listing.

A reader is a function `(root, annotations, **options) -> DataFrame` with the columns of
:data:`LISTING_SCHEMA`, one row a video of the official lists, in the order of the lists. A new dataset is
one file beside this one and one entry in :data:`READERS` (and in :data:`GROUPS`, where several clips
were cut from one recording).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from videossl.data.readers import diving48, hmdb51, kinetics, lists, ssv2, ucf101
from videossl.data.readers.common import LISTING_SCHEMA, SPLITS, require_folder
from videossl.data.readers.validation import with_validation
from videossl.errors import UserError, unknown_name

__all__ = [
    "GROUPS",
    "LISTING_SCHEMA",
    "READERS",
    "SPLITS",
    "read_listing",
    "reader_options",
    "with_validation",
]

READERS: dict[str, Callable[..., pd.DataFrame]] = {
    "kinetics": kinetics.read,
    "ssv2": ssv2.read,
    "ucf101": ucf101.read,
    "hmdb51": hmdb51.read,
    "diving48": diving48.read,
    "lists": lists.read,
}

# Video id -> the recording it was cut from; clips of one recording must not be parted by `with_validation`.
GROUPS: dict[str, Callable[[str], str]] = {
    "kinetics": kinetics.group,
    "ucf101": ucf101.group,
    "hmdb51": hmdb51.group,
    "diving48": diving48.group,
}


def reader_options(reader: str) -> list[str]:
    """The names of the options of a reader, without `root` and `annotations`."""
    if reader not in READERS:
        raise unknown_name("dataset reader", reader, READERS)
    return [name for name in inspect.signature(READERS[reader]).parameters if name not in ("root", "annotations")]


def check_options(reader: str, options: Iterable[str], where: str = "") -> None:
    """UserError for a name that is no option of `reader`."""
    valid = reader_options(reader)
    for name in options:
        if name not in valid:
            raise unknown_name("option", name, valid, f"dataset reader '{reader}'{f' ({where})' if where else ''}")


def read_listing(reader: str, root: str | Path, annotations: str | Path, **options: Any) -> pd.DataFrame:
    """List every video of a dataset's official lists, found or missing.

    `root`: folder of the videos; `annotations`: folder of the list files; `options`: the reader's own.
    Returns one row a video with the columns of LISTING_SCHEMA and a 0..n-1 index. Raises UserError for a
    wrong name or folder, a malformed list, a video listed twice, and when no video at all is found.
    """
    check_options(reader, options)
    root = require_folder(root, "folder of the videos (root)")
    annotations = require_folder(annotations, "folder of the list files (annotations)")
    listing = READERS[reader](root, annotations, **options)
    if not (listing["status"] == "found").any():
        raise UserError(
            f"none of the {len(listing)} listed videos was found below {root}; "
            f"the first was expected at {root / listing['path'].iloc[0]}. "
            f"Check the dataset's root, and that its archives are unpacked (see docs/datasets.md)."
        )
    return listing
