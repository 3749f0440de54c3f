"""Which fonts figures are set in, and which letters none of them has."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

from matplotlib import font_manager

FIRST = "DejaVu Sans"
"""Comes with matplotlib. It has Latin, Greek, Cyrillic and some more, and a good part of the emoji."""
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
"""Fonts of other scripts, taken where they are installed."""
_SHOWN = 5


@cache
def families() -> list[str]:
    """The fonts of this machine in which figures are set, each for what those before it lack."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [FIRST, *(name for name in FURTHER if name in installed)]


@cache
def _letters() -> frozenset[int]:
    paths = [font_manager.findfont(name) for name in families()]
    return frozenset(code for path in paths for code in font_manager.get_font(path).get_charmap())


def lacking(texts: Iterable[str]) -> list[str]:
    """A note on the letters of `texts` that appear as boxes, as no font has them; empty if there are none."""
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
