"""Reads the listing of a dataset from its folders, with any reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from videossl.common.errors import UserError
from videossl.data.readers import registry
from videossl.data.readers.common import require_folder


def read_listing(reader: str, root: str | Path, annotations: str | Path, **options: Any) -> pd.DataFrame:
    """List every video of a dataset's official lists, found or missing, or of its folders if it has no lists.

    Args:
        root: folder of the videos.
        annotations: folder of the list files; not used by readers without lists.
        options: options of the reader.

    Returns:
        one row per video with the columns of LISTING_SCHEMA and a 0..n-1 index.

    Raises:
        UserError: a wrong name or folder, a malformed list, a video listed twice, or no video found at all.
    """
    registry.check_options(reader, options)
    root = require_folder(root, "folder of the videos (root)")
    lists = {}
    if registry.reads_lists(reader):
        lists = {"annotations": require_folder(annotations, "folder of the list files (annotations)")}
    listing = registry.load(reader).read(root, **lists, **options)
    if not (listing["status"] == "found").any():
        raise UserError(
            f"none of the {len(listing)} listed videos was found below {root}; "
            f"the first was expected at {root / listing['path'].iloc[0]}. "
            f"Check the dataset's root, and that its archives are unpacked (see docs/datasets.md)."
        )
    return listing
