"""Identity columns that earlier versions of the software did not have. Imports neither pandas nor pyarrow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LATER: dict[str, Any] = {"labels": ""}
"""Columns that were added later, with the value that they have for results of earlier versions."""


def completed(identity: Mapping[str, Any]) -> dict[str, Any]:
    """`identity` with the columns that earlier versions did not have."""
    return {**LATER, **identity}


def stated(identity: Mapping[str, Any]) -> dict[str, Any]:
    """`identity` as earlier versions stated it, if they could: Snakemake compares it, so it must not change."""
    return {name: value for name, value in identity.items() if name not in LATER or value != LATER[name]}
