"""Fonts of figures, and characters that none of them contains."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

from matplotlib import font_manager

FIRST = "DejaVu Sans"
"""Included in matplotlib. Contains Latin, Greek, Cyrillic and some other scripts, and many emoji."""
FURTHER = (
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Bengali",
    "Noto Sans Tamil",
    "Noto Sans Thai",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans CJK KR",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Hiragino Sans",
    "PingFang SC",
    "Malgun Gothic",
    "Noto Emoji",
    "Unifont",
)
"""Fonts for other scripts, used if they are installed."""
_SHOWN = 5


@cache
def families() -> list[str]:
    """Available fonts in order of priority; each adds characters that the previous ones lack."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [FIRST, *(name for name in FURTHER if name in installed)]


@cache
def _letters() -> frozenset[int]:
    paths = [font_manager.findfont(name) for name in families()]
    return frozenset(code for path in paths for code in font_manager.get_font(path).get_charmap())


def lacking(texts: Iterable[str]) -> list[str]:
    """A note on the characters of `texts` that no font contains, which are drawn as boxes; empty if there are none."""
    strange = sorted({letter for text in texts for letter in text if letter not in "\n\t"})
    strange = [letter for letter in strange if ord(letter) not in _letters()]
    if not strange:
        return []
    names = [f"U+{ord(letter):04X} {unicodedata.name(letter, '')}".strip() for letter in strange[:_SHOWN]]
    more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
    return [
        f"Boxes stand for letters that no font of this machine has: {', '.join(names)}{more}. With a Noto font"
        " (fonts-noto-core, fonts-noto-cjk) installed they are drawn."
    ]
