"""What a job tells its log beside the numbers: things of one kind on one line, the first few by name."""

from __future__ import annotations

import sys
from collections.abc import Sequence

SHOWN = 5


def tell(text: str) -> None:
    """Print a note to standard error, which takes any letter in any locale; a job's log has both streams."""
    print(f"note: {text}", file=sys.stderr, flush=True)


def few(names: Sequence[str], shown: int = SHOWN) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


class Notes:
    """Names by what is to be said of them, in the order in which they came."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}

    def add(self, what: str, name: str) -> None:
        """Note `name`; `what` is said once of all its names, in the plural: "links that lead nowhere, left out"."""
        self.names.setdefault(what, []).append(name)

    def tell(self) -> None:
        """Tell what was noted, and forget it."""
        for what, names in self.names.items():
            tell(f"{what} ({len(names):,}): {few(names)}")
        self.names = {}
