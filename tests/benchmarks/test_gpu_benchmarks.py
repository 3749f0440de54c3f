"""The benchmarks about GPUs, without one: what a trace counts, and a rehearsal of the checks."""

from __future__ import annotations

import json
import time
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from benchmarks import gpu_check, gpu_right, gpu_speed, launches
from benchmarks.augmentation import drawn_batch
from benchmarks.gpu_setting import Finding
from benchmarks.measure import Row, find
from benchmarks.trace import Trace, as_on_a_gpu
from videossl.data.settings import Augmentation


def test_a_trace_counts_kernels_copies_and_bytes():
    x, host = torch.zeros(4, 4, device="meta"), torch.zeros(2)
    with Trace() as trace:
        x.T.add_(1)  # a view costs nothing; one tensor, read and written: counted once
        torch.empty_like(x)
        host + 1
        host.to("meta", non_blocking=True)
        x @ x
    assert (trace.launches, trace.copies) == (2, 1)
    assert trace.bytes == 4 * 16 + 2 * 4 * 16


def test_optimisers_are_traced_with_the_kernels_of_a_gpu():
    parameters = [torch.nn.Parameter(torch.zeros(3, device="meta")) for _ in range(5)]
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    optimizer = torch.optim.SGD(parameters, lr=0.1, fused=None)
    with as_on_a_gpu(), Trace() as trace:
        optimizer.step()
    optimizer.param_groups[0]["fused"] = True
    with as_on_a_gpu(), Trace() as fused:
        optimizer.step()
    assert trace.launches < 5 and fused.launches == 1


def test_a_step_is_counted_at_the_papers_size(paper_study):
    assert launches.spec_of(paper_study, "rotnet", "shufflenet").clip.size == 112
    rows = launches.steps(paper_study, ("rotnet",), ("shufflenet",))
    assert 300 < find(rows, "launches") < 600 and find(rows, "copies") == 0 and find(rows, "passes") > 10


def test_the_batch_of_the_augmentation_asks_for_what_the_recipe_draws():
    config = Augmentation(size=16, rotation=10, jitter=(0.5, 0.5, 0.5, 0.2), jitter_p=1.0)
    batch = drawn_batch((3, 2, 3, 4, 16, 16), config)
    assert batch.clips.shape[:3] == (3, 2, 4) and batch.clips.shape[3] > 16
    assert batch.params[..., 0].unique().numel() > 1 and batch.active.jitter and not batch.active.blur


def test_the_table_shows_counts_before_and_now():
    before = json.loads(launches.BEFORE.read_text())["rows"]
    names = {row["case"] for row in before}
    rows = [Row(**{**row, "value": 7.0}) for row in before]
    rows += [
        Row("launches", "augmentation, vcop", "compiled", metric, "", 3) for metric in ("launches", "copies", "passes")
    ]
    text = launches.render(rows)
    assert len(names) == 7 and len(before) == 7 * 7 * 3
    assert all(f"| {network} |" in text for network in launches.BACKBONES)
    assert "→ 7" in text and "| vcop | compiled | 3 | 3 | 3 |" in text


def rehearsed(folder: Path, *only: str) -> dict:
    arguments = Namespace(device="cpu", output=folder, only=only, minutes=9.0)
    gpu_check.check(arguments, folder / "work", time.monotonic())
    return json.loads((folder / "gpu_check.json").read_text())


@pytest.fixture
def few(monkeypatch):
    """One task with one small network."""
    monkeypatch.setattr(gpu_right, "NETWORKS", ("shufflenet",))
    monkeypatch.setattr(gpu_right, "tasks", SimpleNamespace(names=lambda: ["vcop"]))
    monkeypatch.setattr(gpu_speed, "CASES", (("vcop", "shufflenet"),))


@pytest.mark.usefixtures("few", "own_signals")
def test_a_rehearsal_runs_every_check_and_judges_no_speed(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_right, "_jobs", lambda setting, count: [3.0] if count == 1 else [2.0, 1.5])  # see below
    found = rehearsed(tmp_path, *gpu_check.NAMES)
    assert found["rehearsal"] and gpu_check.REHEARSAL in (tmp_path / "gpu_check.md").read_text()
    verdicts = {one["check"]: one["passed"] for one in found["findings"]}
    assert [name for name, passed in verdicts.items() if passed] == [
        "a step in float32 as on the CPU",
        "resuming",
        "the test of a network as on the CPU",
        "two jobs on one card",
    ]
    judged_on_gpus = {"a step in bfloat16", "waiting for data", "faster than plain loops", "share of the matrix peak"}
    assert all(verdicts[name] is None for name in judged_on_gpus)
    speeds = {one["check"]: one["values"] for one in found["findings"]}
    assert speeds["two jobs on one card"]["slower of two, steps/s"] == 1.5
    assert speeds["speed, ours"]["clips"] > 0 and speeds["a step"]["launches"] > 100


@pytest.mark.usefixtures("own_signals")
def test_one_of_several_jobs_tells_its_rate(capsys):
    gpu_right.job("cpu", 0.1)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["steps/s"] > 0


def test_a_job_that_fails_makes_no_steps(monkeypatch):
    monkeypatch.setattr(gpu_right, "sys", SimpleNamespace(executable="false"))
    assert gpu_right._jobs(SimpleNamespace(rehearsal=True, device=torch.device("cpu")), 2) == [0.0, 0.0]


@pytest.mark.usefixtures("few", "own_signals")
def test_a_check_that_breaks_is_a_finding_and_the_next_one_runs(tmp_path, monkeypatch):
    def broken(setting):
        yield Finding("first", "", True, {})
        raise RuntimeError("no such kernel\nmore")

    monkeypatch.setattr(gpu_right, "steps", broken)
    monkeypatch.setattr(gpu_right, "two_jobs", lambda setting: iter([Finding("jobs", "", True, {})]))
    findings = rehearsed(tmp_path, "steps", "jobs")["findings"]
    assert [(one["check"], one["passed"]) for one in findings] == [("first", True), ("steps", False), ("jobs", True)]
    assert "RuntimeError: no such kernel" in findings[1]["wanted"]


def test_no_check_is_begun_without_time():
    setting = SimpleNamespace(left=1.0)
    (finding,) = gpu_check.found_by("steps", lambda: pytest.fail("begun"), setting)
    assert finding.passed is None and "not reached" in finding.wanted


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["gpu_check", "--output", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        gpu_check.main()
    assert ended.value.code == 2 and "no usable GPU here" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
