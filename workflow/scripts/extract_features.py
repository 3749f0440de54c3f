"""Features of a pretrained backbone for the training and test videos of a target dataset."""

from pathlib import Path

from _cli import compute_of, run_training, training_parser


def main() -> None:
    parser = training_parser(__doc__)
    parser.add_argument(
        "--weights", type=Path, nargs="*", default=[], help="weights.pt of a pretraining; none: not pretrained"
    )
    arguments = parser.parse_args()
    from videossl.data.provenance import note_run
    from videossl.evaluation.features import extract
    from videossl.training.failure import failure_noted

    with failure_noted(arguments.output.parent):
        extract(
            arguments.recipe,
            manifest=arguments.manifest,
            weights=arguments.weights[0] if arguments.weights else None,
            output=arguments.output,
            compute=compute_of(arguments),
        )
        note_run("features", arguments.recipe, [arguments.manifest, *arguments.weights], arguments.output.parent)


if __name__ == "__main__":
    run_training(main)
