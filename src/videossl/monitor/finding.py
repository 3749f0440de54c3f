"""A finding of `videossl doctor`."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARNING, MISSING = "ok", "warning", "missing"
"""MISSING: the study cannot run without it. WARNING: it can run, perhaps only in part."""


@dataclass(frozen=True)
class Finding:
    """One line: the subject, what was found, and the remedy unless all is well."""

    state: str
    subject: str
    text: str
    remedy: str = ""
