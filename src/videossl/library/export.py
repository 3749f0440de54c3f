"""Exports a trained backbone as one safetensors file with a model card."""

from __future__ import annotations

import json
from pathlib import Path

from videossl.common.errors import UserError
from videossl.common.files import atomic_path, write_text
from videossl.library.card import model_card
from videossl.library.network import Network, load
from videossl.library.saved import EXPORTED, KEY, WEIGHTS
from videossl.training.record import read_run

CARD = "README.md"


def export(run: str | Path, output: str | Path, *, force: bool = False) -> tuple[Path, Path]:
    """Write the backbone of a run and its model card; returns both paths.

    Args:
        run: the run folder of a pretraining, finetuning or distillation.
        output: a file that ends in `.safetensors`, beside which the card ends in `.md`; or a folder, which gets
            `model.safetensors` and `README.md`.
        force: replace existing files.

    Raises:
        UserError: the folder holds no network or no record of its run, or a file exists.
    """
    folder = Path(run).expanduser()
    if folder.name == WEIGHTS:
        folder = folder.parent
    network = load(folder)
    record = read_run(folder / "run.json")
    weights, card = _paths(Path(output).expanduser())
    if not force and (there := [str(path) for path in (weights, card) if path.exists()]):
        raise UserError(f"{' and '.join(there)} exists already. Name another --output, or replace it with --force.")
    _write_weights(network, weights)
    write_text(card, model_card(network, folder, record, weights.name))
    return weights, card


def _paths(output: Path) -> tuple[Path, Path]:
    if output.suffix == ".safetensors":
        return output, output.with_suffix(".md")
    if output.is_file():
        raise UserError(f"--output names {output}, a file that does not end in .safetensors. Name another one.")
    return output / EXPORTED, output / CARD


def _write_weights(network: Network, path: Path) -> None:
    from safetensors.torch import save_file

    said = {
        "backbone": network.spec.model_dump(mode="json"),
        "preprocessing": network.preprocessing.as_json(),
        "identity": network.identity,
    }
    tensors = {name: value.contiguous() for name, value in network.backbone.state_dict().items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, {"format": "pt", KEY: json.dumps(said, sort_keys=True)})
