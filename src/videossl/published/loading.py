"""Puts published weights into a network; every parameter must be matched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from videossl.backbones.base import Backbone
from videossl.common.errors import UserError
from videossl.common.intact import read_json
from videossl.published.networks import registry
from videossl.published.state_file import mismatch, read_state, renamed

CONFIG = "config.json"
"""Beside weights of transformers: the options of their network."""
COUNTER = "num_batches_tracked"
"""Of batch normalisation: the number of training steps, which files may leave out and evaluation does not use."""


@dataclass(frozen=True)
class PublishedFile:
    """A user's file of weights."""

    path: Path
    where: str
    """File and key of its entry, for messages."""
    keys: Sequence[Sequence[str | None]] = ()
    """How its parameters are renamed: pairs for :func:`videossl.published.state_file.renamed`."""


def load_network(architecture: str, options: Mapping[str, Any], file: PublishedFile) -> Backbone:
    """A network with published weights, in float32 on the CPU.

    Args:
        architecture: name of an architecture, see :mod:`videossl.published.networks.registry`.
        options: of the architecture.
        file: the weights.

    Raises:
        UserError: the file cannot be read, or its parameters do not match those of the network.
    """
    network = registry.build(architecture, **options)
    network.load_state_dict(_matched(network, architecture, options, file))
    return network


def check_network(architecture: str, options: Mapping[str, Any], file: PublishedFile) -> None:
    """Raise UserError as :func:`load_network` does, without memory for a network."""
    with torch.device("meta"):
        network = registry.build(architecture, **options)
    _matched(network, architecture, options, file)


def _matched(
    network: Backbone, architecture: str, options: Mapping[str, Any], file: PublishedFile
) -> dict[str, Tensor]:
    """The state dict of a file under the names of `network`, in its types."""
    _require_same_options(architecture, options, file)
    own = network.state_dict()
    with torch.device("cpu"):
        keys = {str(pattern): text for pattern, text in file.keys}
        state = renamed(read_state(file.path), keys, f"`keys` of {file.where}")
        if architecture in registry.library_names():
            state = registry.load(architecture).converted(state, own)
        for name in own:
            if name.endswith(COUNTER):
                state.setdefault(name, torch.zeros((), dtype=torch.long))
    if problem := mismatch(state, own):
        raise UserError(
            f"{file.path} does not fit the architecture {architecture} ({problem}). Is it the file of another"
            f" architecture, or of another size? Correct `architecture` and `options` of {file.where}, or name its"
            " parameters as the network does with `keys`."
        )
    return {name: value.to(own[name].dtype) for name, value in state.items()}


def _require_same_options(architecture: str, options: Mapping[str, Any], file: PublishedFile) -> None:
    """Raise UserError if the configuration beside weights of transformers describes another network."""
    path = file.path.parent / CONFIG
    if architecture not in registry.library_names() or not path.is_file():
        return
    complete = {**registry.default_options(architecture), **options}
    said = read_json(path, {}, "configuration of a published network")
    if problems := registry.load(architecture).contradictions(complete, said):
        raise UserError(
            f"{path} describes another network than `options` of {file.where}: {'; '.join(problems)}. Correct the"
            " options."
        )
