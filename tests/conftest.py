"""What all tests share: the repository, a copy of the workflow, and data to train on, made once by the library."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from flipped_bits import Kind, kinds_of
from listed import Disk
from tiny import Data, make_data
from workflow_copy import Workflow, copy_workflow

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's root."""
    return REPOSITORY


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
    return copy_workflow(repository, tmp_path / "copy")


@pytest.fixture(scope="session")
def source(tmp_path_factory) -> Data:
    """A generated dataset to pretrain on: three classes, twelve training and six validation videos."""
    return make_data(tmp_path_factory.mktemp("source"), "k400", {"train": 4, "val": 2})


@pytest.fixture(scope="session")
def target(tmp_path_factory) -> Data:
    """A generated dataset to finetune on, with damaged training videos, one broken and one missing test video."""
    damage = {"text": "test", "missing": "test"}
    root = tmp_path_factory.mktemp("target")
    return make_data(root, "ucf101", {"train": 4, "test": 4}, damage=damage, broken=True)


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    """A file of each kind that a study leaves, by name; a test that changes one puts it back."""
    return {kind.name: kind for kind in kinds_of(tmp_path_factory.mktemp("kinds"))}


@pytest.fixture
def disk(tmp_path) -> Disk:
    """Empty folders for a dataset's videos and lists."""
    return Disk(tmp_path)


@pytest.fixture
def own_signals():
    """For a test that trains in its own process: what a signal does is as before when it is over."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGURG)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
