"""The recipes of a study: of each pretext task and each video-language model, with the scale's overrides.

Checks what a single file cannot: names of tasks, models, backbones and datasets, and the tasks' options. Does not
import torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError, unknown_name
from videossl.pretext import registry as pretext
from videossl.study.config import Config, Recipe, load_recipe, task_names
from videossl.study.config.videolanguage import ModelRecipe, VideoLanguage, load_model_recipe, model_names
from videossl.videolanguage.models import registry as networks


def task_recipes(config: Config) -> dict[str, Recipe]:
    """The recipe of each pretext task that has one."""
    names = task_names(config.recipes_dir)
    if not names:
        raise UserError(f"the configuration's `recipes_dir`, {config.recipes_dir}, has no recipe (<task>.yaml).")
    for name in names:
        if name not in pretext.names():
            raise UserError(
                f"{config.recipes_dir}/{name}.yaml is the recipe of a pretext task that does not exist: add "
                f"src/videossl/pretext/{name}.py (docs/adding_a_task.md), or name the file as one of "
                f"{', '.join(pretext.names())}."
            )
    for name in config.recipe_overrides or {}:
        if name not in ("all", *names):
            raise unknown_name("pretext task", name, ("all", *names), "recipe_overrides")
    for name in config.compute.parallel:
        if name not in ("finetune", *names):
            raise unknown_name("kind of job", name, ("finetune", *names), "compute.parallel")
    for name in config.cluster.share:
        if name not in backbones.names():
            raise unknown_name("backbone", name, backbones.names(), "cluster.share")
    recipes = {name: load_recipe(config.recipes_dir, name, config.recipe_overrides) for name in names}
    _check_looks(config, recipes)
    for name, recipe in recipes.items():
        _check_recipe(name, recipe, f"{config.recipes_dir}/{name}.yaml (with recipe_overrides)")
    return recipes


def check_finetune(config: Config, published: Iterable[str]) -> None:
    """Backbones and targets that settings of finetuning differ by must exist. `published`: networks of others."""
    finetune, others = config.finetune, tuple(published)
    for key in ("batch_size", "accumulation_steps"):
        _check_backbones(getattr(finetune, key), f"finetune.{key}", others)
    _check_backbones(finetune.optimizer.lr, "finetune.optimizer.lr", others)
    _check_backbones(finetune.optimizer.by_backbone, "finetune.optimizer.by_backbone", others)
    _check_backbones(finetune.min_steps, "finetune.min_steps", (*others, *config.datasets), "backbone or target")


def _check_looks(config: Config, recipes: Mapping[str, Recipe]) -> None:
    """UserError if two tasks have the same colour: figures would not tell them apart."""
    seen: dict[str, str] = {}
    for name, recipe in recipes.items():
        colour = (recipe.colour or "").upper()
        if colour in seen:
            raise UserError(
                f"{config.recipes_dir}/{name}.yaml: `colour` {recipe.colour} is also that of the task"
                f" {seen[colour]}, so figures would not tell the two apart. Choose another, or leave `colour` out: then"
                " the task gets one that no other has."
            )
        seen |= {colour: name} if colour else {}


def _check_recipe(name: str, recipe: Recipe, where: str) -> None:
    _check_backbones(recipe.batch_size, f"batch_size of the recipe {name}")
    _check_backbones(recipe.accumulation_steps, f"accumulation_steps of the recipe {name}")
    _check_backbones(recipe.optimizer.lr, f"optimizer.lr of the recipe {name}")
    for complexity, source in itertools.product(recipe.complexity or ("",), ("", *recipe.source_options)):
        pretext.check_options(name, recipe.task_options(complexity, source), where)
    for key in ("times", "loaded"):
        option = getattr(recipe.cost, key)
        if isinstance(option, str) and option not in recipe.options:
            raise unknown_name("option", option, recipe.options, f"`cost.{key}` of {where}")
    _check_backbones(recipe.optimizer.by_backbone, f"optimizer.by_backbone of the recipe {name}")


def _check_backbones(value: object, where: str, others: Iterable[str] = (), kind: str = "backbone") -> None:
    """Backbones named by a setting that differs by backbone must exist; `others`: further names that are valid."""
    valid = ("default", *backbones.names(), *others)
    for name in value if isinstance(value, dict) else ():
        if name not in valid:
            raise unknown_name(kind, name, valid, where)


def model_recipes(config: Config) -> dict[str, ModelRecipe]:
    """The recipe of each video-language model."""
    settings = config.vifm
    names = model_names(settings.recipes_dir)
    for key in ("recipe_overrides", "weights"):
        valid = ("all", *names) if key == "recipe_overrides" else names
        for name in getattr(settings, key) or {}:
            if name not in valid:
                raise unknown_name("video-language model", name, valid, f"vifm.{key}")
    models = {name: load_model_recipe(settings, name) for name in names}
    for name, recipe in models.items():
        where = f"{settings.recipes_dir}/{name}.yaml (with vifm.recipe_overrides)"
        if name not in networks.names():
            raise unknown_name("video-language model", name, networks.names(), where, "It needs a file of its name.")
        networks.check_options(name, recipe.network_options(), where)
    _check_corpora(config, models)
    return models


def corpus_datasets(settings: VideoLanguage, corpora: Iterable[str]) -> list[str]:
    """The captioned datasets of some corpora, that of the small CLIP first."""
    training = settings.training
    if training is None:
        raise ValueError("vifm.training is not configured, so nothing is trained on captions")
    return [training.clip.dataset, *(training.corpora[name].dataset for name in corpora)]


def _check_corpora(config: Config, models: Mapping[str, ModelRecipe]) -> None:
    """Raise UserError unless the corpora that the models are trained on exist."""
    training = config.vifm.training
    if training is None:
        return
    for name in corpus_datasets(config.vifm, training.corpora) + training.leave_out:
        if name not in config.datasets:
            raise unknown_name("dataset", name, config.datasets, "vifm.training")
        if config.datasets[name].combine:
            raise UserError(f"vifm.training names {name}, a combination of datasets. Name one of its parts.")
    for name, recipe in models.items():
        if recipe.data.name not in training.corpora:
            raise unknown_name("corpus", recipe.data.name, training.corpora, f"the recipe of {name}, data.name")
