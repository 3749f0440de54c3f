"""Locates the published weights of video-language models. Does not import torch, downloads nothing.

The user provides them: a file, a folder, or a name on the Hugging Face hub whose files are in the local cache. What is
missing is reported with a remedy, and only the cells that need it stay pending.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from videossl.common.errors import UserError
from videossl.study.config.videolanguage import ModelRecipe, VideoLanguage, WeightFiles

NOT_PROVIDED = "weights not provided"
NO_TOKENISER = "CLIP's tokeniser not provided"
TOKENIZER_FILES = ("vocab.json", "merges.txt")


@dataclass(frozen=True)
class Found:
    """The files of one model. `missing` says what is missing and `remedy` what to do; both are "" if nothing is."""

    weights: Path | None = None
    base: Path | None = None
    tokenizer: Path | None = None
    missing: str = ""
    remedy: str = ""

    @property
    def files(self) -> list[Path]:
        """All files that are read."""
        folder = self.tokenizer
        vocabulary = [folder / name for name in TOKENIZER_FILES] if folder else []
        return [path for path in (self.weights, self.base, *vocabulary) if path]


@dataclass(frozen=True)
class Status:
    """The state of one model's weights, for reports."""

    model: str
    title: str
    there: bool
    where: str
    gigabytes: float
    """Measured if the file exists, else as published."""
    licence: str
    origin: str
    missing: str
    remedy: str


def in_short(reason: str) -> str:
    """Reason why a cell cannot be run, without details."""
    return reason.partition(":")[0]


def hub_folder(name: str) -> Path | None:
    """Folder of a hub repository in the local cache of `huggingface_hub`; None if it is not there."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache/huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub") / f"models--{name.replace('/', '--')}"
    reference = cache / "refs/main"
    if reference.is_file():
        folder = cache / "snapshots" / reference.read_text(encoding="utf-8").strip()
        return folder if folder.is_dir() else None
    return None


def locate(name: str) -> Path | None:
    """A path, or a hub name in the local cache; None if neither exists."""
    path = Path(name).expanduser()
    return path if path.exists() else hub_folder(name)


def find(settings: VideoLanguage, recipe: ModelRecipe) -> Found:
    """The files of a model according to the configuration."""
    given = settings.weights.get(recipe.model)
    key = f"vifm.weights.{recipe.model}"
    if given is None:
        return Found(missing=NOT_PROVIDED, remedy=_get(recipe, f"set `{key}: {{path: ...}}`"))
    place = locate(given.path)
    weights = place and _weights_file(place, recipe)
    if weights is None:
        wanted = " or ".join(recipe.weights.files)
        what = f"no {wanted} in {place}" if place else f"{given.path} is neither a path nor in the hub's cache"
        return Found(missing=f"{NOT_PROVIDED}: {what}", remedy=_get(recipe, f"correct `{key}.path`"))
    return _with_the_rest(settings, recipe, given, weights)


def _with_the_rest(settings: VideoLanguage, recipe: ModelRecipe, given: WeightFiles, weights: Path) -> Found:
    key = f"vifm.weights.{recipe.model}.base"
    base = Path(given.base).expanduser() if given.base else None
    if recipe.weights.base and (base is None or not base.is_file()):
        missing = f"{NOT_PROVIDED}: {recipe.weights.base}" + (f"; {base} does not exist" if base else "")
        return Found(weights, missing=missing, remedy=f"set `{key}` to its file")
    tokenizer = next((folder for folder in _tokenizer_places(settings, weights) if folder), None)
    if tokenizer is None:
        remedy = f"set `vifm.tokenizer` to a folder with them, or run: hf download {settings.tokenizer}"
        return Found(weights, base, missing=f"{NO_TOKENISER}: no {' and '.join(TOKENIZER_FILES)}", remedy=remedy)
    return Found(weights, base, tokenizer)


def _weights_file(place: Path, recipe: ModelRecipe) -> Path | None:
    candidates = [place / name for name in recipe.weights.files] if place.is_dir() else [place]
    return next((path for path in candidates if path.is_file()), None)


def _tokenizer_places(settings: VideoLanguage, weights: Path) -> list[Path | None]:
    """Folders with the tokeniser's files: beside the weights, then the configured one."""
    places = [weights.parent, locate(settings.tokenizer)]
    return [place if place and all((place / name).is_file() for name in TOKENIZER_FILES) else None for place in places]


def _get(recipe: ModelRecipe, then: str) -> str:
    published = recipe.weights
    download = f"run `hf download {published.hub}` where there is a network" if published.hub else f"get {recipe.title}"
    return f"{download} ({published.origin}, about {published.gigabytes} GB, licence: {published.licence}), and {then}"


def require(settings: VideoLanguage, recipe: ModelRecipe) -> Found:
    """The files of a model. Raises UserError with the remedy if one is missing."""
    found = find(settings, recipe)
    if found.missing:
        raise UserError(f"{recipe.title}: {found.missing}. Remedy: {found.remedy}.")
    return found


def report(settings: VideoLanguage, recipes: dict[str, ModelRecipe]) -> list[Status]:
    """One row per model, for `videossl doctor`. `recipes`: :attr:`videossl.study.study.Study.models`."""
    rows = []
    for name, recipe in recipes.items():
        found = find(settings, recipe)
        size = found.weights.stat().st_size / 1e9 if found.weights else recipe.weights.gigabytes
        rows.append(
            Status(
                model=name,
                title=recipe.title,
                there=not found.missing,
                where=str(found.weights or ""),
                gigabytes=round(size, 2),
                licence=recipe.weights.licence,
                origin=recipe.weights.origin,
                missing=found.missing,
                remedy=found.remedy,
            )
        )
    return rows
