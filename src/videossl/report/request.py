"""What the workflow asks the scripts of tables and figures for: an entry with its printed names, and its cells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from videossl.claims import cells_of_claims
from videossl.data.settings import NOISES, SEVERITIES
from videossl.stages.cells import Cell
from videossl.stages.registry import stage
from videossl.study.study import Study


def entry_of(study: Study, name: str) -> dict[str, Any]:
    """A table's or figure's entry, with the printed names and groups of what it shows."""
    config = study.config
    entry = study.entries[name].model_dump(mode="json", exclude={"grid", "cells_of", "metric"}, exclude_none=True)
    titles = {dataset: settings.title for dataset, settings in config.datasets.items()}
    names: dict[str, dict[str, str]] = {
        "task": {task: recipe.title or task for task, recipe in study.recipes.items()},
        "source": dict(titles),
        "target": dict(titles),
        "backbone": {},
    }
    for model in {cell.backbone for cell in study.cells_of[name] if stage(cell.stage).of_models}:
        data = study.models[model].data
        names["backbone"][model] = study.models[model].title
        names["source"].setdefault(data.name, data.title)
    clip = config.finetune.clip
    names["input"] = {"clip": f"{clip.frames}x{clip.size}"}
    if config.scale.reduced:  # what the paper's names stand for here
        names["subset"] = {name: f"{name} (here {size} videos)" for name, size in config.subsets.items()}
        names["epochs"] = {str(name): f"{name} (here {run})" for name, run in config.epochs.items()}
    groups = {task: recipe.objective for task, recipe in study.recipes.items()}
    return {"name": name, **entry, "labels": names, "groups": groups}


def cells_of(study: Study, name: str) -> list[dict[str, Any]]:
    """The cells of a table or figure with the files of their results and the runs that each needs."""
    results = study.config.results_dir
    found = []
    for cell, views in study.views_of[name].items():
        needs = [one for one in study.with_dependencies([cell])[:-1] if stage(one.stage).makes_metrics]
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
