"""What `videossl doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARNING, MISSING = "ok", "warning", "missing"
"""Missing: the study cannot be run without it. A warning: it can, or only some of it cannot."""


@dataclass(frozen=True)
class Finding:
    """One line: the subject, what was found, and what to do unless all is well."""

    state: str
    subject: str
    text: str
    remedy: str = ""
