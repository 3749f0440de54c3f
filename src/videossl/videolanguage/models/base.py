"""Base class of all video-language models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.common.errors import UserError


@dataclass(frozen=True)
class Video:
    """A model's features of B clips."""

    features: Tensor
    """(B, D), not normalised"""
    frames: Tensor | None = None
    """(B, T, D): features per frame, if the model encodes frames separately"""
    patches: Tensor | None = None
    """(B, L, D'): features per position of a frame, if texts are conditioned on them (X-CLIP)"""


class VideoLanguageModel(nn.Module):
    """A network that compares videos with texts.

    A subclass sets `logit_scale` (the logarithm of the factor on the cosine, as in CLIP) or overrides
    :meth:`learned_scale`, and implements the two encoders. Its state dict has the names of the published checkpoint, or
    :meth:`convert` renames them. `context` is the number of tokens of a text, `frames` that of frames of a clip; if the
    network has parameters for each frame, this number is fixed.
    """

    context: int
    frames: int
    test_scale: float = 0.0

    def encode_text(self, tokens: Tensor) -> Tensor:
        """Tokens (P, context) int64, padded after the end token, which has the largest number -> (P, D)."""
        raise NotImplementedError

    def encode_video(self, clips: Tensor) -> Video:
        """Clips (B, 3, T, H, W), normalised as in the recipe -> their features."""
        raise NotImplementedError

    def learned_scale(self) -> Tensor:
        """The learned factor on the cosines: ()."""
        return self.logit_scale.exp()

    def scale(self) -> Tensor:
        """The factor on the cosines: (). At test `test_scale`, if the model's own test has one; else the learned
        one."""
        learned = self.learned_scale()
        return torch.full_like(learned, self.test_scale) if self.test_scale and not self.training else learned

    def cosines(self, video: Video, texts: Tensor) -> Tensor:
        """Texts (P, D) -> cosines (B, P)."""
        return F.normalize(video.features, dim=-1) @ F.normalize(texts, dim=-1).T

    def forward(self, clips: Tensor, tokens: Tensor) -> Tensor:
        """Logits of every text for every clip: scale x cosine, (B, P)."""
        return self.scale() * self.cosines(self.encode_video(clips), self.encode_text(tokens))

    @classmethod
    def convert(cls, state: Mapping[str, Tensor], base: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        """A published state dict with the names of this module.

        base: state dict of the CLIP model that it was trained from, if the published file lacks parameters that were
        not trained. Raises UserError if it is needed and missing.
        """
        return dict(state)

    def start_from(self, clip: Mapping[str, Tensor]) -> None:
        """Start from CLIP (a state dict with openai/CLIP's names), as the original training does.

        Parameters that CLIP does not have keep their initial values. Raises UserError if sizes differ.
        """
        self._take_over(clip)

    def _take_over(self, state: Mapping[str, Tensor]) -> None:
        own = self.state_dict()
        if unfit := [name for name, value in state.items() if name not in own or own[name].shape != value.shape]:
            raise UserError(
                f"{type(self).__name__} cannot start from this CLIP: {', '.join(unfit[:4])} differ. All small models "
                "need the same options of CLIP (vifm.recipe_overrides.all.options) and the same size of frames."
            )
        self.load_state_dict(dict(state), strict=False)

    def check_clips(self, clips: Tensor) -> None:
        """ValueError for shapes other than (B, 3, T, H, W), UserError for another number of frames than `frames`."""
        if clips.ndim != 5 or clips.shape[1] != 3:
            raise ValueError(f"clips must have the shape (B, 3, T, H, W), not {tuple(clips.shape)}")
        if clips.shape[2] != self.frames:
            raise UserError(
                f"{type(self).__name__} has parameters for each of {self.frames} frames and got {clips.shape[2]}: set "
                "`clip.frames` and `options.frames` of its recipe to the same number."
            )


def end_features(hidden: Tensor, tokens: Tensor) -> Tensor:
    """Features at the end token, which has the largest number of each text: (P, L, D), (P, L) -> (P, D)."""
    return hidden[torch.arange(len(hidden), device=hidden.device), tokens.argmax(dim=-1)]
