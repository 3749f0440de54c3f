"""The example of docs/published.md, with small random checkpoints in the libraries' formats: files to table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from documentation import block, file_block
from published_files import R2PLUS1D, VIDEOMAE, VJEPA2, r2plus1d, save_torch, save_transformers, videomae, vjepa2
from workflow_copy import Workflow, copy_workflow

from videossl.study.config.published import PublishedNetwork

RESULTS = "results/smoke"
RUN = ("table_published_networks", "--configfile", "config/smoke.yaml", "mine.yaml", "small.yaml", "--cores", "2")
INPUT = {"frames": 4, "size": 16, "stride": 1, "resize_short": 20}
SMALL: dict[str, Any] = {
    "published": {
        "videomae_k400": {"weights": "weights/videomae", "options": VIDEOMAE, "input": INPUT},
        "vjepa2": {"weights": "weights/vjepa2", "options": VJEPA2, "input": INPUT},
        "supervised_k400": {"weights": "weights/r2plus1d_18.pth", "options": R2PLUS1D, "input": INPUT},
    },
    "store": {"short_side": 24},
    "only": ["published_networks"],
}
"""What makes the example small; all else is as the page has it."""


@pytest.fixture(scope="module")
def finished(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A copy of the workflow in which the example was run."""
    workflow = copy_workflow(repository, tmp_path_factory.mktemp("published") / "copy")
    (workflow.root / "weights").mkdir()
    save_transformers(videomae(), workflow.root / "weights/videomae")
    save_transformers(vjepa2(), workflow.root / "weights/vjepa2")
    save_torch(r2plus1d(), workflow.root / "weights/r2plus1d_18.pth")
    (workflow.root / "mine.yaml").write_text(file_block(repository, "published", "mine.yaml"))
    (workflow.root / "small.yaml").write_text(yaml.safe_dump(SMALL))
    workflow.run(*RUN, "--quiet", "rules", warm=True)
    return workflow


def test_published_supervised_random_and_own_rows_stand_in_one_table(finished):
    frame = pd.read_parquet(finished.root / RESULTS / "tables/published_networks.parquet")
    assert set(frame["status"]) == {"ok"} and frame["value"].notna().all()
    published = ("transformers_videomae", "transformers_vjepa2", "torchvision_r2plus1d_18")
    tasks = ("videomae_k400", "vjepa2", "supervised_k400")
    expected = {
        (backbone, row, protocol)
        for backbone, task in zip(published, tasks, strict=True)
        for row in (task, "scratch")
        for protocol in ("finetune", "knn")
    } | {("r2plus1d", row, "finetune") for row in ("rspnet", "scratch")}
    assert set(zip(frame["backbone"], frame["task"], frame["protocol"], strict=True)) == expected
    printed = (finished.root / RESULTS / "tables/published_networks.md").read_text()
    for name in ("VideoMAE's ViT", "V-JEPA 2", "R(2+1)D-18", "supervised", "no pretraining"):
        assert name in printed, name


def test_the_weights_of_the_files_are_what_is_evaluated(finished):
    library = videomae().state_dict()
    (path,) = (finished.root / RESULTS / "published").glob("*/*/videomae_k400/*/weights.pt")
    own = torch.load(path, weights_only=True)["backbone"]
    assert len(own) == len(library) and all(torch.equal(own[f"model.{name}"], library[name]) for name in library)


def test_a_second_run_has_nothing_to_do_and_another_file_is_taken_over_anew(finished):
    assert "Nothing to be done" in finished.run(*RUN).stdout
    save_transformers(vjepa2(seed=1), finished.root / "weights/vjepa2")
    plan = finished.plan(*RUN)
    assert (plan["published"], plan["features"], plan["pretrain"]) == (1, 1, 0)


def test_doctor_says_which_weights_are_there(finished):
    done = finished.command("videossl.cli", "doctor", "--configfile", "config/smoke.yaml", "mine.yaml", "small.yaml")
    said = " ".join(done.stdout.split())  # lines are broken at the terminal's width
    assert "ok published networks: vjepa2 (V-JEPA 2, transformers_vjepa2, self-supervised on" in said
    assert "clips of 4x16x16; weights/vjepa2/model.safetensors" in said


def test_a_file_that_does_not_fit_ends_the_run_before_its_first_job(finished):
    torch.save({"other": torch.zeros(2)}, finished.root / "weights/other.bin")
    wrong = {"published": {"videomae_k400": {"weights": "weights/other.bin"}}}
    (finished.root / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    done = finished.run(*RUN[:-2], "wrong.yaml", *RUN[-2:], check=False)
    assert done.returncode != 0 and "1 unexpected: model.other" in done.stdout and "Nothing was run" in done.stdout


def test_the_key_map_of_the_page_is_valid(repository):
    values = yaml.safe_load(block(repository, "published", "yaml", 1))["published"]["videomae_original"]
    assert len(PublishedNetwork.model_validate(values).keys) == 6
