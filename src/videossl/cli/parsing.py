"""Reads the command line: commands, options that all share, examples, and suggestions for what is misspelt.

Imports only the module of the command that is asked for: the others' libraries take seconds.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import textwrap
from collections.abc import Sequence
from difflib import get_close_matches
from types import ModuleType
from typing import NoReturn

from videossl import __version__
from videossl.common.places import BASE

COMMANDS = {
    "run": "run what is missing: a thin front of Snakemake",
    "plan": "pending cells, their estimated hours, and the critical path",
    "status": "every cell: done, running, failed or pending",
    "compare": "compare two runs: difference, interval, p value, classes",
    "verify": "check all files for damage; names damaged files and how to make them again",
    "doctor": "check whether this machine is ready for the study, with remedies",
    "init": "start with your own videos: lists, a configuration, and what to type next",
    "export": "write a run's network as safetensors, with a model card",
    "bench": "measure speed and compare it with common alternatives (docs/performance.md)",
    "completion": "print what makes a shell complete commands, options and targets",
}
"""Help of each command. Its module, `videossl.cli.NAME`, has add_arguments(parser), run(arguments) -> exit code, and
may have EXAMPLES. If it has `READS_THE_REST = True`, run is called with the unread words as `arguments.rest`; if
`OF_A_STUDY = False`, it has no options that select a study."""
SHOW_NEXT = ""
"""The command if none is given."""
EXAMPLES = (
    ("videossl", "what to do next"),
    ("videossl run table_subset_size", "one table, and the jobs that it needs"),
    ("videossl status --configfile config/small.yaml", "how far the study at small scale is"),
)
FORMATS = ("table", "json", "csv")
DESCRIPTION = "Compares self-supervised learning methods for video. Without a command: what to do next."


class Help(argparse.HelpFormatter):
    """Help that fits the terminal. Paragraphs are filled; of lists and commands, which are indented, only lines that
    are too long are broken: commands with a backslash, as a shell reads them."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled = []
        for paragraph in text.strip().split("\n\n"):
            lines = paragraph.splitlines()
            whole = len(lines) < 2 or not any(line.startswith(" ") for line in lines)
            filled.append("\n".join(_broken(line, width) for line in ([" ".join(lines)] if whole else lines)))
        return "\n\n".join(filled)


def _broken(line: str, width: int) -> str:
    """A line that is too long, in several, which begin where its text does."""
    if len(line) <= width:
        return line
    is_command = line.lstrip().startswith(("videossl ", "eval "))
    start = re.match(r" *(\S+ {2,})?", line)  # of the second column, if the line is one of a list
    below = " " * ((start.end() if start else 0) + 4 * is_command)
    parts = textwrap.wrap(
        line, width - 2 * is_command, subsequent_indent=below, break_long_words=False, break_on_hyphens=False
    )
    return (" \\\n" if is_command else "\n").join(parts)


class Parser(argparse.ArgumentParser):
    """Suggests what a misspelt word may have been."""

    def error(self, message: str) -> NoReturn:
        """Print the message with a suggestion, and exit with code 2."""
        self.exit(2, f"error: {message}{self._more()}\n")

    def unknown(self, kind: str, word: str, valid: Sequence[str]) -> NoReturn:
        """Exit with a message about a word that is not one of `valid`."""
        near = get_close_matches(word, valid, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(near)}?" if near else f" Valid: {', '.join(valid)}."
        self.error(f"unknown {kind} '{word}'.{hint}")

    @property
    def options(self) -> list[str]:
        """The options in full."""
        return [name for action in self._actions for name in action.option_strings if name.startswith("--")]

    def _more(self) -> str:
        return f" (`{self.prog} --help` shows all)"


def command_line(argv: Sequence[str]) -> argparse.Namespace:
    """Read a command line. Exits with a message if it is wrong."""
    parser = main_parser()
    command = next((word for word in argv if not word.startswith("-")), None)
    first = argv[0] if argv else ""
    if command is None or (first.startswith("-") and first not in ("-h", "--help", "--version")):
        add_common(parser)
        found, rest = parser.parse_known_args(argv)
        _refuse(parser, rest)
        found.command = SHOW_NEXT
        return found
    if command not in COMMANDS:
        parser.unknown("command", command, list(COMMANDS))
    module = importlib.import_module(f"videossl.cli.{command}")
    own = command_parser(command, module)
    words = list(argv)
    words.remove(command)
    found, rest = own.parse_known_args(words)
    if getattr(module, "READS_THE_REST", False):
        found.rest = rest
    else:
        _refuse(own, rest)
    found.command, found.run = command, module.run
    return found


def main_parser() -> Parser:
    """The parser of the command line without a command."""
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    parser = Parser(
        prog="videossl",
        usage="videossl [--version] [COMMAND] [OPTIONS]",
        description=DESCRIPTION,
        epilog=f"commands:\n{commands}\n\n{examples(EXAMPLES)}",
        formatter_class=Help,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"videossl {__version__}")
    return parser


def command_parser(name: str, module: ModuleType) -> Parser:
    """The parser of a command."""
    parser = Parser(
        prog=f"videossl {name}",
        description=module.__doc__,
        epilog=examples(getattr(module, "EXAMPLES", ())),
        formatter_class=Help,
    )
    if getattr(module, "OF_A_STUDY", True):
        add_common(parser)
    module.add_arguments(parser)
    return parser


def examples(found: Sequence[tuple[str, str]]) -> str:
    """Commands with what they do, for the end of a help text."""
    lines = [f"  {command}\n      {what}" for command, what in found]
    return "\n".join(["examples:", *lines]) if lines else ""


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that select the study, with the same names as in Snakemake."""
    parser.add_argument(
        "--configfile", nargs="+", action="extend", default=[], metavar="FILE", help=f"overlays on top of {BASE}"
    )
    parser.add_argument(
        "--profile", default=os.environ.get("SNAKEMAKE_PROFILE"), help="take the overlays from this profile"
    )
    parser.add_argument(
        "--snakefile",
        "-s",
        metavar="FILE",
        help="the workflow's Snakefile; left out: of this folder, else of this library",
    )
    parser.add_argument("--directory", "-d", metavar="FOLDER", help="go there first, as Snakemake does")


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add the option `--format`."""
    parser.add_argument("--format", choices=FORMATS, default="table", help="table: for reading; json, csv: by cell")


def _refuse(parser: Parser, rest: Sequence[str]) -> None:
    """Exit with a message about words that no option or argument took."""
    if rest:
        word = rest[0].partition("=")[0]
        parser.unknown("option" if word.startswith("-") else "argument", word, parser.options)
