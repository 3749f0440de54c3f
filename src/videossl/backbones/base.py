"""Base class of all backbones."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from videossl.common.errors import UserError


class Backbone(nn.Module):
    """A network from clips to features.

    A subclass sets `feature_dim` and `map_channels`, implements :meth:`trunk`, and overrides :meth:`embed` if its
    features are not just the mean of its map. No layer works in place, so that an activation captured by a forward hook
    (for CKA) keeps its value. This costs no memory in training, where batch normalisation keeps its own input and ReLU
    its output.
    """

    # How tables and figures show it; read from the file's text, so plain values. Left out: the file's name, last.
    title: ClassVar[str] = ""
    place: ClassVar[float | None] = None  # among the networks: by this number

    feature_dim: int  # length of a feature vector
    map_channels: int  # channels of the feature map

    # Every strided layer is padded, so a map never becomes empty. Below these sizes, however, a clip has no motion, or
    # the last stages see mostly their own zero padding.
    min_frames: ClassVar[int] = 2
    min_size: ClassVar[int] = 16

    # Methods with nearly all of the work, which may be compiled: tensors to a tensor, without random draws on the CPU.
    heavy: ClassVar[tuple[str, ...]] = ("trunk",)

    # Outputs of the classifier that the paper's Table 10 includes for this network; 0: none.
    counted_classes: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool3d(1)

    def trunk(self, x: Tensor) -> Tensor:
        """All layers up to the last feature map: (N, 3, T, H, W) -> (N, map_channels, t, h, w)."""
        raise NotImplementedError

    def embed(self, feature_map: Tensor) -> Tensor:
        """Feature map (N, map_channels, t, h, w) -> feature vectors (N, feature_dim)."""
        return self.pool(feature_map).flatten(1)

    def feature_map(self, x: Tensor) -> Tensor:
        """Normalised pixels (N, 3, T, H, W) -> (N, map_channels, t, h, w). Raises UserError if the clip is too
        small."""
        self._check_clip(x)
        return self.trunk(x)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised pixels (N, 3, T, H, W) -> (N, feature_dim). Raises UserError if the clip is too small."""
        return self.embed(self.feature_map(x))

    def _check_clip(self, x: Tensor) -> None:
        if x.ndim != 5 or x.shape[1] != 3:
            raise ValueError(f"clips must have the shape (N, 3, T, H, W), not {tuple(x.shape)}")
        frames, height, width = x.shape[2:]
        if frames < self.min_frames or min(height, width) < self.min_size:
            raise UserError(
                f"{type(self).__name__} needs clips of at least {self.min_frames} frames of"
                f" {self.min_size}x{self.min_size} pixels, not {frames} of {height}x{width}."
                " Raise clip.frames or clip.size in the recipe."
            )


def scale_channels(channels: int, width: float, multiple: int) -> int:
    """`channels` * `width`, rounded to the nearest multiple of `multiple`, at least one `multiple`."""
    return max(1, round(channels * width / multiple)) * multiple
