"""Files that a run has left, damaged in every way: one message with the file, what is wrong and what to do."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import torch
from flipped_bits import NAMES
from report_cells import PAPER_VALUES
from report_data import data_of
from report_study import TABLE, make_study
from run_records import run_record
from runs import assert_same_run, train
from tiny import make_study as tiny_study

from videossl.common.errors import DamagedFile, UserError
from videossl.common.files import write_parquet
from videossl.common.results import write_metrics
from videossl.monitor.run_state import states
from videossl.report.all_metrics import write_all_metrics
from videossl.report.claim_numbers import Numbers, left_out, measured_numbers
from videossl.report.claims import as_sheet, verdicts
from videossl.report.collect import collect
from videossl.report.document import Document
from videossl.report.paper import read_paper_values
from videossl.report.render import markdown
from videossl.report.site.page import write_report
from videossl.report.spec import Spec
from videossl.study.study import load_study
from videossl.training.checkpoint import load_torch, save_torch

pytestmark = pytest.mark.xdist_group("kinds")  # which are made once


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def not_permitted(path: Path) -> None:
    path.chmod(0)


def other_table(path: Path) -> None:
    write_parquet(path, pa.table({"name": ["a"]}))


def other_archive(path: Path) -> None:
    torch.save([1, 2], path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": cut,
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "a letter": lambda path: path.write_text("Dear reader,\n" * 30),
    "bytes": lambda path: path.write_bytes(bytes(range(128, 256)) * 4),
    "a list": lambda path: path.write_text("[1, 2]\n[3]\n"),
    "a number": lambda path: path.write_text("3\n3\n"),
    "an empty object": lambda path: path.write_text("{}\n{}\n"),
    "nested deeply": lambda path: path.write_text("[" * 100_000),
    "another table": other_table,
    "another archive": other_archive,
    "a folder": folder_instead,
    "not permitted": not_permitted,
}


@contextmanager
def nobody():
    """Not root, who may read everything."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", NAMES)
def test_every_damage_is_one_message(kinds, name, damage, monkeypatch):
    kind = kinds[name]
    if name == "train.jsonl" and damage in ("empty", "cut"):
        pytest.skip("a training that has just begun, or was killed")
    kept = kind.path.with_name("kept")
    shutil.copy2(kind.path, kept)
    opened = [*kind.path.parents][:4] if damage == "not permitted" else []
    modes = [(folder, folder.stat().st_mode) for folder in kind.path.resolve().parents if folder != Path("/")]
    try:
        DAMAGES[damage](kind.path)
        for folder, mode in modes if opened else []:
            folder.chmod(mode | 0o555)  # the file alone is closed
        with nobody() if opened else nullcontext(), pytest.raises(UserError) as caught:
            kind.read(kind.path)
    finally:
        for folder, mode in modes if opened else []:
            folder.chmod(mode)
        shutil.rmtree(kind.path) if kind.path.is_dir() else kind.path.unlink()
        kept.replace(kind.path)
    text = str(caught.value)
    assert kind.path.name in text or kind.path.with_suffix(".parquet").name in text
    assert "\n" not in text
    assert re.search(r"[Rr]emove|Make it readable|left out|ake it again", text), text


# --- one run of a study is damaged: the others are shown, and it is said ---

RUN_FILES = ("metrics.parquet", "predictions.parquet", "run.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, list[dict]]:
    """A study with its renderings, made once; its folder and its cells."""
    root = tmp_path_factory.mktemp("study")
    return root, make_study(root)


@pytest.fixture
def shown(made, tmp_path) -> Iterator[tuple[Path, list[dict], Path]]:
    """The study, and the folder of a run that a test may damage: afterwards it is as it was."""
    root, cells = made
    run = next(Path(one["run_dir"]) for one in cells if Path(one["metrics"]).is_file() and one["task"] == "rotnet")
    shutil.copytree(run, tmp_path / "kept")
    yield root, cells, run
    shutil.rmtree(run)
    shutil.move(tmp_path / "kept", run)


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != "not permitted"])
@pytest.mark.parametrize("name", RUN_FILES)
def test_tables_and_page_go_on_without_the_run(shown, tmp_path, name, damage):
    root, cells, run_folder = shown
    broken = str(run_folder)
    DAMAGES[damage](run_folder / name)
    results = collect(Spec.parse({"kind": "table", **TABLE}), cells, read_paper_values(PAPER_VALUES))
    failed = [record for record in results.records if record.run_dir == broken]
    assert failed and all(record.status == "failed" and name in record.reason for record in failed)
    assert sum(record.status == "ok" for record in results.records) >= 2
    text = markdown(Document.of(results))
    assert "failed" in text and name.replace("_", r"\_") in text

    records = sorted(root.glob("*s/*.record.json"))
    told = write_report(records, root, tmp_path / "report.html")
    assert len(told) == 1 and name in told[0]
    page = (tmp_path / "report.html").read_text()
    data = data_of(page)
    run = data["runs"][broken]
    assert run["status"] == "failed" and name in run["reason"]
    assert f"<dt>Damaged</dt><dd>{broken}/{name}" in page

    whole = sum(run["status"] == "ok" for run in data["runs"].values())
    count, left_out = write_all_metrics(records, root, tmp_path / "all.parquet")
    assert count == whole and len(left_out) == 1 and name in left_out[0]
    assert broken.removeprefix(f"{root}/") not in set(pd.read_parquet(tmp_path / "all.parquet")["run"])


def test_the_page_says_which_curve_and_manifest_are_damaged(tmp_path):
    cells = make_study(tmp_path)
    run = next(one for one in cells if Path(one["metrics"]).is_file() and one["task"] == "rotnet")
    curve = Path(run["run_dir"]) / "train.jsonl"
    curve.write_text(curve.read_text().replace('"loss"', '"loss', 1))
    manifest = tmp_path / "data/ucf101/manifest.parquet"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("no table")
    told = write_report(sorted(tmp_path.glob("*s/*.record.json")), tmp_path, tmp_path / "report.html")
    assert any("train.jsonl" in one for one in told) and any("manifest.parquet" in one for one in told)
    page = (tmp_path / "report.html").read_text()
    data = data_of(page)
    assert "1 of 3 epochs cannot be read" in data["runs"][run["run_dir"]]["damaged"]
    assert len(data["runs"][run["run_dir"]]["curve"]["epoch"]) == 2
    assert "data/ucf101/manifest.parquet is no Parquet file" in page


@pytest.mark.parametrize("name", ["metrics.parquet", "predictions.parquet"])
def test_claims_go_on_without_the_run(shown, name):
    _, cells, run_folder = shown
    files = [Path(one["metrics"]) for one in cells]
    before = measured_numbers(files, {"rotnet": "C3"})
    DAMAGES["cut"](run_folder / name)
    after = measured_numbers(files, {"rotnet": "C3"})
    assert set(after) <= set(before)
    without = left_out(files)
    assert len(without) == 1 and name in without[0]
    assert any(without[0] in note for note in as_sheet(verdicts(Numbers(after, {})), "", {}, without).notes)


@pytest.fixture
def study(tmp_path, repository, monkeypatch):
    monkeypatch.chdir(repository)
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(f"results_dir: {tmp_path / 'results'}\nonly: [subset_size]\nrestrict: {{task: [rotnet]}}\n")
    return load_study(["config/config.yaml", overlay])


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != "not permitted"])
@pytest.mark.parametrize("name", ["metrics.parquet", "run.json", "FAILED", "progress.json", "train.jsonl"])
def test_status_goes_on_without_the_run(study, name, damage):
    first, second = study.pretraining[:2]
    for cell in (first, second):
        folder = Path(study.config.results_dir) / cell.path
        folder.mkdir(parents=True)
        write_metrics(
            folder / "metrics.parquet", cell.identity, [{"split": "val", "metric": "loss", "value": 1.0, "n": 1}]
        )
        (folder / "run.json").write_text(run_record())
        (folder / "train.jsonl").write_text('{"epoch": 1, "loss": 2.0}\n{"epoch": 2, "loss": 1.0}\n')
    broken = Path(study.config.results_dir) / first.path
    if name not in ("metrics.parquet", "run.json"):
        (broken / "metrics.parquet").unlink()
        (broken / name).write_text("{}")
    DAMAGES[damage](broken / name)
    found = states(study, study.all_cells)
    assert found[second].name == "outdated"
    if name in ("metrics.parquet", "run.json"):
        assert found[first].name == "failed" and name in found[first].reason and "emove" in found[first].reason
    else:
        assert found[first].name in ("failed", "stopped", "pending")


# --- a checkpoint that is something else ---

Change = Callable[[dict], object]
FOREIGN: dict[str, Change] = {
    "a list": lambda state: [1, 2],
    "a tensor": lambda state: torch.zeros(3),
    "nothing": lambda state: {},
    "without its optimiser": lambda state: {key: value for key, value in state.items() if key != "optimizer"},
    "epoch is a text": lambda state: {**state, "epoch": "1"},
    "step is far behind": lambda state: {**state, "step_in_epoch": 10_000},
    "sums are texts": lambda state: {**state, "sums": {"loss": "a"}},
    "no network": lambda state: {**state, "module": {}},
    "another network": lambda state: {**state, "module": {name: torch.zeros(7) for name in state["module"]}},
    "weights are texts": lambda state: {**state, "module": dict.fromkeys(state["module"], "a")},
    "another optimiser": lambda state: {**state, "optimizer": {"state": {}, "param_groups": []}},
    "momenta of another network": lambda state: {
        **state,
        "optimizer": {**state["optimizer"], "state": {0: {"momentum_buffer": torch.zeros(7)}}},
    },
    "another recipe, a path as its name": lambda state: {**state, "recipe_hash": "../../evil"},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, source):
    """An undisturbed run."""
    study = tiny_study(tmp_path_factory.mktemp("tiny"))
    return study, train(study, "rotnet", source, tmp_path_factory.mktemp("trained") / "run", 50)


@pytest.mark.usefixtures("own_signals")
@pytest.mark.parametrize("change", [*FOREIGN, "a folder"])
def test_a_foreign_checkpoint_is_moved_aside_and_training_starts_anew(trained, source, tmp_path, capsys, change):
    study, first = trained
    folder = tmp_path / "run"
    shutil.copytree(first, folder)
    state = load_torch(folder / "checkpoint.pt")
    (folder / "checkpoint.pt").unlink()
    if change == "a folder":
        (folder / "checkpoint.pt").mkdir()
    else:
        save_torch(folder / "checkpoint.pt", FOREIGN[change](state))
    for name in ("weights.pt", "state.pt", "metrics.parquet", "run.json"):
        (folder / name).unlink()
    train(study, "rotnet", source, folder, 50)
    assert "checkpoint not used" in (said := capsys.readouterr().out) and "training starts anew" in said
    assert len(list(folder.glob("checkpoint.*.pt"))) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
    assert_same_run(folder, first)


@pytest.mark.usefixtures("own_signals")
@pytest.mark.parametrize("change", [name for name in FOREIGN if "recipe" not in name])
def test_a_foreign_state_of_the_milestone_before_is_an_error(trained, source, tmp_path, change):
    study, first = trained
    before = tmp_path / "before"
    shutil.copytree(first, before)
    save_torch(before / "state.pt", FOREIGN[change](load_torch(first / "state.pt")))
    with pytest.raises(DamagedFile, match=r"state\.pt .*Remove it and run the same command again"):
        train(study, "rotnet", source, tmp_path / "run", 100, previous=before)


@pytest.mark.usefixtures("own_signals")
def test_a_run_that_finds_itself_done_leaves_its_state_as_it_is(trained, source, tmp_path):
    study, first = trained
    folder = tmp_path / "run"
    shutil.copytree(first, folder)
    before = (folder / "checkpoint.pt").read_bytes()
    for name in ("weights.pt", "state.pt", "metrics.parquet"):
        (folder / name).unlink()
    train(study, "rotnet", source, folder, 50)
    assert (folder / "state.pt").read_bytes() == before
    assert (folder / "metrics.parquet").read_bytes() == (first / "metrics.parquet").read_bytes()
