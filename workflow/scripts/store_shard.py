"""Decode one shard of a dataset's videos into the frame store."""

import argparse
import json
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=json.loads, required=True, help="JSON: shards and the keys of `store`")
    parser.add_argument("--listing", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True, help="folder of the videos")
    parser.add_argument("--shard", type=int, required=True, help="number of the shard, from 0")
    parser.add_argument("--frames", type=Path, required=True, help="Arrow file of the frames (output)")
    parser.add_argument(
        "--report", type=Path, required=True, help="Parquet file: status and reason of each video (output)"
    )
    arguments = parser.parse_args()
    from videossl.data.manifest import read_listing_file
    from videossl.data.specs import StoreSpec

    spec = StoreSpec.parse(arguments.spec, "--spec")
    from videossl.data.materialise import write_shard
    from videossl.data.provenance import note_made

    write_shard(
        read_listing_file(arguments.listing),
        arguments.root,
        arguments.shard,
        spec.shards,
        arguments.frames,
        arguments.report,
        short_side=spec.short_side,
        codec=spec.codec,
        quality=spec.quality,
        reader=spec.reader,
    )
    note_made(spec, [arguments.listing], [arguments.frames, arguments.report])


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
