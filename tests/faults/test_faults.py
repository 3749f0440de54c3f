"""A small study is disturbed in every way, and the same command finishes it with the results of an undisturbed run.

All places where it can be killed: `make faults`. Here a few of them, others in each version of the sources.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from faults.injector import FULL, compile_injector, run
from faults.run import PASSED, Scenario, sample
from faults.study import Copies, command, contents, left_behind

pytestmark = pytest.mark.skipif(
    shutil.which("cc") is None, reason="needs a C compiler, for the library that injects faults"
)
FINETUNED = "results/finetune/ucf101/k400/10k/rotnet/r2plus1d/seed0/epochs100"
SHOWN = {
    "table_accuracies": ["tables/accuracies.html", "tables/accuracies.parquet"],
    "figure_curve": ["figures/curve.png", "figures/curve.pdf"],
    "report": ["report.html", "tables/accuracies.html", "figures/curve.png"],
}


@pytest.fixture(scope="module")
def fresh(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    """The study from nothing. It is run twice, and both end with the same bytes."""
    home = tmp_path_factory.mktemp("faults")
    copies = Copies(repository, home)
    nothing = copies.new("nothing")
    for part in ("results", ".snakemake"):
        (nothing / part).mkdir()
    scenario = Scenario("fresh", nothing, False, compile_injector(home), copies)
    with scenario.warm_interpreter() as scenario.warm:
        yield scenario.record()


@pytest.fixture(scope="module")
def changed(fresh: Scenario) -> Scenario:
    """The study where the results of another configuration are there."""
    start = fresh.copies.home / "fresh1"
    scenario = Scenario("changed", start, True, fresh.library, fresh.copies, warm=fresh.warm)
    return scenario.record(twice=False, alone=False)


def seed_of(repository: Path) -> int:
    """Another for each commit, so that in time all places are met."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True)
    return int(done.stdout[:8] or "0", 16)


@pytest.mark.parametrize("name", ["fresh", "changed"])
def test_places_of_a_run(name, repository, request):
    scenario: Scenario = request.getfixturevalue(name)
    kinds = {(place.kind, place.scope) for place in scenario.places}
    assert {(kind, scope) for kind in ("rename", "write", "fork") for scope in ("process", "all")} <= kinds
    assert ("write", FULL) in kinds
    about = {place.path.split("/")[1] for place in scenario.places if place.path.startswith("results/")}
    assert {"finetune", "pretrain", "data", "generated", "tables", "figures", "report.html", "logs"} <= about
    (place,) = sample(scenario.places, 1, seed_of(repository))
    outcome, why = scenario.try_place(place, 0)
    assert outcome == PASSED, f"{place}: {why}"


def ran(scenario: Scenario, root: Path, *targets: str) -> tuple[int, str]:
    """Run targets of the study; exit code, and what was printed."""
    output = scenario.copies.home / "output.log"
    environment = scenario.copies.environment() | scenario.warm
    server = scenario.copies.server(scenario.library, 0)
    code, _ = run(command(*targets, warm=False), root, environment, output, server=server)
    return code, output.read_text()


@pytest.mark.parametrize("target", SHOWN)
def test_what_failed_is_made_by_the_same_command_once_it_can_be(fresh, target):
    """No parameter is changed in between: something stood in the way of a finetuning, and is gone."""
    root = fresh.copies.new("again", like=fresh.copies.home / "fresh1")
    for folder in ("tables", "figures", "finetune/ucf101/k400", "report.html", "metrics.parquet"):
        path = root / "results" / folder
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    in_the_way = root / FINETUNED / ".made"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.touch()  # where the run's record should go
    for _ in range(2 if target == "report" else 1):
        code, printed = ran(fresh, root, target)
        assert code != 0, "a failed study was taken for a finished one"
        assert "INCOMPLETE" in printed
        for name in SHOWN[target]:
            assert not (root / "results" / name).exists()
            if name.endswith((".html", ".parquet", ".png")):
                assert (root / "results/partial" / name).exists()
    partial = root / "results/partial"
    if target == "report":
        assert "INCOMPLETE: a run failed" in (partial / "report.html").read_text()
    if target != "figure_curve":
        frame = pd.read_parquet(partial / "tables/accuracies.parquet").set_index("task")
        assert frame["status"].to_dict() == {"rotnet": "failed", "scratch": "ok"}
        assert "INCOMPLETE, 1 of 2 cells: Accuracies" in (partial / "tables/accuracies.md").read_text()

    in_the_way.unlink()
    code, printed = ran(fresh, root, target)
    assert code == 0, printed[-2000:]
    assert not left_behind(root)
    now = contents(root)
    assert {name: now[name] for name in SHOWN[target]} == {name: fresh.expected[name] for name in SHOWN[target]}
    assert now.items() <= fresh.expected.items()


def test_a_table_that_went_on_without_a_damaged_run_is_made_again_when_that_is_whole(fresh):
    """Also where the run alone was made again: it holds what it held, and the table is newer."""
    root = fresh.copies.new("damaged", like=fresh.copies.home / "fresh1")
    metrics, table = root / FINETUNED / "metrics.parquet", root / "results/tables/accuracies.csv"
    data = bytearray(metrics.read_bytes())
    data[len(data) // 2] ^= 16
    metrics.write_bytes(data)
    table.unlink()
    code, printed = ran(fresh, root)
    assert (
        code == 0 and "Files of some runs are damaged" in printed and "results/tables/accuracies.parquet. `" in printed
    )
    assert "failed" in table.read_text()
    metrics.unlink()
    code, printed = ran(fresh, root, f"{FINETUNED}/metrics.parquet")
    assert code == 0, printed[-2000:]
    code, printed = ran(fresh, root)
    assert code == 0 and "are damaged" not in printed
    assert contents(root) == fresh.expected and not left_behind(root)
