"""Look for test videos among training videos by their features."""

import sys
from pathlib import Path
from typing import Any

from _cli import run_on_features

from videossl.common.errors import report_user_errors


def job(recipe: dict[str, Any], identity: dict[str, Any], *, features: Path, folder: Path) -> None:
    from videossl.evaluation.retrieve import retrieve  # after the arguments are read: it takes seconds

    retrieve(recipe, identity, features=features, folder=folder)


if __name__ == "__main__":
    sys.exit(report_user_errors(lambda: run_on_features(__doc__, "retrieval", job)))
