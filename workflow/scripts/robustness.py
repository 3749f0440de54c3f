"""Test a finetuned network on noisy videos."""

from pathlib import Path

from _cli import compute_of, run_training, training_parser


def main() -> None:
    parser = training_parser(__doc__, manifest=False)
    parser.add_argument("--weights", type=Path, required=True, help="weights.pt of a finetuning")
    parser.add_argument("--noiseless", type=Path, required=True, help="manifest of the same videos without noise")
    parser.add_argument("--noisy", type=Path, nargs="+", required=True, help="manifests: .../<noise>/<severity>/...")
    arguments = parser.parse_args()
    from videossl.data.provenance import note_run
    from videossl.evaluation.robustness import robustness
    from videossl.training.failure import failure_noted

    with failure_noted(arguments.output.parent):
        robustness(
            arguments.recipe,
            arguments.identity,
            weights=arguments.weights,
            noiseless=arguments.noiseless,
            noisy={(path.parent.parent.name, int(path.parent.name)): path for path in arguments.noisy},
            folder=arguments.output.parent,
            compute=compute_of(arguments),
        )
        note_run(
            "robustness",
            arguments.recipe,
            [arguments.weights, arguments.noiseless, *arguments.noisy],
            arguments.output.parent,
        )


if __name__ == "__main__":
    run_training(main)
