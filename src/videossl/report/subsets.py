"""The sizes of subsets: how many videos a name like 50k stands for at a scale. The only place that says so."""

from __future__ import annotations

import re
from collections.abc import Iterable

from videossl.stages.cells import Cell
from videossl.study.config import Config
from videossl.study.study import Study

_LIKE_A_NUMBER = re.compile(r"(\d+)([km]?)", re.IGNORECASE)
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}


def subset_here(config: Config, name: str) -> str:
    """The name of a subset; if its size is not the one that its name says, with the number of videos really used."""
    size = config.subsets[name]
    if size == _size_named(name):
        return name
    return f"{name} (here {size if size == 'all' else f'{size:,}'} videos)"


def caption_here(study: Study, name: str) -> str:
    """Caption of an entry, with the sizes of the subsets that it names or whose cells it shows."""
    caption = study.entries[name].caption
    return " ".join(part for part in (caption, subsets_here(study, study.cells_of[name], caption)) if part)


def subsets_here(study: Study, cells: Iterable[Cell], text: str = "") -> str:
    """A sentence with the sizes of the subsets that `cells` use or `text` names; "" if all are as their names say."""
    config, used = study.config, {cell.subset for cell in cells}
    named = [name for name in config.subsets if name in used or re.search(rf"(?<!\w){re.escape(name)}(?![\w-])", text)]
    said = [here for name in named if (here := subset_here(config, name)) != name]
    return f"Subset{'s' if len(said) > 1 else ''}: {', '.join(said)}." if said else ""


def _size_named(name: str) -> int | None:
    """The number of videos that the name of a subset says: 50000 for 50k; None if it is not a number."""
    found = _LIKE_A_NUMBER.fullmatch(name)
    return int(found[1]) * _UNITS[found[2].lower()] if found else None
