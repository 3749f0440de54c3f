"""The schedule on a number of GPUs: by hand, and for the paper."""

from __future__ import annotations

import pytest

from videossl.common.errors import UserError
from videossl.monitor.estimate import critical_path
from videossl.monitor.gpu_types import BANDWIDTH, with_gpus
from videossl.monitor.schedule import Schedule, simulate
from videossl.study import costs
from videossl.study.study import Study


@pytest.fixture(scope="module")
def paper(paper_study) -> Study:
    return paper_study


def chains(study: Study, tasks: list[str]) -> list:
    """Two milestones of a pretraining for each task, and what is finetuned from the second."""
    cells = [
        cell
        for cell in study.pretraining
        if cell.variant in tasks and (cell.backbone, cell.subset, cell.source) == ("r2plus1d", "50k", "k400")
    ]
    return [cell for cell in cells if cell.epochs in (50, 100)]


def times(schedule: Schedule) -> dict[tuple[str, int], tuple[float, float]]:
    return {(job.cell.task, job.cell.epochs): (job.start, job.end) for job in schedule.jobs}


def test_the_longest_chain_goes_first(paper):
    cells = chains(paper, ["rotnet", "rspnet", "prp"])
    hours = {cell: {"rotnet": 1.0, "rspnet": 3.0, "prp": 1.0}[cell.task] for cell in cells}
    one = times(simulate(paper, cells, hours, 1))
    assert one["rspnet", 50] == (0, 3) and one["rspnet", 100] == (3, 6)
    two = simulate(paper, cells, hours, 2)
    assert times(two)["rspnet", 100] == (3, 6) and two.hours == 6
    assert two.gpu_hours == 10 and two.busy == pytest.approx(10 / 12)
    assert simulate(paper, cells, hours, 9).hours == 6


def test_a_job_of_several_gpus_waits_for_them(paper):
    cells = chains(paper, ["rotnet", "rspnet"])
    study = object.__new__(Study)
    study.__dict__ = dict(paper.__dict__)
    compute = paper.config.compute.model_copy(update={"parallel": {"rspnet": costs.Devices(2, 1, 2)}})
    study.config = paper.config.model_copy(update={"compute": compute})
    found = simulate(study, cells, dict.fromkeys(cells, 1.0), 2)
    assert [job.gpus for job in found.jobs if job.cell.task == "rspnet"] == [2, 2]
    assert found.hours == 4 and found.gpu_hours == 6  # beside one of the others a GPU is idle for an hour, twice
    with pytest.raises(UserError, match=r"asks for 2 GPUs .* the schedule has 1"):
        simulate(study, cells, dict.fromkeys(cells, 1.0), 1)


def test_the_papers_schedule_keeps_the_order_of_dependencies_and_the_bounds(paper):
    cells = paper.all_cells
    hours = {cell: costs.job_seconds(cell, paper) / 3600 for cell in cells}
    chain = sum(hours[cell] for cell in critical_path(paper, cells, hours))
    for gpus in (8, 64):
        found = simulate(paper, cells, hours, gpus)
        assert len(found.jobs) == len(cells)
        ends = {job.cell: job.end for job in found.jobs}
        for job in found.jobs:
            assert all(ends[need] <= job.start for need in paper.dependencies(job.cell))
        # Graham's bound: no list schedule is longer than this.
        assert max(chain, found.gpu_hours / gpus) <= found.hours * (1 + 1e-9)
        assert found.hours <= found.gpu_hours / gpus + chain
        held = sorted([(job.start, job.gpus) for job in found.jobs] + [(job.end, -job.gpus) for job in found.jobs])
        now = 0
        for _, change in held:  # at one moment those that end come first
            now += change
            assert now <= gpus


def test_a_kind_of_gpu_has_its_speed(paper):
    config, said = with_gpus(paper.config, "h100")
    assert config.compute.speed.flops_per_second == pytest.approx(1e13 * BANDWIDTH["h100"] / BANDWIDTH["a100"])
    assert "assumed, not measured" in said
    with pytest.raises(UserError, match="unknown kind of GPU 'h10'"):
        with_gpus(paper.config, "h10")
