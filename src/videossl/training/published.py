"""Takes over published weights: writes them as a pretraining writes its own, with the digest of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from videossl.data.provenance import digest_of
from videossl.published import place_of
from videossl.published.loading import PublishedFile, load_network
from videossl.training.checkpoint import save_torch
from videossl.training.clock import Clock
from videossl.training.record import write_run
from videossl.training.specs import PublishedSpec


def import_network(spec: PublishedSpec, identity: dict[str, Any], *, weights: Path, folder: Path) -> None:
    """Check every name and shape of a published file, and write `weights.pt` and `run.json` to `folder`.

    Args:
        spec: the network, and how the file's parameters are renamed.
        identity: the cell's identity columns.
        weights: the file.
        folder: the run folder.

    Raises:
        UserError: the file cannot be read, or does not match the network.
    """
    clock, own = Clock(), spec.backbone
    network = load_network(own.name, own.options, PublishedFile(weights, place_of(identity["task"]), spec.keys))
    source = {"file": weights.name, "bytes": weights.stat().st_size, "sha256": digest_of(weights)}
    values = {"backbone": network.state_dict(), "spec": own.model_dump(), "identity": identity, "source": source}
    save_torch(folder / "weights.pt", values)
    write_run(
        folder / "run.json",
        spec=spec,
        identity=identity,
        device=None,
        seconds=clock.seconds,
        samples={},
        source=source,
    )
    count = sum(parameter.numel() for parameter in network.parameters())
    print(f"{count / 1e6:.2f} million parameters of {weights.name}, SHA-256 {source['sha256']}", flush=True)
