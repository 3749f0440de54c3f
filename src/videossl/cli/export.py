"""`videossl export`: a trained backbone as one safetensors file with a model card, to load it elsewhere."""

from __future__ import annotations

import argparse

RUN = "results/pretrain/k400/50k/rspnet/r2plus1d/seed0/epochs200"
EXAMPLES = ((f"videossl export {RUN} --output rspnet.safetensors", "its backbone as a file, and rspnet.md"),)
OF_A_STUDY = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("folder", metavar="RUN", help="run folder of a pretraining, finetuning or distillation")
    parser.add_argument(
        "--output", "-o", required=True, metavar="F", help="a file that ends in .safetensors, or a folder for both"
    )
    parser.add_argument("--force", action="store_true", help="replace existing files")


def run(arguments: argparse.Namespace) -> int:
    """Export the network and say how to load it."""
    from videossl.library.export import export  # imports torch

    weights, card = export(arguments.folder, arguments.output, force=arguments.force)
    print(f"{weights}\n{card}\n\nTo use it: videossl.load({str(weights)!r}) (docs/library.md)")
    return 0
