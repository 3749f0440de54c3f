"""A results folder with one small pretraining and finetuning, as the workflow lays them out."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

PRETRAINED = "pretrain/k400/50k/rotnet/r2plus1d/seed0/epochs50"
FINETUNED = "finetune/ucf101/k400/50k/rotnet/r2plus1d/seed0/epochs50"


@pytest.fixture(scope="package")
def results(tmp_path_factory: pytest.TempPathFactory, source, target) -> Path:
    """RotNet's first milestone, finetuned on the generated target; the stores are beside them in `data/`."""
    from runs import train
    from tiny import CPU, finetune_arguments, make_study

    from videossl.evaluation.finetune import finetune

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGURG)
    before = [signal.getsignal(number) for number in numbers]
    study, root = make_study(tmp_path_factory.mktemp("study")), tmp_path_factory.mktemp("own") / "results"
    (root / "data").mkdir(parents=True)
    (root / "data/k400").symlink_to(source.root)
    (root / "data/ucf101").symlink_to(target.root)
    train(study, "rotnet", source, root / PRETRAINED, 50)
    spec, identity = finetune_arguments(study, epochs=1)
    identity |= {"epochs": 50}
    weights = root / PRETRAINED / "weights.pt"
    finetune(spec, identity, manifest=target.manifest, weights=weights, folder=root / FINETUNED, compute=CPU)
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    return root
