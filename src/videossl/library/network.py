"""A trained backbone with the preprocessing that it expects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from videossl.backbones.base import Backbone
from videossl.common.errors import UserError
from videossl.common.intact import damaged
from videossl.library.preprocessing import Preprocessing
from videossl.library.saved import read_saved
from videossl.published.networks import registry as networks
from videossl.training.checkpoint import fill
from videossl.training.specs import BackboneSpec


class Network(nn.Module):
    """A backbone and its preprocessing: clips (N, 3, T, H, W) -> features (N, `feature_dim`).

    The classifier of a finetuned network is not part of it.
    """

    def __init__(
        self, backbone: Backbone, preprocessing: Preprocessing, spec: BackboneSpec, identity: dict[str, Any]
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.preprocessing = preprocessing
        self.spec = spec
        """Name and options of the backbone."""
        self.identity = identity
        """What was trained: `stage`, `task`, `source`, `subset`, `epochs`, `seed`, …; {} if that is not recorded."""

    @property
    def feature_dim(self) -> int:
        """Length D of a feature vector."""
        return self.backbone.feature_dim

    def forward(self, clips: Tensor) -> Tensor:
        """Normalised pixels (N, 3, T, H, W) -> (N, D). Raises UserError if the clip is too small."""
        return self.backbone(clips)

    def prepare(self, clip: Tensor) -> Tensor:
        """Frames of the right size, uint8 RGB (..., T, H, W, 3) -> normalised pixels (..., 3, T, H, W) float32."""
        mean, std = (clip.new_tensor(values, dtype=torch.float32) for values in self._colours())
        return ((clip.float() / 255 - mean) / std).movedim(-1, -4)

    def _colours(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        return self.preprocessing.mean, self.preprocessing.std


def load(path: str | Path, *, preprocessing: Preprocessing | None = None) -> Network:
    """The backbone that a run has trained, in evaluation mode, on the CPU.

    Args:
        path: a run folder (`results/pretrain/…`, `results/finetune/…`), its `weights.pt`, or a file or folder of
            `videossl export`. Relative to the working directory.
        preprocessing: instead of that of the run. After a pretraining it is that of the pretext task's test, after a
            finetuning that of its test.

    Raises:
        UserError: there is no network, its file is damaged, or nothing says its preprocessing and none is given.
    """
    saved = read_saved(path)
    preprocessing = preprocessing or saved.preprocessing
    if preprocessing is None:
        raise UserError(
            f"{saved.path} does not say which clips its network expects: that is in the `run.json` of its run, which is"
            " missing or damaged. Put it beside the weights, or give `preprocessing` to `load`."
        )
    try:
        spec = BackboneSpec.parse(saved.backbone, "its backbone")
        with torch.random.fork_rng(devices=[]):  # the initial weights are drawn, and replaced
            backbone = networks.build(spec.name, **spec.options)
    except UserError as error:
        raise damaged(saved.path, f"describes no network that can be built: {error}") from error
    fill(backbone, saved.state, saved.path)
    return Network(backbone, preprocessing, spec, saved.identity).eval()
