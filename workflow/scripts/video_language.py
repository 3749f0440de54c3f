"""Train a small video-language model on captioned videos, or take over the published weights of a large one."""

from pathlib import Path

from _cli import compute_of, run_training, training_parser


def main() -> None:
    parser = training_parser(__doc__, manifest=False)
    parser.add_argument("--manifest", type=Path, help="of the corpus to train on; left out: use published weights")
    parser.add_argument(
        "--left-out", type=Path, nargs="*", default=[], help="manifests of datasets with unseen classes"
    )
    parser.add_argument("--start", type=Path, help="weights.pt of the small CLIP that training starts from")
    parser.add_argument("--weights", type=Path, help="the published file")
    parser.add_argument("--base", type=Path, help="CLIP's own state dict, for models that need it")
    parser.add_argument("--tokenizer", type=Path, help="folder with CLIP's vocab.json and merges.txt")
    arguments = parser.parse_args()
    from videossl.data.provenance import note_run
    from videossl.training.failure import failure_noted
    from videossl.videolanguage.train import import_model, train_model

    folder = arguments.output.parent
    shared = {"folder": folder, "compute": compute_of(arguments)}
    with failure_noted(folder):
        if arguments.manifest:
            train_model(
                arguments.recipe,
                arguments.identity,
                manifest=arguments.manifest,
                left_out=arguments.left_out,
                start=arguments.start,
                **shared,
            )
        else:
            import_model(
                arguments.recipe,
                arguments.identity,
                weights=arguments.weights,
                base=arguments.base,
                tokenizer=arguments.tokenizer,
                **shared,
            )
        used = [arguments.manifest, *arguments.left_out, arguments.start] if arguments.manifest else []
        note_run("vifm", arguments.recipe, used, folder)


if __name__ == "__main__":
    run_training(main)
