"""List a dataset's videos from its official list files, with label, split and whether the file exists."""

import argparse
import json
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=json.loads, required=True, help="JSON: reader, options, validation, seed")
    parser.add_argument("--root", type=Path, required=True, help="folder of the videos")
    parser.add_argument(
        "--annotations", type=Path, required=True, help="folder of the list files; readers without lists ignore it"
    )
    parser.add_argument(
        "--made-from", type=Path, nargs="*", default=[], help="folder of the videos, if they are generated"
    )
    parser.add_argument("--output", type=Path, required=True, help="listing.parquet")
    arguments = parser.parse_args()
    from videossl.data.specs import ListingSpec

    spec = ListingSpec.parse(arguments.spec, "--spec")
    import pyarrow as pa

    from videossl.common.files import write_parquet
    from videossl.data.manifest import gaps_of
    from videossl.data.notes import tell
    from videossl.data.provenance import note_made
    from videossl.data.readers.common import LISTING_SCHEMA
    from videossl.data.readers.listing import read_listing
    from videossl.data.readers.registry import group_of
    from videossl.data.readers.validation import with_validation

    listing = read_listing(spec.reader, arguments.root, arguments.annotations, **spec.options)
    if spec.validation and not (listing["split"] == "val").any():
        listing = with_validation(listing, spec.validation, spec.seed, group_of(spec.reader, spec.options))
    write_parquet(arguments.output, pa.Table.from_pandas(listing, schema=LISTING_SCHEMA, preserve_index=False))
    note_made(spec, arguments.made_from, [arguments.output])
    for sentence in gaps_of(listing).sentences():
        tell(sentence)
    print(listing.groupby(["split", "status"]).size().to_string())


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
