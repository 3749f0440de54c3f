"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
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
