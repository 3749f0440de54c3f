"""`videossl export`: a file from which the same network is loaded, and a card that says what the record says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open

import videossl
from videossl.cli import run_command as command
from videossl.common.errors import UserError
from videossl.training.record import read_run

from .conftest import FINETUNED, PRETRAINED


@pytest.mark.parametrize("run", [PRETRAINED, FINETUNED])
def test_the_exported_network_is_the_same(results: Path, tmp_path: Path, capsys, monkeypatch, run: str):
    monkeypatch.chdir(tmp_path)  # any folder: the workflow is not needed
    assert command(["export", str(results / run), "--output", "net.safetensors"]) == 0
    assert "videossl.load('net.safetensors')" in capsys.readouterr().out
    first, second = videossl.load(results / run), videossl.load("net.safetensors")
    assert second.preprocessing == first.preprocessing and second.identity == first.identity
    assert not second.training
    clips = torch.randn(2, 3, 4, 16, 16)
    with torch.no_grad():
        assert torch.equal(first(clips), second(clips))
    with safe_open("net.safetensors", framework="pt") as file:  # others can read it
        assert set(file.keys()) == set(first.backbone.state_dict())


def test_the_card_says_what_the_record_says(results: Path, tmp_path: Path):
    command(["export", str(results / PRETRAINED), "--output", str(tmp_path / "to" / "net")])
    card = (tmp_path / "to/net/README.md").read_text()
    record, metrics = (
        read_run(results / PRETRAINED / "run.json"),
        pd.read_parquet(results / PRETRAINED / "metrics.parquet"),
    )
    pretext = metrics.set_index("metric").loc["pretext_top1"]
    assert f"| pretext top-1 accuracy | val |  | {100 * pretext['value']:.1f} % | 25.0 % | {pretext['n']} |" in card
    for row in (
        "# R(2+1)D, pretext task RotNet (C3)",
        "| Pretraining source and subset | k400, 50k |",
        f"| Epochs of this run | {record['recipe']['stop']} of a schedule of {record['recipe']['epochs']} |",
        f"| Recipe hash | `{record['recipe_hash']}` |",
        f"| Code | `{record['code_version']}` |",
        f"| Videos | heldout {record['samples']['heldout']}, train {record['samples']['train']} |",
        "No licence of the weights is recorded",
        'videossl.load("model.safetensors")',
    ):
        assert row in card, row
    said = json.loads(card.split("```json\n")[1].split("```")[0])
    assert said == record["recipe"]
    assert videossl.load(tmp_path / "to/net").identity["task"] == "rotnet"


def test_files_are_not_replaced_unasked(results: Path, tmp_path: Path):
    output = tmp_path / "net.safetensors"
    output.with_suffix(".md").write_text("my notes")
    with pytest.raises(UserError, match=r"net\.md exists already.*--force"):
        command(["export", str(results / PRETRAINED), "--output", str(output)])
    assert not output.exists() and output.with_suffix(".md").read_text() == "my notes"
    assert command(["export", str(results / PRETRAINED), "--output", str(output), "--force"]) == 0
    (tmp_path / "a.txt").touch()
    with pytest.raises(UserError, match=r"does not end in \.safetensors"):
        command(["export", str(results / PRETRAINED), "--output", str(tmp_path / "a.txt")])


def test_a_damaged_or_foreign_file_is_told(results: Path, tmp_path: Path):
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match="was not written by `videossl export`"):
        videossl.load(tmp_path / "other.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="Export the network again"):
        videossl.load(tmp_path / "bad.safetensors")
    folder = tmp_path / "run"
    shutil.copytree(results / PRETRAINED, folder)
    (folder / "run.json").unlink()
    with pytest.raises(UserError, match="does not say which clips"):
        command(["export", str(folder), "--output", str(tmp_path / "x")])
