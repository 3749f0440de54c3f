"""`videossl compare`: two runs on the same test videos: difference in accuracy, its interval, p value, classes."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videossl.cli.common import print_columns, print_records, study_of
from videossl.cli.parsing import add_format
from videossl.common.errors import UserError, unknown_name

if TYPE_CHECKING:
    from videossl.report.compare import RunComparison

A, B = (f"finetune/ucf101/{run}/r2plus1d/seed0" for run in ("k400/50k/rspnet", "none/none/scratch"))
EXAMPLES = ((f"videossl compare {A}/epochs200 {B}/epochs0 --seeds", "pretrained and from scratch, over all seeds"),)
WIDTH = 80
"""Characters of a line."""
NAME_WIDTH = 30
"""Characters of a class's name."""
SHOWN = 12
"""Classes that are shown, those with the largest differences either way."""
SHORT = {"top1": "top-1", "recall_at_1": "recall@1"}
COLUMNS = ("class", "n", "first", "second", "difference", "low", "high", "p_value")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    what = "run folder, or its name in `videossl status`"
    parser.add_argument("first", metavar="A", help=what)
    parser.add_argument("second", metavar="B", help=what)
    parser.add_argument("--seeds", action="store_true", help="over all seeds that both have, not these two runs alone")
    parser.add_argument("--all-classes", action="store_true", help=f"show all classes, not {SHOWN}")
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the comparison."""
    from videossl.report.compare import compare_runs, runs_of_seeds  # imports pandas

    first, second = _folders(arguments)
    firsts, seconds, note = [first], [second], ""
    if arguments.seeds:
        ours, theirs = runs_of_seeds(first), runs_of_seeds(second)
        both = sorted(ours.keys() & theirs.keys())
        if not both:
            raise UserError(f"the runs have no seed in common: A has {_listed(ours)}, B has {_listed(theirs)}.")
        firsts, seconds = [ours[seed] for seed in both], [theirs[seed] for seed in both]
        if alone := sorted(ours.keys() ^ theirs.keys()):
            note = f"left out, as only one of the two has them: seeds {_listed(alone)}"
    found = compare_runs(firsts, seconds)
    if arguments.format != "table":
        print_records(_records(found), COLUMNS, arguments.format)
        return 0
    for line in [f"A  {_fitting(str(first))}", f"B  {_fitting(str(second))}", *_differing(found), note]:
        if line:
            print(line)
    _print_numbers(found)
    _print_classes(found, arguments.all_classes)
    return 0


def _folders(arguments: argparse.Namespace) -> tuple[Path, Path]:
    """The folders of both runs. A name that is no folder is one of the study's cells."""
    given = [arguments.first, arguments.second]
    if all(Path(name).is_dir() for name in given):
        return Path(given[0]), Path(given[1])
    study = study_of(arguments)
    results = Path(study.config.results_dir)
    found = []
    for name in given:
        place = next((path for path in (Path(name), results / name) if path.is_dir()), None)
        if place is None:
            cells = [cell.path for cell in study.all_cells if (results / cell.path / "predictions.parquet").is_file()]
            remedy = f"The names are those below {results}, as `videossl status --format csv` prints them."
            raise unknown_name("run", name, cells[:20], "", remedy)
        found.append(place)
    return found[0], found[1]


def _listed(seeds: Any) -> str:
    return ", ".join(map(str, sorted(seeds))) or "none"


def _fitting(text: str, width: int = WIDTH - 3) -> str:
    """The end of a text that is too long."""
    return text if len(text) <= width else f"…{text[-(width - 1) :]}"


def _differing(found: RunComparison) -> list[str]:
    """The axes in which the two networks differ."""
    one, other = found.identities
    named = [f"{axis} {one[axis] or '-'} / {other[axis] or '-'}" for axis in one if one[axis] != other[axis]]
    return textwrap.wrap(f"A / B: {', '.join(named)}", WIDTH, subsequent_indent="       ") if named else []


def _print_numbers(found: RunComparison) -> None:
    several = len(found.seeds) > 1
    seeds = f"seeds {_listed(found.seeds)}" if several else "one seed"
    print(f"\n{found.n:,} {found.split} videos of {found.target}, {seeds}\n")
    rows = [["", f"{SHORT[found.metric]} %", "95 % interval"]]
    for name, value in (("A", found.first), ("B", found.second)):
        rows.append([name, f"{100 * value.value:.1f}", _interval(value.low, value.high)])
    gap = found.difference
    rows.append(["A - B", f"{100 * gap.value:+z.1f}", _interval(gap.low, gap.high, "+z")])
    print_columns(rows, right=[1])
    small = found.p_value < 0.001
    print(f"\np {'< 0.001' if small else f'= {found.p_value:.3f}'}: {'a normal' if several else 'McNemar'}", end="")
    print(" test with the variance over seeds and videos" if several else "'s exact test over pairs of videos")
    what = "pairs of seed and video" if several else "videos"
    print(f"only A is right on {found.only_first:,} {what}, only B on {found.only_second:,}")
    print(f"interval of A - B: paired, over {gap.holds if several else 'test videos; one seed says nothing of others'}")


def _interval(low: float | None, high: float | None, sign: str = "") -> str:
    return "" if low is None or high is None else f"[{100 * low:{sign}.1f}, {100 * high:{sign}.1f}]"


def _print_classes(found: RunComparison, everything: bool) -> None:
    classes: Sequence[Any] = found.classes
    left = 0 if everything else max(0, len(classes) - SHOWN)
    if left:
        classes = [*classes[: SHOWN // 2], *classes[-SHOWN // 2 :]]
    rows = [["class", "videos", "A %", "B %", "A - B"]]
    for one in classes:
        name = one.name if len(one.name) <= NAME_WIDTH else f"{one.name[: NAME_WIDTH - 1]}…"
        numbers = (f"{100 * one.first:.1f}", f"{100 * one.second:.1f}", f"{100 * one.difference:+z.1f}")
        rows.append([name, str(one.n), *numbers])
    print()
    print_columns(rows, right=range(1, 5))
    if left:
        print(f"{left} classes between these are left out; --all-classes shows them")


def _records(found: RunComparison) -> list[dict[str, Any]]:
    """The comparison by row: all classes together (class ""), then each class; fractions."""
    gap = found.difference
    whole = {
        "class": "", "n": found.n, "first": found.first.value, "second": found.second.value, "difference": gap.value,
        "low": gap.low, "high": gap.high, "p_value": found.p_value,
    }  # fmt: skip
    return [whole] + [
        {**dict.fromkeys(COLUMNS), "class": one.name, "n": one.n, "first": one.first, "second": one.second,
         "difference": one.difference}
        for one in found.classes
    ]  # fmt: skip
