"""Checks before the first job: inputs of planned jobs exist, and their networks can be built."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from videossl.common.errors import UserError
from videossl.common.files import canonical_json, write_text
from videossl.monitor.buildable import builds_of
from videossl.monitor.finding import MISSING, Finding
from videossl.report.renderings import renderings_of
from videossl.stages.cells import Cell
from videossl.stages.jobs import jobs_of
from videossl.study.study import Study

LIBRARY = Path(__file__).parents[1]
NETWORKS = ("backbones", "pretext", "videolanguage/models", "published")
"""Packages whose code affects whether a network can be built."""


def missing_datasets(
    study: Study, names: Iterable[str], kinds: Sequence[str] = ("root", "annotations")
) -> dict[str, list[str]]:
    """The missing folders of those datasets among `names` that are not generated and not on this machine."""
    found = {}
    for name in names:
        if study.config.datasets[name].generated is None and not study.config.datasets[name].combine:
            folders = dict.fromkeys(study.dataset_folder(name, kind) for kind in kinds)
            if absent := [str(folder) for folder in folders if not folder.is_dir()]:
                found[name] = absent
    return found


def require_datasets(study: Study, listed: Iterable[str], stored: Iterable[str]) -> None:
    """Raise UserError unless the datasets that planned jobs read are on this machine.

    listed: datasets whose lists are read. stored: datasets of which only the videos are read.
    """
    missing = missing_datasets(study, sorted(stored), ["root"]) | missing_datasets(study, sorted(listed))
    if not missing:
        return
    lines = [
        f"  {name} ({study.config.datasets[name].title}): no folder {' and no folder '.join(absent)}\n"
        f"    set {' and '.join(f'datasets.{name}.{key}' for key in study.config.datasets[name].folder_keys)}"
        for name, absent in missing.items()
    ]
    raise UserError(
        "datasets are missing on this machine:\n" + "\n".join(lines) + "\n"
        "Set the keys in a configuration file of your own (see docs/datasets.md) and add it:\n"
        "  snakemake ... --configfile config/paper.yaml mine.yaml\n"
        "or link the folders to where they are expected. Nothing was run."
    )


def require_found(findings: Iterable[Finding]) -> None:
    """Raise UserError for the first of `findings` that prevents running anything."""
    for finding in findings:
        if finding.state == MISSING:
            raise UserError(f"{finding.subject}: {finding.text}; {finding.remedy}. Nothing was run.")


def require_networks(study: Study, cells: Iterable[Cell], device: str, python: Sequence[str], script: Path) -> None:
    """Raise UserError unless the networks of planned cells can be built.

    Otherwise an invalid option would be noticed only when its job starts, perhaps hours later, and the job would be
    retried. Successful checks are remembered and not repeated.

    device: of the jobs; "auto" if they run on other machines. python: command that starts `script`,
    `workflow/scripts/check_networks.py`, in a separate process, as importing torch takes seconds.
    """
    builds = canonical_json([build.values for build in builds_of(study, cells)])
    code = b"".join(path.read_bytes() for part in NETWORKS for path in sorted((LIBRARY / part).rglob("*.py")))
    name = hashlib.sha256((builds + device).encode() + code).hexdigest()[:12]
    checked = study.results / f"logs/checked/{name}.json"
    if builds == "[]" or checked.exists() or importlib.util.find_spec("torch") is None:
        return
    listed = checked.with_suffix(".new")
    write_text(listed, builds)
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY.parent)}
    command = [*python, str(script), str(listed), "--device", device]
    done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        listed.unlink()
        raise UserError(f"{done.stderr.strip()}\nNothing was run.")
    listed.replace(checked)


def require_places(study: Study) -> None:
    """Raise UserError if a file is where the study needs a folder, or a folder where it needs a file.

    Snakemake itself would end with a traceback that names neither. Nothing is read but the kinds of existing files.
    """
    root, known = study.results, dict[Path, bool]()  # by folder: whether it exists

    def is_there(folder: Path) -> bool:
        if folder not in known:
            known[folder] = (folder == root or is_there(folder.parent)) and os.path.lexists(folder)
            if known[folder] and not folder.is_dir():
                raise UserError(
                    _misplaced(folder, "is a file or a broken link, but the study needs a folder in its place")
                )
        return known[folder]

    for job in (*jobs_of(study), *renderings_of(study)):
        for path in job.outputs:
            is_folder = path.parent == root / "generated"
            if is_there(path if is_folder else path.parent) and not is_folder and path.is_dir():
                raise UserError(_misplaced(path, "is a folder, but the study writes a file in its place"))
        if job.cell is not None:
            is_there((root / "logs" / job.cell.path).parent)


def _misplaced(path: Path, what: str) -> str:
    return (
        f"{path} {what}. Move it elsewhere or remove it, or set another `results_dir`; then run the same"
        " command again. Nothing was run."
    )
