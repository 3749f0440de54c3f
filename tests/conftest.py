"""What all tests share: the repository, a copy of the workflow, and data to train on, made once by the library."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # fixtures import what they need: the process that waits for those that test reads this file, too
    from flipped_bits import Kind
    from listed import Disk
    from tiny import Data
    from workflow_copy import Workflow

    from videossl.study.study import Study

REPOSITORY = Path(__file__).parent.parent
LONGEST = ("slurm", "faults", "e2e", "workflow", "training", "project", "evaluation")
"""Folders with the longest tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each file is run by one process, so that what its tests share is made once. The longest come first: in the end
    only short ones are left, and all processes end at about the same time."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(REPOSITORY).as_posix()))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """The lower, the earlier."""
    folder = item.path.relative_to(REPOSITORY / "tests").parts[0]
    return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's root."""
    return REPOSITORY


@pytest.fixture(scope="module")
def paper_study(repository: Path) -> Study:
    """The study at the paper's scale."""
    from videossl.study.study import load_study

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repository)
        study = load_study(["config/config.yaml", "config/paper.yaml"])
        assert study.recipes  # are read now
        return study


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Real sample videos and official split files, kept beside the checkout; the test is skipped without them."""
    folder = REPOSITORY.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("needs the real sample videos and split files in ../shared")
    return folder


@pytest.fixture
def workflow(repository: Path, tmp_path: Path) -> Workflow:
    """A fresh copy of the workflow, without results."""
    from workflow_copy import copy_workflow

    return copy_workflow(repository, tmp_path / "copy")


@pytest.fixture(scope="session")
def source(tmp_path_factory) -> Data:
    """A generated dataset to pretrain on: three classes, twelve training and six validation videos."""
    from tiny import make_data

    return make_data(tmp_path_factory.mktemp("source"), "k400", {"train": 4, "val": 2})


@pytest.fixture(scope="session")
def target(tmp_path_factory) -> Data:
    """A generated dataset to finetune on, with damaged training videos, one broken and one missing test video."""
    from tiny import make_data

    damage = {"text": "test", "missing": "test"}
    root = tmp_path_factory.mktemp("target")
    return make_data(root, "ucf101", {"train": 4, "test": 4}, damage=damage, broken=True)


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    """A file of each kind that a study leaves, by name; a test that changes one puts it back."""
    from flipped_bits import kinds_of

    return {kind.name: kind for kind in kinds_of(tmp_path_factory.mktemp("kinds"))}


@pytest.fixture
def disk(tmp_path) -> Disk:
    """Empty folders for a dataset's videos and lists."""
    from listed import Disk

    return Disk(tmp_path)


@pytest.fixture
def own_signals():
    """For a test that trains in its own process: what a signal does is as before when it is over."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGURG)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
