"""Matches different spellings of a class: releases and toolboxes write "arm wrestling" and "arm_wrestling"."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from videossl.common.errors import UserError

_LEFT_OUT = ("P", "Z", "C", "Sk")
"""Unicode categories of punctuation, spaces, control characters and standalone accents (some use them as
apostrophes)."""


def blanks(name: str) -> str:
    """The name in NFC, with underscores as spaces and runs of spaces as one."""
    return " ".join(unicodedata.normalize("NFC", name).replace("_", " ").split())


def letters(name: str) -> str:
    """The name without case, spaces and punctuation: "Hurling (sport)" becomes "hurlingsport"."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(sign for sign in text if not unicodedata.category(sign).startswith(_LEFT_OUT)) or blanks(name)


class Spellings:
    """Known class names, found under other spellings."""

    def __init__(self, names: Iterable[str]) -> None:
        self._levels: list[dict[str, list[str]]] = []
        known = list(dict.fromkeys(names))
        self._names = set(known)
        for key in (blanks, letters):
            level: dict[str, list[str]] = defaultdict(list)
            for name in known:
                level[key(name)].append(name)
            self._levels.append(dict(level))

    def find(self, name: str, where: str, but: Iterable[str] = ()) -> str | None:
        """The known name that `name` is a spelling of; None if there is none.

        Args:
            name: as written in a list.
            where: the list, for the error.
            but: known names to exclude.

        Raises:
            UserError: several known names match.
        """
        if name in self._names:
            return name
        for level, key in zip(self._levels, (blanks, letters), strict=True):
            found = [known for known in level.get(key(name), ()) if known not in but]
            if len(found) > 1:
                raise UserError(
                    f"{where}: the class '{name}' may be {' or '.join(repr(known) for known in found)}; "
                    "write it as the class that is meant."
                )
            if found:
                return found[0]
        return None
