"""A table in a format-independent form: grids and sentences as plain text."""

from __future__ import annotations

from dataclasses import dataclass

from videossl.report.collect import Results
from videossl.report.notes import PAPER_BLOCK_TITLE, notes, provenance_line, unit_line
from videossl.report.tables import ABSENT, Grid, build_grid


@dataclass(frozen=True)
class Document:
    """Title, caption and grid. The paper's numbers are in the grid at its scale, otherwise in a separate grid."""

    results: Results
    grid: Grid
    paper_grid: Grid | None
    paper_beside: bool

    @classmethod
    def of(cls, results: Results) -> Document:
        """Build the document from results."""
        paper_grid = build_grid(results, paper=True) if results.paper_apart else None
        return cls(results, build_grid(results), paper_grid, results.has_paper_values and not results.paper_apart)

    @property
    def name(self) -> str:
        """Name of the entry."""
        return self.results.spec.name

    @property
    def title(self) -> str:
        """Title; marked if the scale is reduced."""
        return self.results.title

    @property
    def caption(self) -> str:
        """What the table shows and how to read it."""
        return self.results.spec.caption

    @property
    def unit(self) -> str:
        """Metric and unit of the entries."""
        return unit_line(self.results)

    @property
    def paper_title(self) -> str:
        """Heading of the paper's separate grid."""
        return PAPER_BLOCK_TITLE

    @property
    def provenance(self) -> str:
        """Provenance of the numbers, on one line."""
        return provenance_line(self.results.provenance)

    def notes(self, *, span_marks: bool = False) -> list[str]:
        """Notes below the table."""
        spans = any(entry.span > 1 for entry in self.grid.entries)
        lines = notes(self.results, span_marks=span_marks and spans)
        if any(entry.status == ABSENT for entry in self.grid.entries):
            lines.append("–: not part of this experiment.")
        if self.results.has_paper_values and any(record.paper is None for record in self.results.records):
            lines.append("– for a value of the paper: it does not report one.")
        return lines
