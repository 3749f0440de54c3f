"""What the workflow asks the scripts of tables and figures for: an entry with its printed names, and its cells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from videossl.backbones import registry as backbones
from videossl.claims import cells_of_claims
from videossl.report.style import task_looks
from videossl.study import titles
from videossl.study.cells import MODEL_STAGES, WITHOUT_METRICS, Cell
from videossl.study.config.experiments import NOISES, SEVERITIES
from videossl.study.study import Study


def entry_of(study: Study, name: str) -> dict[str, Any]:
    """A table's or figure's entry, with the printed names and groups of what it shows."""
    config = study.config
    entry = study.entries[name].model_dump(mode="json", exclude={"grid", "cells_of", "metric"}, exclude_none=True)
    datasets = {dataset: settings.title for dataset, settings in config.datasets.items()}
    names: dict[str, dict[str, str]] = {
        "task": {task: recipe.title or task for task, recipe in study.recipes.items()},
        "source": dict(datasets),
        "target": dict(datasets),
        "backbone": {name: titles.networks()[name].title for name in sorted(_networks(study, name))},
    }
    for model in _models(study, name):
        data = study.models[model].data
        names["backbone"][model] = study.models[model].title
        names["source"].setdefault(data.name, data.title)
    clip = config.finetune.clip
    names["input"] = {"clip": f"{clip.frames}x{clip.size}"}
    if config.scale.reduced:  # what the paper's names stand for here
        names["subset"] = {name: f"{name} (here {size} videos)" for name, size in config.subsets.items()}
        names["epochs"] = {str(name): f"{name} (here {run})" for name, run in config.epochs.items()}
    groups = {task: recipe.objective for task, recipe in study.recipes.items()}
    looks = {task: look.model_dump() for task, look in task_looks(study.recipes).items()}
    return {"name": name, **entry, "labels": names, "groups": groups, "orders": _orders(study, name), "looks": looks}


def _networks(study: Study, name: str) -> set[str]:
    """The backbones that an entry shows."""
    return {cell.backbone for cell in study.cells_of[name]} & set(backbones.names())


def _models(study: Study, name: str) -> set[str]:
    """The video-language models that an entry shows."""
    return {cell.backbone for cell in study.cells_of[name] if cell.stage in MODEL_STAGES}


def _orders(study: Study, name: str) -> dict[str, list[str]]:
    """The tasks and networks of a study in printing order."""
    networks = {name: one.place for name, one in titles.networks().items()}
    networks |= {model: study.models[model].place for model in _models(study, name)}
    tasks = {name: recipe.place for name, recipe in study.recipes.items()}
    return {"task": titles.in_order(tasks), "backbone": titles.in_order(networks)}


def cells_of(study: Study, name: str) -> list[dict[str, Any]]:
    """The cells of a table or figure with the files of their results and the runs that each needs."""
    results = study.config.results_dir
    found = []
    for cell, views in study.views_of[name].items():
        needs = [one for one in study.with_needs([cell])[:-1] if one.stage not in WITHOUT_METRICS]
        reason = study.unavailable(cell)
        found.append(
            {
                **cell.identity,
                "run_dir": f"{results}/{cell.path}",
                "metrics": f"{results}/{cell.path}/metrics.parquet",
                "views": views,
                "needs": [f"{results}/{one.path}" for one in needs],
                **({"partners": [f"{results}/{other.path}" for other in cell.partners]} if cell.partners else {}),
                **({"pending": reason} if reason else {}),
            }
        )
    return found


def sets_of(study: Study, name: str) -> list[dict[str, Any]]:
    """The sets of videos that a figure shows frames of: dataset, noise, severity and the path of the manifest."""
    entry, root = study.entries[name], study.config.results_dir
    found = [(dataset, "", 0, f"{root}/data/{dataset}/manifest.parquet") for dataset in entry.datasets]
    found += [
        (dataset, noise, severity, f"{root}/data/{dataset}/noisy/{noise}/{severity}/manifest.parquet")
        for dataset in (entry.datasets if entry.plot == "noise_samples" else [])
        for noise in NOISES
        for severity in SEVERITIES
    ]
    return [dict(zip(("dataset", "noise", "severity", "manifest"), one, strict=True)) for one in found]


def of_claims(study: Study) -> dict[str, Any]:
    """The arguments of the script of the paper's claims."""
    cells = cells_of_claims(study.all_cells)
    return {
        "metrics": [f"{study.config.results_dir}/{cell.path}/metrics.parquet" for cell in cells],
        "default_complexities": {task: recipe.default_complexity for task, recipe in study.recipes.items()},
        "reduced": reduced_note_of_cells(study, cells),
    }


def reduced_note(study: Study, name: str) -> str:
    """What marks a table or figure that was not made under the paper's conditions; empty at its scale."""
    return _note(study, study.datasets_of(study.cells_of[name], study.entries[name].datasets))


def reduced_note_of_cells(study: Study, cells: Iterable[Cell]) -> str:
    """The same of what is made from `cells`."""
    return _note(study, study.datasets_of(cells))


def _note(study: Study, datasets: list[str]) -> str:
    """The scale's own note; before it, which of `datasets` are generated. Generated videos are never the paper's
    conditions, whatever the scale says of itself."""
    known, scale = study.config.datasets, study.config.scale
    generated = [known[name].title for name in datasets if known[name].generated is not None]
    said = [(scale.note or scale.name) if scale.reduced else ""]
    if generated:
        said.insert(0, "generated videos" + (f" for {listed(generated)}" if len(generated) < len(datasets) else ""))
    return ", ".join(part for part in said if part)


def listed(names: list[str]) -> str:
    """Names in words: a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
