"""Data for the tests that train: made once, by the library's own functions."""

from __future__ import annotations

import signal

import pytest
from listed import Disk
from tiny import Data, make_data


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
