"""Phrases of the evidence, and groups of tasks and networks that several claims compare."""

from __future__ import annotations

from videossl.study.titles import name_of

NON_CONTRASTIVE, CONTRASTIVE = ["rotnet", "vcop", "prp"], ["cvrl", "tdl", "rspnet"]
TASKS = [*NON_CONTRASTIVE, *CONTRASTIVE]
SPATIAL, TEMPORAL, SPATIO_TEMPORAL = ["rotnet", "cvrl"], ["vcop", "tdl"], ["prp", "rspnet"]
NETS = ["shufflenet", "r2plus1d"]
"""The small and the medium network of the paper's main tables."""


def lead(first: str, second: str, where: str = "") -> str:
    """By how much one thing is above another. Names of the configuration become printed names."""
    return f"the lead of {name_of(first)} over {name_of(second)}" + (f" ({where})" if where else "")


def gain(who: str, before: str, after: str) -> str:
    """What something gains between two settings."""
    return f"the gain of {name_of(who)} from {before} to {after}"


def way(source: str, target: str) -> str:
    """Pretraining on one dataset and testing on another."""
    return f"pretrained on {name_of(source)}, tested on {name_of(target)}"
