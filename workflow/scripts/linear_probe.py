"""Fit a linear probe on features and test it."""

import argparse
import json
import sys
from pathlib import Path

from videossl.errors import report_user_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", type=json.loads, required=True, help="JSON of what decides the result")
    parser.add_argument("--identity", type=json.loads, required=True, help="JSON of the cell's identity columns")
    parser.add_argument("--features", type=Path, required=True, help="features.npz")
    parser.add_argument("--output", type=Path, required=True, help="metrics.parquet; all else goes beside it")
    arguments = parser.parse_args()
    from videossl.downstream.probe import linear_probe
    from videossl.training.run_folder import failure_noted

    folder = arguments.output.parent
    with failure_noted(folder):
        linear_probe(arguments.recipe, arguments.identity, features=arguments.features, folder=folder)


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
