"""CKA of all layers of two finetuned networks, or of one with itself."""

from pathlib import Path

from _cli import compute_of, run_training, training_parser


def main() -> None:
    parser = training_parser(__doc__)
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="weights.pt of one or two finetunings")
    arguments = parser.parse_args()
    from videossl.data.provenance import note_run
    from videossl.evaluation.similarity import similarity
    from videossl.training.failure import failure_noted

    with failure_noted(arguments.output.parent):
        similarity(
            arguments.recipe,
            arguments.identity,
            manifest=arguments.manifest,
            weights=arguments.weights[0],
            other=arguments.weights[1] if len(arguments.weights) > 1 else None,
            folder=arguments.output.parent,
            compute=compute_of(arguments),
        )
        note_run("cka", arguments.recipe, [arguments.manifest, *arguments.weights], arguments.output.parent)


if __name__ == "__main__":
    run_training(main)
