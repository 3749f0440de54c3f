"""Select a class-balanced, nested subset of a dataset's training videos, and decode those that replace broken ones."""

import argparse
import json
import sys
from pathlib import Path

from videossl.common.errors import UserError, report_user_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=json.loads, required=True, help='JSON: size (a number or "all"), seed, ...')
    parser.add_argument(
        "--made-from",
        type=Path,
        nargs="+",
        required=True,
        help="the listing and the reports of the source's first shards; for size all: the manifest",
    )
    parser.add_argument("--root", type=Path, required=True, help="folder of the videos")
    parser.add_argument("--name", required=True, help="dataset/subset, used in messages")
    parser.add_argument(
        "--videos", type=Path, required=True, help="Parquet file (output); .json and .arrow are written beside it"
    )
    arguments = parser.parse_args()
    from videossl.data.manifest import read_listing_file, read_manifest, shard_files
    from videossl.data.provenance import note_made
    from videossl.data.selection import write_subset, write_whole
    from videossl.data.specs import SubsetSpec

    spec = SubsetSpec.parse(arguments.spec, "--spec")
    first, *reports = arguments.made_from
    try:
        if spec.size == "all":
            manifest = read_manifest(first)
            description = write_whole(manifest, spec, shard_files(first, manifest), arguments.videos)
        else:
            listing = read_listing_file(first)
            description = write_subset(listing, arguments.root, spec, reports, arguments.videos, arguments.name)
    except UserError as error:
        subset = arguments.name.rpartition("/")[2]
        raise UserError(f"subset {arguments.name} (`subsets.{subset}` in the configuration): {error}") from error
    note_made(spec, arguments.made_from, [arguments.videos.with_suffix(end) for end in (".arrow", ".parquet", ".json")])
    print(json.dumps(description, indent=2))


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
