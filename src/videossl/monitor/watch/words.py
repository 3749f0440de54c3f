"""Texts of the display."""

from __future__ import annotations

from collections.abc import Mapping

NAMING = ("variant", "backbone", "teachers", "against", "target", "labels", "dataset", "noise", "table", "figure")
"""Wildcards that tell a person which job it is, in this order; the log has all."""


def job_name(rule: str, wildcards: Mapping[str, str]) -> str:
    """A job in a few words: "pretrain rspnet r2plus1d"."""
    return " ".join([rule.replace("_", " "), *(str(wildcards[key]) for key in NAMING if wildcards.get(key))])


def duration(seconds: float) -> str:
    """A time that has passed: "48 s", "19 min 12 s", "3 h 05 min", "2 days 4 h"."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, left = divmod(minutes, 60)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{minutes} min {rest:02d} s"
    return f"{hours} h {left:02d} min" if hours < 48 else f"{hours // 24} days {hours % 24} h"


def time_left(seconds: float) -> str:
    """An estimate, no more exact than it is: "11 min left"."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute left"
    if minutes < 90:
        return f"{minutes} min left"
    hours = round(minutes / 60)
    return f"{hours} h left" if hours < 48 else f"{round(hours / 24)} days left"


def percent(done: int, total: int) -> str:
    """Rounded down, so that 100 % is the end."""
    return f"{100 * done // total} %" if total else ""


def count(number: int, what: str) -> str:
    """With a plural: "1 job", "580 jobs"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
