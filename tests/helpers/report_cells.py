"""Made-up cells with metrics files, for the tests of tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from videossl.common.results import IDENTITY, write_metrics, write_predictions
from videossl.report.comparison import Paper
from videossl.report.spec import Spec
from videossl.study.study import Study

GROUPS = {
    "rotnet": "non-contrastive",
    "prp": "non-contrastive",
    "tdl": "contrastive",
    "rspnet": "contrastive",
}
REDUCED = "reduced scale: generated videos"
PAPER_VALUES = Path(__file__).parents[2] / "config" / "paper_values.csv"


def identity(**changes: Any) -> dict[str, Any]:
    """The identity of a finetuning cell of the paper's main grid."""
    values = {
        "stage": "finetune",
        "task": "rspnet",
        "complexity": "",
        "backbone": "r2plus1d",
        "source": "k400",
        "subset": "50k",
        "epochs": 200,
        "target": "ucf101",
        "protocol": "finetune",
        "teachers": "",
        "against": "",
        "labels": "",
        "seed": 0,
    } | changes
    if values["task"] == "scratch":
        values |= {"source": "none", "subset": "none", "epochs": 0}
    return values


def cell(root: Path, correct: int | None = None, n: int = 120, failed: str = "", **changes: Any) -> dict[str, Any]:
    """A cell with `correct` of `n` test videos right; without it, pending or failed."""
    columns = identity(**changes)
    folder = root / "-".join(str(value) for value in columns.values())
    folder.mkdir(parents=True, exist_ok=True)
    if correct is not None:
        rows = [{"split": "test", "metric": "top1", "value": correct / n, "n": n, "chance": 0.1}]
        write_metrics(folder / "metrics.parquet", columns, rows)
    if failed:
        (folder / "FAILED").write_text(failed)
    return {
        **columns,
        "views": [{"metric": "top1"}],
        "metrics": str(folder / "metrics.parquet"),
        "run_dir": str(folder),
    }


def cell_by_video(root: Path, right: Sequence[bool], **changes: Any) -> dict[str, Any]:
    """A cell with these test videos right, which also has their predictions."""
    found = cell(root, int(sum(right)), len(right), **changes)
    rows = [
        {
            **{"split": "test", "video": f"v{place:03d}", "label": 1, "prediction": int(ok), "clips": 1},
            "probability_label": 0.5,
        }
        for place, ok in enumerate(right)
    ]
    write_predictions(Path(found["run_dir"]) / "predictions.parquet", {key: found[key] for key in IDENTITY}, rows)
    return found


def subset_cells(root: Path) -> list[dict[str, Any]]:
    """Four tasks by two subsets, one cell pending, one failed, and the baseline."""
    cells = []
    for position, task in enumerate(GROUPS):
        for step, subset in enumerate(("10k", "50k")):
            missing = (task, subset) in {("tdl", "50k"), ("prp", "10k")}
            cells.append(cell(root, None if missing else 30 + 10 * position + step, task=task, subset=subset))
    cell(root, failed="loss is NaN at step 7 & <then> stopped\nTraceback", task="prp", subset="10k")
    return [*cells, cell(root, 24, task="scratch")]


def table_spec(**changes: Any) -> Spec:
    """The table of subset sizes."""
    entry = {
        "name": "subset_size",
        "title": "Effect of the pretraining subset's size",
        "caption": "Accuracy & more.",
        "paper_table": "subset_size",
        "rows": "subset",
        "columns": ["task"],
        "groups": GROUPS,
    }
    return Spec.parse(entry | changes)


def study_entry(study: Study, name: str) -> Spec:
    """An entry of a study, as the workflow hands it to the report, at the paper's scale."""
    entry = study.entries[name].model_dump(mode="json", exclude={"grid", "cells_of", "metric"}, exclude_none=True)
    groups = {task: recipe.objective for task, recipe in study.recipes.items()}
    complexities = {task: recipe.default_complexity for task, recipe in study.recipes.items()}
    return Spec.parse({"name": name, **entry, "groups": groups, "complexities": complexities})


def measured_as_in_paper(study: Study, name: str, values: pd.DataFrame, root: Path) -> list[dict[str, Any]]:
    """The cells of an entry with metrics files that hold the paper's numbers.

    A cell without any is pending; of one with some, only these are shown.
    """
    paper = Paper.of(study_entry(study, name), values)
    cells = []
    for cell, views in study.views_of[name].items():
        folder = root / cell.path
        found = [(view, paper.find(cell.identity | view, view["metric"])["paper"]) for view in views]
        rows = [{**view, "split": "test", "value": value, "n": 3783} for view, value in found if value is not None]
        if rows:
            folder.mkdir(parents=True)
            write_metrics(folder / "metrics.parquet", cell.identity, rows)
        paths = {"metrics": str(folder / "metrics.parquet"), "run_dir": str(folder)}
        shown = [view for view, value in found if value is not None] or views
        cells.append({**cell.identity, **paths, "views": shown})
    return cells
