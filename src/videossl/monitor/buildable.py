"""Builds each network, pretext task and video-language model of a study once, to find errors before the first job.

Reading the configuration only checks each option by itself. Whether options fit together, whether a network accepts
clips of the configured size, and how long a task's videos must be, is known only to the classes, which need torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from videossl.common.errors import UserError
from videossl.stages.cells import Cell
from videossl.stages.parts.builds import Build, ModelBuild, NetworkBuild, PublishedBuild, TaskBuild
from videossl.stages.registry import stage
from videossl.study.study import Study


def builds_of(study: Study, cells: Iterable[Cell]) -> list[Build]:
    """What `cells` build, each once, in an order that does not depend on that of the cells."""
    found: dict[str, Build] = {}
    for cell in cells:
        if build := stage(cell.stage).build(study, cell):
            found.setdefault(build.identity, build)
    return [found[identity] for identity in sorted(found)]


def problems_of(builds: Iterable[Build]) -> list[str]:
    """Errors of :func:`builds_of`, by the file or key that causes them.

    Each build allocates no memory for weights; one clip is passed through its network.
    """
    import torch

    found: dict[str, str] = {}
    for build in builds:
        try:
            with torch.device("meta"), torch.no_grad():
                _try(build)
        except Exception as error:  # any error here would also occur in a job
            lines = str(error).splitlines() or [type(error).__name__]
            clip = f"{build.clip.frames}x{build.clip.size}x{build.clip.size}"
            # An error of a task is reported once for all networks that use it.
            found.setdefault(lines[0], f"{build.title}, clips of {clip}: {lines[0]}\n    Written in {build.where}.")
    return list(found.values())


def _try(build: Build) -> None:
    """Build the network and pass one clip through it. Raises any error of the classes."""
    import torch

    from videossl.published.loading import PublishedFile, check_network
    from videossl.published.networks import registry as networks
    from videossl.training.pretrain import build_task
    from videossl.videolanguage.models import registry as models

    frames, side = build.clip.frames, build.clip.size
    if isinstance(build, ModelBuild):
        models.build(build.model, **build.options).eval().encode_video(torch.empty(1, 3, frames, side, side))
        return
    if isinstance(build, PublishedBuild):
        file = PublishedFile(Path(build.weights), build.where, build.keys)
        check_network(build.backbone.name, build.backbone.options, file)
        return
    if isinstance(build, NetworkBuild):
        network = networks.build(build.backbone.name, **build.backbone.options)
    else:
        task = build_task(build.task)
        _require_long_videos(build, task.min_frames)
        network = task.backbone
    network.eval()(torch.empty(1, 3, frames, side, side))


def _require_long_videos(build: TaskBuild, min_frames: int) -> None:
    """Raise UserError if no video of the source is known to be long enough for the task."""
    name, longest = build.source, build.longest_video
    if longest is not None and longest < min_frames:
        raise UserError(
            f"{build.task.task} needs videos of at least {min_frames} frames (clips of {build.clip.frames} frames,"
            f" options {build.task.options}), and the longest training video of {name} has {longest}: lower clip.frames"
            f" or the options, or give it longer videos (if they are generated, datasets.{name}.generated.frames)."
        )
