"""Reads the entries of `experiments.yaml` and of the configuration, and checks the names that they refer to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

from videossl.common.errors import UserError, unknown_name
from videossl.common.names import EntryName, SameInAnyCase
from videossl.common.places import project_file
from videossl.common.strict import Strict
from videossl.study.config import Config, Experiment, read_yaml


class _Entries(Strict):
    experiments: Annotated[dict[EntryName, Experiment], SameInAnyCase]


def read_entries(config: Config, project: Path, place_of: Callable[[str], str]) -> dict[str, Experiment]:
    """All entries by name, with inherited values filled in.

    Args:
        config: the study's configuration; it names the file, and has entries of its own.
        project: folder of the workflow, which contains the files named by entries.
        place_of: file or key that defines an entry, for error messages.

    Raises:
        UserError: an entry is invalid, is defined twice, or names something unknown.
    """
    path = config.experiments_file
    entries = _Entries.parse({"experiments": read_yaml(path)}, path).experiments
    for name in config.experiments:
        if name in entries:
            raise UserError(
                f"the configuration's `experiments.{name}` has the name of an entry in {path}. Give it another"
                " name; to change that entry, edit the file, or name a copy of it as `experiments_file`."
            )
    entries |= config.experiments
    for name in config.only or []:
        if name not in entries:
            raise unknown_name("table or figure", name, entries, "the configuration's `only`")
    for name, entry in entries.items():
        _check_owners(name, entry, entries)
    return {name: _completed(entry, entries, config, project, place_of(name)) for name, entry in entries.items()}


def _check_owners(name: str, entry: Experiment, entries: Mapping[str, Experiment]) -> None:
    """Raise UserError if the entries whose cells `entry` shows are unknown or have none."""
    for other in [*([entry.cells_of] if entry.cells_of else []), *(part.cells_of for part in entry.parts)]:
        if other not in entries:
            raise unknown_name("entry", other, entries, f"`cells_of` of {name}")
        if not entries[other].has_cells:
            raise UserError(f"`cells_of` of {name} names {other}, which has no cells of its own.")


def _completed(
    entry: Experiment, entries: Mapping[str, Experiment], config: Config, project: Path, where: str
) -> Experiment:
    """`entry` with inherited values filled in.

    These are the paper's tables of its parts, and the datasets that a restriction of sources or targets leaves.
    """
    for dataset in entry.datasets:
        if dataset not in config.datasets:
            raise unknown_name("dataset", dataset, config.datasets, where)
    limits = [kept for axis, kept in config.restrict.items() if axis in ("source", "target")]
    datasets = [one for one in entry.datasets if not limits or any(one in kept for kept in limits)]
    tables = [part.paper_table or entries[part.cells_of].paper_table for part in entry.parts]
    parts = [part.model_copy(update={"paper_table": table}) for part, table in zip(entry.parts, tables, strict=True)]
    published = entry.published
    if published is not None:
        published = project_file(published, project, f"`published` of {where}")
    return entry.model_copy(update={"datasets": datasets, "parts": parts, "published": published})
