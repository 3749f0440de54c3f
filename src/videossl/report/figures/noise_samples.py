"""One frame of a test video, clean and with each noise: a row per noise, a column per severity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from videossl.common.errors import UserError
from videossl.data.manifest import read_manifest
from videossl.report.collect import Results
from videossl.report.figures.frame import finish, new
from videossl.report.figures.samples import frames, show

_SIDE = 1.1
Condition = tuple[str, int]


def draw(results: Results) -> Figure:
    """Draw the figure."""
    manifests = {(item["noise"], int(item["severity"])): Path(item["manifest"]) for item in results.manifests}
    videos = {condition: read_manifest(path) for condition, path in manifests.items()}
    name = _common(videos, results.manifests[0]["dataset"])
    images = {condition: _middle(manifests[condition], videos[condition], name) for condition in manifests}
    noises = results.spec.order("noise", {noise for noise, _ in manifests if noise})
    severities = sorted({severity for noise, severity in manifests if noise})
    figure = new((len(severities) + 1) * _SIDE + 0.4, len(noises) * (_SIDE + 0.04) + 0.3)
    grid = figure.subplots(len(noises), len(severities) + 1, squeeze=False)
    for axes, noise in zip(grid, noises, strict=True):
        for ax, condition in zip(axes, [("", 0), *((noise, severity) for severity in severities)], strict=True):
            show(ax, images[condition])
        axes[0].set_ylabel(results.spec.label("noise", noise))
    for ax, text in zip(grid[0], ["no noise", *(f"severity {severity}" for severity in severities)], strict=True):
        ax.set_title(text, fontsize=9)
    return finish(figure, results, _sentences(results, videos, name, images[("", 0)]))


def _common(videos: dict[Condition, pd.DataFrame], dataset: str) -> str:
    """The first video that is readable under every condition."""
    ids = [set(frame.loc[frame["status"] == "ok", "id"]) for frame in videos.values()]
    found = [name for name in videos[("", 0)]["id"] if all(name in one for one in ids)]
    if not found:
        raise UserError(
            f"no test video of {dataset} could be read with every noise and severity, so none can be shown. The column"
            f" `reason` of the manifests in data/{dataset}/noisy tells why; more videos: `noise.videos`."
        )
    return found[0]


def _middle(manifest: Path, videos: pd.DataFrame, name: str) -> np.ndarray:
    """The middle frame of a video: (S, S, 3) uint8."""
    return frames(manifest, videos, videos.set_index("id").loc[name], 3)[1]


def _sentences(results: Results, videos: dict[Condition, pd.DataFrame], name: str, frame: np.ndarray) -> list[str]:
    dataset = results.spec.label("target", results.manifests[0]["dataset"])
    label = videos[("", 0)].set_index("id").loc[name, "label_name"]
    return [
        f"The middle frame of {dataset}'s test video {name} (class {label}), cut to the middle square.",
        "The noise was added to the video's own pixels, every frame and pixel on its own, before the frames were"
        f" resized to {len(frame)} pixels, so that some of it is averaged out.",
    ]
