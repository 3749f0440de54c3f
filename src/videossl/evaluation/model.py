"""The evaluated network: a backbone, with or without a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from videossl.backbones.base import Backbone
from videossl.common.errors import UserError
from videossl.common.intact import damaged
from videossl.evaluation.specs import DistillSpec, FeaturesSpec, FinetuneSpec
from videossl.published.networks import registry as networks
from videossl.training.checkpoint import fill, load_parts
from videossl.training.seeding import INITIAL, seed_everything


class Classifier(nn.Module):
    """A backbone with dropout and one linear layer: (N, 3, T, H, W) -> logits (N, classes)."""

    def __init__(self, backbone: Backbone, classes: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(backbone.feature_dim, classes)

    def forward(self, clips: Tensor) -> Tensor:
        return self.fc(self.dropout(self.backbone(clips)))


def build_classifier(spec: FinetuneSpec, classes: int, weights: Path | None) -> Classifier:
    """The network to finetune: backbone initialised from `weights`, classifier initialised from the seed."""
    backbone = build_backbone(spec, None)
    model = Classifier(backbone, classes, spec.dropout)
    _load_backbone(backbone, spec, weights)
    return model


def build_backbone(spec: FinetuneSpec | FeaturesSpec, weights: Path | None) -> Backbone:
    """The backbone of `spec` with pretrained weights; None: initial weights from the seed."""
    seed_everything(spec.seed, INITIAL, 0)
    backbone = networks.build(spec.backbone.name, **spec.backbone.options)
    _load_backbone(backbone, spec, weights)
    return backbone


def _load_backbone(backbone: Backbone, spec: FinetuneSpec | FeaturesSpec, weights: Path | None) -> None:
    if weights is None:
        return
    pretrained = load_parts(weights, {"backbone": Mapping, "spec": dict}, "weights of a pretraining")
    if pretrained["spec"] != spec.backbone.model_dump():
        raise UserError(
            f"{weights} holds the backbone {pretrained['spec']}, and {spec.backbone.model_dump()} is to be evaluated. "
            "Run the pretraining again with the present configuration."
        )
    fill(backbone, pretrained["backbone"], weights)


def load_classifier(weights: Path) -> tuple[Classifier, FinetuneSpec]:
    """The network written by a finetuning, in evaluation mode, and its specification."""
    finetuned = load_parts(weights, {"model": Mapping, "spec": dict, "classes": int}, "weights of a finetuning")
    try:
        values = finetuned["spec"]
        model_of_spec = DistillSpec if "distillation" in values else FinetuneSpec
        spec = model_of_spec.parse(values, "its specification")
        backbone = networks.build(spec.backbone.name, **spec.backbone.options)
        model = Classifier(backbone, finetuned["classes"], spec.dropout)
    except (KeyError, TypeError, ValueError, UserError) as error:
        raise damaged(weights, f"describes no network that can be built ({type(error).__name__}: {error})") from error
    fill(model, finetuned["model"], weights)
    return model.eval(), spec
