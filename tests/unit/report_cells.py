"""Made-up cells with metrics files, for the tests of tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from videossl.report.spec import Spec
from videossl.results import write_metrics

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
