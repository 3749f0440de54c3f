"""What the paper has for the cells of an entry: its number, other numbers of the same cell, and what it leaves open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from videossl.report.numbers import number
from videossl.report.paper import OPEN, STRICT, PaperTable, asked_for
from videossl.report.paper_cells import PaperCells
from videossl.report.spec import PART, Spec

if TYPE_CHECKING:
    import pandas as pd

    from videossl.report.collect import Record


@dataclass(frozen=True)
class Paper:
    """The paper's numbers that an entry is compared with."""

    tables: Mapping[int | None, PaperTable]
    """The paper's table of each part of the entry, or under None if it has no parts. Omits missing tables."""
    cells: PaperCells | None
    """The cells of all tables; None for no comparison. A table of published results has its own."""

    @classmethod
    def of(cls, spec: Spec, values: pd.DataFrame | None) -> Paper:
        """The numbers for an entry; `values` from `read_paper_values`, None for no comparison."""
        if values is None:
            return cls({}, None)
        names = {number: part.paper_table for number, part in enumerate(spec.parts)} or {None: spec.paper_table}
        tables = {key: PaperTable(values, name) for key, name in names.items() if name}
        return cls(tables, None if spec.published else PaperCells(values, spec.complexities))

    def find(self, identity: Mapping[str, Any], metric: str) -> dict[str, Any]:
        """What the paper has for a cell, as fields of a record: from the entry's own table, else from any other.

        An entry without a table is not compared, but must not say that the paper has no values if it has.
        """
        table = self.tables.get(identity.get(PART))
        printed = [] if self.cells is None else self.cells.of(identity, metric)
        elsewhere = {"paper_elsewhere": printed[0].caption} if printed else {}
        if table is None:
            return elsewhere
        value, unstated = table.find(identity, metric), table.unstated(identity, metric)
        if value is not None:
            elsewhere = {}
        elif printed:
            value = printed[0].value
        others = tuple(one for one in printed if one.value != value)
        return {"paper": value, "paper_others": others, "unstated": unstated, **elsewhere}


def lettered(records: Iterable[Record]) -> Iterator[Record]:
    """The records, with a letter for each cell that the paper prints with several values. Seeds share it."""
    letters: dict[tuple[Any, ...], str] = {}
    for record in records:
        if record.paper_others:
            asked, metric = asked_for(record.paper_identity, record.identity["metric"])
            # Parts of a figure may show different ones of the cell's numbers.
            key = (record.paper, metric, *(asked.get(axis) for axis in (*OPEN, *STRICT)))
            record = replace(record, paper_letter=letters.setdefault(key, _letter(len(letters))))
        yield record


def _letter(place: int) -> str:
    """a, b, ..., z, aa, ab, ... for 0, 1, ..."""
    before = _letter(place // 26 - 1) if place >= 26 else ""
    return before + "abcdefghijklmnopqrstuvwxyz"[place % 26]


def other_numbers(record: Record) -> str:
    """The different numbers that the paper prints of a cell, and where; "" if there are none."""
    places: dict[float, list[str]] = {}
    for printed in record.paper_others:
        places.setdefault(printed.value, []).append(printed.caption)
    metric = record.identity["metric"]
    said = [f"{number(metric, value)} in {'; '.join(dict.fromkeys(found))}" for value, found in places.items()]
    return ", and ".join(said)
