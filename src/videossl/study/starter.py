"""The configuration that a study of one's own videos starts with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from videossl.common.places import shown
from videossl.common.strict import merge
from videossl.data.own_lists import LEFT_OUT, OwnVideos
from videossl.data.sampling import span
from videossl.study.starter_settings import (
    FINETUNING_STEPS,
    FRAMES,
    STRIDE,
    Clips,
    fitting_clips,
    pretraining_epochs,
)

TEMPLATE = """\
# Your own videos, from pretraining to a table; an overlay of config/config.yaml (docs/own_dataset.md explains it):
# {train} videos to pretrain and finetune on, {test} to test on, {classes} classes.{left_out}

# Printed in the table's title.
scale: {{name: own, reduced: true, note: "narrow networks, small clips, few epochs"}}
results_dir: results/{name}

datasets:
  {name}:
    title: {title}
    reader: lists
    root: {root}
    annotations: {lists}   # classInd.txt, train.txt, test.txt: edit them as you like
    shards: 2                # jobs that decode in parallel
    videos: {{train: {train}, test: {test}}}  # for estimates, as is the next line, until the videos are listed
    frames: {length}

subsets: {{all: all}}          # pretrain on all training videos; {{small: 100, all: all}} compares two sizes

only: [{name}, {name}_gain]    # leaves out the study's own tables
experiments:
  {name}:
    kind: table
    title: Pretraining on one's own videos
    # Every combination is a cell. Tasks: rotnet, vcop, prp, cvrl, tdl, rspnet, videomae.
    grid: &cells {{task: {tasks}, backbone: r2plus1d, source: {name}, subset: all, epochs: 200, target: {name}}}
    rows: task
    columns: target
  {name}_gain:
    kind: table
    title: What pretraining gains on one's own videos
    grid: *cells
    gain: true               # differences from the network without pretraining, paired by test video
    rows: task
    columns: target

# Epochs of pretraining by their names in the paper, of which the grid has 200; the fewer videos, the more epochs.
epochs: {epochs}
finetune: {finetune}
{short}
# What else you could change; each line as it is without the mark in front, instead of a line above with the same key:
# seeds: 3                                        # repeats everything; intervals then hold the chance of training
# Few labels, where pretraining helps most: `protocol: low_shot, labels: [5, 10, all]` in the grid; `columns: labels`.
# Classes that a mirror would change (left, right): no flips in pretraining.
# recipe_overrides: {no_flips}
# On a larger computer:
# store: {{short_side: 64}}                        # pixels of stored frames
# finetune: {large_finetune}
# recipe_overrides: {large_overrides}
# backbones: {{r2plus1d: {{width: 0.25}}}}           # share of the paper's channels
"""
SHORT = """\
# Nine videos of ten have {usual} frames or more. Clips of every 2nd of {needed} would not fit: successive frames.
{without}recipe_overrides: {overrides}
"""
WITHOUT = "# rspnet, which shows clips at two speeds, is left out: it needs videos of three frames.\n"


def configuration(name: str, root: Path, lists: Path, videos: OwnVideos) -> str:
    """The overlay as commented YAML. `root` is written as an absolute path, unless it lies below the working folder."""
    train, lengths = videos.side(False), sorted(videos.frames[path] for path in videos.label_of)
    clips, epochs = fitting_clips(lengths), pretraining_epochs(len(train))
    overrides = _overrides(clips)
    large = merge(overrides, {"all": {"clip": {"size": 56}}, "rotnet": {"augment": {"resize_short": 64}}})
    return TEMPLATE.format(
        name=name,
        title=json.dumps(f"My videos ({name})"),
        root=_quoted(shown(root.resolve())),
        lists=_quoted(str(lists)),
        train=len(train),
        test=len(videos.side(True)),
        classes=len(videos.classes),
        left_out=_left_out(videos, lists),
        length=lengths[len(lengths) // 2],
        tasks=_flow(["rotnet", "rspnet"] if clips.rspnet else ["rotnet"]),
        epochs=_flow({part: max(1, epochs * part // 200) for part in (50, 100, 150, 200)}),
        finetune=_flow(_finetune(clips)),
        short=_short(clips, overrides) if clips.shortened else "",
        no_flips=_flow(merge(overrides, {"all": {"augment": {"flip": 0}}})),
        large_finetune=_flow(merge(_finetune(clips), {"clip": {"size": 56}})),
        large_overrides=_flow(large),
    )


def _left_out(videos: OwnVideos, lists: Path) -> str:
    count = sum(map(len, videos.left_out.values()))
    return f"\n# Left out: {count} files or classes; which, and why: {lists / LEFT_OUT}" if count else ""


def _finetune(clips: Clips) -> dict[str, Any]:
    changed = {"clip": {"frames": clips.frames}, "stride": clips.stride} if clips.shortened else {}
    return {**changed, "min_steps": FINETUNING_STEPS}


def _overrides(clips: Clips) -> dict[str, Any]:
    """Of the recipes: the clips of pretraining."""
    found: dict[str, Any] = {"all": {"clip": {"frames": clips.frames}}}
    if clips.shortened:
        found["rotnet"] = {"options": {"stride": clips.stride}}
    if clips.rspnet not in (clips.frames, None):
        found["rspnet"] = {"clip": {"frames": clips.rspnet}}
    return found


def _short(clips: Clips, overrides: dict[str, Any]) -> str:
    return SHORT.format(
        usual=clips.usual,
        needed=span(FRAMES, STRIDE),
        without="" if clips.rspnet else WITHOUT,
        overrides=_flow(overrides),
    )


def _flow(value: object) -> str:
    """A list or mapping as YAML in one line."""
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000).strip()


def _quoted(path: str) -> str:
    """A path as a YAML text."""
    return json.dumps(path, ensure_ascii=False)
