"""Generate the videos and list files that stand in for a dataset."""

import argparse
import json
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=json.loads, required=True, help="JSON: design, classes, videos, ...")
    parser.add_argument("--output", type=Path, required=True, help="folder that gets videos/ and annotations/")
    arguments = parser.parse_args()
    from videossl.data.specs import GenerateSpec

    spec = GenerateSpec.parse(arguments.spec, "--spec")
    from videossl.data.provenance import note_made
    from videossl.data.synthetic import generate

    generate(
        spec.design,
        arguments.output,
        videos=spec.videos,
        classes=spec.classes,
        frames=tuple(spec.frames),
        size=tuple(spec.size),
        fps=spec.fps,
        seed=spec.seed,
        scene=spec.scene,
        broken=spec.broken,
    )
    note_made(spec, [], [arguments.output])


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
