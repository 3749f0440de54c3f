"""A study with the published weights of a video-language model: taken over once, and again only if the file changes."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from workflow_copy import Workflow, copy_workflow

from videossl.study.study import load_study
from videossl.videolanguage.models import registry

TOKENS = ["a</w>", "<|startoftext|>", "<|endoftext|>"]
ENTRY = {
    "kind": "table", "title": "Zero-shot", "baseline": False, "rows": "backbone", "columns": ["target", "metric"],
    "grid": {"protocol": "zero_shot", "model": "viclip", "target": "ucf101"},
}  # fmt: skip
RUN = ("--configfile", "config/smoke.yaml", "mine.yaml", "--cores", "2", "--quiet", "rules")
RESULTS = "results/smoke"


def published(folder: Path, seed: int) -> None:
    """Files as a user has them: weights, and the tokenizer's two files beside them."""
    folder.mkdir(exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(TOKENS)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    torch.manual_seed(seed)
    torch.save({"model": registry.build("viclip", **options()).state_dict()}, folder / "ViClip-InternVid-10M-FLT.pth")


def options() -> dict[str, object]:
    """Of the small model: the smoke scale's, with its clips and the vocabulary above."""
    recipe = load_study(["config/config.yaml", "config/smoke.yaml"]).models["viclip"]
    return {**recipe.options, "frames": recipe.clip.frames, "size": recipe.clip.size, "vocabulary": 3}


@pytest.fixture(scope="module")
def finished(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A copy of the workflow in which a published model was tested."""
    workflow = copy_workflow(repository, tmp_path_factory.mktemp("published") / "copy")
    published(workflow.root / "mine", 0)
    weights = {"viclip": {"path": "mine/ViClip-InternVid-10M-FLT.pth"}}
    overrides = {"viclip": {"options": {"vocabulary": 3}}}
    mine = {"only": ["names"], "experiments": {"names": ENTRY}}
    mine["vifm"] = {"training": None, "tokenizer": "mine", "weights": weights, "recipe_overrides": overrides}
    (workflow.root / "mine.yaml").write_text(yaml.safe_dump(mine))
    workflow.run(*RUN, warm=True)
    return workflow


def weights_of(workflow: Workflow) -> Path:
    (path,) = (workflow.root / RESULTS / "vifm").rglob("weights.pt")
    return path


def test_its_accuracy_is_measured(finished):
    frame = pd.read_parquet(finished.root / RESULTS / "tables/names.parquet")
    assert set(frame["status"]) == {"ok"} and frame["value"].notna().all()


def test_a_second_run_has_nothing_to_do(finished):
    assert "Nothing to be done" in finished.run(*RUN).stdout


def test_other_weights_are_taken_over_anew(finished):
    before = weights_of(finished).read_bytes()
    published(finished.root / "mine", 1)
    finished.run(*RUN, warm=True)
    assert weights_of(finished).read_bytes() != before
    assert "Nothing to be done" in finished.run(*RUN).stdout
