"""Printed names and printing order. Imports no torch.

Names and positions of pretext tasks and video-language models are in their recipes, those of backbones in their files.
This file has the remaining ones: the paper's short names of datasets, and names of metrics, noises, protocols and axes.
Anything without a printed name is shown by its own name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from videossl.backbones import registry as backbones
from videossl.common.places import CHECKOUT
from videossl.stages.low_shot import ALL as ALL_LABELS
from videossl.stages.registry import stages
from videossl.study.config.reading import read_yaml

Labels = Mapping[str, Mapping[str, str]]
"""Printed names by axis and value."""
Orders = Mapping[str, Sequence[str]]
"""Values in printing order, by axis."""
BASELINE_TASK = "scratch"
BASELINE_LABEL = "no pretraining"
NO_TEACHERS = "no teachers"
AVERAGE_TASK = "average"
"""Task of a mean over tasks."""
VIDEO_LANGUAGE = "videolanguage"
"""Task of a video-language model; the model is a value of the axis of backbones."""
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
GAIN = "gain_"
"""Prefix of the metric of a gain, the difference to the same network from scratch."""
METRICS = {
    "parameters_millions": "parameters, million",
    "gflops": "GFLOPs",
    "training_videos": "training videos",
    "frames": "frames of a video",
    "clean_top1": "top-1 accuracy without noise",
    "top1": "top-1 accuracy",
    "top5": "top-5 accuracy",
    "recall_at_1": "recall at 1",
    "recall_at_5": "recall at 5",
    "relative_decrease": "relative decrease of accuracy",
    "validation_top1": "top-1 accuracy on validation videos",
    "learning_rate": "learning rate",
    "pretext_top1": "pretext top-1 accuracy",
    "video_retrieval_top1": "video retrieval top-1 accuracy",
    "speed_accuracy": "relative-speed accuracy",
    "temporal_accuracy": "temporal discrimination accuracy",
    "segment_retrieval_top1": "segment retrieval top-1 accuracy",
    "masked_explained_variance": "explained variance of hidden pixels",
    "masked_explained_by_clip": "variance of hidden pixels explained by the video itself",
    "latent_explained_variance": "explained variance of hidden features",
    "latent_explained_by_clip": "variance of hidden features explained by the video itself",
    "gamma_r": "relative robustness",
    "gamma_a": "absolute robustness",
    "mean_cka": "mean CKA",
    "loss": "loss",
    "effective_rank": "effective rank of the features",
    "dead_channels": "dead channels of the features",
    "feature_channels": "channels of the features",
    "own_video_in_queue": "queries with a key of their own video in the queue",
    "videos_evaluated": "videos tested on",
    "videos_trained": "videos trained on",
    "videos_missing": "videos missing",
    "videos_broken": "videos broken",
    "epochs_run": "epochs of finetuning",
    "flattened": "training curve has flattened (1: yes, 0: no)",
    "last_quarter_top1": "training accuracy, last quarter",
    "third_quarter_top1": "training accuracy, third quarter",
    "short_classes": "classes with fewer labelled videos",
}
NOISES = {
    "": "no noise",
    "gaussian": "Gaussian",
    "impulse": "Impulse",
    "shot": "Shot",
    "speckle": "Speckle",
    "defocus": "Defocus",
    "motion": "Motion blur",
    "shake": "Shake",
    "rotation": "Rotation",
    "translation": "Translation",
    "jpeg": "JPEG",
    "h264": "H.264",
    "contrast": "Contrast",
    "frame_drop": "Frame drop",
    "freeze": "Freeze",
    "shuffle": "Shuffle",
    "reversed": "Reversed",
    "blur": "mean over blur",
    "camera": "mean over camera",
    "digital": "mean over digital",
    "temporal": "mean over temporal",
    "corruptions": "mean over corruptions",
    "mean": "mean over noises",
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
    "labels": "Labelled videos a class",
    "noise": "Noise",
    "severity": "Severity",
    "metric": "Metric",
}
CHOICES = {
    "task": "the pretext task",
    "backbone": "the backbone",
    "source": "the pretraining dataset",
    "subset": "the pretraining subset",
}
"""Axes within a sentence."""
_FIXED: Labels = {
    "source": {**DATASETS, "none": "–"},
    "target": DATASETS,
    "subset": {"none": "–"},
    "metric": METRICS,
    "noise": NOISES,
}


@dataclass(frozen=True)
class Printed:
    """Printed name and position from a recipe or a backbone's file."""

    title: str
    place: float | None = None
    colour: str | None = None
    marker: str | None = None


@cache
def shipped_tasks() -> dict[str, Printed]:
    """The pretext tasks with a recipe in the project's folder; empty if only the library is installed."""
    return _read(CHECKOUT / "config/recipes")


@cache
def networks() -> dict[str, Printed]:
    """All backbones, and the video-language models with a recipe in the project's folder."""
    found = {
        name: Printed(
            str(backbones.stated(name, "title", "") or name), cast("float | None", backbones.stated(name, "place"))
        )
        for name in backbones.names()
    }
    return found | _read(CHECKOUT / "config/recipes/vifm")


def _read(folder: Path) -> dict[str, Printed]:
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        recipe = read_yaml(path)
        keys = {key: recipe.get(key) for key in ("place", "colour", "marker")}
        found[path.stem] = Printed(recipe.get("title") or path.stem, **keys)
    return found


def in_order(places: Mapping[str, float | None]) -> list[str]:
    """Names sorted by position; those without a position follow in alphabetical order."""
    return sorted(places, key=lambda name: (places[name] is None, places[name] or 0, name))


def labels_a_class(labels: str) -> str:
    """The number of labelled videos in words, such as "5 labels a class"."""
    if labels == ALL_LABELS:
        return "all labels"
    return "1 label a class" if labels == "1" else f"{labels} labels a class"


def label(axis: str, value: Any, labels: Labels | None = None) -> str:
    """The printed name of `value` on `axis`; a dash for an empty value.

    Args:
        labels: the study's printed names, which take precedence.
    """
    text, labels = str(value), labels or {}
    given = labels.get(axis, {}).get(text, text)
    if given != text:
        return given
    if axis == "metric" and text.startswith(GAIN):
        return f"gain in {label(axis, text.removeprefix(GAIN), labels)}"
    if axis == "teachers":
        return " + ".join(_teacher(name, labels) for name in text.split("+")) if text else NO_TEACHERS
    if axis == "metric" and text and text not in METRICS:  # of a task or protocol that was added
        return text.replace("_", " ")
    return _names(axis).get(text, text or "–")


def name_of(value: str) -> str:
    """The printed name of a task, network, dataset or metric; any other text unchanged."""
    return {**_names("task"), **_names("backbone"), **DATASETS, **METRICS}.get(value, value)


def axis_label(axis: str) -> str:
    """The printed name of an axis."""
    return AXES.get(axis, axis)


def sort_key(axis: str, value: Any, orders: Orders | None = None) -> tuple[Any, ...]:
    """Sort key of a value: empty, then known names in printing order, numbers by size (10k < 100k < 1m), other names.

    Teachers are sorted like the tasks, networks or datasets that they name.

    Args:
        orders: printing order of the study's tasks and networks; default: the project's own.
    """
    text = str(value)
    if axis == "metric":
        text = text.removeprefix(GAIN)
    if not text:
        return (-1, 0, "")
    if axis == "teachers":
        names = [*_order("task", orders)[1:-2], *_order("backbone", orders), *DATASETS]
        return (2, [names.index(name) if name in names else len(names) for name in text.split("+")], text)
    listed = _order(axis, orders)
    if text in listed and text != "none":
        return (0, listed.index(text), "")
    if number := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKmM]?)", text):
        return (1, float(number[1]) * {"": 1, "k": 1e3, "m": 1e6}[number[2].lower()], "")
    return (2, 0, text)


def _order(axis: str, orders: Orders | None) -> list[str]:
    given = (orders or {}).get(axis)
    if axis == "task":
        tasks = in_order({name: one.place for name, one in shipped_tasks().items()}) if given is None else given
        return [BASELINE_TASK, *tasks, AVERAGE_TASK, VIDEO_LANGUAGE]
    if axis == "backbone":
        return in_order({name: one.place for name, one in networks().items()}) if given is None else list(given)
    if axis == "protocol":
        return in_order({one.name: one.place for one in stages()})
    return list(_FIXED.get(axis, {}))


def _names(axis: str) -> Mapping[str, str]:
    if axis == "task":
        tasks = {name: one.title for name, one in shipped_tasks().items()}
        special = {AVERAGE_TASK: "Mean over tasks", VIDEO_LANGUAGE: "video-language"}
        return {BASELINE_TASK: BASELINE_LABEL, **tasks, **special}
    if axis == "protocol":
        return {one.name: one.label for one in stages()}
    if axis == "backbone":
        return {name: one.title for name, one in networks().items()}
    return _FIXED.get(axis, {})


def _teacher(name: str, labels: Labels) -> str:
    """The printed name of one teacher. A teacher's name lists how it differs from the student, such as rotnet-C1."""
    given = {**labels.get("task", {}), **labels.get("backbone", {})}
    return " ".join(given.get(part) or name_of(part) for part in name.split("-"))
