"""Fit a linear probe on features and test it."""

import sys
from pathlib import Path
from typing import Any

from _cli import run_on_features

from videossl.common.errors import report_user_errors


def job(recipe: dict[str, Any], identity: dict[str, Any], *, features: Path, folder: Path) -> None:
    from videossl.evaluation.probe import linear_probe  # after the arguments are read: it takes seconds

    linear_probe(recipe, identity, features=features, folder=folder)


if __name__ == "__main__":
    sys.exit(report_user_errors(lambda: run_on_features(__doc__, "linear_probe", job)))
