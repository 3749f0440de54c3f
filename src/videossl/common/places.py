"""Locations of the project's own files: beside the Snakefile, whatever the working directory is.

Results, datasets, weights and overlays belong to the user: their relative paths start in the working directory.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from videossl.common.errors import UserError

BASE = "config/config.yaml"
"""The base configuration, below all overlays; relative to the project's folder."""
SITE = "profiles/slurm/site.yaml"
"""What only a site knows about its cluster, between the base and all overlays; relative to the project's folder."""
CHECKOUT = Path(__file__).resolve().parents[3]
"""The checkout that this module lies in. Meaningless if the package was installed as a copy."""


def project_folder(snakefile: str | None = None) -> Path:
    """The workflow's folder: that of `snakefile` if given, else the working directory if it holds the workflow, else
    the checkout that this module lies in. Raises UserError if there is none."""
    found = [Path(snakefile).parent] if snakefile else [Path(), CHECKOUT]
    for folder in found:
        if (folder / "Snakefile").is_file() and (folder / BASE).is_file():
            return folder
    raise UserError(
        f"the workflow is not in {found[0].resolve()}: it has no Snakefile or no {BASE}. Run this in the repository's "
        "root, or name the Snakefile: `--snakefile /path/to/Snakefile`."
    )


def base_files(project: Path) -> list[Path]:
    """The configuration files below all overlays: the base, and the site's file if there is one."""
    return [project / BASE, *(path for path in [project / SITE] if path.is_file())]


def folder_of_node(place: str) -> Path | None:
    """A folder that each node may have elsewhere, named with environment variables; None if one is not set here."""
    found = os.path.expandvars(place)
    return None if "$" in found else Path(found)


def project_file(path: str, project: Path, where: str, *, folder: bool = False) -> str:
    """Resolve a file (or `folder`) that the configuration names: relative to the working directory, else to `project`.

    A path that exists relative to the working directory is returned as written. `where` is the key that names it.

    Raises:
        UserError: it exists in neither place, or is not a file (folder).
    """
    for found in (_expanded(path, where), project / path):
        there = found.is_dir() if folder else found.is_file()
        if there:
            return path if found == Path(path) else str(found)
        if found.exists():
            wanted = "folder" if folder else "file"
            raise UserError(f"{where} names {path}, which is not a {wanted}. Correct the path.")
    looked = " nor ".join(dict.fromkeys(str(folder.resolve()) for folder in (Path(), project)))
    raise UserError(f"{where} names {path}, which does not exist: looked below {looked}. Correct the path.")


def _expanded(path: str, where: str) -> Path:
    """The path with `~` expanded."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UserError(
            f"{where} names {path}, and there is no user {path.split('/')[0]}. Write the full path."
        ) from None


def existing(folder: str | Path) -> Path:
    """The folder, or its nearest existing ancestor."""
    path = Path(folder).expanduser().resolve()
    return next(one for one in (path, *path.parents) if one.is_dir())


def unwritable(folder: str | Path) -> str:
    """Why no file can be created in a folder (or its nearest existing ancestor); "" if one can."""
    try:
        with tempfile.TemporaryFile(dir=existing(folder)):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def shown(path: str | Path) -> str:
    """A path for messages: relative to the working directory if it lies below it."""
    found, here = Path(path), Path.cwd()
    if ".." in found.parts:
        found = found.resolve()
    return str(found.relative_to(here) if found.is_relative_to(here) else found)
