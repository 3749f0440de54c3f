"""Why a job failed, from its log."""

from __future__ import annotations

import re
from pathlib import Path


def last_message(log: Path) -> str:
    """The error at the end of a log: the whole message of our own errors, the last line of others; "" if there is
    none."""
    text = log.read_text(encoding="utf-8", errors="replace").strip()
    if re.search("^error: ", text, re.MULTILINE):
        return text[text.rfind("error: ") :]
    return text.rpartition("\n")[2]
