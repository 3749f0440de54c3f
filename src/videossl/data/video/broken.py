"""What is said of a file that cannot be used."""

from __future__ import annotations

import re


class BrokenVideo(Exception):
    """The file cannot be used; the text is a one-line reason, meant for the manifest."""


def one_line(error: BaseException) -> str:
    """The first line of a decoder's message, without the time, source file and path that decord puts in front."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = re.sub(r"(\[[\d:]+\]\s*)?/\S+\.(cc|h|cpp):\d+:\s*|\[/[^\]]*\]", "", lines[0]).strip()
    return " ".join(text.split())[:200] or type(error).__name__


def reason_of(error: BaseException) -> str:
    """What an error of FFmpeg or of the system says, without its number and file."""
    return str(getattr(error, "strerror", None) or one_line(error))
