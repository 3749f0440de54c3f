"""Decode one shard of a dataset's videos into the frame store of the whole dataset, or of a source."""

import sys

from videossl.common.errors import report_user_errors
from videossl.data.arguments import data_arguments


def main() -> None:
    arguments = data_arguments(__doc__, "shards; of a source: videos_per_shard, seed", "the listing")
    from videossl.data.manifest import read_listing_file
    from videossl.data.materialise import write_shard
    from videossl.data.provenance import note_made
    from videossl.data.selection import write_train_shard
    from videossl.data.settings import FrameFormat
    from videossl.data.specs import StoreSpec, TrainStoreSpec

    kind = StoreSpec if "shards" in arguments.spec else TrainStoreSpec
    spec, number = kind.parse(arguments.spec, "--spec"), int(arguments.name.rpartition("/")[2])
    listing = read_listing_file(arguments.made_from[0])
    if isinstance(spec, StoreSpec):
        form = spec.model_dump(include=set(FrameFormat.model_fields))
        write_shard(
            listing, arguments.root, number, spec.shards, *arguments.made, processes=arguments.processes, **form
        )
    else:
        write_train_shard(listing, arguments.root, number, spec, *arguments.made, arguments.processes)
    note_made(spec, arguments.made_from, arguments.made)


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
