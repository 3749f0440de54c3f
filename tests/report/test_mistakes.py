"""Misclassified videos in the report: thumbnails from the frame store, and addresses of the files."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image
from tiny import make_data

from videossl.data.manifest import open_store, read_manifest
from videossl.report.site import mistakes
from videossl.report.site.mistakes import videos_of


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("results")
    make_data(root / "data/ucf101", "ucf101", {"train": 2, "test": 2})
    return root


@pytest.fixture
def names(results) -> list[str]:
    videos = read_manifest(results / "data/ucf101/manifest.parquet")
    return list(videos[videos["status"] == "ok"]["id"])


def test_a_video_has_its_own_frames_and_the_address_of_its_file(results, names):
    wanted = [("ucf101", names[0]), ("ucf101", "gone"), ("nowhere", "a")]
    page = results / "report.html"
    found, problems = videos_of(wanted, results, page, {"ucf101": str(results / "data/ucf101/videos")})
    assert problems == [] and list(found) == ["ucf101"] and list(found["ucf101"]) == [names[0]]
    shown = found["ucf101"][names[0]]
    assert (page.parent / unquote(shown["file"])).is_file()
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(shown["image"]))).convert("RGB")).astype(float)
    manifest = results / "data/ucf101/manifest.parquet"
    videos = read_manifest(manifest)
    row = videos.set_index("id").loc[names[0]]
    first = open_store(manifest, videos).read(int(row["shard"]), int(row["batch"]), np.array([0]))[0]
    height, width = first.shape[:2]
    assert image.shape == (height, 3 * width, 3)
    assert abs(image[:, :width] - first).mean() < 12  # JPEG


def test_without_a_folder_there_is_no_address(results, names):
    found, _ = videos_of([("ucf101", names[0])], results, results / "report.html", {})
    assert set(found["ucf101"][names[0]]) == {"image"}
    found, _ = videos_of([("ucf101", names[0])], results, results / "report.html", {"ucf101": str(results / "moved")})
    assert set(found["ucf101"][names[0]]) == {"image"}


def test_thumbnails_stop_at_their_budget_with_the_videos_most_runs_miss(results, names, monkeypatch):
    wanted = [("ucf101", name) for name in names] + [("ucf101", names[-1])]
    whole, _ = videos_of(wanted, results, results / "report.html", {})
    first = whole["ucf101"][names[-1]]["image"]
    monkeypatch.setattr(mistakes, "BUDGET", len(first))
    found, _ = videos_of(wanted, results, results / "report.html", {})
    assert found == {"ucf101": {names[-1]: {"image": first}}}


def test_a_damaged_store_is_told_and_hides_nothing_else(results, names, tmp_path):
    folder = tmp_path / "data/ucf101"
    folder.mkdir(parents=True)
    (folder / "manifest.parquet").write_bytes((results / "data/ucf101/manifest.parquet").read_bytes()[:-9])
    found, problems = videos_of([("ucf101", names[0])], tmp_path, tmp_path / "report.html", {})
    assert found == {} and len(problems) == 1 and "manifest.parquet" in problems[0]
