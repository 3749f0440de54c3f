"""Logits of a video-language model for the training clips of a target, kept for the students that it teaches."""

from pathlib import Path

from _cli import compute_of, run_training, training_parser


def main() -> None:
    parser = training_parser(__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="weights.pt of the model")
    parser.add_argument("--root", type=Path, required=True, help="folder of the target's videos")
    arguments = parser.parse_args()
    from videossl.data.provenance import note_run
    from videossl.evaluation.class_logits import write_logits
    from videossl.training.failure import failure_noted

    with failure_noted(arguments.output.parent):
        write_logits(
            arguments.recipe,
            arguments.identity,
            weights=arguments.weights,
            manifest=arguments.manifest,
            root=arguments.root,
            output=arguments.output,
            compute=compute_of(arguments),
        )
        note_run("class_logits", arguments.recipe, [arguments.manifest, arguments.weights], arguments.output.parent)


if __name__ == "__main__":
    run_training(main)
