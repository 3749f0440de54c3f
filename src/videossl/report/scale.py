"""Marks of renderings that were not made under the paper's conditions."""

from __future__ import annotations

from collections.abc import Iterable

from videossl.stages.cells import Cell
from videossl.study.study import Study


def reduced_note(study: Study, name: str) -> str:
    """Mark of a table or figure that was not made under the paper's conditions; "" at the paper's scale."""
    return _note(study, study.datasets_of(study.cells_of[name], study.entries[name].datasets))


def reduced_note_of_cells(study: Study, cells: Iterable[Cell]) -> str:
    """The same mark for a rendering of `cells`."""
    return _note(study, study.datasets_of(cells))


def reduced_mark(reduced: str) -> str:
    """Mark in the title; "" at the paper's scale."""
    return f"reduced scale: {reduced}" if reduced and not reduced.startswith("reduced scale") else reduced


def _note(study: Study, datasets: list[str]) -> str:
    """The scale's note, preceded by the names of those of `datasets` that are generated.

    Generated videos are never the paper's conditions, at any scale.
    """
    known, scale = study.config.datasets, study.config.scale
    datasets = [name for name in datasets if not known[name].combine]  # its parts are among them
    generated = [known[name].title for name in datasets if known[name].generated is not None]
    said = [(scale.note or scale.name) if scale.reduced else ""]
    if generated:
        said.insert(0, "generated videos" + (f" for {listed(generated)}" if len(generated) < len(datasets) else ""))
    return ", ".join(part for part in said if part)


def listed(names: list[str]) -> str:
    """Names as an enumeration: a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
