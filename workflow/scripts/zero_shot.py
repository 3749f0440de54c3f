"""Test a video-language model on a target without training on it: its classes are told by their names."""

from pathlib import Path

from _cli import compute_of, run_training, training_parser


def main() -> None:
    parser = training_parser(__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="weights.pt of the model")
    parser.add_argument("--root", type=Path, required=True, help="folder of the target's videos")
    parser.add_argument("--annotations", type=Path, required=True, help="folder of the target's official lists")
    arguments = parser.parse_args()
    from videossl.data.provenance import note_run
    from videossl.evaluation.zero_shot import evaluate
    from videossl.training.failure import failure_noted

    with failure_noted(arguments.output.parent):
        evaluate(
            arguments.recipe,
            arguments.identity,
            weights=arguments.weights,
            manifest=arguments.manifest,
            root=arguments.root,
            annotations=arguments.annotations,
            folder=arguments.output.parent,
            compute=compute_of(arguments),
        )
        note_run("zero_shot", arguments.recipe, [arguments.manifest, arguments.weights], arguments.output.parent)


if __name__ == "__main__":
    run_training(main)
