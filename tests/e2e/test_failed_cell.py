"""A cell that fails: the others are built, and a partial table says what failed and why."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from workflow_copy import copy_workflow

MINE = """
only: [subset_size]
restrict: {task: [rotnet, rspnet], subset: [10k], epochs: [50]}
recipe_overrides:
  rspnet: {options: {temperature: 1.0e-39}}
compute: {retries: 0}
"""


def test_tables_are_rendered_with_what_is_there(repository: Path, tmp_path: Path) -> None:
    workflow = copy_workflow(repository, tmp_path / "copy")
    entries = (workflow.root / "config/experiments.yaml").read_text().replace("epochs: 200", "epochs: 50", 1)
    (workflow.root / "config/experiments.yaml").write_text(entries)
    (workflow.root / "mine.yaml").write_text(MINE)
    arguments = ("table_subset_size", "--configfile", "config/smoke.yaml", "mine.yaml")
    done = workflow.run(*arguments, "--cores", "2", "--quiet", "rules", check=False, warm=True)
    assert done.returncode != 0
    assert "Failed:\npretrain (source k400, subset 10k, variant rspnet" in done.stdout
    assert "error: the loss became nan" in done.stdout and "Traceback" not in done.stdout
    assert "results/smoke/partial/tables/subset_size.html" in done.stdout

    tables, partial = workflow.root / "results/smoke/tables", workflow.root / "results/smoke/partial"
    assert not list(tables.glob("subset_size*"))
    frame = pd.read_parquet(partial / "tables/subset_size.parquet").set_index("task")
    assert frame["status"].to_dict() == {"rotnet": "ok", "rspnet": "failed", "scratch": "ok"}
    text = (partial / "tables/subset_size.md").read_text()
    assert text.startswith("### INCOMPLETE, 2 of 3 cells: Effect of")
    failed = "results/smoke/pretrain/k400/10k/rspnet/r2plus1d/seed0/epochs50"
    reason = frame.loc["rspnet", "reason"]
    assert (
        reason.startswith(f"{failed.removeprefix('results/smoke/')} failed: UserError:") and "loss became nan" in reason
    )
    assert reason in text.replace("\\", "")
    status = workflow.command("videossl.cli", "status", "--configfile", "config/smoke.yaml", "mine.yaml").stdout
    assert "results/smoke/partial" in status and "INCOMPLETE" in status

    # what failed was the pretraining; when it is mended, the table is made anew
    (workflow.root / "mine.yaml").write_text(MINE.replace("1.0e-39", "0.1"))
    workflow.run(*arguments, "--cores", "2", "--quiet", "rules", warm=True)
    frame = pd.read_parquet(tables / "subset_size.parquet").set_index("task")
    assert set(frame["status"]) == {"ok"}
    assert not partial.exists()
