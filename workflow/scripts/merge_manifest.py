"""Merge a dataset's listing and the reports of its shards into the manifest."""

import argparse
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listing", type=Path, required=True)
    parser.add_argument("--reports", type=Path, nargs="+", required=True, help="in the order of the shards")
    parser.add_argument("--output", type=Path, required=True, help="manifest.parquet")
    arguments = parser.parse_args()
    from videossl.common.files import write_parquet
    from videossl.common.intact import frame_of
    from videossl.common.specification import Specification
    from videossl.data.manifest import gaps_of, read_listing_file, tell_broken
    from videossl.data.materialise import merge_manifest
    from videossl.data.notes import tell
    from videossl.data.provenance import note_made

    manifest = merge_manifest(read_listing_file(arguments.listing), arguments.reports)
    write_parquet(arguments.output, manifest)
    note_made(Specification(), [arguments.listing, *arguments.reports], [arguments.output])
    videos = frame_of(manifest)
    print(videos.groupby(["split", "status"]).size().to_string())
    tell_broken(videos)
    for sentence in gaps_of(videos).sentences():
        tell(sentence)


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
