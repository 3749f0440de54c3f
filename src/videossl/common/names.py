"""What names and paths of a configuration may be, as they become files and folders of the results.

One pattern serves all: of tables and figures, datasets, subsets, variants of tasks, models and their training data.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, Field

PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
LONGEST = 64
"""Characters. Some folders are named by several names together, and file systems take 255."""
IN_WORDS = f"letters (a to z), digits, `_` and `-`, of which the first is a letter or digit; {LONGEST} at most"
TARGETS = ("all", "claims", "figures", "logs", "metrics", "partial", "report", "tables")
"""What no table or figure may be called: targets of the workflow and results that are no entry's."""
NOTHING = ("none", "scratch")
"""What no dataset, subset or variant may be called: in their places in the results, networks without pretraining."""
SPECIAL = "*?[]:"
"""Characters that Snakemake or Parquet's library read as more than a part of a path."""
_PATH = r"^[^-{}*?\[\]:][^{}*?\[\]:]*$"


def check_name(name: str, reserved: tuple[str, ...] = NOTHING) -> str:
    """The name; ValueError for one that is no name of a file, or one of `reserved`."""
    if not re.fullmatch(PATTERN, name) or len(name) > LONGEST or name.endswith("\n"):
        raise ValueError(f"a name has {IN_WORDS}")
    if name.lower() in reserved:
        raise ValueError(f"the name '{name}' has a meaning of its own, as have {', '.join(reserved)}: choose another")
    return name


def check_entry_name(name: str) -> str:
    """The name of a table or figure; ValueError as :func:`check_name`."""
    return check_name(name, TARGETS)


def check_spellings(named: Mapping[str, Any]) -> Mapping[str, Any]:
    """The mapping; ValueError if two of its keys differ in nothing but case, as some disks do not tell them apart."""
    seen: dict[str, str] = {}
    for name in named:
        other = seen.setdefault(str(name).lower(), name)
        if other != name:
            raise ValueError(f"the names '{other}' and '{name}' differ in case alone, which some disks do not tell")
    return named


def check_path(path: str) -> str:
    """The path; ValueError for one that no command can be given."""
    if not path.strip():
        raise ValueError("should be a path, and is empty")
    if hidden := sorted({letter for letter in path if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")}):
        raise ValueError(f"holds {', '.join(map(ascii, hidden))}, which no path should: leave it out")
    if path != path.strip():
        raise ValueError("begins or ends with a blank: leave it out")
    if path.startswith("-"):
        raise ValueError(f"begins with `-`, which commands take for an option: write ./{path}")
    return path


def check_workflow_path(path: str) -> str:
    """The path of a file or folder that rules of the workflow name; ValueError for one that Snakemake misreads."""
    check_path(path)
    if set("{}") & set(path):
        raise ValueError("should have no braces: Snakemake takes what is in braces in a path for a wildcard")
    if special := sorted(set(SPECIAL) & set(path)):
        raise ValueError(
            f"should have no {' and no '.join(f'`{letter}`' for letter in special)}: to Snakemake and Parquet's library"
            f" {' '.join(SPECIAL)} in a path are patterns, or the address of another machine"
        )
    return path


def results_path(path: str) -> str:
    """The folder of results with `~` written out and nothing redundant; ValueError for one that cannot be it."""
    try:
        expanded = str(PurePosixPath(Path(check_workflow_path(path)).expanduser()))
    except RuntimeError:
        raise ValueError(f"begins with {path.split('/')[0]}, and there is no such user: write the folder out") from None
    if expanded in (".", "/") or PurePosixPath(expanded).name == "..":
        raise ValueError("should be a folder of its own, such as results")
    return check_workflow_path(expanded)


_IN_SCHEMA = Field(json_schema_extra={"pattern": PATTERN, "maxLength": LONGEST})
Name = Annotated[str, AfterValidator(check_name), _IN_SCHEMA]
"""Of a dataset, a subset, a variant of a task, a model, a corpus."""
EntryName = Annotated[str, AfterValidator(check_entry_name), _IN_SCHEMA]
"""Of a table or figure."""
FilePath = Annotated[str, AfterValidator(check_path)]
"""A file or folder of the user's."""
WorkflowPath = Annotated[
    str,
    AfterValidator(check_workflow_path),
    Field(json_schema_extra={"pattern": _PATH}),
]
"""A file or folder that rules of the workflow name."""
ResultsPath = Annotated[
    str,
    AfterValidator(results_path),
    Field(json_schema_extra={"pattern": _PATH}),
]
"""The folder of results."""
SameInAnyCase = AfterValidator(check_spellings)
"""For a mapping: no two keys that differ in case alone."""
