"""A Slurm cluster for all tests of this folder, and runs on it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from workflow_copy import Workflow, copy_workflow, fill_in_site

from slurm.case import CONFIG, CONFIGFILES, WEIGHTS, Case, untrained
from slurm.cluster import Cluster, processes_in, reason_against
from slurm.disturbances import TOGETHER


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A one-node Slurm; the test is skipped, with the reason, where none can be started."""
    reason = reason_against()
    if reason:
        pytest.skip(f"a real Slurm: {reason}")
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def undisturbed(cluster: Cluster, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A copy of the workflow in which the pretraining has run on this machine, without Slurm."""
    workflow = copy_workflow(repository, tmp_path_factory.mktemp("undisturbed") / "copy")
    (workflow.root / "case.yaml").write_text(CONFIG)
    workflow.run(str(WEIGHTS), *CONFIGFILES, "--cores", "2", warm=True)
    return workflow


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the runs through Slurm are. In the end no process is left: Slurm without cgroups may lose sight of one
    that it should have killed."""
    folder = tmp_path_factory.mktemp("cases")
    yield folder
    for pid in processes_in(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def study(cluster: Cluster, repository: Path, folder: Path) -> Iterator[Case]:
    """The whole small study, started through Slurm and left running."""
    workflow = copy_workflow(repository, folder / "study")
    (workflow.root / "case.yaml").write_text(CONFIG)
    fill_in_site(workflow.root)
    case = Case(workflow, cluster)
    case.start(target="table_case")
    yield case
    case.kill_controller()


@pytest.fixture(scope="session")
def disturbed(
    request: pytest.FixtureRequest, cluster: Cluster, undisturbed: Workflow, folder: Path
) -> Iterator[dict[str, Future[Case]]]:
    """The disturbances that tests were selected for, all at the same time, as most of each is waiting."""
    names = {item.originalname for item in request.session.items}
    chosen = {name: disturb for name, disturb in TOGETHER.items() if f"test_{name}" in names}
    cases = {name: untrained(undisturbed, folder / name, cluster) for name in chosen}
    with ThreadPoolExecutor(len(TOGETHER)) as pool:
        yield {name: pool.submit(disturb, cases[name]) for name, disturb in chosen.items()}
    for case in cases.values():
        case.kill_controller()
