"""Decode one shard of a dataset's videos into the frame store of a whole dataset, or of a source."""

import argparse
import json
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--spec",
        type=json.loads,
        required=True,
        help="JSON: keys of `store`, and shards; of a source: videos_per_shard, seed",
    )
    parser.add_argument("--listing", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True, help="folder of the videos")
    parser.add_argument("--shard", type=int, required=True, help="number of the shard, from 0")
    parser.add_argument("--frames", type=Path, required=True, help="Arrow file of the frames (output)")
    parser.add_argument(
        "--report", type=Path, required=True, help="Parquet file: status and reason of each video (output)"
    )
    arguments = parser.parse_args()
    from videossl.data.manifest import read_listing_file
    from videossl.data.materialise import write_shard
    from videossl.data.provenance import note_made
    from videossl.data.selection import write_train_shard
    from videossl.data.settings import FrameFormat
    from videossl.data.specs import StoreSpec, TrainStoreSpec

    kind = StoreSpec if "shards" in arguments.spec else TrainStoreSpec
    spec = kind.parse(arguments.spec, "--spec")
    listing, outputs = read_listing_file(arguments.listing), (arguments.frames, arguments.report)
    if isinstance(spec, StoreSpec):
        form = spec.model_dump(include=set(FrameFormat.model_fields))
        write_shard(listing, arguments.root, arguments.shard, spec.shards, *outputs, **form)
    else:
        write_train_shard(listing, arguments.root, arguments.shard, spec, *outputs)
    note_made(spec, [arguments.listing], outputs)


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
