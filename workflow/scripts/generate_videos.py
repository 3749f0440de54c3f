"""Generate the videos and list files of a stand-in dataset."""

import argparse
import json
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", type=json.loads, required=True, help="JSON: design, classes, videos, ...")
    parser.add_argument("--output", type=Path, required=True, help="folder that gets videos/ and annotations/")
    arguments = parser.parse_args()
    from videossl.data.provenance import note_made
    from videossl.data.synthetic import generate

    recipe = arguments.recipe
    generate(
        recipe["design"],
        arguments.output,
        videos=recipe["videos"],
        classes=recipe["classes"],
        frames=tuple(recipe["frames"]),
        size=tuple(recipe["size"]),
        fps=recipe["fps"],
        seed=recipe["seed"],
        broken=recipe["broken"],
    )
    note_made(recipe, [], [arguments.output])


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
