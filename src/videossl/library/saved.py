"""Reads what a run or an export has saved of a network: backbone, weights, preprocessing, identity."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from videossl.common.errors import UserError
from videossl.common.intact import damaged, unreadable
from videossl.data.settings import Augment, ClipShape, Preparation
from videossl.data.store import FrameStore
from videossl.library.preprocessing import Preprocessing
from videossl.training.checkpoint import load_torch
from videossl.training.record import find_run

WEIGHTS, EXPORTED = "weights.pt", "model.safetensors"
KEY = "videossl"
"""Key in the metadata of an exported file that holds a JSON description of the network."""
PRETRAINED, FINETUNED = {"backbone", "spec", "identity"}, {"model", "spec", "classes"}
"""Keys of the weights of a pretraining, and of a finetuning."""

LEVELS = 12
"""Levels below a results folder at which a run folder lies, at most."""


@dataclass(frozen=True)
class Saved:
    """A saved backbone."""

    path: Path
    backbone: dict[str, Any]
    """Its `name` and `options`."""
    state: Mapping[str, Tensor]
    preprocessing: Preprocessing | None
    """None if nothing beside the weights says it."""
    identity: dict[str, Any]
    """The run's identity columns; {} if they are not known."""


def weights_file(path: str | Path) -> Path:
    """The weights that `path` names: itself, or those in the folder. Raises UserError if there are none."""
    found = Path(path).expanduser()
    if not found.is_dir():
        if found.is_file():
            return found
        raise UserError(
            f"there is no file or folder {found}: name a run folder, such as results/pretrain/.../epochs200."
        )
    for name in (WEIGHTS, EXPORTED):
        if (found / name).is_file():
            return found / name
    below = sorted(found.rglob(WEIGHTS))
    hint = f" There are {len(below)} below it, such as {below[0]}." if below else ""
    raise UserError(f"the folder {found} has neither {WEIGHTS} nor {EXPORTED}, so no network.{hint}")


def read_saved(path: str | Path) -> Saved:
    """Read a run folder, its weights, or an exported file. Raises UserError if it holds no backbone."""
    file = weights_file(path)
    return _exported(file) if file.suffix == ".safetensors" else _trained(file)


def _trained(path: Path) -> Saved:
    found = load_torch(path)
    keys = set(found) if isinstance(found, dict) else set()
    run = find_run(path.parent) or {}
    try:
        if keys >= PRETRAINED:
            preprocessing = _of_pretraining(path.parent, run["recipe"]) if "recipe" in run else None
            return Saved(path, dict(found["spec"]), found["backbone"], preprocessing, dict(found["identity"]))
        if keys >= FINETUNED:
            spec, head = found["spec"], "backbone."
            state = {name.removeprefix(head): value for name, value in found["model"].items() if name.startswith(head)}
            preprocessing = _of_finetuning(path.parent, spec)
            return Saved(path, dict(spec["backbone"]), state, preprocessing, dict(run.get("identity", {})))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise damaged(path, f"describes no network ({type(error).__name__}: {error})") from error
    raise UserError(
        f"{path} holds no backbone: it has {', '.join(sorted(map(str, keys))) or 'no keys'}. Name the `{WEIGHTS}` or"
        " the folder of a pretraining, finetuning or distillation, or a file of `videossl export`."
    )


def _exported(path: Path) -> Saved:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise unreadable(path, error, "Export the network again.") from error
    if KEY not in metadata:
        raise UserError(f"{path} was not written by `videossl export`: nothing in it says which network it is.")
    try:
        said = json.loads(metadata[KEY])
        preprocessing = Preprocessing(**said["preprocessing"])
        return Saved(path, dict(said["backbone"]), state, preprocessing, dict(said["identity"]))
    except (ValueError, KeyError, TypeError) as error:
        problem = f"describes no network ({type(error).__name__}: {error})"
        raise damaged(path, problem, "Export the network again.") from error


def _of_pretraining(folder: Path, recipe: Mapping[str, Any]) -> Preprocessing:
    """As the pretext task's own test sees videos. Tasks without an option `stride` take consecutive frames, among
    others. A published network states its clips as a test sees them."""
    if "stride" in recipe:
        prepared = Preparation.model_validate(recipe["augment"], strict=False)
        return _prepared(folder, recipe, prepared, stride=int(recipe["stride"]))
    return _preprocessing(folder, recipe, stride=int(recipe["options"].get("stride", 1)))


def _of_finetuning(folder: Path, spec: Mapping[str, Any]) -> Preprocessing:
    """As the test after finetuning sees videos."""
    return _preprocessing(folder, spec, stride=spec["stride"], clips=spec["test_clips"])


def _preprocessing(folder: Path, recipe: Mapping[str, Any], **values: int) -> Preprocessing:
    prepared = Augment.model_validate(recipe["augment"], strict=False).preparation
    return _prepared(folder, recipe, prepared, **values)


def _prepared(folder: Path, recipe: Mapping[str, Any], prepared: Preparation, **values: int) -> Preprocessing:
    clip = ClipShape.parse(dict(recipe["clip"]), "the run's `clip`")
    form = _stored_format(folder)
    if prepared.crop == "unresized" and not form:
        raise UserError(
            f"{folder}: its network sees {clip.size} pixels of stored frames, and how large those were is not known"
            " here, as the frame stores (`data/` in the results folder) are not there. Give `preprocessing` to `load`."
        )
    return Preprocessing(
        frames=clip.frames, size=clip.size, mean=prepared.mean, std=prepared.std, crop=prepared.crop,
        resize_short=prepared.resize_short, **form, **values,
    )  # fmt: skip


def _stored_format(folder: Path) -> dict[str, Any]:
    """Size and quality of the frames in the stores of the results folder that a run belongs to; {} if there are none.
    All stores of a results folder have one format."""
    for results in folder.resolve().parents[:LEVELS]:
        for kind in ("shards", "train"):
            for shard in sorted(results.glob(f"data/*/{kind}/*.arrow")):
                said = FrameStore([shard]).settings(0)
                quality = said["quality"] if said["codec"] == "jpeg" else None
                return {"short_side": int(said["short_side"]), "quality": quality}
    return {}
