"""A small study with everything that its report shows: runs, records, a table and a figure, for tests of the page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from report_cells import PAPER_VALUES, cell, identity, subset_cells
from run_records import RECORD

from videossl.common.files import write_json
from videossl.common.results import write_predictions
from videossl.report.collect import collect
from videossl.report.figures import write_figure
from videossl.report.paper import read_paper_values
from videossl.report.record import write_record
from videossl.report.render import TABLE_SUFFIXES, write_table
from videossl.report.request import Request
from videossl.report.site.page import write_report
from videossl.report.spec import Spec

TABLE = {
    "name": "subset_size",
    "title": "Effect of the pretraining subset's size",
    "caption": "Accuracy & more.",
    "section": "4.1",
    "paper_table": "subset_size",
    "rows": "subset",
    "columns": ["task"],
}
FIGURE = {
    "name": "by_task",
    "title": "Accuracy by task",
    "plot": "bars",
    "x": "subset",
    "series": "task",
    "paper_table": "subset_size",
}
RECIPE = {"optimizer": {"name": "sgd", "lr": 0.1}, "epochs": 3}
NASTY = "a log with </script><b>markup</b> & more"


def run_files(folder: Path, columns: dict, epochs: range = range(1, 4), *, predictions: bool = True) -> None:
    """What a run leaves beside its metrics."""
    write_json(
        folder / "run.json",
        {
            **RECORD,
            "identity": columns,
            "recipe": RECIPE,
            "finished": f"2026-01-{1 + columns['seed']:02d}T00:00:00+00:00",
            "samples": {"train": 12, "test": 120},
        },
    )
    lines = [{"epoch": epoch, "loss": 1 / epoch, "lr": 0.1, "samples": 12, "seconds": 1.0} for epoch in epochs]
    (folder / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    log = folder.parent / "logs" / f"{folder.name}.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text(f"starting\n10 %\r50 %\r100 %\n{NASTY}\n")
    if predictions:
        labels = np.arange(120) % 3
        rows = {"video": [f"v{i}" for i in range(120)], "label": labels, "prediction": np.where(labels == 2, 0, labels)}
        frame = pd.DataFrame({**rows, "split": "test", "probability_label": 0.5, "clips": 2})
        write_predictions(folder / "predictions.parquet", columns, frame)


def make_study(root: Path, reduced: str = "generated videos") -> list[dict]:
    """Tables, figures and their records below `root`; returns the cells."""
    cells = subset_cells(root)
    earlier = root / "pretraining-50"
    later = root / "pretraining-100"
    for folder, milestone, epochs in ((earlier, 50, range(1, 3)), (later, 100, range(3, 5))):
        columns = identity(stage="pretrain", task="rotnet", protocol="", target="", epochs=milestone, subset="10k")
        made = cell(root, 30, **columns)
        Path(made["run_dir"]).rename(folder)
        run_files(folder, columns, epochs, predictions=False)
    for one in cells:
        columns = {key: one[key] for key in identity()}
        if Path(one["metrics"]).is_file():
            run_files(Path(one["run_dir"]), columns)
        if (one["task"], one["subset"]) == ("rotnet", "10k"):
            one["dependencies"] = [str(earlier), str(later)]
        if (one["task"], one["subset"]) == ("tdl", "50k"):
            one["dependencies"] = [str(root / "never-ran")]
            one["pending"] = "it needs weights that are not here"
        if (Path(one["run_dir"]) / "FAILED").is_file():
            (root / "logs").mkdir(exist_ok=True)
            (root / "logs" / f"{Path(one['run_dir']).name}.log").write_text("step 7\nloss is NaN\n")
    values = read_paper_values(PAPER_VALUES)
    for kind, entry, write, suffixes in (
        ("table", TABLE, write_table, TABLE_SUFFIXES),
        ("figure", FIGURE, write_figure, (".png", ".pdf")),
    ):
        results = collect(Spec.parse({"kind": kind, **entry}), cells, values, reduced=reduced)
        place = root / f"{kind}s" / entry["name"]
        write(results, [place.with_suffix(suffix) for suffix in suffixes])
        given = {"entry": entry, "cells": cells, "manifests": [], "reduced": reduced}
        given["paper_values"] = str(PAPER_VALUES)
        given["failures"] = {str(root / "never-ran"): "what it needs has failed"}
        write_record(place.with_suffix(".record.json"), Request(kind, given))
    given = {"metrics": [one["metrics"] for one in cells], "default_complexities": {}, "reduced": reduced}
    given["paper_values"] = str(PAPER_VALUES)
    write_record(root / "tables/claims.record.json", Request("claims", given))
    return cells


def records(root: Path) -> list[Path]:
    """The records of the study."""
    return [
        root / "tables/subset_size.record.json",
        root / "figures/by_task.record.json",
        root / "tables/claims.record.json",
    ]


def make_page(root: Path, reduced: str = "generated videos") -> Path:
    """The study and its report."""
    make_study(root, reduced)
    write_report(records(root), root, root / "report.html")
    return root / "report.html"
