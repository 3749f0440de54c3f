"""Train the small CLIP on frames of captioned videos."""

from pathlib import Path

from _cli import compute_of, run_training, training_parser


def main() -> None:
    parser = training_parser(__doc__, identity=False)
    parser.add_argument(
        "--left-out", type=Path, nargs="*", default=[], help="manifests of datasets with unseen classes"
    )
    arguments = parser.parse_args()
    from videossl.data.provenance import note_run
    from videossl.training.failure import failure_noted
    from videossl.videolanguage.start import train_start

    with failure_noted(arguments.output.parent):
        train_start(
            arguments.recipe,
            manifest=arguments.manifest,
            left_out=arguments.left_out,
            folder=arguments.output.parent,
            compute=compute_of(arguments),
        )
        note_run("small_clip", arguments.recipe, [arguments.manifest, *arguments.left_out], arguments.output.parent)


if __name__ == "__main__":
    run_training(main)
