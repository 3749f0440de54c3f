"""What stands in the way of results is named before the first job, with the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import GRID, make_study, table

from videossl.common.errors import UserError
from videossl.monitor.before_run import require_places
from videossl.monitor.buildable import builds_of
from videossl.study.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study whose results are in a folder of the test."""
    entries = {"main": table(GRID | {"task": "rotnet", "subset": "10k"})}
    return make_study(tmp_path, entries, results_dir=str(tmp_path / "results"))


def test_nothing_is_in_the_way_of_a_new_or_a_finished_study(study: Study) -> None:
    require_places(study)
    cell = study.pretraining[0]
    (study.results / cell.path).mkdir(parents=True)
    (study.results / cell.path / "weights.pt").write_bytes(b"")
    (study.results / "generated/k400").mkdir(parents=True)
    require_places(study)


@pytest.mark.parametrize(
    "place",
    [
        "pretrain",
        "pretrain/k400/10k/rotnet/r2plus1d/seed0/epochs200",
        "data",
        "data/k400/subsets",
        "tables",
        "generated/k400",
        "logs/finetune/ucf101",
    ],
)
@pytest.mark.parametrize("kind", ["file", "broken link"])
def test_a_file_in_the_place_of_a_folder_is_named(study: Study, place: str, kind: str) -> None:
    path = study.results / place
    path.parent.mkdir(parents=True)
    if kind == "file":
        path.write_text("notes")
    else:
        path.symlink_to("nowhere")
    with pytest.raises(UserError, match=r"needs a folder in its place\. Move it elsewhere") as caught:
        require_places(study)
    assert str(path) in str(caught.value) and "`results_dir`" in str(caught.value)


def test_a_folder_in_the_place_of_a_file_is_named(study: Study) -> None:
    path = study.results / study.pretraining[0].path / "weights.pt"
    path.mkdir(parents=True)
    with pytest.raises(UserError, match=r"weights\.pt is a folder, but the study writes a file"):
        require_places(study)


def test_the_check_of_networks_is_remembered_in_whatever_order_cells_are_planned(tmp_path: Path) -> None:
    grid = GRID | {"task": "rotnet", "backbone": ["shufflenet", "r2plus1d"], "subset": ["10k", "30k"]}
    study = make_study(tmp_path, {"main": table(grid)})
    there, back = builds_of(study, study.all_cells), builds_of(study, reversed(list(study.all_cells)))
    assert [build.values for build in there] == [build.values for build in back] and len(there) > 2
