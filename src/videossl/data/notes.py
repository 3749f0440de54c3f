"""Notes for a job's log beside the numbers: one line per kind, with the first few names."""

from __future__ import annotations

import sys
from collections.abc import Sequence

SHOWN = 5


def tell(text: str) -> None:
    """Print a note to standard error, which accepts any character in any locale. A job's log has both streams."""
    print(f"note: {text}", file=sys.stderr, flush=True)


def few(names: Sequence[str], shown: int = SHOWN) -> str:
    """The first names, and the number of the others."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


class Notes:
    """Names grouped by what is to be said about them, in the order of their first note."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}

    def add(self, what: str, name: str) -> None:
        """Note `name`. `what` describes all its names, in the plural: "links that lead nowhere, left out"."""
        self.names.setdefault(what, []).append(name)

    def tell(self) -> None:
        """Print the notes and clear them."""
        for what, names in self.names.items():
            tell(f"{what} ({len(names):,}): {few(names)}")
        self.names = {}
