"""Finetune a backbone, pretrained or not, on a target dataset, alone or with teachers, and test it."""

from pathlib import Path

from _cli import compute_of, run_training, training_parser


def main() -> None:
    parser = training_parser(__doc__)
    parser.add_argument(
        "--weights", type=Path, nargs="*", default=[], help="weights.pt of a pretraining; none: from scratch"
    )
    parser.add_argument("--teachers", type=Path, nargs="*", default=[], help="weights.pt of finetuned networks")
    arguments = parser.parse_args()
    from videossl.data.provenance import note_run
    from videossl.evaluation.finetune import finetune
    from videossl.training.failure import failure_noted

    with failure_noted(arguments.output.parent):
        finetune(
            arguments.recipe,
            arguments.identity,
            manifest=arguments.manifest,
            weights=arguments.weights[0] if arguments.weights else None,
            folder=arguments.output.parent,
            compute=compute_of(arguments),
            teachers=arguments.teachers,
        )
        stage = "distill" if arguments.teachers else "finetune"
        note_run(
            stage,
            arguments.recipe,
            [arguments.manifest, *arguments.weights, *arguments.teachers],
            arguments.output.parent,
        )


if __name__ == "__main__":
    run_training(main)
