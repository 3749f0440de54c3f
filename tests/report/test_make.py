"""A table is made from a file that says all that it is made from; its record says the same, and makes it again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from report_cells import PAPER_VALUES, cell, subset_cells
from tiny import GRID, make_study, table

from videossl.common import specification
from videossl.common.errors import UserError
from videossl.data.provenance import record_of
from videossl.report.make import make
from videossl.report.render import TABLE_SUFFIXES
from videossl.report.renderings import FILES, inputs_of, records_of, renderings_of, targets_of
from videossl.report.request import (
    CLAIMS,
    Request,
    hash_of,
    path_of,
    read_request,
    request_of,
    write_request,
)

SCRIPT = Path(__file__).parents[2] / "workflow/scripts/render.py"
ENTRY = {"name": "subset_size", "title": "T", "rows": "subset", "columns": "task", "paper_table": "subset_size"}


def request(cells: list[dict], **entry) -> Request:
    arguments = {"entry": ENTRY | entry, "cells": cells, "manifests": [], "reduced": "generated"}
    return Request("table", arguments | {"paper_values": str(PAPER_VALUES)})


def written(path: Path, given: Request) -> Path:
    path.write_text(json.dumps({"kind": given.kind, "arguments": given.arguments}))
    return path


def run(*arguments: Path | str) -> subprocess.CompletedProcess[str]:
    command = (
        "import runpy, sys; sys.argv = sys.argv[1:]\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as end: code = end.code\n"
        "assert not {'torch', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(code)"
    )
    line = [sys.executable, "-c", command, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True)


def test_the_script_writes_all_formats_without_loading_torch_or_matplotlib(tmp_path):
    asked = written(tmp_path / "t.json", request(subset_cells(tmp_path)))
    outputs = [tmp_path / f"out{suffix}" for suffix in TABLE_SUFFIXES]
    done = run(asked, "--output", *outputs)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(path.stat().st_size > 0 for path in outputs)
    assert not record_of(outputs[0]).exists()  # made by hand, and no result of the workflow


def test_a_record_makes_the_same_again(tmp_path):
    cells = [one for one in subset_cells(tmp_path) if Path(one["metrics"]).is_file()]
    outputs = [tmp_path / f"out{suffix}" for suffix in FILES["table"]]
    make(request(cells), outputs)
    assert json.loads(record_of(outputs[0]).read_text())["spec"] == specification.hash_of(request(cells).spec)
    done = run(tmp_path / "out.record.json", "--output", tmp_path / "again.md", tmp_path / "again.html")
    assert (done.returncode, done.stderr) == (0, "")
    for suffix in (".md", ".html"):
        assert (tmp_path / f"again{suffix}").read_bytes() == (tmp_path / f"out{suffix}").read_bytes()


def test_what_failed_is_not_noted_as_made(tmp_path):
    outputs = [tmp_path / f"out{suffix}" for suffix in FILES["table"]]
    make(request(subset_cells(tmp_path)), outputs)  # one of its cells has failed
    assert (tmp_path / "out.record.json").is_file()
    assert not record_of(outputs[0]).exists()


def test_as_many_cells_as_a_study_may_have_are_no_matter(tmp_path):
    seeds = [cell(tmp_path, 30, task="vcop", seed=seed) for seed in range(150)]
    asked = written(tmp_path / "t.json", request([*seeds, *subset_cells(tmp_path)]))
    assert asked.stat().st_size > 64_000
    assert run(asked, "--output", tmp_path / "t.csv").returncode == 0
    assert len(pd.read_csv(tmp_path / "t.csv")) == 150 + 9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no request or record"),
        ('{"kind": "table"}', "has no `arguments`"),
        ('{"kind": "pie", "arguments": {}}', "Valid: table, figure, claims"),
    ],
)
def test_other_files_are_refused_in_one_message(tmp_path, text, said):
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(UserError, match=said):
        read_request(tmp_path / "t.json")
    done = run(tmp_path / "t.json", "--output", tmp_path / "t.md")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and said in done.stderr


def test_claims_are_made_likewise(tmp_path):
    arguments = {"metrics": [], "default_complexities": {}, "reduced": "", "paper_values": str(PAPER_VALUES)}
    asked = written(tmp_path / "claims.json", Request(CLAIMS, arguments))
    done = run(asked, "--output", tmp_path / "c.md")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "c.md").read_text().startswith("### What the paper finds")


@pytest.fixture
def study(tmp_path):
    shown = {"main": table(GRID), "drawn": {"kind": "figure", "title": "F", "cells_of": "main", "x": "subset"}}
    shown["drawn"]["series"] = "task"
    return make_study(tmp_path, shown, results_dir=str(tmp_path / "results"), paper_values=str(PAPER_VALUES))


def test_the_workflow_writes_what_is_asked_for_only_when_it_is_new(study):
    for name in ("main", CLAIMS):
        write_request(study, name)
        assert read_request(path_of(study, name)) == request_of(study, name)
    before = path_of(study, "main").stat()
    write_request(study, "main")
    assert path_of(study, "main").stat().st_ino == before.st_ino  # replaced files are others
    path_of(study, "main").write_text("{")
    write_request(study, "main")
    assert read_request(path_of(study, "main")) == request_of(study, "main")


def test_what_decides_is_in_the_hash_that_the_rules_track(study, tmp_path):
    other = make_study(
        tmp_path,
        {"main": table(GRID, title="Another title")},
        results_dir=str(tmp_path / "results"),
        paper_values=str(PAPER_VALUES),
    )
    named = make_study(tmp_path, rotnet={"title": "Rot"}, results_dir=str(tmp_path / "results"))
    assert len({hash_of(one, "main") for one in (study, other, named)}) == 3
    jobs = {job.outputs[0].stem: specification.hash_of(job.spec()) for job in renderings_of(study)}
    assert jobs["main"] == hash_of(study, "main")
    assert jobs[CLAIMS] == hash_of(study, CLAIMS)


def test_rules_and_records_agree_on_files(study, tmp_path):
    root = tmp_path / "results"
    jobs = {str(path): job for job in renderings_of(study) for path in job.outputs}
    shown = targets_of(study, "table", "figure", CLAIMS)
    assert shown == [f"{root}/figures/drawn.png", f"{root}/tables/main.html", f"{root}/tables/claims.html"]
    assert {*shown, *records_of(study, "table", "figure", CLAIMS)} <= set(jobs)
    for name, target in zip(("drawn", "main", CLAIMS), shown, strict=True):
        assert sorted(map(str, jobs[target].inputs)) == sorted(inputs_of(study, name)["metrics"])
