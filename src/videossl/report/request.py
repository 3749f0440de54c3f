"""Requests: JSON files with everything that a table, a figure or the claims are made from.

The workflow writes them, and the rendering script reads them. The record of a rendering has the same content.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videossl.claims import cells_of_claims
from videossl.common.errors import UserError
from videossl.common.files import write_text
from videossl.common.intact import read_json, sealed
from videossl.common.specification import hash_of as hash_of_spec
from videossl.data.settings import NOISES, SEVERITIES
from videossl.report.entry import entry_of
from videossl.report.left_out import left_out_of_claims
from videossl.report.scale import reduced_note, reduced_note_of_cells
from videossl.report.subsets import subsets_here
from videossl.stages.data import shown_videos
from videossl.stages.registry import stage
from videossl.study.study import Study

CLAIMS = "claims"
"""Kind and name of the table of the paper's claims; entries may not use this name."""
KINDS = ("table", "figure", CLAIMS)


@dataclass(frozen=True)
class Request:
    """Input of one table, one figure or the claims.

    `arguments` of a table or figure: `entry`, `cells` (identity, views, run folder, files), `manifests` (for figures of
    videos), `reduced` (the mark of a reduced scale) and `paper_values` (a file); also `failures` by run folder, if runs
    have failed. `arguments` of the claims: `metrics` (files), `default_complexities`, `reduced`, `paper_values`,
    `published` (the list of published results; "" for none), `pending` (cells that are not run, with the reason),
    `generated` (whether numbers are of a reduced scale or of generated videos) and `subsets` (a sentence with their
    sizes).
    """

    kind: str
    arguments: Mapping[str, Any]

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that affects the rendering, besides the numbers."""
        given = self.arguments
        if self.kind == CLAIMS:
            keys = ("metrics", "default_complexities", "reduced", "subsets", "pending")
            return {key: given[key] for key in keys if key in given}
        return {
            "entry": dict(given["entry"]),
            "cells": list(given["cells"]),
            "sets": list(given["manifests"]),
            "reduced": given["reduced"],
        }

    @property
    def inputs(self) -> list[Path]:
        """Result files to read: metrics of cells that can be run here, and manifests of videos."""
        given = self.arguments
        if self.kind == CLAIMS:
            return [Path(path) for path in given["metrics"]]
        metrics = [Path(cell["metrics"]) for cell in given["cells"] if "pending" not in cell]
        return [*metrics, *(Path(one["manifest"]) for one in given["manifests"])]


def request_of(study: Study, name: str) -> Request:
    """The request of an entry or of the claims."""
    if name == CLAIMS:
        return Request(CLAIMS, _of_claims(study))
    arguments = {
        "entry": entry_of(study, name),
        "cells": cells_of(study, name),
        "manifests": sets_of(study, name),
        "reduced": mark_of(study, name),
        "paper_values": study.config.paper_values,
    }
    return Request(study.entries[name].kind, arguments)


def hash_of(study: Study, name: str) -> str:
    """Hash of everything that affects the rendering of an entry or of the claims, besides the numbers."""
    return hash_of_spec(request_of(study, name).spec)


def mark_of(study: Study, name: str) -> str:
    """The mark of a reduced scale that an entry or the claims carry; "" if none."""
    if name == CLAIMS:
        return reduced_note_of_cells(study, cells_of_claims(study.all_cells))
    return reduced_note(study, name)


def path_of(study: Study, name: str) -> Path:
    """Path of a request's file."""
    return Path(study.config.results_dir) / f"logs/requests/{name}.json"


def write_request(study: Study, name: str) -> None:
    """Write a request's file, unless it already has the same content."""
    request, path = request_of(study, name), path_of(study, name)
    text = json.dumps(sealed({"kind": request.kind, "arguments": dict(request.arguments)}), indent=1) + "\n"
    if not path.is_file() or path.read_bytes() != text.encode():
        write_text(path, text)


def read_request(path: Path) -> Request:
    """Read a request from its file or from a rendering's record. Raises UserError if the file is invalid."""
    found = read_json(path, {"kind": str, "arguments": dict}, "request or record of a table or figure")
    if found["kind"] not in KINDS:
        raise UserError(f"{path}: `kind` is '{found['kind']}'. Valid: {', '.join(KINDS)}.")
    return Request(found["kind"], found["arguments"])


def cells_of(study: Study, name: str) -> list[dict[str, Any]]:
    """The cells of a table or figure, with their result files and the runs that each depends on."""
    results = study.config.results_dir
    found = []
    for cell, views in study.views_of[name].items():
        behind = study.with_dependencies([cell])
        before = [one for one in behind[:-1] if stage(one.stage).makes_metrics]
        pretrainings = [one for one in behind if one.stage == "pretrain"]
        continued = {study.previous(one) for one in pretrainings}  # earlier milestones of the same training
        reason = study.unavailable(cell)
        found.append(
            {
                **cell.identity,
                "run_dir": f"{results}/{cell.path}",
                "metrics": f"{results}/{cell.path}/metrics.parquet",
                "views": views,
                "dependencies": [f"{results}/{one.path}" for one in before],
                "pretrainings": [f"{results}/{one.path}" for one in pretrainings if one not in continued],
                **({"partners": [f"{results}/{other.path}" for other in cell.partners]} if cell.partners else {}),
                **({"pending": reason} if reason else {}),
            }
        )
    return found


def sets_of(study: Study, name: str) -> list[dict[str, Any]]:
    """The sets of videos whose frames a figure shows: dataset, noise, severity and path of the manifest or subset."""
    entry, root = study.entries[name], study.config.results_dir
    found = [(dataset, "", 0, str(shown_videos(study, dataset))) for dataset in entry.datasets]
    found += [
        (dataset, noise, severity, f"{root}/data/{dataset}/noisy/{noise}/{severity}/manifest.parquet")
        for dataset in (entry.datasets if entry.plot == "noise_samples" else [])
        for noise in NOISES
        for severity in SEVERITIES
    ]
    return [dict(zip(("dataset", "noise", "severity", "manifest"), one, strict=True)) for one in found]


def published_of(study: Study) -> str:
    """The list of published results that an entry of the study shows; "" if none does."""
    return next((entry.published for entry in study.entries.values() if entry.published), "")


def _of_claims(study: Study) -> dict[str, Any]:
    cells = {cell: study.unavailable(cell) for cell in cells_of_claims(study.all_cells)}
    can_run = [cell for cell, reason in cells.items() if not reason]
    reduced = mark_of(study, CLAIMS)
    return {
        "metrics": [f"{study.config.results_dir}/{cell.path}/metrics.parquet" for cell in can_run],
        "pending": [
            {**cell.identity, "default_complexity": cell.default_complexity, "reason": reason}
            for cell, reason in cells.items()
            if reason
        ]
        + left_out_of_claims(study, cells),
        "default_complexities": {task: recipe.default_complexity for task, recipe in study.recipes.items()},
        "reduced": reduced,
        "generated": bool(reduced),
        "subsets": subsets_here(study, cells),
        "paper_values": study.config.paper_values,
        "published": published_of(study),
    }
