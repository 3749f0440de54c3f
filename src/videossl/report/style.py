"""How things are called, in which order they stand and how they look: one place for all tables and figures.

Names that are not listed here (a user's own task, backbone or dataset) are shown as they are, after
the listed ones; an entry may name them with `labels: {axis: {name: label}}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BASELINE_TASK = "scratch"
BASELINE_LABEL = "no pretraining"
NO_TEACHERS = "no teachers"
AVERAGE_TASK = "average"
"""The task of a mean over the tasks."""
QUOTED_BACKBONE = "as in the original paper"
"""The backbone of a number that the paper quotes from the task's own paper, under conditions of its own."""


@dataclass(frozen=True)
class Look:
    """A series in a figure. Colours are Okabe and Ito's (2008), distinguishable with any colour vision."""

    colour: str
    marker: str


# The paper's order: non-contrastive (spatial, temporal, spatio-temporal), then contrastive likewise.
TASKS = {
    "rotnet": ("RotNet", Look("#E69F00", "o")),
    "vcop": ("VCOP", Look("#56B4E9", "s")),
    "prp": ("PRP", Look("#009E73", "^")),
    "cvrl": ("CVRL", Look("#CC79A7", "D")),
    "tdl": ("TDL", Look("#0072B2", "v")),
    "rspnet": ("RSPNet", Look("#D55E00", "P")),
    "videomae": ("VideoMAE", Look("#7B3FA0", "X")),
}
VIDEO_LANGUAGE = "videolanguage"
"""The task of a video-language model, which stands on the axis of the backbones."""
BACKBONES = {
    "shufflenet": "ShuffleNet",
    "mobilenet": "MobileNet",
    "squeezenet": "SqueezeNet",
    "c3d": "C3D",
    "r3d": "R3D",
    "r2plus1d": "R(2+1)D",
    "videoswin": "VideoSwin-T",
    "vit": "ViT",
    "vivit": "ViViT",
    "timesformer": "TimeSformer",
    "mvit": "MViT",
    "xclip": "X-CLIP",
    "vificlip": "ViFi-CLIP",
    "ezclip": "EZ-CLIP",
    "viclip": "ViCLIP",
    "languagebind": "LanguageBind",
}
DATASETS = {
    "k400": "K400",
    "k700": "K700",
    "ssv2": "SSv2",
    "ucf101": "UCF101",
    "hmdb51": "HMDB51",
    "diving48": "Diving48",
    "internvid10m": "InternVid-10M-FLT",
    "vidal10m": "VIDAL-10M",
}
METRICS = {
    "parameters_millions": "parameters, million",
    "gflops": "GFLOPs",
    "training_videos": "training videos",
    "frames": "frames of a video",
    "top1": "top-1 accuracy",
    "top5": "top-5 accuracy",
    "recall_at_1": "recall at 1",
    "recall_at_5": "recall at 5",
    "relative_decrease": "relative decrease of accuracy",
    "pretext_top1": "pretext top-1 accuracy",
    "video_retrieval_top1": "video retrieval top-1 accuracy",
    "speed_accuracy": "relative-speed accuracy",
    "temporal_accuracy": "temporal discrimination accuracy",
    "segment_retrieval_top1": "segment retrieval top-1 accuracy",
    "masked_explained_variance": "explained variance of hidden pixels",
    "masked_explained_by_clip": "part of it explained by the video itself",
    "gamma_r": "relative robustness",
    "gamma_a": "absolute robustness",
    "mean_cka": "mean CKA",
    "loss": "loss",
    "clean_top1": "top-1 accuracy without noise",
    "videos_evaluated": "videos tested on",
    "videos_trained": "videos trained on",
    "videos_missing": "videos missing",
    "videos_broken": "videos broken",
}
NOISES = {
    "": "no noise",
    "gaussian": "Gaussian",
    "impulse": "Impulse",
    "shot": "Shot",
    "speckle": "Speckle",
    "mean": "mean over noises",
}
PROTOCOLS = {
    "finetune": "finetuning",
    "linear_probe": "linear probe",
    "retrieval": "retrieval",
    "distill": "distillation",
    "zero_shot": "zero-shot",
}
AXES = {
    "task": "Task",
    "complexity": "Complexity",
    "backbone": "Backbone",
    "source": "Pretrained on",
    "subset": "Subset",
    "epochs": "Epochs",
    "target": "Target",
    "protocol": "Protocol",
    "seed": "Seed",
    "stage": "Stage",
    "teachers": "Teachers",
    "noise": "Noise",
    "severity": "Severity",
    "metric": "Metric",
}
_NAMES: dict[str, Mapping[str, str]] = {
    "task": {
        BASELINE_TASK: BASELINE_LABEL,
        **{name: label for name, (label, _) in TASKS.items()},
        AVERAGE_TASK: "Mean over tasks",
        VIDEO_LANGUAGE: "video-language",
    },
    "backbone": BACKBONES,
    "source": {**DATASETS, "none": "–"},
    "target": DATASETS,
    "subset": {"none": "–"},
    "metric": METRICS,
    "protocol": PROTOCOLS,
    "noise": NOISES,
}
_SPARE = [Look(c, m) for c, m in zip(("#000000", "#999999", "#8C6D1F"), ("*", "<", ">"), strict=True)]

# Figures. Embedded fonts, so that a PDF looks the same everywhere.
FIGURE_RC = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "axes.edgecolor": "#444444",
    "grid.color": "#DDDDDD",
    "legend.fontsize": 8.5,
    "pdf.fonttype": 42,
    "svg.hashsalt": "videossl",
    "text.parse_math": False,  # a "$" is a "$": titles, classes and names are the user's
}
PNG_DPI = 200


def label(axis: str, value: Any, labels: Mapping[str, str] | None = None) -> str:
    """The printed name of `value` on `axis`; an empty one becomes a dash."""
    text = str(value)
    if labels and labels.get(text, text) != text:
        return labels[text]
    if axis == "teachers":
        return " + ".join(_teacher(name) for name in text.split("+")) if text else NO_TEACHERS
    return _NAMES.get(axis, {}).get(text, text or "–")


def name_of(value: str) -> str:
    """The printed name of a task, network, dataset or metric; of anything else the text itself."""
    return {**_NAMES["task"], **BACKBONES, **DATASETS, **METRICS}.get(value, value)


def _teacher(name: str) -> str:
    """The printed name of one teacher, which is named by what it differs in from the student, such as rotnet-C1."""
    return " ".join(name_of(part) for part in name.split("-"))


def axis_label(axis: str) -> str:
    """The printed name of an axis."""
    return AXES.get(axis, axis)


def look(axis: str, value: Any, position: int) -> Look:
    """Colour and marker of a series; `position` chooses among the palette for names that have no own look."""
    if axis == "task" and value in TASKS:
        return TASKS[value][1]
    palette = _SPARE if axis == "task" else [look for _, look in TASKS.values()] + _SPARE
    return palette[position % len(palette)]


def sort_key(axis: str, value: Any) -> tuple:
    """Order on an axis: no value, listed names as listed, numbers by size (10k < 100k < 1m), others by letter.

    Teachers follow the order of what they are: tasks, networks, datasets.
    """
    text = str(value)
    if not text:
        return (-1, 0, "")
    if axis == "teachers":
        names = [*TASKS, *BACKBONES, *DATASETS]
        return (2, [names.index(name) if name in names else len(names) for name in text.split("+")], text)
    listed = list(_NAMES.get(axis, {}))
    if text in listed and text != "none":
        return (0, listed.index(text), "")
    if number := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKmM]?)", text):
        return (1, float(number[1]) * {"": 1, "k": 1e3, "m": 1e6}[number[2].lower()], "")
    return (2, 0, text)
