"""Overview image of a finished study for its front page: videos, accuracies and CKA maps.

    python -m videossl.report.figures.overview --results results --output overview.png

It is drawn from the records of three existing figures, so it shows only their content.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure

from videossl.common.errors import report_user_errors
from videossl.common.files import atomic_path
from videossl.data.manifest import read_manifest
from videossl.report.cka_map import read_map
from videossl.report.collect import OK, Results
from videossl.report.figures import cka, lines, samples, settings
from videossl.report.figures.panels import Panel
from videossl.report.layout import values
from videossl.report.record import read_record, results_of
from videossl.report.renderings import RECORD

VIDEOS, CURVES, MAPS = "samples_datasets", "accuracy_over_epochs", "cka_tasks"
_WIDTH, _HEIGHTS, _DPI = 8.0, (0.95, 2.75, 1.75), 160
_FRAMES = 2


def draw(folder: Path) -> Figure:
    """Draw the overview of the results in `folder`. Raises UserError naming a figure that has not been made."""
    made = {name: read_record(folder / "figures" / f"{name}{RECORD}") for name in (VIDEOS, CURVES, MAPS)}
    shown = {name: results_of(one.request, one.provenance) for name, one in made.items()}
    figure = Figure(figsize=(_WIDTH, sum(_HEIGHTS) + 0.25), layout="constrained")
    FigureCanvasAgg(figure)
    reduced = shown[CURVES].reduced
    figure.suptitle(reduced[:1].upper() + reduced[1:], fontsize=9, fontweight="bold")
    videos, curves, maps = figure.subfigures(3, 1, height_ratios=_HEIGHTS)
    _draw_videos(videos, shown[VIDEOS])
    _draw_curves(curves, shown[CURVES])
    _draw_maps(maps, shown[MAPS])
    return figure


def write(folder: Path, output: Path) -> None:
    """Draw the overview into a PNG file, without a date."""
    with mpl.rc_context(settings()), atomic_path(output) as temporary:
        draw(folder).savefig(temporary, format="png", dpi=_DPI, metadata={"Software": None})


def _draw_videos(place: SubFigure, results: Results) -> None:
    """Draw frames of one video of each dataset."""
    for part, item in zip(np.atleast_1d(place.subfigures(1, len(results.manifests))), results.manifests, strict=True):
        manifest = Path(item["manifest"])
        listed = read_manifest(manifest)
        _, video = next(samples.pick(listed, item["dataset"]).iterrows())
        part.suptitle(results.spec.label("source", item["dataset"]), fontsize=8)
        for ax, frame in zip(part.subplots(1, _FRAMES), samples.frames(manifest, listed, video, _FRAMES), strict=True):
            samples.show(ax, frame)


def _draw_curves(place: SubFigure, results: Results) -> None:
    """Draw the accuracies measured here and, next to them at a reduced scale, the paper's."""
    apart = bool(results.reduced) and results.has_paper_values
    axes = place.subplots(1, 2 if apart else 1, squeeze=False).ravel()
    for ax, paper in zip(axes, (False, True), strict=False):
        lines.draw_panel(Panel(results, results.records, paper, ax, _WIDTH / 2 - 1.4))
        ax.set_title("The paper" if paper else f"{results.spec.title}, here", loc="left", fontsize=9)
    place.legend(handles=lines.legend(results), loc="outside right center", frameon=False, fontsize=7.5)


def _draw_maps(place: SubFigure, results: Results) -> None:
    """Draw the CKA map of each network with itself, without layer names."""
    (axis,) = results.spec.panels
    names = values(results, axis)
    place.suptitle(f"{results.spec.title} (CKA: dark is different, bright is alike)", fontsize=9)
    for ax, name in zip(np.atleast_1d(place.subplots(1, len(names))), names, strict=True):
        done = [r for r in results.records if r.identity[axis] == name and r.status == OK]
        ax.set_title(results.spec.label(axis, name), fontsize=8)
        if done:
            cka.draw_map(ax, read_map(done[0].run_dir), done[0].identity["against"])
        ax.set(xticks=[], yticks=[], xlabel="", ylabel="")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draw the picture of a finished study.")
    parser.add_argument("--results", type=Path, default=Path("results"), help="the folder of the results")
    parser.add_argument("--output", type=Path, required=True, help="the PNG file")
    arguments = parser.parse_args(argv)
    write(arguments.results, arguments.output)


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
