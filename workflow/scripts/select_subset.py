"""Select a class-balanced, nested subset of a dataset's training videos, and store those that replace broken ones."""

import json
import sys

from videossl.common.errors import UserError, report_user_errors
from videossl.data.arguments import data_arguments


def main() -> None:
    arguments = data_arguments(
        __doc__,
        "size, seed; of several datasets: combine",
        "the listing and the reports of the source's first shards; for size all: the manifest; of several datasets:"
        " their manifests",
    )
    from videossl.data.combined import write_combined_subset
    from videossl.data.manifest import read_listing_file, read_manifest, shard_files, tell_broken
    from videossl.data.provenance import note_made
    from videossl.data.selection import write_subset, write_whole
    from videossl.data.specs import CombinedSubsetSpec, SubsetSpec

    kind = CombinedSubsetSpec if "combine" in arguments.spec else SubsetSpec
    spec = kind.parse(arguments.spec, "--spec")
    (first, *reports), output = arguments.made_from, arguments.made[1]
    try:
        if isinstance(spec, CombinedSubsetSpec):
            description = write_combined_subset(spec, arguments.made_from, output)
        elif spec.size == "all":
            manifest = read_manifest(first)
            description = write_whole(manifest, spec, shard_files(first, manifest), output)
        else:
            listing, many = read_listing_file(first), arguments.processes
            description = write_subset(listing, arguments.root, spec, reports, output, arguments.name, many)
    except UserError as error:
        subset = arguments.name.rpartition("/")[2]
        raise UserError(f"subset {arguments.name} (`subsets.{subset}` in the configuration): {error}") from error
    note_made(spec, arguments.made_from, arguments.made)
    tell_broken(read_manifest(output))
    print(json.dumps(description, indent=2))


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
