"""Chapters of the report, in the order of the paper's sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TITLES = {
    "3": "The benchmark: tasks, networks and datasets",
    "4.1": "Size of the pretraining set, and training time",
    "4.2": "Complexity of the pretext task",
    "4.3": "Kind of the datasets",
    "4.4": "Robustness to noise",
    "4.5": "What is learned: similarity of layers, and distillation",
    "5": "Retrieval, and the state of the art",
    "5.3": "Video foundation models",
}
LAST = "Beyond the paper's sections"
OWN = "Results"
"""Heading of all entries of a study that is not the paper's."""


@dataclass(frozen=True)
class Chapter:
    """A section of the paper, with the names of its entries."""

    section: str
    entries: tuple[str, ...]
    last: str = LAST
    """Heading of entries without a section."""

    @property
    def anchor(self) -> str:
        """Anchor in the page."""
        return f"section-{self.section or 'other'}"

    @property
    def title(self) -> str:
        """Heading."""
        return chapter_title(self.section) if self.section else self.last


def chapter_title(section: str) -> str:
    """Heading of a section of the paper; "" for entries without a section."""
    return f"{section} {TITLES.get(section, '')}".strip() if section else LAST


def chapters(entries: Sequence[tuple[str, str]]) -> list[Chapter]:
    """Chapters of entries, given as (name, section), in the order of the sections.

    Entries of a chapter keep their order; entries without a section come last.
    """
    found: dict[str, list[str]] = {}
    for name, section in entries:
        found.setdefault(section, []).append(name)
    last = LAST if any(found) else OWN
    return [Chapter(section, tuple(found[section]), last) for section in sorted(found, key=_order)]


def _order(section: str) -> tuple:
    """Sort key: 4.2 before 4.10, appendices (letters) after numbers, none last."""
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in section.split(".")]
    return (not section, parts)
