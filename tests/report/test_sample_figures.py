"""Figures of videos: which frames they show, from which stores, and what they refuse."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny import make_data

from videossl.common.errors import UserError
from videossl.common.files import write_parquet
from videossl.data.manifest import open_store, read_manifest
from videossl.data.noisy import merge_noisy_manifest, write_noisy_shards
from videossl.data.settings import NOISES, SEVERITIES
from videossl.data.specs import NoiseSpec
from videossl.report.collect import Results
from videossl.report.figures import draw, write_figure
from videossl.report.record import results_of
from videossl.report.request import Request
from videossl.report.spec import Spec

NOISE = NoiseSpec(
    data_version=1,
    short_side=20,
    codec="raw",
    seed=0,
    constants="schiappa",
    shards=1,
    videos=dict.fromkeys(NOISES, [3] * 5),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    made = {
        name: make_data(root / name, name, {"train": 2, part: 2})
        for name, part in (("k400", "val"), ("ucf101", "test"))
    }
    manifest = read_manifest(made["ucf101"].manifest)
    for noise in NOISES:
        folder = root / "ucf101" / "noisy" / noise
        shards = {level: folder / str(level) / "shards" / "0000.arrow" for level in SEVERITIES}
        write_noisy_shards(manifest, root / "ucf101" / "videos", NOISE, noise, 0, shards)
        for level, shard in shards.items():
            merged = merge_noisy_manifest(manifest, NOISE, noise, level, [shard.with_suffix(".parquet")])
            write_parquet(folder / str(level) / "manifest.parquet", merged)
    return root


def manifests(root: Path, *datasets: str, noisy: bool = False) -> list[dict]:
    found = [
        {"dataset": d, "noise": "", "severity": 0, "manifest": str(root / d / "manifest.parquet")} for d in datasets
    ]
    for noise in NOISES if noisy else ():
        for level in SEVERITIES:
            path = root / datasets[0] / "noisy" / noise / str(level) / "manifest.parquet"
            found.append({"dataset": datasets[0], "noise": noise, "severity": level, "manifest": str(path)})
    return found


def results(plot: str, sets: list[dict]) -> Results:
    names = list(dict.fromkeys(item["dataset"] for item in sets))
    spec = Spec.parse({"name": "a", "kind": "figure", "title": "Videos", "plot": plot, "datasets": names})
    return Results(spec, (), "reduced scale: generated", manifests=tuple(sets))


def images(figure) -> list[np.ndarray]:
    return [np.asarray(ax.images[0].get_array()) for ax in figure.axes]


def test_two_videos_of_each_dataset_of_different_classes(data):
    figure = draw(results("samples", manifests(data, "k400", "ucf101")))
    shown = images(figure)
    assert len(shown) == 2 * 2 * 4 and {image.shape for image in shown} == {(20, 20, 3)}
    assert "Videos\nreduced scale: generated" in figure.get_suptitle()
    assert [row.get_suptitle() for row in figure.subfigs] == ["K400", "UCF101"]
    manifest = read_manifest(data / "k400" / "manifest.parquet")
    first, second = (manifest[manifest["label"] == label].iloc[0] for label in (0, 1))
    names = [place.get_suptitle() for place in figure.subfigs[0].subfigs]
    assert names == [first["label_name"], second["label_name"]]
    store = open_store(data / "k400" / "manifest.parquet", manifest)
    last = store.num_frames(first["shard"], first["batch"]) - 1
    whole = store.read(first["shard"], first["batch"], [0, last])
    cut = (whole.shape[2] - 20) // 2
    assert (shown[0] == whole[0, :20, cut : cut + 20]).all() and (shown[3] == whole[1, :20, cut : cut + 20]).all()


def test_one_frame_under_every_noise(data):
    figure = draw(results("noise_samples", manifests(data, "ucf101", noisy=True)))
    shown = np.stack(images(figure)).astype(float).reshape(len(NOISES), 6, 20, 20, 3)
    assert (shown[:, 0] == shown[0, 0]).all()  # the clean frame opens every row
    distance = np.abs(shown - shown[:, :1]).mean(axis=(2, 3, 4))
    assert (np.diff(distance[:, [1, 3, 5]], axis=1) > 0).all() and (distance[:, 1] > 0).all()
    assert [ax.get_title() for ax in figure.axes[:3]] == ["no noise", "severity 1", "severity 2"]
    assert [ax.get_ylabel() for ax in figure.axes[::6]] == ["Gaussian", "Impulse", "Shot", "Speckle"]
    name = re.search(r"test video (\S+) ", figure.get_supxlabel())[1]
    manifest = read_manifest(data / "ucf101" / "manifest.parquet").set_index("id")
    assert manifest.loc[name, "split"] == "test"


def test_a_request_names_manifests_and_its_files_are_the_same_again(data, tmp_path):
    entry = {"name": "a", "kind": "figure", "title": "Videos", "plot": "samples", "datasets": ["k400"]}
    given = {"entry": entry, "cells": [], "manifests": [], "reduced": "generated", "paper_values": None}
    with pytest.raises(UserError, match="shows videos of k400, and no `manifests` are given"):
        results_of(Request("figure", given))
    read = results_of(Request("figure", {**given, "manifests": manifests(data, "k400")}))
    assert read.reduced == "reduced scale: generated"
    write_figure(read, [tmp_path / "a.png", tmp_path / "a.pdf"])
    write_figure(read, [tmp_path / "b.png", tmp_path / "b.pdf"])
    for suffix in (".png", ".pdf"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    with pytest.raises(UserError, match="has no numbers"):
        write_figure(read, [tmp_path / "a.csv"])


def test_datasets_without_a_readable_video_are_told(data, tmp_path):
    manifest = pd.read_parquet(data / "k400" / "manifest.parquet").assign(status="broken")
    manifest.to_parquet(tmp_path / "manifest.parquet")
    broken = [{"dataset": "k400", "noise": "", "severity": 0, "manifest": str(tmp_path / "manifest.parquet")}]
    with pytest.raises(UserError, match="dataset k400 has no readable video"):
        draw(results("samples", broken))
