"""Where the project's own files are: beside the Snakefile, wherever it is run from.

Results, datasets, weights and overlays are the user's: relative paths of theirs start in the working directory.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from videossl.common.errors import UserError

BASE = "config/config.yaml"
"""The configuration below all overlays, in the project's folder."""
CHECKOUT = Path(__file__).resolve().parents[3]
"""The folder of the checkout that this library is part of; some other folder if it was installed as a copy."""


def project_folder(snakefile: str | None = None) -> Path:
    """The folder of the workflow: that of `snakefile`, else the working directory if it holds the workflow, else the
    checkout that this library is part of. UserError if there is none."""
    found = [Path(snakefile).parent] if snakefile else [Path(), CHECKOUT]
    for folder in found:
        if (folder / "Snakefile").is_file() and (folder / BASE).is_file():
            return folder
    raise UserError(
        f"the workflow is not in {found[0].resolve()}: it has no Snakefile or no {BASE}. Run this in the repository's "
        "root, or name the Snakefile: `--snakefile /path/to/Snakefile`."
    )


def project_file(path: str, project: Path, where: str, *, folder: bool = False) -> str:
    """A file (or `folder`) that the configuration names: as written if that is there from the working directory, else
    from the folder `project`. UserError, with the key `where`, if it is in neither, or is something else.

    A run in the project's folder itself so keeps the paths as they are written.
    """
    for found in (_expanded(path, where), project / path):
        there = found.is_dir() if folder else found.is_file()
        if there:
            return path if found == Path(path) else str(found)
        if found.exists():
            wanted = "folder" if folder else "file"
            raise UserError(f"{where} names {path}, which is no {wanted} and should be one. Correct the path.")
    looked = " nor ".join(dict.fromkeys(str(folder.resolve()) for folder in (Path(), project)))
    raise UserError(f"{where} names {path}, which is not there: neither below {looked}. Correct the path.")


def _expanded(path: str, where: str) -> Path:
    """The path with `~` written out."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UserError(
            f"{where} names {path}, and there is no user {path.split('/')[0]}. Write the folder out."
        ) from None


def existing(folder: str | Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    path = Path(folder).expanduser().resolve()
    return next(one for one in (path, *path.parents) if one.is_dir())


def unwritable(folder: str | Path) -> str:
    """Why no file can be made in a folder, or in the nearest above it that exists; "" if one can be."""
    try:
        with tempfile.TemporaryFile(dir=existing(folder)):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def shown(path: str | Path) -> str:
    """A path for messages: relative to the working directory if it is below it."""
    found, here = Path(path), Path.cwd()
    if ".." in found.parts:
        found = found.resolve()
    return str(found.relative_to(here) if found.is_relative_to(here) else found)
