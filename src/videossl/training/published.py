"""Takes over published weights: writes them as a pretraining writes its own, with the digest of the file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from videossl.published.loading import PublishedFile, load_network
from videossl.training.checkpoint import save_torch
from videossl.training.clock import Clock
from videossl.training.record import write_run
from videossl.training.specs import PublishedSpec

CHUNK = 2**24
"""Bytes read at a time."""


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
    where = f"the configuration's `published.{identity['task']}`"
    network = load_network(own.name, own.options, PublishedFile(weights, where, spec.keys))
    source = {"file": weights.name, "bytes": weights.stat().st_size, "sha256": digest(weights)}
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


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    found = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(CHUNK):
            found.update(block)
    return found.hexdigest()
