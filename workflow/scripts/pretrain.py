"""Pretrain a backbone on a pretext task up to one milestone."""

from pathlib import Path

from _cli import compute_of, run_training, training_parser


def main() -> None:
    parser = training_parser(__doc__)
    parser.add_argument("--subset", type=Path, required=True, help="Parquet file of the training videos")
    parser.add_argument("--previous", type=Path, nargs="*", default=[], help="state.pt of the milestone before, if any")
    arguments = parser.parse_args()
    from videossl.data.provenance import note_run
    from videossl.training.failure import failure_noted
    from videossl.training.pretrain import pretrain

    with failure_noted(arguments.output.parent):
        pretrain(
            arguments.recipe,
            arguments.identity,
            manifest=arguments.manifest,
            subset=arguments.subset,
            folder=arguments.output.parent,
            previous=arguments.previous[0] if arguments.previous else None,
            compute=compute_of(arguments),
        )
        note_run(
            "pretrain",
            arguments.recipe,
            [arguments.manifest, arguments.subset, *arguments.previous],
            arguments.output.parent,
        )


if __name__ == "__main__":
    run_training(main)
