"""The model card of an exported network: what the record of its run says, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from videossl.common.results import is_fraction, read_metrics
from videossl.library.network import Network
from videossl.published.networks.registry import library_names, stated
from videossl.study.titles import BASELINE_TASK, METRICS, networks, shipped_tasks

NOT_STATED = "not recorded"
SOURCE = "source"
"""Key of the record of published weights: the user's file."""


def model_card(network: Network, folder: Path, record: Mapping[str, Any], weights: str) -> str:
    """The card in Markdown.

    Args:
        folder: the run folder; its metrics are shown, if it has any.
        record: the content of its `run.json`.
        weights: name of the exported file beside the card.
    """
    identity, recipe = record["identity"], record["recipe"]
    parameters = sum(value.numel() for value in network.backbone.parameters())
    title = f"{_backbone(network.spec.name)}, {_task(record)}"
    parts = [
        "---\nlibrary_name: videossl\ntags: [video, self-supervised-learning]\n---",
        f"# {title}",
        f"A backbone of {parameters:,} parameters that maps clips to {network.feature_dim} features.",
        "## Use",
        f'```python\nimport videossl\n\nnetwork = videossl.load("{weights}")\n'
        'array, names, unreadable = videossl.features("a.mp4", network)\n```',
        _preprocessing(network),
        "## Training",
        _table(("", ""), _facts(identity, recipe, record)),
        "## Metrics of the run",
        _metrics(folder / "metrics.parquet"),
        "## Limits and licences",
        _limits(record),
        "## Recipe",
        f"Everything that the weights depend on, besides the data (hash `{record['recipe_hash']}`):",
        f"```json\n{json.dumps(recipe, indent=2, sort_keys=True)}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _is_published(record: Mapping[str, Any]) -> bool:
    """Whether the network is one of a library or others' weights, or started from them."""
    return SOURCE in record or record["recipe"]["backbone"]["name"] in library_names()


def _backbone(name: str) -> str:
    if name in library_names():
        return str(stated(name, "title"))
    return networks()[name].title if name in networks() else name


def _task(record: Mapping[str, Any]) -> str:
    identity = record["identity"]
    name = identity["task"]
    if name == BASELINE_TASK:
        return "without pretraining"
    if _is_published(record):
        return f"published weights {name}"
    tasks = shipped_tasks()
    title = tasks[name].title if name in tasks else name
    variant = f" ({identity['complexity']})" if identity["complexity"] else ""
    return f"pretext task {title}{variant}"


def _preprocessing(network: Network) -> str:
    wanted = network.preprocessing
    crops = {"center": "centre square", "unresized": "centre of the stored frame", "whole": "whole frame, squeezed"}
    resized = f", after resizing to a short side of {wanted.resize_short} pixels" if wanted.resize_short else ""
    return (
        f"Input: clips of {wanted.frames} frames, every {_ordinal(wanted.stride)} of the video, {wanted.size} x"
        f" {wanted.size} pixels ({crops[wanted.crop]}{resized}), RGB in 0 to 1 less {list(wanted.mean)}, divided by"
        f" {list(wanted.std)}. Features of a video: the mean over {wanted.clips} evenly spaced clips."
    )


def _ordinal(number: int) -> str:
    return "one" if number == 1 else f"{number}th" if number > 3 else ("2nd", "3rd")[number - 2]


def _facts(identity: Mapping[str, Any], recipe: Mapping[str, Any], record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was trained, on what and how long, as rows."""
    trained = identity["stage"] == "pretrain"
    epochs = f"{recipe.get('stop')} of a schedule of {recipe.get('epochs')}" if trained else str(recipe.get("epochs"))
    rows = [
        ("Stage", identity["stage"]),
        ("Published weights" if _is_published(record) else "Pretext task", identity["task"]),
        ("File", ", ".join(f"{name} {value}" for name, value in record.get(SOURCE, {}).items())),
        ("Backbone", f"{recipe['backbone']['name']} {json.dumps(recipe['backbone']['options'], sort_keys=True)}"),
        ("Pretraining source and subset", f"{identity['source']}, {identity['subset']}"),
        ("Milestone of the pretraining", identity["epochs"]),
        ("Target", identity["target"]),
        ("Teachers", identity["teachers"]),
        ("Epochs of this run", epochs),
        ("Videos", ", ".join(f"{name} {count}" for name, count in record["samples"].items())),
        ("Seed", identity["seed"]),
        ("Recipe hash", f"`{record['recipe_hash']}`"),
        ("Code", f"`{record['code_version']}`"),
        ("Packages", ", ".join(f"{name} {found}" for name, found in record["packages"].items())),
        ("Device", record["device_name"]),
        ("Time", f"{record['wall_seconds']:,.0f} s, {record['gpu_hours']:g} GPU-hours"),
        ("Finished", record.get("finished", NOT_STATED)),
    ]
    return [(name, str(value)) for name, value in rows if value not in ("", None)]


def _metrics(path: Path) -> str:
    if not path.is_file():
        return "The run folder has none."
    rows = []
    for row in read_metrics(path).to_dict("records"):
        fraction = is_fraction(row["metric"])
        shown = [_number(row[key], fraction) for key in ("value", "ci_low", "ci_high", "chance")]
        interval = f" [{shown[1]}, {shown[2]}]" if shown[1] and shown[2] else ""
        name = METRICS.get(row["metric"], row["metric"])
        noise = f"{row['noise']} {row['severity']}" if row["noise"] else ""
        rows.append((name, row["split"], noise, f"{shown[0]}{interval}", shown[3], f"{row['n']:,}"))
    return _table(("Metric", "Split", "Noise", "Value", "Chance", "n"), rows)


def _number(value: float | None, fraction: bool) -> str:
    if value is None or pd.isna(value):
        return ""
    return f"{100 * value:.1f} %" if fraction else f"{value:.4g}"


def _limits(record: Mapping[str, Any]) -> str:
    identity = record["identity"]
    trained_by = "the software that trained them is under the MIT licence."
    if _is_published(record) and identity["task"] != BASELINE_TASK:
        trained_by = "they are, or started from, weights that others published, under a licence of their own."
    data = " and ".join(dict.fromkeys(f"`{name}`" for name in (identity["source"], identity["target"]) if name))
    return "\n".join(
        [
            f"- The record names the data as {data}, as the configuration did. It does not say under which licence the"
            " videos are, nor whether they were real or generated to stand for that dataset: see the configuration.",
            "- The terms of those videos may restrict the use of weights trained on them. No licence of the weights is"
            f" recorded; {trained_by}",
            "- The metrics above are all that the run measured. For other videos, classes or uses nothing is known.",
        ]
    )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(_line(cells) for cells in lines)


def _line(cells: tuple[str, ...]) -> str:
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"
