"""Puts published weights into a network; every parameter must be matched."""

from __future__ import annotations

from collections.abc import Mapping
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


def load_network(
    architecture: str, options: Mapping[str, Any], weights: Path, keys: Mapping[str, str | None], where: str
) -> Backbone:
    """A network with published weights, in float32 on the CPU.

    Args:
        architecture: name of an architecture, see :mod:`videossl.published.networks.registry`.
        options: of the architecture.
        weights: the file.
        keys: how its parameters are renamed first, see :func:`videossl.published.state_file.renamed`.
        where: file and key of the entry, for messages.

    Raises:
        UserError: the file cannot be read, or its parameters do not match those of the network.
    """
    network = registry.build(architecture, **options)
    network.load_state_dict(matched(network, architecture, options, weights, keys, where))
    return network


def matched(
    network: Backbone,
    architecture: str,
    options: Mapping[str, Any],
    weights: Path,
    keys: Mapping[str, str | None],
    where: str,
) -> dict[str, Tensor]:
    """The state dict of a file under the names of `network`, float32; arguments and errors as of
    :func:`load_network`. `network` may be on the device `meta`."""
    _require_same_options(architecture, options, weights, where)
    own = network.state_dict()
    with torch.device("cpu"):
        state = renamed(read_state(weights), keys, f"`keys` of {where}")
        if architecture in registry.library_names():
            state = registry.load(architecture).converted(state, own)
        for name in own:
            if name.endswith(COUNTER):
                state.setdefault(name, torch.zeros((), dtype=torch.long))
    if problem := mismatch(state, own):
        raise UserError(
            f"{weights} does not fit the architecture {architecture} ({problem}). Is it the file of another"
            f" architecture, or of another size? Correct `architecture` and `options` of {where}, or name its"
            " parameters as the network does with `keys`."
        )
    return {name: value.to(own[name].dtype) for name, value in state.items()}


def _require_same_options(architecture: str, options: Mapping[str, Any], weights: Path, where: str) -> None:
    """Raise UserError if the configuration beside weights of transformers describes another network."""
    path = weights.parent / CONFIG
    if architecture not in registry.library_names() or not path.is_file():
        return
    complete = {**registry.default_options(architecture), **options}
    said = read_json(path, {}, "configuration of a published network")
    if problems := registry.load(architecture).contradictions(complete, said):
        raise UserError(
            f"{path} describes another network than `options` of {where}: {'; '.join(problems)}. Correct the options."
        )
