"""Every caption that names a subset says how many videos that is at the scale, in one way."""

from __future__ import annotations

import re

import pytest
from tiny import GRID, make_study, table

from videossl.report.captions import caption_of
from videossl.report.entry import entry_of
from videossl.report.request import CLAIMS, request_of
from videossl.report.subsets import caption_here, subset_here, subsets_here
from videossl.study.study import load_study


@pytest.fixture
def at(repository, monkeypatch):
    """A scale of the project."""
    monkeypatch.chdir(repository)
    return lambda *overlays: load_study(["config/config.yaml", *overlays])


@pytest.mark.parametrize("overlays", [(), ("config/smoke.yaml",)])
def test_every_caption_says_the_videos_really_used(at, overlays):
    study = at(*overlays)
    sizes = study.config.subsets
    for name, entry in study.entries.items():
        used = {cell.subset for cell in study.cells_of[name]} & set(sizes)
        named = used | {size for size in sizes if re.search(rf"\b{size}\b", entry.caption)}
        said = entry_of(study, name)
        for size in named:
            one_way = f"{size} (here {sizes[size]} videos)"
            assert one_way in said["caption"] and one_way in caption_of(study, name)["caption"], name
            assert said["labels"]["subset"][size] == one_way
        assert set(re.findall(r"(\w+) \(here [\d,]+ videos\)", said["subsets_here"])) == used
        assert not used or entry.kind == "table" or said["subsets_here"], name


def test_the_claims_say_it_too(at):
    request = request_of(at("config/smoke.yaml"), CLAIMS)
    assert request.arguments["subsets"] == (
        "Subsets: 10k (here 6 videos), 30k (here 9 videos), 50k (here 12 videos), 100k (here 15 videos)."
    )
    assert request.spec["subsets"] == request.arguments["subsets"]


def test_at_the_papers_scale_the_names_are_the_sizes(at):
    study = at("config/paper.yaml")
    assert not any("(here" in entry_of(study, name)["caption"] for name in study.entries)
    assert not request_of(study, CLAIMS).arguments["subsets"]


def test_a_name_that_is_no_number_or_another_one_gets_its_size(tmp_path):
    grid = GRID | {"task": "rspnet", "subset": ["50k", "mine", "whole"]}
    study = make_study(tmp_path, {"a": table(grid)}, subsets={"50k": 40_000, "mine": 1000, "whole": "all", "2k": 2000})
    named = [subset_here(study.config, name) for name in ("50k", "mine", "whole", "2k")]
    assert named == ["50k (here 40,000 videos)", "mine (here 1,000 videos)", "whole (here all videos)", "2k"]
    assert caption_here(study, "a").endswith(f"Subsets: {', '.join(named[:3])}.")
    assert (
        subsets_here(study, []) == ""
        and subsets_here(study, [], "a mine of 50k-s") == "Subset: mine (here 1,000 videos)."
    )
