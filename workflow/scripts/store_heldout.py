"""Store the validation videos of a source on which pretext tasks are measured."""

import argparse
import json
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=json.loads, required=True, help="JSON: at_most, seed and the keys of `store`")
    parser.add_argument("--listing", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True, help="folder of the videos")
    parser.add_argument(
        "--videos", type=Path, required=True, help="Parquet file (output); .json and .arrow are written beside it"
    )
    arguments = parser.parse_args()
    from videossl.data.manifest import read_listing_file
    from videossl.data.provenance import note_made
    from videossl.data.selection import write_heldout
    from videossl.data.specs import HeldoutSpec

    spec = HeldoutSpec.parse(arguments.spec, "--spec")
    description = write_heldout(read_listing_file(arguments.listing), arguments.root, spec, arguments.videos)
    outputs = [arguments.videos.with_suffix(end) for end in (".arrow", ".parquet", ".json")]
    note_made(spec, [arguments.listing], outputs)
    print(json.dumps(description, indent=2))


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
