"""`import videossl`: networks are loaded with their preprocessing, features are those of the study."""

from __future__ import annotations

import importlib.util
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import CPU, Data, make_study, table

import videossl
from videossl.common.errors import UserError
from videossl.data.feature_file import read_features
from videossl.evaluation.features import extract
from videossl.evaluation.model import load_classifier
from videossl.evaluation.specs import FeaturesSpec

from .conftest import FINETUNED, PRETRAINED

pytestmark = pytest.mark.usefixtures("own_signals")


def test_importing_it_imports_neither_torch_nor_pandas():
    code = "import sys, videossl; dir(videossl); assert not {'torch', 'pandas', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'netwrok'"):
        videossl.netwrok  # noqa: B018


def test_a_pretrained_network_comes_with_what_its_recipe_says(results: Path):
    state = torch.get_rng_state()
    network = videossl.load(results / PRETRAINED)
    assert torch.equal(state, torch.get_rng_state())
    assert not network.training and not network.backbone.training
    wanted = network.preprocessing
    assert (wanted.frames, wanted.size, wanted.stride, wanted.clips) == (4, 16, 2, 10)
    assert (wanted.crop, wanted.resize_short, wanted.short_side, wanted.quality) == ("center", 20, 20, 90)
    assert wanted.mean == (0.485, 0.456, 0.406) and wanted.std == (0.229, 0.224, 0.225)
    assert network.identity["task"] == "rotnet" and network.identity["stage"] == "pretrain"
    stored = torch.load(results / PRETRAINED / "weights.pt", weights_only=True)["backbone"]
    assert all(torch.equal(value, stored[name]) for name, value in network.backbone.state_dict().items())
    with torch.no_grad():
        assert network(torch.zeros(2, 3, 4, 16, 16)).shape == (2, network.feature_dim)


def test_of_a_finetuned_network_it_is_the_backbone(results: Path):
    classifier, spec = load_classifier(results / FINETUNED / "weights.pt")
    for path in (results / FINETUNED, results / FINETUNED / "weights.pt", str(results / FINETUNED)):
        network = videossl.load(path)
        clips = torch.randn(2, 3, 4, 16, 16)
        with torch.no_grad():
            assert torch.equal(network(clips), classifier.backbone(clips))
        wanted = network.preprocessing
        assert (wanted.stride, wanted.clips) == (spec.stride, spec.test_clips)
        assert network.identity["target"] == "ucf101"


def test_features_are_those_of_the_study(results: Path, target: Data, tmp_path: Path):
    """From the video files as from the frame store, bit for bit on one machine."""
    network = videossl.load(results / PRETRAINED)
    grid = {"task": "rotnet", "backbone": "r2plus1d", "source": "k400", "subset": "50k", "epochs": 50}
    entry = table(grid | {"target": "ucf101", "protocol": "knn"}, baseline=False)
    study = make_study(tmp_path / "study", {"a": entry})
    (cell,) = study.of_stage("features")
    from videossl.stages.registry import stage

    spec: FeaturesSpec = stage("features").spec(study, cell)
    output = tmp_path / "features.npz"
    extract(spec, manifest=target.manifest, weights=results / PRETRAINED / "weights.pt", output=output, compute=CPU)
    network.preprocessing = replace(
        network.preprocessing, stride=spec.stride, clips=spec.test_clips, crop="center", resize_short=None
    )
    data = read_features(output)
    paths = pd.read_parquet(target.manifest).set_index("id")["path"]
    files = [target.root / "videos" / paths[name] for name in data.test_videos]
    found = videossl.features(files, network, progress=False)
    assert found.names == [str(path) for path in files] and not found.unreadable
    np.testing.assert_allclose(found.array, data.test, rtol=1e-5, atol=1e-6)
    assert found.array.dtype == np.float32 and found.array.std() > 0


def test_videos_are_a_file_a_folder_or_a_list_and_unreadable_ones_are_named(
    results: Path, target: Data, tmp_path: Path, capsys, monkeypatch
):
    usable = [path for path in pd.read_parquet(target.manifest).query("status == 'ok'")["path"]][:3]
    folder = tmp_path / "clips"
    for number, path in enumerate(usable):
        (folder / f"in {number}").mkdir(parents=True)
        shutil.copy(target.root / "videos" / path, folder / f"in {number}/ünï.{'MP4' if number else 'mp4'}")
    (folder / "text.mp4").write_text("not a video")
    (folder / "readme.txt").write_text("not a video either")
    network = videossl.load(results / FINETUNED).train()
    whole = videossl.features(folder, network, progress=False)
    assert network.training and network.backbone.training  # as it was
    assert whole.names == ["in 0/ünï.mp4", "in 1/ünï.MP4", "in 2/ünï.MP4"]
    assert list(whole.unreadable) == ["text.mp4"]
    noted = capsys.readouterr().err
    assert "videos that cannot be read, left out (1): text.mp4 (" in noted and "readme" not in noted

    monkeypatch.chdir(folder)
    array, names, unreadable = videossl.features(["in 2/ünï.MP4", "gone.mp4"], network, processes=2, progress=False)
    assert names == ["in 2/ünï.MP4"] and unreadable == {"gone.mp4": "there is no such file"}
    np.testing.assert_allclose(array[0], whole.array[2], rtol=1e-5, atol=1e-6)
    assert videossl.features("in 0/ünï.mp4", network, progress=False).array.shape == (1, network.feature_dim)
    for videos, message in [
        ("gone", "no video or folder gone"),
        ([], "the list of videos is empty"),
        (["text.mp4"], "none of the 1 videos can be read; text.mp4: "),
        (tmp_path / "study", "no video or folder"),
    ]:
        with pytest.raises(UserError, match=message):
            videossl.features(videos, network, progress=False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="there is no video below"):
        videossl.features(tmp_path / "empty", network)


def test_what_is_no_network_is_told(results: Path, tmp_path: Path):
    with pytest.raises(UserError, match=r"neither weights.pt nor model.safetensors.* There are 1 below it"):
        videossl.load(results / "pretrain")
    with pytest.raises(UserError, match="there is no file or folder"):
        videossl.load(tmp_path / "gone")
    with pytest.raises(UserError, match=r"holds no backbone: it has .*recipe_hash"):
        videossl.load(results / PRETRAINED / "state.pt")
    alone = tmp_path / "weights.pt"
    shutil.copy(results / PRETRAINED / "weights.pt", alone)
    with pytest.raises(UserError, match=r"`run.json` of its run, which is missing"):
        videossl.load(alone)
    given = videossl.load(results / PRETRAINED).preprocessing
    assert videossl.load(alone, preprocessing=given).preprocessing == given
    alone.write_bytes(alone.read_bytes()[:-100])
    with pytest.raises(UserError, match=str(alone)):
        videossl.load(alone)


def test_frames_that_a_network_saw_in_their_stored_size_need_the_store(results: Path, tmp_path: Path):
    """A crop of 16 pixels of a stored frame says nothing without the size of the frame."""
    import json

    from videossl.common.intact import sealed, unsealed

    folder = tmp_path / "results/pretrain/run"
    shutil.copytree(results / PRETRAINED, folder)
    run = unsealed(json.loads((folder / "run.json").read_text()))
    run["recipe"]["augment"] |= {"crop": "random", "resize_short": None}
    (folder / "run.json").write_text(json.dumps(sealed(run)))
    with pytest.raises(UserError, match="how large those were is not known"):
        videossl.load(folder)
    (tmp_path / "results/data").symlink_to(results / "data")
    found = videossl.load(folder).preprocessing
    assert (found.crop, found.short_side) == ("unresized", 20)


@pytest.mark.parametrize(("name", "value"), [("stride", 0), ("clips", 2.5), ("short_side", 4), ("quality", 0)])
def test_impossible_preprocessing_is_refused(name, value):
    good = videossl.Preprocessing(frames=4, size=16, stride=1, mean=(0, 0, 0), std=(1, 1, 1))
    with pytest.raises(UserError, match=f"`{name}` must be a whole number"):
        replace(good, **{name: value})
    with pytest.raises(UserError, match="at least size"):
        replace(good, resize_short=8)


def test_torch_hub_has_the_backbones_and_pretrained_networks(results: Path, repository: Path):
    from videossl.backbones import registry

    module = runpy.run_path(str(repository / "hubconf.py"))
    names = {name for name, value in module.items() if callable(value) and not name.startswith("_")}  # as torch finds
    assert names == {*registry.names(), "pretrained"}
    assert all(importlib.util.find_spec(name) for name in module["dependencies"])
    assert "newly initialised" in module["c3d"].__doc__
    backbone = torch.hub.load(str(repository), "r2plus1d", source="local", width=0.05)
    with torch.no_grad():
        assert backbone.eval()(torch.zeros(1, 3, 4, 16, 16)).shape == (1, backbone.feature_dim)
    network = torch.hub.load(str(repository), "pretrained", str(results / PRETRAINED), source="local")
    assert network.preprocessing.frames == 4
