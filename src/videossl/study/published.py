"""Published networks of a study: their names, input and files. Does not import torch, downloads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError, unknown_name
from videossl.data.settings import Augment, ClipShape
from videossl.published import place_of
from videossl.published.networks import registry
from videossl.stages.cells import SCRATCH, VIDEO_LANGUAGE
from videossl.study.availability import NOT_PROVIDED, locate
from videossl.study.config import Config, Grid
from videossl.study.config.published import PublishedNetwork
from videossl.study.config.study import Finetune
from videossl.training.specs import BackboneSpec

FILES = ("model.safetensors", "pytorch_model.bin")
"""Names of weights in a folder, in order of preference."""
INPUT = ("frames", "size", "stride", "resize_short", "mean", "std")


@dataclass(frozen=True)
class Architecture:
    """A network on the axis `backbone` that published weights belong to, and the clips that it takes."""

    name: str
    title: str
    spec: BackboneSpec
    clip: ClipShape
    stride: int
    resize_short: int | None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    gflops: float | None
    """10^9 operations of one clip; None for this project's backbones."""

    def finetune(self, common: Finetune) -> Finetune:
        """The study's settings of finetuning with the clips of this network: the crop that the network's tests see, at
        random places in training where the study's are random."""
        changes: dict[str, object] = {"mean": self.mean, "std": self.std}
        if self.resize_short is not None:
            crop = "center" if common.augment.crop == "center" else "random"
            changes |= {"crop": crop, "resize_short": self.resize_short}
        augment = Augment.model_validate({**common.augment.model_dump(), **changes})
        return common.model_copy(update={"clip": self.clip, "stride": self.stride, "augment": augment})


def network_of(name: str, entry: PublishedNetwork) -> str:
    """The name of an entry's network on the axis `backbone`."""
    own = entry.architecture if entry.architecture in registry.library_names() else name
    return entry.network or own


def architectures(config: Config) -> dict[str, Architecture]:
    """The networks of all published entries, by name.

    Raises UserError for an unknown architecture, wrong options, names that are taken, or entries of one network that
    differ in more than their weights.
    """
    found: dict[str, Architecture] = {}
    owners: dict[str, str] = {}
    for entry_name, entry in config.published.items():
        where = place_of(entry_name)
        registry.check_options(entry.architecture, entry.options, where)
        name = network_of(entry_name, entry)
        if name in backbones.names():
            raise UserError(
                f"{where}: the network would be called {name}, as a backbone of this project, which has other clips:"
                " set `network` to another name."
            )
        own = _architecture(config, name, entry, where)
        if name in found and found[name] != own:
            raise UserError(
                f"{where} and {place_of(owners[name])} are the same network, {name}, but differ in architecture,"
                " options or input, so that one row of random weights cannot stand beside both: set `network` of one of"
                " them to another name."
            )
        found[name], owners[name] = own, entry_name
    return found


def _architecture(config: Config, name: str, entry: PublishedNetwork, where: str) -> Architecture:
    def value(key: str) -> Any:
        given = getattr(entry.input, key)
        return registry.stated(entry.architecture, key, common.get(key)) if given is None else given

    finetune = config.finetune
    common = {
        **{"frames": finetune.clip.frames, "size": finetune.clip.size, "stride": finetune.stride},
        **{key: getattr(finetune.augment, key) for key in ("resize_short", "mean", "std")},
    }
    values = {key: value(key) for key in INPUT}
    resized = values["resize_short"]
    if resized is not None and resized < values["size"]:
        raise UserError(
            f"{where}: `input.resize_short` is {resized}, smaller than the crop of `input.size` = {values['size']}"
            " pixels: raise it, or lower the size. What is left out is stated by the architecture (docs/published.md)."
        )
    clip = ClipShape.parse({"frames": values["frames"], "size": values["size"]}, f"{where}, `input`")
    return Architecture(
        name=name,
        title=str(registry.stated(entry.architecture, "title") or name),
        spec=BackboneSpec(name=entry.architecture, options=entry.options),
        clip=clip,
        stride=values["stride"],
        resize_short=values["resize_short"],
        mean=tuple(values["mean"]),
        std=tuple(values["std"]),
        gflops=_gflops(entry.architecture, clip),
    )


def _gflops(architecture: str, clip: ClipShape) -> float | None:
    """Operations of one clip, from those of the architecture's own clip."""
    gflops, frames, size = (registry.stated(architecture, key) for key in ("gflops", "frames", "size"))
    return None if gflops is None else in_proportion(gflops, ClipShape(frames=frames, size=size), clip)


def in_proportion(gflops: float, of: ClipShape, clip: ClipShape) -> float:
    """Operations of a clip, if one of the shape `of` takes `gflops`."""
    return gflops * clip.frames * clip.size**2 / (of.frames * of.size**2)


def check_names(config: Config, tasks: Mapping[str, object]) -> None:
    """Raise UserError if an entry has the name of a pretext task, as both are values of the axis `task`."""
    taken = {*tasks, SCRATCH, VIDEO_LANGUAGE, "all", "average"}
    for name in config.published:
        if name in taken:
            raise UserError(f"{place_of(name)} has the name of a task: choose another, such as {name}_published.")


def require_known(name: str, config: Config, where: str) -> None:
    """Raise UserError unless the configuration has a published network `name`."""
    if name not in config.published:
        remedy = "A published network needs an entry under `published` in the configuration: docs/published.md."
        raise unknown_name("published network", name, config.published, where, remedy)


def with_supervised(config: Config, grid: Grid, where: str) -> Grid:
    """`grid` with all networks that were trained with labels, if it has published ones that were not.

    Raises UserError if the configuration has none.
    """
    published = config.published
    if all(published[name].supervised for name in grid.published):
        return grid
    supervised = [name for name, entry in published.items() if entry.supervised]
    if not supervised:
        raise UserError(
            f"{where}: {', '.join(grid.published)} were trained without labels, and no entry of the configuration's"
            " `published` with `supervised: true` can stand beside them. Add one, such as torchvision's R(2+1)D-18"
            " (docs/published.md), or set `baseline: false`."
        )
    return grid.model_copy(update={"published": list(dict.fromkeys([*grid.published, *supervised]))})


def weights_of(entry: PublishedNetwork) -> Path | None:
    """The file of a network's weights; None if it is not there."""
    place = locate(entry.weights)
    if place is None or not place.is_dir():
        return place
    return next((place / name for name in FILES if (place / name).is_file()), None)


def missing(name: str, entry: PublishedNetwork) -> str:
    """Reason why a network's weights cannot be used; "" if they are there."""
    if weights_of(entry) is not None:
        return ""
    place = locate(entry.weights)
    if place:
        return f"{NOT_PROVIDED}: no {' or '.join(FILES)} in {place}, `published.{name}.weights`"
    return f"{NOT_PROVIDED}: {entry.weights}, `published.{name}.weights`, is neither a path nor in the hub's cache"


def require_weights(name: str, entry: PublishedNetwork) -> Path:
    """The file of a network's weights. Raises UserError if it is not there."""
    found = weights_of(entry)
    if found is None:
        raise UserError(f"{entry.title}: {missing(name, entry)}. Get the weights, or correct the key.")
    return found
