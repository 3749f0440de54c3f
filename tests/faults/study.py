"""The small study that faults are injected into: the command, its configuration, and what must come out the same."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

CONFIGURATION = """
only: [accuracies, retrieved, curve]
results_dir: results
compute: {milestone_jobs: every, retries: 0, checkpoint_minutes: 0.001}
datasets:
  k400: {shards: 1, generated: {classes: 2, videos: {train: 4, val: 2}, frames: [16, 17]}}
  ucf101: {shards: 2, generated: {classes: 2, videos: {train: 6, test: 2}, frames: [16, 17]}}
subsets: {10k: 4}
experiments:
  accuracies:
    kind: table
    title: Two protocols
    grid:
      - &cells {task: rotnet, backbone: r2plus1d, source: k400, subset: 10k, epochs: 100, target: ucf101}
      - {<<: *cells, protocol: linear_probe}
    rows: protocol
    columns: task
  retrieved:
    kind: table
    title: Retrieval
    baseline: false
    grid: {<<: *cells, protocol: retrieval}
    rows: task
    columns: metric
  curve:
    kind: figure
    plot: lines
    title: A curve
    grid: {<<: *cells, epochs: [50, 100]}
    x: epochs
    series: task
"""
CHANGE = """
datasets: {ucf101: {generated: {seed: 5}}}
recipe_overrides: {rotnet: {optimizer: {lr: 0.0123}}}
"""
"""A second configuration for the same folder: other videos of one dataset, another recipe. All but the first dataset
must be made again."""
