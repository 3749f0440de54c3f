"""What a network expects of a video: which frames, of which size, normalised how. Imports no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from videossl.common.errors import UserError
from videossl.data.settings import Augmentation, FrameFormat

SMALLEST = 8
"""Smallest short side of decoded frames, in pixels, as in the frame store."""


@dataclass(frozen=True)
class Preprocessing:
    """How clips are cut from a video and prepared. Change a value with :func:`dataclasses.replace`.

    Raises UserError for values that do not fit together.
    """

    frames: int
    """Frames of a clip."""
    size: int
    """Side of the square input, pixels."""
    stride: int
    """Distance of a clip's frames, in frames of the video."""
    mean: tuple[float, float, float]
    """Subtracted from RGB values in 0 to 1."""
    std: tuple[float, float, float]
    """RGB values are then divided by these."""
    clips: int = 10
    """Clips of a video, evenly spaced; the features of a video are the mean over them."""
    crop: Literal["center", "unresized", "whole"] = "center"
    """center: from the middle; unresized: there, `size` pixels of the decoded frame; whole: all, made a square."""
    resize_short: int | None = None
    """center: first resize frames to this short side, pixels; None: the largest square."""
    short_side: int = FrameFormat.model_fields["short_side"].default
    """Short side to which frames are decoded, pixels: that of the frame store of the training."""
    quality: int | None = FrameFormat.model_fields["quality"].default
    """JPEG quality that frames pass through, as in the frame store of the training; None: none."""

    def __post_init__(self) -> None:
        least = {"frames": 1, "size": 1, "stride": 1, "clips": 1, "short_side": SMALLEST, "quality": 1}
        for name, low in least.items():
            value = getattr(self, name)
            if value is None and name == "quality":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise UserError(f"preprocessing: `{name}` must be a whole number from {low} on, not {value!r}.")
        object.__setattr__(self, "mean", tuple(self.mean))
        object.__setattr__(self, "std", tuple(self.std))
        _ = self.augmentation  # raises UserError

    @property
    def augmentation(self) -> Augmentation:
        """The same as the configuration of a loader."""
        names = ("size", "crop", "resize_short", "mean", "std")
        values = {name: getattr(self, name) for name in names}
        return Augmentation.parse({**values, "mean": list(self.mean), "std": list(self.std)}, "the preprocessing")

    def as_json(self) -> dict[str, Any]:
        """The values as plain JSON."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}
