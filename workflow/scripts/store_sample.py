"""Store some videos of a dataset: those on which pretext tasks are measured, or which a figure shows."""

import json
import sys

from videossl.common.errors import report_user_errors
from videossl.data.arguments import data_arguments


def main() -> None:
    arguments = data_arguments(
        __doc__,
        "at_most, split, seed; of several datasets: combine",
        "the listing; of several datasets: their manifests",
    )
    from videossl.data.combined import write_combined_sample
    from videossl.data.manifest import read_listing_file, read_manifest, tell_broken
    from videossl.data.provenance import note_made
    from videossl.data.selection import write_sample
    from videossl.data.specs import CombinedSampleSpec, SampleSpec

    kind = CombinedSampleSpec if "combine" in arguments.spec else SampleSpec
    spec, (_, output, _) = kind.parse(arguments.spec, "--spec"), arguments.made
    if isinstance(spec, CombinedSampleSpec):
        description = write_combined_sample(spec, arguments.made_from, output)
    else:
        (listing,) = arguments.made_from
        videos, many = read_listing_file(listing), arguments.processes
        description = write_sample(videos, arguments.root, spec, output, arguments.name, many)
    note_made(spec, arguments.made_from, arguments.made)
    tell_broken(read_manifest(output))
    print(json.dumps(description, indent=2))


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
