"""Provenance of a table's or figure's numbers, as recorded by the runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from videossl.training.record import find_run


def read_provenance(cells: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Code version, configuration hash, seeds and hardware from the cells' `run.json` files; {} if there are none.

    Excludes dates and times, so that the same runs give the same bytes.
    """
    runs = _runs(cells)
    if not runs:
        return {}
    recipes = sorted({run["recipe_hash"] for run in runs})
    return {
        "code": sorted({run["code_version"] for run in runs}),
        "configuration": hashlib.sha256("\n".join(recipes).encode()).hexdigest()[:12],
        "seeds": sorted({run["identity"]["seed"] for run in runs if "seed" in run["identity"]}),
        "hardware": sorted({run["device_name"] for run in runs}),
    }


def read_origin_of_videos(manifests: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Checksums of the manifests behind a figure of videos. Equal frames have equal checksums.

    Args:
        manifests: dataset, noise and manifest (path) of each; noisy ones are skipped, as they follow from the others.
    """
    found = {item["manifest"]: item for item in manifests if not item["noise"]}
    sums = {path: hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12] for path in found}
    return {"manifests": [f"{item['dataset']} {sums[path]}" for path, item in found.items()]} if found else {}


def read_dates(cells: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Times at which the first and the last of the cells' runs finished (ISO 8601, UTC); {} if none is recorded."""
    dates = sorted(
        run["finished"] for run in _runs(cells) if isinstance(run.get("finished"), str)
    )  # older runs have no date
    return {"first": dates[0], "last": dates[-1]} if dates else {}


def _runs(cells: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The readable records. Unreadable ones are reported where the runs are shown."""
    found = [find_run(Path(cell.get("run_dir", ""))) for cell in cells]
    return [run for run in found if run is not None]
