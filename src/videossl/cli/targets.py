"""Names of tables and figures on command lines."""

from __future__ import annotations

from collections.abc import Sequence

from videossl.cli.common import entry_named
from videossl.common.errors import unknown_name
from videossl.study.study import Study

OTHERS = ("all", "table_claims", "report", "metrics")
"""Targets that are no entries."""


def targets_of(study: Study, asked: Sequence[str]) -> list[str]:
    """Snakemake's targets; entries may be named without their kind. Raises UserError for an unknown name."""
    targets = []
    for name in asked:
        entry = entry_named(study, name)
        if entry is not None:
            targets.append(f"{study.entries[entry].kind}_{entry}")
        elif name in OTHERS or "/" in name:
            targets.append(name)
        else:
            valid = [f"{entry.kind}_{key}" for key, entry in study.entries.items()]
            raise unknown_name("table or figure", name, [*OTHERS, *valid], study.config.experiments_file)
    return targets
