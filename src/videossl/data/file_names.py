"""File names as text, without loss: Linux allows any bytes in a name, while tables and messages hold Unicode.

A UTF-8 name is its own text. A byte that is not valid UTF-8 is written as a backslash, `x` and two hexadecimal digits
(`caf\\xe9.mp4`); a backslash that could be read as the start of such a byte is written as `\\x5c`. Different names
therefore have different texts, whatever the locale. Listings, manifests, messages and list files all use this form.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_BYTE = re.compile(r"\\x(5c|[89a-f][0-9a-f])")
_LONE = re.compile("[\udc80-\udcff]")
"""What Python's `surrogateescape` makes of a byte that is not UTF-8."""


def text_of(name: bytes) -> str:
    """The text of a file name or path."""
    text = name.decode("utf-8", "surrogateescape")
    return escaped(_BYTE.sub(r"\\x5cx\1", text)) if "\\" in text or not text.isascii() else text


def escaped(text: str) -> str:
    """`text`, decoded with `surrogateescape`, with invalid bytes written out."""
    return _LONE.sub(lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", text)


def bytes_of(text: str) -> bytes:
    """The name or path for which :func:`text_of` returns `text`."""
    raw = text.encode("utf-8", "surrogateescape")
    return re.sub(_BYTE.pattern.encode(), lambda match: bytes([int(match[1], 16)]), raw) if "\\" in text else raw


def video_path(root: str | Path, path: str) -> Path:
    """The file of a video below `root`; `path` as in the listing or manifest."""
    return Path(root) / os.fsdecode(bytes_of(path))
