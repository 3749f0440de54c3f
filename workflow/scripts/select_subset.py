"""Select a class-balanced, nested subset of a dataset's training videos."""

import argparse
import json
import sys
from pathlib import Path

from videossl.common.errors import UserError, report_user_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=json.loads, required=True, help='JSON: size (a number or "all"), seed')
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--name", required=True, help="dataset/subset, used in messages")
    parser.add_argument("--videos", type=Path, required=True, help="Parquet file (output)")
    parser.add_argument("--description", type=Path, required=True, help="JSON file: checksum, shortfall (output)")
    arguments = parser.parse_args()
    from videossl.data.manifest import read_manifest
    from videossl.data.specs import SubsetSpec

    spec = SubsetSpec.parse(arguments.spec, "--spec")
    from videossl.data.provenance import note_made
    from videossl.data.subsets import make_subset, write_subset

    size = spec.size
    try:
        videos, description = make_subset(read_manifest(arguments.manifest), None if size == "all" else size, spec.seed)
    except UserError as error:
        subset = arguments.name.rpartition("/")[2]
        raise UserError(f"subset {arguments.name} (`subsets.{subset}` in the configuration): {error}") from error
    write_subset(videos, description, arguments.videos, arguments.description)
    note_made(spec, [arguments.manifest], [arguments.videos, arguments.description])
    print(json.dumps(description, indent=2))


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
