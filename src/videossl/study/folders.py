"""Checks that the results folder does not overlap with the project or with the user's videos and lists."""

from __future__ import annotations

from pathlib import Path

from videossl.common.errors import UserError
from videossl.study.config import Config

PROJECTS = (
    ".ci", ".git", ".github", ".snakemake", ".venv", "benchmarks", "config", "docs", "envs", "profiles", "rules",
    "slurm", "src", "tests", "workflow",
)  # fmt: skip
"""The project's folders, with which results must not be mixed; a test compares this list with the actual folders."""
REMEDY = "Set `results_dir` to a folder of its own"


def check_results_folder(config: Config, project: Path) -> None:
    """Raise UserError if results would be written into the project itself or among a dataset's files.

    A folder inside a dataset's `root` is refused, as readers search all folders below it for videos and would find the
    generated ones. Inside `annotations` it is allowed, as lists are searched in that folder only.

    Args:
        config: the configuration.
        project: the workflow's folder.
    """
    results, repository = Path(config.results_dir).resolve(), project.resolve()
    given = f"`results_dir` is {config.results_dir}"
    if repository.is_relative_to(results):
        what = "the folder of the workflow itself" if results == repository else "a folder above the workflow's"
        raise UserError(f"{given}, {what}: results would lie among its files. {REMEDY}, such as results.")
    if Path.home().resolve().is_relative_to(results):
        raise UserError(f"{given}, which holds the home folder: results would lie among the user's files. {REMEDY}.")
    if results.is_relative_to(repository) and (part := results.relative_to(repository).parts[0]) in PROJECTS:
        raise UserError(f"{given}, within the workflow's own folder {part}. {REMEDY}, such as results.")
    for name, dataset in config.datasets.items():
        for key in ("root", "annotations") if dataset.generated is None and not dataset.combine else ():
            if (place := getattr(dataset, key)) is None:  # a reader without lists
                continue
            folder = Path(place).expanduser().resolve()
            if folder.is_relative_to(results):
                relation = "the same folder" if folder == results else "a folder below it"
            elif key == "root" and results.is_relative_to(folder):
                relation = "a folder above it"
            else:
                continue
            raise UserError(
                f"{given}, and `datasets.{name}.{key}` is {relation}, {place}: results and the user's"
                f" files would be mixed. {REMEDY}, neither above nor within the videos."
            )
