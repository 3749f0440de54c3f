"""`videossl init`: from folders of your videos to lists, a configuration, and the commands that make a table.

Videos are expected as DIR/class/video, also in folders below a class. All are decoded once; those that cannot be used
are named. Nearly a third of each class is for testing; near-duplicates, or what a folder or the pattern keeps
together, are not divided between training and test.
"""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

from videossl.analysis.statistics import wilson_interval
from videossl.cli.common import say
from videossl.common.errors import UserError
from videossl.common.files import write_text
from videossl.common.places import project_folder, shown
from videossl.data.notes import few
from videossl.data.own_lists import (
    FOLDER,
    LEFT_OUT,
    LISTS,
    NONE,
    SIMILARITY,
    WAYS,
    OwnVideos,
    cores,
    divide,
    find_videos,
    lists_among,
    look,
    write_lists,
)
from videossl.data.readers.common import require_folder
from videossl.study.starter import configuration

EXAMPLES = (
    ("videossl init --videos ~/clips", "a folder of videos for each class"),
    ("videossl init --videos ~/clips --group-pattern '^([^_]+)_'", "what a name begins with stays on one side"),
)
OF_A_STUDY = False
SHOWN = 3
"""Pairs of near-duplicates that are named."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("--videos", required=True, metavar="DIR", help="folder with a folder of videos for each class")
    parser.add_argument("--name", default="mine", help="short name: lower-case letters and digits (default: mine)")
    parser.add_argument(
        "--class-pattern", metavar="REGEX", help="of a flat folder: captures the class in a file's name"
    )
    parser.add_argument("--group-pattern", metavar="REGEX", help="captures the person or recording in a file's name")
    parser.add_argument("--group-by", choices=WAYS, help="what is not divided between training and test")
    parser.add_argument("--test", type=float, default=0.3, metavar="SHARE", help="share for testing (default: 0.3)")
    parser.add_argument("--seed", type=int, default=0, help="other divisions (default: 0)")
    parser.add_argument("--force", action="store_true", help="replace existing files")


def run(arguments: argparse.Namespace) -> int:
    """Look at the videos, write the files, and say what to type next."""
    _check(arguments)
    root = require_folder(arguments.videos, "folder of the videos (--videos)")
    if Path.cwd().is_relative_to(root.resolve()):
        raise UserError(
            f"this folder is {root} or lies in it, and the results would lie among the videos. Go to another folder"
            " first, such as the checkout."
        )
    lists, overlay = Path(f"{arguments.name}_lists"), Path(f"{arguments.name}.yaml")
    _require_free([lists / name for name in LISTS] + [overlay], arguments.force)
    videos = find_videos(root, arguments.class_pattern)
    say(f"{len(videos.label_of):,} videos in {len(videos.classes)} classes below {root}; decoding each once")
    seen = look(root, videos, cores())
    divide(videos, seen, arguments.group_by, arguments.group_pattern, arguments.test, arguments.seed)
    write_lists(videos, lists)
    write_text(overlay, configuration(arguments.name, root, lists, videos))
    _tell(videos)
    for folder in lists_among(videos):
        theirs = shown((root / folder).resolve())
        say(f"{folder or root} has lists of its own: for their split, set `annotations: {theirs}` in {overlay}")
    written = [*LISTS, *[LEFT_OUT] * bool(videos.left_out)]
    print(f"\nwritten: {lists}/ ({', '.join(written)}), {overlay}\n\nNext:")
    for line in commands(arguments):
        print(f"  {line}")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*", arguments.name):
        raise UserError(f"--name must be lower-case letters and digits, a letter first, not {arguments.name!r}.")
    if not 0 < arguments.test < 1:
        raise UserError(f"--test must be above 0 and below 1, not {arguments.test}.")
    for option in ("class_pattern", "group_pattern"):
        pattern, written = getattr(arguments, option), f"--{option.replace('_', '-')}"
        if pattern is None:
            continue
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise UserError(f"{written} {pattern!r} is not a regular expression: {error}.") from None
        if groups != 1:
            raise UserError(f"{written} {pattern!r} must have one pair of parentheses, such as '^([^_]+)_'.")
    if arguments.group_pattern and arguments.group_by not in (None, "name"):
        raise UserError(f"--group-pattern groups by name, and --group-by {arguments.group_by} is given. Leave one out.")


def _require_free(files: list[Path], force: bool) -> None:
    if not force and (there := [str(path) for path in files if path.exists()]):
        raise UserError(f"{', '.join(there)} exists already. Choose another --name, or replace it with --force.")


def commands(arguments: argparse.Namespace) -> list[str]:
    """What to type next: run, and look at the table."""
    try:
        project = project_folder()
        snakefile = "" if project == Path() else f" --snakefile {shlex.quote(str(project / 'Snakefile'))}"
    except UserError:  # installed without the workflow
        snakefile = " --snakefile /path/to/Snakefile"
    return [
        f"snakemake{snakefile} --cores {cores()} --configfile {arguments.name}.yaml",
        f"cat results/{arguments.name}/tables/{arguments.name}*.md",
    ]


def _tell(videos: OwnVideos) -> None:
    """What was found, what is left out, and how it is divided."""
    for why, names in videos.left_out.items():
        named = [f"{name} ({detail})" if detail else name for name, detail in names.items()]
        say(f"left out, {why} ({len(names):,}): {few(named)}", below="  ")
    train, test, lengths = (
        videos.side(False),
        videos.side(True),
        sorted(videos.frames[path] for path in videos.label_of),
    )
    say(f"{len(videos.label_of):,} usable videos in {len(videos.classes)} classes: {few(videos.classes, 12)}")
    print(f"frames a video: {lengths[0]} to {lengths[-1]}, median {lengths[len(lengths) // 2]}")
    groups = len(set(videos.group_of.values()))
    kept = "each video by itself" if videos.grouped_by == NONE else f"{groups:,} groups by {videos.grouped_by}"
    print(f"{len(train):,} for training, {len(test):,} for testing; {kept}")
    low, high = wilson_interval(len(test) / 2, len(test))
    say(f"{len(test):,} test videos: 50 % correct would have the 95 % interval {100 * low:.0f} to {100 * high:.0f} %")
    if videos.leaking:
        pairs = [f"{one} and {other}" for one, other in videos.leaking[:SHOWN]]
        say(
            f"WARNING: {len(videos.leaking):,} pair(s) of videos that begin almost alike are divided between training"
            f" and test, such as {'; '.join(pairs)}. If they are of one recording, the accuracy says little about new"
            f" ones. {_remedy(videos)}."
        )
    elif videos.grouped_by == SIMILARITY:
        say("Do clips of one person or recording begin differently? Then name what keeps them apart: --group-pattern")


def _remedy(videos: OwnVideos) -> str:
    if videos.grouped_by == SIMILARITY:
        return "Their classes have too few other videos: add some, or name the recordings by --group-pattern"
    if videos.grouped_by == NONE:
        return f"--group-by {SIMILARITY} keeps them together"
    where = "the folder" if videos.grouped_by == FOLDER else "the pattern captures"
    return f"Then {where} must be the same for both; if they are not of one recording, all is well"
