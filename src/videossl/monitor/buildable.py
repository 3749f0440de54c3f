"""Builds each network, pretext task and video-language model of a study once, to find errors before the first job.

Reading the configuration only checks each option by itself. Whether options fit together, whether a network accepts
clips of the configured size, and how long a task's videos must be, is known only to the classes, which need torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from videossl.common.errors import UserError
from videossl.common.files import canonical_json
from videossl.stages.cells import Cell
from videossl.stages.registry import stage
from videossl.study.study import Study


def builds_of(study: Study, cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """What `cells` build, each once: network, clip and, for a pretraining, the task with its options."""
    found: dict[str, dict[str, Any]] = {}
    for cell in cells:
        build = stage(cell.stage).build(study, cell)
        if build is not None:
            kept = {key: build["spec"][key] for key in build["keys"]}
            kept |= {"source": build["source"]} if "source" in build else {}
            found.setdefault(canonical_json(kept), {**kept, "seed": cell.seed, "where": build["where"]})
    return list(found.values())


def problems_of(builds: Iterable[dict[str, Any]]) -> list[str]:
    """Errors of :func:`builds_of`, by the file or key that causes them.

    Each build allocates no memory for weights; one clip is passed through its network.
    """
    import torch

    found: dict[str, str] = {}
    for build in builds:
        try:
            with torch.device("meta"), torch.no_grad():
                _build(build)
        except Exception as error:  # any error here would also occur in a job
            lines = str(error).splitlines() or [type(error).__name__]
            clip = f"{build['clip']['frames']}x{build['clip']['size']}x{build['clip']['size']}"
            # An error of a task is reported once for all networks that use it.
            found.setdefault(lines[0], f"{_name(build)}, clips of {clip}: {lines[0]}\n    Written in {build['where']}.")
    return list(found.values())


def _name(build: dict[str, Any]) -> str:
    """Name of a build, for messages."""
    return build["model"] if "model" in build else f"{build.get('task', 'a network')} with {build['backbone']['name']}"


def _build(build: dict[str, Any]) -> None:
    """Build the network and pass one clip through it. Raises any error of the classes."""
    import torch

    from videossl.backbones import registry as backbones
    from videossl.training.pretrain import build_task
    from videossl.training.specs import TaskSpec
    from videossl.videolanguage.models import registry as models

    if "model" in build:
        side = build["clip"]["size"]
        model = models.build(build["model"], **build["options"]).eval()
        model.encode_video(torch.empty(1, 3, build["clip"]["frames"], side, side))
        return
    if "task" in build:
        values = {key: build[key] for key in TaskSpec.model_fields if key != "augment"}
        normalisation = {key: build["augment"][key] for key in ("mean", "std")}
        task = build_task(TaskSpec.parse({**values, "augment": normalisation}, build["where"]))
        _require_long_videos(build, task.min_frames)
        network = task.backbone
    else:
        network = backbones.build(build["backbone"]["name"], **build["backbone"]["options"])
    side = build["clip"]["size"]
    network.eval()(torch.empty(1, 3, build["clip"]["frames"], side, side))


def _require_long_videos(build: dict[str, Any], min_frames: int) -> None:
    """UserError if no video of the source is known to be long enough for the task."""
    name, longest = build["source"]["name"], build["source"]["longest"]
    if longest is not None and longest < min_frames:
        raise UserError(
            f"{build['task']} needs videos of at least {min_frames} frames (clips of {build['clip']['frames']} frames,"
            f" options {build['options']}), and the longest training video of {name} has {longest}: lower clip.frames"
            f" or the options, or give it longer videos (if they are generated, datasets.{name}.generated.frames)."
        )
