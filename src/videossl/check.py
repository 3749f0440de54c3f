"""Build each network and pretext task of a study once, so that a value out of range is known before the first job.

Names and types of options are checked whenever the configuration is read; their ranges, and whether a network can take
clips of the configured size, are known to the classes alone, and those need torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from videossl.cells import Cell
from videossl.experiments import Study
from videossl.files import canonical_json
from videossl.specs import finetune_spec, pretrain_spec

TRAINED = ("finetune", "distill", "features")
"""Stages that build a network for the clips of `finetune`."""


def builds_of(study: Study, cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """What `cells` build, each once: network, clip, and of a pretraining the task with its options."""
    found: dict[str, dict[str, Any]] = {}
    for cell in cells:
        if cell.stage == "pretrain":
            spec = pretrain_spec(study, cell)
            kept = {key: spec[key] for key in ("task", "options", "backbone", "clip", "augment")}
            where = f"the recipe {study.config.recipes_dir}/{cell.task}.yaml with the configuration's recipe_overrides"
        elif cell.stage in TRAINED:
            spec = finetune_spec(study, cell)
            kept = {key: spec[key] for key in ("backbone", "clip")}
            where = "the configuration's `finetune.clip`"
        else:
            continue
        where = f"{where}, and its `backbones.{cell.backbone}`"
        found.setdefault(canonical_json(kept), {**kept, "seed": cell.seed, "where": where})
    return list(found.values())


def problems_of(builds: Iterable[dict[str, Any]]) -> list[str]:
    """Build each of :func:`builds_of`, without memory for weights, and pass one clip through its network; what is wrong
    with those that cannot be, by the place where that is written."""
    import torch

    found: dict[str, str] = {}
    for build in builds:
        try:
            with torch.device("meta"), torch.no_grad():
                _build(build)
        except Exception as error:  # whatever is raised here would be raised in a job
            lines = str(error).splitlines() or [type(error).__name__]
            clip = f"{build['clip']['frames']}x{build['clip']['size']}x{build['clip']['size']}"
            what = f"{build.get('task', 'a network')} with {build['backbone']['name']}, clips of {clip}"
            # One mistake in a task is told once, whatever networks it is used with.
            found.setdefault(lines[0], f"{what}: {lines[0]}\n    Written in {build['where']}.")
    return list(found.values())


def _build(build: dict[str, Any]) -> None:
    """Raise whatever the classes raise."""
    import torch

    from videossl.backbones import registry as backbones
    from videossl.training.pretrain import build_task

    if "task" in build:
        network = build_task(build).backbone
    else:
        network = backbones.build(build["backbone"]["name"], **build["backbone"]["options"])
    side = build["clip"]["size"]
    network.eval()(torch.empty(1, 3, build["clip"]["frames"], side, side))
