"""Sample frames of each dataset: a row per dataset, with frames over time of two videos from different classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from videossl.common.errors import UserError
from videossl.data.manifest import open_store, read_manifest
from videossl.report.collect import Results
from videossl.report.figures.frame import LETTER, finish, new

VIDEOS, FRAMES, _SIDE = 2, 4, 0.86
_NAME_SIZE = 7.5
_NOTE = (
    "The frames of a video stand evenly from its beginning to its end, as they are stored for training, cut to the"
    " middle square. Classes are the first and the middle one of each dataset's list, videos the first of a class."
)


def draw(results: Results) -> Figure:
    """Draw the figure."""
    shown = {item["dataset"]: Path(item["manifest"]) for item in results.manifests}
    figure = new(VIDEOS * FRAMES * _SIDE + 0.2, len(shown) * (_SIDE + 0.44))
    figure.get_layout_engine().set(h_pad=0.02)
    rows = np.atleast_1d(figure.subfigures(len(shown), 1))
    for row, (dataset, manifest) in zip(rows, shown.items(), strict=True):
        row.suptitle(results.spec.label("source", dataset), x=0.01, ha="left", fontsize=9.5, fontweight="bold")
        videos = read_manifest(manifest)
        for place, (_, video) in zip(row.subfigures(1, VIDEOS), pick(videos, dataset).iterrows(), strict=False):
            place.suptitle(_shortened(str(video["label_name"])), x=0.02, ha="left", fontsize=_NAME_SIZE)
            _draw_video(place.subplots(1, FRAMES), frames(manifest, videos, video, FRAMES))
    return finish(figure, results, [_NOTE])


def pick(videos: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """The first readable video of the first and of the middle class, among the classes that have one."""
    usable = videos[(videos["status"] == "ok") & (videos["label"] >= 0)]
    labels = sorted(set(usable["label"]))
    if not labels:
        raise UserError(f"dataset {dataset} has no readable video to show; its manifest says what is wrong with each.")
    chosen = [labels[len(labels) * number // VIDEOS] for number in range(VIDEOS)]
    return usable.drop_duplicates("label").set_index("label", drop=False).loc[list(dict.fromkeys(chosen))]


def frames(manifest: Path, videos: pd.DataFrame, video: Mapping[str, Any], count: int) -> np.ndarray:
    """`count` frames (count, S, S, 3) uint8 of a video, cropped to the centre square."""
    store = open_store(manifest, videos)
    shard, batch = int(video["shard"]), int(video["batch"])
    last = store.num_frames(shard, batch) - 1
    found = store.read(shard, batch, np.linspace(0, last, count).round().astype(int))
    height, width = found.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return found[:, top : top + side, left : left + side]


def show(ax: Axes, frame: np.ndarray) -> None:
    """Draw a frame without ticks or border."""
    ax.imshow(frame)
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    for side in ax.spines.values():
        side.set_visible(False)


def _draw_video(axes: Iterable[Axes], images: np.ndarray) -> None:
    for ax, image in zip(axes, images, strict=True):
        show(ax, image)


def _shortened(name: str) -> str:
    """A class name, shortened to the width of its frames."""
    most = int((FRAMES * _SIDE - 0.2) * 72 / (LETTER * _NAME_SIZE))
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"
