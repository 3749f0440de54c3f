"""Store one shard of a dataset's test videos with one kind of noise, at all severities."""

import sys

from videossl.common.errors import report_user_errors
from videossl.data.arguments import data_arguments


def main() -> None:
    arguments = data_arguments(__doc__, "constants, seed, videos, shards", "manifest of the clean dataset")
    from videossl.data.manifest import read_manifest
    from videossl.data.noisy import write_noisy_shards
    from videossl.data.provenance import note_made
    from videossl.data.specs import NoiseSpec

    spec = NoiseSpec.parse(arguments.spec, "--spec")
    (manifest,), (_, noise, shard) = arguments.made_from, arguments.name.split("/")
    # .../<severity>/shards/NNNN.arrow
    outputs = {int(path.parent.parent.name): path for path in arguments.made if path.suffix == ".arrow"}
    videos = read_manifest(manifest)
    write_noisy_shards(videos, arguments.root, spec, noise, int(shard), outputs, arguments.processes)
    note_made(spec, arguments.made_from, arguments.made)


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
