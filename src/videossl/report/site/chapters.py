"""The order of the report: the paper's sections."""

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


@dataclass(frozen=True)
class Chapter:
    """A section of the paper with the names of the entries that belong to it."""

    section: str
    entries: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Its place in the page."""
        return f"section-{self.section or 'other'}"

    @property
    def title(self) -> str:
        """The heading."""
        return chapter_title(self.section)


def chapter_title(section: str) -> str:
    """The heading of a section of the paper; "" is for what is in none."""
    return f"{section} {TITLES.get(section, '')}".strip() if section else LAST


def chapters(entries: Sequence[tuple[str, str]]) -> list[Chapter]:
    """Entries, given as (name, section), in the order of the sections; within one as given, without one at the end."""
    found: dict[str, list[str]] = {}
    for name, section in entries:
        found.setdefault(section, []).append(name)
    return [Chapter(section, tuple(found[section])) for section in sorted(found, key=_order)]


def _order(section: str) -> tuple:
    """4.2 before 4.10, appendices (letters) after numbers, none last."""
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in section.split(".")]
    return (not section, parts)
