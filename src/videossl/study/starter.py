"""The configuration that a study of one's own videos starts with."""

from __future__ import annotations

import json
from pathlib import Path

from videossl.common.places import shown
from videossl.data.own_lists import OwnVideos

TEMPLATE = """\
# Your own videos, from pretraining to a table; an overlay of config/config.yaml (docs/own_dataset.md explains it):
# {train} videos to pretrain and finetune on, {test} to test on, {classes} classes.

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

subsets: {{all: all}}          # pretrain on all training videos; {{small: 100, all: all}} compares two sizes

only: [{name}]                 # leaves out the study's own tables
experiments:
  {name}:
    kind: table
    title: Pretraining on one's own videos
    # Every combination is a cell. Tasks: rotnet, vcop, prp, cvrl, tdl, rspnet, videomae.
    grid: {{task: [rotnet, rspnet], backbone: r2plus1d, source: {name}, subset: all, epochs: 200, target: {name}}}
    rows: task
    columns: target

# What a larger computer could do; each line as it is without the mark in front:
# store: {{short_side: 64}}                        # pixels of stored frames
# finetune: {{clip: {{frames: 8, size: 56}}, epochs: 30}}
# recipe_overrides: {{all: {{clip: {{frames: 8, size: 56}}}}, rotnet: {{augment: {{resize_short: 64}}}}}}
# backbones: {{r2plus1d: {{width: 0.25}}}}           # share of the paper's channels
# epochs: {{50: 25, 100: 50, 150: 75, 200: 100}}   # of pretraining
# seeds: 3                                        # repeats everything; intervals then hold the chance of training
# Classes that a mirror would change (left, right): no flips in pretraining.
# recipe_overrides: {{all: {{augment: {{flip: 0}}}}}}
"""


def configuration(name: str, root: Path, lists: Path, videos: OwnVideos) -> str:
    """The overlay as commented YAML. `root` is written as an absolute path, unless it lies below the working folder."""
    return TEMPLATE.format(
        name=name,
        title=json.dumps(f"My videos ({name})"),
        root=_quoted(shown(root.resolve())),
        lists=_quoted(str(lists)),
        train=len(videos.side(False)),
        test=len(videos.side(True)),
        classes=len(videos.classes),
    )


def _quoted(path: str) -> str:
    """A path as a YAML text."""
    return json.dumps(path, ensure_ascii=False)
