"""Checks before Snakemake reads anything: the profile of every run calls :func:`check`.

Snakemake reads configuration files before the Snakefile. For a malformed one it gives neither name nor line, and it
reads a target after --configfile as a configuration file.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from videossl.common.errors import UserError, report_user_errors
from videossl.common.places import CHECKOUT, base_files, unwritable
from videossl.monitor.overlays import configfiles_of, profile_file, read_overlay

CACHE_REMEDY = "Set XDG_CACHE_HOME to a folder that can be written"


def check(argv: Sequence[str] | None = None) -> None:
    """Exit with one message if Snakemake, called with `argv`, would end in a traceback."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--configfile", "--configfiles", nargs="+", default=[])
    parser.add_argument("--profile", action="append")
    arguments, _ = parser.parse_known_args(sys.argv[1:] if argv is None else argv)
    code = report_user_errors(lambda: _check(arguments))
    if code:
        sys.exit(code)


def _check(arguments: argparse.Namespace) -> None:
    site = [str(path) for path in base_files(CHECKOUT)[1:]]
    for path in [*site, *(arguments.configfile or _of_profiles(arguments.profile))]:
        read_overlay(path)
    if problem := cache_problem():
        raise UserError(f"{problem}. {CACHE_REMEDY}.")


def _of_profiles(named: Sequence[str] | None) -> list[str]:
    """Configuration files of the last profile that names some. Profiles that are not found are skipped: Snakemake knows
    more places, and reports missing ones."""
    names = named or os.environ.get("SNAKEMAKE_PROFILE", "").split(",")
    profiles = [profile_file(name, [Path()]) for name in names if name]
    found = [configfiles_of(profile) for profile in profiles if profile is not None]
    return next((files for files in reversed(found) if files), [])


def cache_problem() -> str:
    """Why Snakemake cannot write its cache; "" if it can."""
    from snakemake.common import get_appdirs

    folder = get_appdirs().user_cache_dir
    if problem := unwritable(folder):
        return f"Snakemake keeps a cache in {folder}, which cannot be written ({problem})"
    return ""
