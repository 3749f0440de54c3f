"""Valid names and paths in a configuration. They become files and folders of the results.

One pattern applies to all names: tables and figures, datasets, subsets, task variants, models and their training data.
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
"""Characters. Some folder names join several names, and file systems allow 255."""
IN_WORDS = f"letters (a to z), digits, `_` and `-`, of which the first is a letter or digit; {LONGEST} at most"
TARGETS = ("all", "claims", "figures", "logs", "metrics", "partial", "report", "tables")
"""Names that no table or figure may have: targets of the workflow, and results that belong to no entry."""
NOTHING = ("none", "scratch")
"""Names that no dataset, subset or variant may have: they stand for networks without pretraining in result paths."""
SPECIAL = "*?[]:"
"""Characters with a special meaning in paths for Snakemake or pyarrow."""
_PATH = r"^[^-{}*?\[\]:][^{}*?\[\]:]*$"


def check_name(name: str, reserved: tuple[str, ...] = NOTHING) -> str:
    """Return the name. ValueError if it is not a valid file name or is `reserved`."""
    if not re.fullmatch(PATTERN, name) or len(name) > LONGEST or name.endswith("\n"):
        raise ValueError(f"a name has {IN_WORDS}")
    if name.lower() in reserved:
        raise ValueError(f"the name '{name}' is reserved (reserved: {', '.join(reserved)}): choose another")
    return name


def check_entry_name(name: str) -> str:
    """Return the name of a table or figure. ValueError as in :func:`check_name`."""
    return check_name(name, TARGETS)


def check_spellings(named: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the mapping. ValueError if two keys differ only in case: some file systems ignore case."""
    seen: dict[str, str] = {}
    for name in named:
        other = seen.setdefault(str(name).lower(), name)
        if other != name:
            raise ValueError(f"the names '{other}' and '{name}' differ in case only, which some file systems ignore")
    return named


def check_path(path: str) -> str:
    """Return the path. ValueError if it cannot be passed to a command."""
    if not path.strip():
        raise ValueError("should be a path, but is empty")
    if hidden := sorted({letter for letter in path if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")}):
        raise ValueError(f"holds {', '.join(map(ascii, hidden))}, which a path must not contain: leave it out")
    if path != path.strip():
        raise ValueError("begins or ends with a blank: leave it out")
    if path.startswith("-"):
        raise ValueError(f"begins with `-`, which commands read as an option: write ./{path}")
    return path


def check_workflow_path(path: str) -> str:
    """Return the path of a file or folder that workflow rules use. ValueError if Snakemake would misread it."""
    check_path(path)
    if set("{}") & set(path):
        raise ValueError("should have no braces: Snakemake reads braces in a path as a wildcard")
    if special := sorted(set(SPECIAL) & set(path)):
        raise ValueError(
            f"should have no {' and no '.join(f'`{letter}`' for letter in special)}: to Snakemake and Parquet's library"
            f" {' '.join(SPECIAL)} in a path are patterns, or the address of another machine"
        )
    return path


def results_path(path: str) -> str:
    """Return the results folder, normalised and with `~` expanded. ValueError if it is not usable."""
    try:
        expanded = str(PurePosixPath(Path(check_workflow_path(path)).expanduser()))
    except RuntimeError:
        raise ValueError(f"begins with {path.split('/')[0]}, and there is no such user: write the folder out") from None
    if expanded in (".", "/") or PurePosixPath(expanded).name == "..":
        raise ValueError("should be a folder of its own, such as results")
    return check_workflow_path(expanded)


_IN_SCHEMA = Field(json_schema_extra={"pattern": PATTERN, "maxLength": LONGEST})
Name = Annotated[str, AfterValidator(check_name), _IN_SCHEMA]
"""Name of a dataset, subset, task variant, model or training corpus."""
EntryName = Annotated[str, AfterValidator(check_entry_name), _IN_SCHEMA]
"""Name of a table or figure."""
FilePath = Annotated[str, AfterValidator(check_path)]
"""Path of a file or folder of the user."""
WorkflowPath = Annotated[
    str,
    AfterValidator(check_workflow_path),
    Field(json_schema_extra={"pattern": _PATH}),
]
"""Path of a file or folder that workflow rules use."""
ResultsPath = Annotated[
    str,
    AfterValidator(results_path),
    Field(json_schema_extra={"pattern": _PATH}),
]
"""Path of the results folder."""
SameInAnyCase = AfterValidator(check_spellings)
"""For mappings: no two keys that differ only in case."""
