"""A video-language model as a classifier: encodes the class texts once, then gives logits of clips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.common.errors import UserError
from videossl.data.classes import class_names as known_names
from videossl.videolanguage.models.base import Video, VideoLanguageModel
from videossl.videolanguage.saved import load_model
from videossl.videolanguage.settings import Prompts
from videossl.videolanguage.texts import Tokenizer, fill, phrase, tokenised

TEXTS_AT_ONCE = 256


class ZeroShot(nn.Module):
    """Clips (B, 3, T, H, W) -> class logits (B, C).

    Args:
        texts: text features (templates, C, D).
        average: "features": the mean of the normalised features of a class's texts; "probabilities": the mean over
            templates of the softmax over classes, whose logarithm is the logit.
    """

    def __init__(self, model: VideoLanguageModel, texts: Tensor, average: str) -> None:
        super().__init__()
        self.model, self.average = model, average
        if average == "features" and len(texts) > 1:  # a single text is not normalised: X-CLIP adds to it
            texts = F.normalize(texts, dim=-1).mean(dim=0, keepdim=True)
        self.register_buffer("texts", texts)

    def forward(self, clips: Tensor) -> Tensor:
        video = self.model.encode_video(clips)
        logits = torch.stack([self._logits(video, texts) for texts in self.texts])
        # In the log domain: a softmax rounded to 0 would give the students minus infinity.
        return logits[0] if len(logits) == 1 else logits.log_softmax(dim=2).logsumexp(dim=0) - math.log(len(logits))

    def _logits(self, video: Video, texts: Tensor) -> Tensor:
        return self.model.scale() * self.model.cosines(video, texts)


def class_names(manifest: pd.DataFrame) -> list[str]:
    """Names of a dataset's classes in words, in the order of their labels. Raises UserError if a class has no name."""
    names = known_names(manifest)
    labels = range(int(manifest["label"].max()) + 1)
    if unnamed := [label for label in labels if label not in names]:
        raise UserError(
            f"the target's lists name no class with the number {unnamed[0]} ({len(unnamed)} of {len(labels)} such), "
            "and a video-language model recognises classes by name. Number the classes without gap, or list them all."
        )
    return [phrase(names[label]) for label in labels]


@torch.no_grad()
def encode_texts(
    model: VideoLanguageModel, tokenizer: Tokenizer, templates: Sequence[str], names: Sequence[str]
) -> Tensor:
    """Text features (templates, C, D) of the classes `names`."""
    device = next(model.parameters()).device
    tokens = torch.from_numpy(tokenised(fill(templates, names), tokenizer, model.context)).to(device)
    features = torch.cat([model.encode_text(part) for part in tokens.flatten(0, 1).split(TEXTS_AT_ONCE)])
    return features.unflatten(0, (len(templates), len(names)))


def zero_shot_classifier(weights: Path, prompts: Prompts, names: Sequence[str], device: torch.device) -> ZeroShot:
    """The classifier of the classes `names`; `prompts`: the recipe's."""
    model, tokenizer = load_model(weights)
    model.to(device)
    return ZeroShot(model, encode_texts(model, tokenizer, prompts.templates, names), prompts.average)
