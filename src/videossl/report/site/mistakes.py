"""Test videos that runs misclassify: thumbnails from the frame stores, and the videos' files."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from os.path import relpath
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from PIL import Image

from videossl.common.errors import UserError
from videossl.data.file_names import video_path
from videossl.data.manifest import open_store, read_manifest

SHOWN = 6
"""Maximum number of misclassified videos of a run."""
BUDGET = 1_000_000
"""Maximum bytes of all thumbnails in the page; videos that more runs misclassify come first."""
_FRAMES, _SIDE, _QUALITY = 3, 72, 70


def surest_errors(frame: pd.DataFrame, named: Mapping[int, str]) -> list[list[Any]]:
    """[video, class, predicted class, probability of the class] of the errors with the lowest such probability.

    A video is listed once, with its first such error. `frame`: predictions with the columns video, label, prediction,
    correct and probability_label.
    """
    wrong = frame[~frame["correct"]].sort_values(["probability_label", "video"], kind="stable")
    wrong = wrong.drop_duplicates("video").head(SHOWN)
    return [
        [row.video, named[row.label], named[row.prediction], float(f"{row.probability_label:.2g}")]
        for row in wrong.itertuples()
    ]


def videos_of(
    wanted: Iterable[tuple[str, str]], results: Path, page: Path, roots: Mapping[str, str]
) -> tuple[dict[str, dict[str, dict[str, str]]], list[str]]:
    """Thumbnail (base64 of a JPEG) and address of videos by dataset and id, and error messages of unreadable stores.

    Args:
        wanted: (dataset, video) for each run that misclassifies it.
        results: the results folder.
        page: the page; addresses are relative to its folder.
        roots: folders of the datasets' videos, if known. Only files that exist get an address.
    """
    found: dict[str, dict[str, dict[str, str]]] = {}
    problems: list[str] = []
    counts = Counter(wanted)
    opened = {}
    for dataset in sorted({dataset for dataset, _ in counts}):
        manifest = results / "data" / dataset / "manifest.parquet"
        if manifest.is_file():
            try:
                videos = read_manifest(manifest)
                opened[dataset] = (videos.set_index("id", drop=False), open_store(manifest, videos))
            except (UserError, OSError) as error:
                problems.append(str(error))
    left = BUDGET
    for (dataset, name), _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if dataset not in opened or name not in opened[dataset][0].index:
            continue
        videos, store = opened[dataset]
        row = videos.loc[name]
        shown = {"file": address} if (address := _address(row["path"], roots.get(dataset, ""), page)) else {}
        if left > 0 and row["status"] == "ok":
            try:
                image = base64.b64encode(_thumbnail(store, row)).decode()
            except (UserError, OSError) as error:
                problems.append(str(error))
            else:
                left -= len(image)
                shown |= {"image": image} if left >= 0 else {}
        if shown:
            found.setdefault(dataset, {})[name] = shown
    return found, list(dict.fromkeys(problems))


def _thumbnail(store: Any, row: Mapping[str, Any]) -> bytes:
    """Frames from the beginning, the middle and the end of a video side by side, as JPEG."""
    shard, batch = int(row["shard"]), int(row["batch"])
    last = store.num_frames(shard, batch) - 1
    frames = store.read(shard, batch, np.linspace(0, last, _FRAMES).round().astype(int))
    return _jpeg([Image.fromarray(frame) for frame in frames])


def _jpeg(frames: Sequence[Image.Image]) -> bytes:
    for frame in frames:
        frame.thumbnail((2 * _SIDE, _SIDE))
    width, height = frames[0].size
    strip = Image.new("RGB", (width * len(frames), height))
    for place, frame in enumerate(frames):
        strip.paste(frame, (place * width, 0))
    written = io.BytesIO()
    strip.save(written, "JPEG", quality=_QUALITY, optimize=True)
    return written.getvalue()


def _address(path: str, root: str, page: Path) -> str:
    """Address of a video's file relative to the page; "" if the file does not exist or its folder is unknown."""
    if not root:
        return ""
    file = video_path(root, path)
    return (
        quote(Path(relpath(file, page.parent)).as_posix().encode("utf-8", "surrogateescape")) if file.is_file() else ""
    )
