"""Entries of figures, as `experiments.yaml` has them, for tests of the configuration and of the report."""

from __future__ import annotations

from tiny import GRID

DISTILL = GRID | {
    "protocol": "distill",
    "backbone": "shufflenet",
    "teachers": [{"backbone": "shufflenet"}, {"backbone": "r2plus1d"}],
}


def figure(plot: str, **keys) -> dict:
    return {"kind": "figure", "title": "F", "plot": plot} | keys


def part(entry: str, **keys) -> dict:
    return {"title": "P", "cells_of": entry, "x": "task"} | keys
