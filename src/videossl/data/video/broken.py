"""The exception for unusable video files, and their reasons."""

from __future__ import annotations

import re


class BrokenVideo(Exception):
    """The file cannot be used. The text is a one-line reason for the manifest."""


def one_line(error: BaseException) -> str:
    """First line of a decoder's message, without the time, source file and path that decord prepends."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = re.sub(r"(\[[\d:]+\]\s*)?/\S+\.(cc|h|cpp):\d+:\s*|\[/[^\]]*\]", "", lines[0]).strip()
    return " ".join(text.split())[:200] or type(error).__name__


def reason_of(error: BaseException) -> str:
    """The message of an FFmpeg or system error, without its number and file."""
    return str(getattr(error, "strerror", None) or one_line(error))
