"""Frame of all figures: title with the mark of a reduced scale, legend, notes, provenance; and saving."""

from __future__ import annotations

import math
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from videossl.common.files import atomic_path
from videossl.report import style
from videossl.report.collect import Results
from videossl.report.figures.fonts import lacking
from videossl.report.notes import provenance_line

_TITLE_SIZE, _NOTE_SIZE, _NOTE_SPACING = 11, 7, 1.35
_THINNER = 0.7
"""Lines and markers of figures for papers, relative to the report's."""
LETTER = 0.6
"""Average width of a DejaVu Sans character relative to the font size, with a small margin."""


def new(width: float, height: float) -> Figure:
    """An empty figure whose panels and legend take `width` x `height` inches; :func:`finish` adds the rest."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def finish(figure: Figure, results: Results, sentences: Sequence[str], handles: Sequence[Artist] = ()) -> Figure:
    """Add the title above, the legend on the right and, below, the notes (`sentences`, one per line) and provenance.

    A figure for a paper has no title and no notes, and its legend is above.
    """
    if results.columns:
        return _finish_for_paper(figure, results, handles)
    lines = [line for line in (results.spec.title, results.reduced) if line]
    title = "\n".join(wrapped(line, figure.get_figwidth(), 1.02 * _TITLE_SIZE) for line in lines)
    figure.suptitle(title, x=0.01, ha="left", fontsize=_TITLE_SIZE, fontweight="bold")
    if handles:
        figure.legend(handles=handles, loc="outside right center", frameon=False)
    texts = [text.get_text() for text in figure.findobj(Text)]
    lines = [*sentences, provenance_line(results.provenance)]
    lines += lacking([*texts, *lines])
    text = "\n".join(wrapped(line, figure.get_figwidth(), 0.93 * _NOTE_SIZE) for line in lines if line)
    # As the figure's x label, which is part of the layout, so that the axes leave room for any number of lines.
    grey = {"color": "#444444", "linespacing": _NOTE_SPACING}
    figure.supxlabel(text, x=0.01, ha="left", fontsize=_NOTE_SIZE, **grey)
    points = 1.3 * _TITLE_SIZE * (title.count("\n") + 1) + _NOTE_SPACING * _NOTE_SIZE * (text.count("\n") + 1)
    figure.set_figheight(figure.get_figheight() + math.ceil(points / 7.2) / 10)
    return figure


def _finish_for_paper(figure: Figure, results: Results, handles: Sequence[Artist]) -> Figure:
    """Bring the figure to the width of its columns, and add the legend."""
    width = style.COLUMN_INCHES[results.columns]
    height = figure.get_figheight() * width / figure.get_figwidth()
    if handles:
        size = style.PRINT_RC["legend.fontsize"]
        longest = max(len(line) for one in handles for line in str(one.get_label()).splitlines())
        columns = min(len(handles), max(1, int(width * 72 / (LETTER * size * (longest + 5)))))
        figure.legend(handles=handles, loc="outside upper center", frameon=False, ncols=columns, columnspacing=1.2)
        deepest = max(str(one.get_label()).count("\n") + 1 for one in handles)
        height += 1.5 * size / 72 * deepest * math.ceil(len(handles) / columns) + 0.1
    for line in figure.findobj(Line2D):
        line.set_linewidth(_THINNER * line.get_linewidth())
        line.set_markersize(_THINNER * line.get_markersize())
    figure.set_size_inches(width, height)
    return figure


def wrapped(text: str, width: float, size: float) -> str:
    """Wrap `text` in font size `size` (points) to `width` inches."""
    return "\n".join(textwrap.wrap(text, max(8, int(width * 72 / (LETTER * size)))))


def save(figure: Figure, results: Results, path: Path) -> None:
    """Save without dates, so that the same input gives the same bytes; for a paper also without provenance."""
    if results.columns:
        metadata = {"Title": results.spec.title} | (
            {"Software": None} if path.suffix == ".png" else {"CreationDate": None}
        )
        return _write(figure, path, metadata, style.PRINT_DPI)
    origin = provenance_line(results.provenance)
    if path.suffix == ".png":
        metadata = {"Title": results.title, "Description": origin, "Software": None}
    else:
        metadata = {"Title": results.title, "Subject": origin, "CreationDate": None}
    _write(figure, path, metadata, style.PNG_DPI)


def _write(figure: Figure, path: Path, metadata: Mapping[str, Any], dpi: int) -> None:
    with atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # stated in the notes
        figure.savefig(temporary, format=path.suffix[1:], dpi=dpi, metadata=metadata)
