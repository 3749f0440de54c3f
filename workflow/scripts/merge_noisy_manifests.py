"""Merge the reports of noisy shards into the manifest of each noisy test set."""

import argparse
import json
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=json.loads, required=True, help="JSON: constants, seed, videos, shards, ...")
    parser.add_argument("--manifest", type=Path, required=True, help="manifest of the clean dataset")
    parser.add_argument("--output", type=Path, nargs="+", required=True, help=".../<noise>/<severity>/manifest.parquet")
    arguments = parser.parse_args()
    from videossl.data.specs import NoiseSpec

    spec = NoiseSpec.parse(arguments.spec, "--spec")
    from videossl.common.files import write_parquet
    from videossl.data.manifest import read_manifest
    from videossl.data.noisy import merge_noisy_manifest
    from videossl.data.provenance import note_made

    clean = read_manifest(arguments.manifest)
    used = []
    for path in arguments.output:
        reports = [path.parent / "shards" / f"{shard:04d}.parquet" for shard in range(spec.shards)]
        noise, severity = path.parent.parent.name, int(path.parent.name)
        write_parquet(path, merge_noisy_manifest(clean, spec, noise, severity, reports))
        used += reports
    note_made(spec, [arguments.manifest, *used], arguments.output)


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
