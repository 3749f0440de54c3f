"""Configuration files named on a command line, for `videossl` and for `snakemake`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from videossl.common.errors import UserError
from videossl.common.places import CHECKOUT
from videossl.study.config.reading import read_yaml

SUFFIXES = (".yaml", ".yml", ".json")


def read_overlay(path: str) -> None:
    """Raise UserError if Snakemake could not read a configuration file, or would misread it."""
    file = Path(path)
    hint = ""
    if not path.endswith(SUFFIXES):
        hint = (
            " Snakemake reads everything after --configfile as configuration files, so name targets before it:"
            " `snakemake TARGET ... --configfile FILE`."
        )
    elif not file.exists() and (CHECKOUT / path).is_file():
        hint = f" Paths start in the working directory, {Path.cwd()}. The project has such a file: {CHECKOUT / path}."
    if file.exists() and not file.is_file() and not file.is_dir():
        return  # a pipe can be read only once
    try:
        read_yaml(file)
    except UserError as error:
        raise UserError(f"{str(error).rstrip('.')}.{hint}") from None


def profile_file(name: str, places: Sequence[Path]) -> Path | None:
    """The file of a Snakemake profile, given by its path or its folder, searched in `places`."""
    for folder in places:
        if (folder / name).is_file():
            return folder / name
        for pattern in ("profile*.yaml", "config*.yaml"):
            for file in sorted((folder / name).glob(pattern)):
                return file
    return None


def configfiles_of(profile: Path) -> list[str]:
    """The configuration files that a profile names, found as Snakemake does: a single one may be relative to the
    profile's folder."""
    found = read_yaml(profile).get("configfile") or []
    if not isinstance(found, str):
        return [str(path) for path in found]
    expanded = os.path.expanduser(os.path.expandvars(found))  # noqa: PTH111  (the text need not be a path)
    return [str(profile.parent / expanded) if (profile.parent / expanded).exists() else expanded]


def overlays(configfiles: Sequence[str], profile: str | None, project: Path) -> list[str]:
    """Configuration files on top of the base: those given, else those of the profile, as in Snakemake."""
    if configfiles or not profile:
        return list(configfiles)
    places = [Path(), Path("profiles"), project, project / "profiles"]
    file = profile_file(profile, places)
    if file is None:
        looked = " nor ".join(dict.fromkeys(str(place / profile) for place in places))
        raise UserError(f"there is no profile '{profile}': neither {looked} has a config.yaml.")
    return configfiles_of(file)
