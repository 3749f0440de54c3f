"""Input of the report for one entry: its layout, and the names, order and style of what it shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from videossl.backbones import registry as backbones
from videossl.data.settings import SEVERITIES
from videossl.report.left_out import left_out_here
from videossl.report.style import Looks
from videossl.report.style import looks as looks_by_axis
from videossl.report.subsets import caption_here, subset_here, subsets_here
from videossl.stages.registry import stage
from videossl.study import titles
from videossl.study.config import Config
from videossl.study.study import Study


def entry_of(study: Study, name: str) -> dict[str, Any]:
    """A table's or figure's entry, with printed names and groups of what it shows."""
    config = study.config
    entry = study.entries[name].model_dump(mode="json", exclude={"grid", "cells_of", "metric"}, exclude_none=True)
    datasets = {dataset: settings.title for dataset, settings in config.datasets.items()}
    names: dict[str, dict[str, str]] = {
        "task": {task: recipe.title or task for task, recipe in study.recipes.items()},
        "source": dict(datasets),
        "target": dict(datasets),
        "backbone": {name: titles.networks()[name].title for name in sorted(_networks(study, name))},
    }
    for task in _published(study, name):
        own = config.published[task]
        network = study.network_of(task)
        names["task"][task], names["backbone"][network] = own.title, study.architectures[network].title
        names["source"].setdefault(own.data.name, own.data.title)
    for model in _models(study, name):
        data = study.models[model].data
        names["backbone"][model] = study.models[model].title
        names["source"].setdefault(data.name, data.title)
    clip = config.finetune.clip
    # State what the paper's names stand for here.
    names["subset"] = {name: subset_here(config, name) for name in config.subsets}
    names["input"] = {"clip": f"{clip.frames}x{clip.size}"}
    if config.scale.reduced:
        networks = _networks(study, name)
        names["epochs"] = {str(milestone): epochs_here(config, networks, milestone) for milestone in config.epochs}
    groups = {task: recipe.objective for task, recipe in study.recipes.items()}
    # Only those that the entry may use, so that a new dataset does not change every table.
    looks = {
        axis: looks_of(study).get(axis, {}) for axis in dict.fromkeys(["task", study.entries[name].series or "task"])
    }
    looks = {axis: {value: look.model_dump() for value, look in found.items()} for axis, found in looks.items()}
    own = {"labels": names, "groups": groups, "orders": _orders(study, name), "looks": looks}
    complexities = {task: recipe.default_complexity for task, recipe in study.recipes.items()}
    caption = " ".join(part for part in (caption_here(study, name), _clips_of_published(study, name)) if part)
    here = {"caption": caption, "subsets_here": subsets_here(study, study.cells_of[name])}
    if said := left_out_here(study, [name]):
        here["left_out"] = said
    return {"name": name, **entry, **here, **own, "complexities": complexities}


def epochs_here(config: Config, networks: Iterable[str], milestone: int) -> str:
    """A milestone with the number of epochs that it stands for: "200 (here 12)", "200 (here 6 to 30)"."""
    trained = {config.epochs_of(network, milestone) for network in networks} or {config.epochs_of("default", milestone)}
    shown = str(min(trained)) if len(trained) == 1 else f"{min(trained)} to {max(trained)}"
    return f"{milestone} (here {shown})"


def looks_of(study: Study) -> Looks:
    """Colours and markers of all that figures of the study show, the same in each of them."""
    config = study.config
    models = {name: model.place for name, model in study.models.items()}
    networks = titles.in_order({name: one.place for name, one in titles.networks().items()} | models)
    datasets = [*config.datasets, *sorted({model.data.name for model in study.models.values()} - {*config.datasets})]
    labels = {cell.labels for cell in study.all_cells if cell.labels}
    amounts = {
        "subset": sorted(config.subsets, key=lambda name: titles.sort_key("subset", name)),
        "epochs": sorted(config.epochs),
        "labels": sorted(labels, key=lambda value: titles.sort_key("labels", value)),
        "severity": SEVERITIES,
    }
    return looks_by_axis(study.recipes, datasets, networks, amounts)


def _networks(study: Study, name: str) -> set[str]:
    """Backbones that an entry shows."""
    return {cell.backbone for cell in study.cells_of[name]} & set(backbones.names())


def _published(study: Study, name: str) -> list[str]:
    """Published networks that an entry shows, in the configuration's order."""
    shown = {cell.task for cell in study.cells_of[name]}
    return [task for task in study.config.published if task in shown]


def _clips_of_published(study: Study, name: str) -> str:
    """A sentence with the clips of the published networks that an entry shows, which differ from the study's; "" if it
    shows none."""
    own = dict.fromkeys(study.network_of(task) for task in _published(study, name))
    shapes = [study.architectures[network] for network in own]
    said = [f"{one.title}: {one.clip.frames}x{one.clip.size}, frame step {one.stride}" for one in shapes]
    return f"Clips of published networks: {'; '.join(said)}." if said else ""


def _models(study: Study, name: str) -> set[str]:
    """Video-language models that an entry shows."""
    return {cell.backbone for cell in study.cells_of[name] if stage(cell.stage).of_models}


def _orders(study: Study, name: str) -> dict[str, list[str]]:
    """Tasks and networks of a study in printing order."""
    networks = {name: one.place for name, one in titles.networks().items()}
    networks |= {model: study.models[model].place for model in _models(study, name)}
    published = _published(study, name)
    networks |= {study.network_of(task): None for task in published}
    tasks = {name: recipe.place for name, recipe in study.recipes.items()}
    return {"task": [*titles.in_order(tasks), *published], "backbone": titles.in_order(networks)}
