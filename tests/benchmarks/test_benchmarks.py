"""The benchmarks that compute or read instead of measuring."""

import json
import re
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from benchmarks import demo_time, startup
from benchmarks.run import DOCUMENT, NAMES, with_section
from benchmarks.scale import Assumptions, Sizes, by_stage, longest_chain
from videossl.stages.registry import names


@pytest.fixture(scope="module")
def paper(paper_study):
    return paper_study


def test_the_scale_counts_every_cell_of_the_paper(paper) -> None:
    sizes = Sizes(paper, Assumptions())
    found = by_stage(paper, sizes)
    cells = paper.with_dependencies(paper.all_cells)
    assert sum(cost.jobs for name, cost in found.items() if name not in ("frame stores", "noisy sets")) == len(cells)
    idle = {cell.task for cell in cells if cell.stage == "pretrain" and not sizes.gpu_seconds(cell)}
    assert not idle
    total = sum(cost.gpu_seconds for cost in found.values())
    longest, chain = longest_chain(paper, sizes)
    assert 0 < longest < total
    assert chain[-2].stage == "pretrain" and chain[-1].stage in ("finetune", "features")


def test_every_rule_that_runs_a_job_has_its_place_in_the_demos_time(repository: Path) -> None:
    """Otherwise the table of a finished demo cannot be made."""
    rules = "\n".join(path.read_text() for path in sorted((repository / "rules").glob("*.smk")))
    made = re.findall(r"^(?:rule|use rule \w+ as) (\w+)(?: with)?:", rules, re.MULTILINE)
    without_jobs = {"table_claims", "no_such_target"}
    assert {"store_train_shard", "table"} <= set(made)
    assert set(made) - without_jobs | set(names()) == {
        rule for found in demo_time.rules_by_heading().values() for rule in found
    }


def test_start_up_is_measured_with_what_each_stage_imports() -> None:
    """All stages run by one script, which imports their code only when they run."""
    found = startup.codes()
    shared = startup.imports(startup.SCRIPTS / startup.STAGES)
    own = {name: code.removeprefix(shared).strip() for name, code in found.items() if name.startswith(startup.STAGES)}
    assert set(own) == {f"{startup.STAGES} {name}" for name in names()} and all(own.values())
    assert "videossl.evaluation.finetune" in own["run_stage.py finetune"] == own["run_stage.py distill"]
    assert {path.name for path in startup.SCRIPTS.glob("*.py")} - {startup.STAGES} <= set(found)


def record(folder: Path, rule: str, output: str, start: float, end: float) -> None:
    name = urlsafe_b64encode(output.encode()).decode()
    facts = {"rule": rule, "starttime": start, "endtime": end, "shellcmd": f"make {Path(output).parent}"}
    (folder / name).write_text(json.dumps(facts))


def test_the_demos_time_is_that_of_its_last_run(tmp_path: Path) -> None:
    metadata = tmp_path / ".snakemake/metadata"
    metadata.mkdir(parents=True)
    record(metadata, "table", "results/old/a.html", 0, 50)  # of a run before
    run = tmp_path / "results/finetune/x"
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({"wall_seconds": 8.0}))
    (run / "train.jsonl").write_text('{"epoch": 1, "seconds": 3.0}\n{"epoch": 2, "seconds": 6.0}\n')
    record(metadata, "finetune", "results/finetune/x/run.json", 1000.1, 1010)
    record(metadata, "finetune", "results/finetune/x/weights.pt", 1000, 1010)
    record(metadata, "figure", "results/figures/f/f.png", 1004, 1014)
    jobs = demo_time.read_jobs(tmp_path)
    assert sorted((job.rule, job.seconds) for job in jobs) == [("figure", 10.0), ("finetune", 10.0)]
    text = demo_time.section(tmp_path, cores=2)
    assert "| finetuning and its test | 1 | 5 | 36% |" in text
    assert "| Snakemake, and cores without a job |  | 4 | 29% |" in text
    assert "| **first job to last** | 2 | 14 | 100% |" in text
    assert "60% is training" in text and "20% testing and writing, 20% starting" in text
    record(metadata, "unheard_of", "results/other/o", 1000, 1001)
    with pytest.raises(SystemExit, match="unheard_of"):
        demo_time.section(tmp_path, cores=2)


@pytest.mark.parametrize("name", [*NAMES, demo_time.NAME])
def test_every_measurement_has_its_place_in_the_document(name: str) -> None:
    assert "\nmeasured\n" in with_section(DOCUMENT.read_text(), name, "measured")
