"""Store one shard of a dataset's test videos with one kind of noise, at all severities."""

import argparse
import json
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=json.loads, required=True, help="JSON: constants, seed, videos, shards, ...")
    parser.add_argument("--manifest", type=Path, required=True, help="manifest of the clean dataset")
    parser.add_argument("--root", type=Path, required=True, help="folder of the videos")
    parser.add_argument("--noise", required=True)
    parser.add_argument("--shard", type=int, required=True, help="number of the shard, from 0")
    parser.add_argument(
        "--frames", type=Path, nargs="+", required=True, help=".../<severity>/shards/NNNN.arrow (output)"
    )
    arguments = parser.parse_args()
    from videossl.data.manifest import read_manifest
    from videossl.data.specs import NoiseSpec

    spec = NoiseSpec.parse(arguments.spec, "--spec")
    from videossl.data.noisy import write_noisy_shards
    from videossl.data.provenance import note_made

    outputs = {int(path.parent.parent.name): path for path in arguments.frames}
    manifest = read_manifest(arguments.manifest)
    write_noisy_shards(manifest, arguments.root, spec, arguments.noise, arguments.shard, outputs)
    reports = [path.with_suffix(".parquet") for path in arguments.frames]
    note_made(spec, [arguments.manifest], [*arguments.frames, *reports])


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
