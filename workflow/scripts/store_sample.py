"""Store some videos of a dataset: those on which pretext tasks are measured, or which a figure shows."""

import json
import sys

from videossl.common.errors import report_user_errors
from videossl.data.arguments import data_arguments


def main() -> None:
    arguments = data_arguments(__doc__, "at_most, split, seed", "the listing")
    from videossl.data.manifest import read_listing_file, read_manifest, tell_broken
    from videossl.data.provenance import note_made
    from videossl.data.selection import write_sample
    from videossl.data.specs import SampleSpec

    spec = SampleSpec.parse(arguments.spec, "--spec")
    (listing,), (_, output, _) = arguments.made_from, arguments.made
    description = write_sample(read_listing_file(listing), arguments.root, spec, output, arguments.name)
    note_made(spec, arguments.made_from, arguments.made)
    tell_broken(read_manifest(output))
    print(json.dumps(description, indent=2))


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
