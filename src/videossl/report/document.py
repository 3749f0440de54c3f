"""A table ready to be written in any format: grids and sentences, as plain text."""

from __future__ import annotations

from dataclasses import dataclass

from videossl.report.collect import Results
from videossl.report.notes import PAPER_BLOCK_TITLE, notes, provenance_line, unit_line
from videossl.report.tables import ABSENT, Grid, build_grid


@dataclass(frozen=True)
class Document:
    """Title, caption, the grid, and the paper's numbers: beside ours at its scale, else in their own grid."""

    results: Results
    grid: Grid
    paper_grid: Grid | None
    paper_beside: bool

    @classmethod
    def of(cls, results: Results) -> Document:
        """Lay out the records."""
        paper_grid = build_grid(results, paper=True) if results.paper_apart else None
        return cls(results, build_grid(results), paper_grid, results.has_paper_values and not results.paper_apart)

    @property
    def name(self) -> str:
        """The entry's name."""
        return self.results.spec.name

    @property
    def title(self) -> str:
        """The title, marked at reduced scale."""
        return self.results.title

    @property
    def caption(self) -> str:
        """What the table shows and how to read it."""
        return self.results.spec.caption

    @property
    def unit(self) -> str:
        """What the entries are."""
        return unit_line(self.results)

    @property
    def paper_title(self) -> str:
        """The heading of the paper's own grid."""
        return PAPER_BLOCK_TITLE

    @property
    def provenance(self) -> str:
        """Where the numbers come from, on one line."""
        return provenance_line(self.results.provenance)

    def notes(self, *, span_marks: bool = False) -> list[str]:
        """The notes below the table."""
        spans = any(entry.span > 1 for entry in self.grid.entries)
        lines = notes(self.results, span_marks=span_marks and spans)
        if any(entry.status == ABSENT for entry in self.grid.entries):
            lines.append("–: not part of this experiment.")
        if self.results.has_paper_values and any(record.paper is None for record in self.results.records):
            lines.append("– for a value of the paper: it does not report one.")
        return lines
