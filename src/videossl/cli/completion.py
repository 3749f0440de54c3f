"""`videossl completion`: prints what makes a shell complete commands, options and targets.

bash: add `eval "$(videossl completion bash)"` to ~/.bashrc; zsh: the same with zsh in ~/.zshrc; fish: `videossl
completion fish > ~/.config/fish/completions/videossl.fish`.
"""

from __future__ import annotations

import argparse
import importlib
import os

import yaml
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ShellComplete, ZshComplete

from videossl.cli.parsing import COMMANDS, command_parser
from videossl.common.errors import UserError
from videossl.common.places import BASE, project_folder

EXAMPLES = (('eval "$(videossl completion bash)"', "in this shell; in ~/.bashrc: in all"),)
VARIABLE = "_VIDEOSSL_COMPLETE"
TAKE_TARGETS = ("run", "plan", "status", "verify")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("shell", choices=sorted(SHELLS))


def run(arguments: argparse.Namespace) -> int:
    """Print the script of a shell."""
    print(_of(arguments.shell).source())
    return 0


def answer() -> int:
    """Print the words that can follow, as asked for by the script of a shell."""
    shell, _, _ = os.environ[VARIABLE].partition("_")
    if shell not in SHELLS:
        return 1
    print(_of(shell).complete())
    return 0


def words_after(words: list[str], incomplete: str) -> list[str]:
    """The words that can follow `words` (without `videossl`) and begin with `incomplete`."""
    command = next((word for word in words if word in COMMANDS), None)
    if command is None:
        valid = list(COMMANDS)
    elif incomplete.startswith("-"):
        valid = command_parser(command, importlib.import_module(f"videossl.cli.{command}")).options
    elif words[-1] in ("--configfile", "--config"):
        valid = [f"config/{path.name}" for path in (project_folder() / "config").glob("*.yaml")]
    elif command == "completion":
        valid = sorted(SHELLS)
    else:
        valid = targets() if command in TAKE_TARGETS else []
    return sorted(word for word in valid if word.startswith(incomplete))


def targets() -> list[str]:
    """The targets of the configuration without overlays; [] where there is no workflow. Reads only names: completion
    must answer at once."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        project = project_folder()
        base = yaml.load((project / BASE).read_text(encoding="utf-8"), loader)
        path = project / base.get("experiments_file", "config/experiments.yaml")
        entries = yaml.load(path.read_text(encoding="utf-8"), loader)
    except (OSError, UserError, yaml.YAMLError, AttributeError):
        return []
    named = [
        f"{entry['kind']}_{name}" for name, entry in entries.items() if isinstance(entry, dict) and "kind" in entry
    ]
    return ["all", "report", "table_claims", *named]


class _Words(ShellComplete):
    """Completes with :func:`words_after` instead of a program made with click."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(word) for word in words_after(args, incomplete)]


class _Bash(_Words, BashComplete):
    pass


class _Zsh(_Words, ZshComplete):
    pass


class _Fish(_Words, FishComplete):
    pass


SHELLS = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def _of(shell: str) -> ShellComplete:
    return SHELLS[shell](None, {}, "videossl", VARIABLE)  # type: ignore[arg-type]  # no program made with click
