"""The device's part of the augmentation as one function of a whole batch, for GPUs.

:mod:`videossl.data.photometric` selects the clips that an operation changes and works on these alone, which is right
for a CPU. On a GPU, every selection is a handful of small copies and kernels, and every operation reads and writes the
clips anew. Here each clip passes all operations that the run's augmentation can draw, with neutral values where nothing
was drawn, so that nothing is looked up on the host and the compiler makes few kernels of many operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from videossl.common.compiled import Compiled
from videossl.data.photometric import PhotometricParams, blur, grey, hue
from videossl.data.settings import Augmentation

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)


@dataclass(frozen=True)
class Active:
    """What the augmentation of a run may do; the compiled function leaves out the rest."""

    flip: bool = False
    jitter: bool = False
    gray: bool = False
    gamma: bool = False
    blur: bool = False

    @classmethod
    def of(cls, configs: Sequence[Augmentation]) -> Active:
        """What at least one of these augmentations may do."""
        return cls(
            flip=any(config.flip > 0 for config in configs),
            jitter=any(any(config.jitter) and config.jitter_p > 0 for config in configs),
            gray=any(config.gray_p > 0 for config in configs),
            gamma=any(config.gamma is not None for config in configs),
            blur=any(config.blur_p > 0 for config in configs),
        )

    @property
    def colours(self) -> bool:
        """Whether anything but a flip may be done."""
        return self.jitter or self.gray or self.gamma or self.blur


def augmented(clips: Tensor, places: Tensor, values: Tensor, size: int, active: Active) -> Tensor:
    """uint8 (N, T, W, W, 3) -> float32 (N, 3, T, size, size), augmented and normalised.

    Args:
        clips: cut from the stored frames; W is `size`, or the side of the window that a rotated clip is cut from.
        places: float32 (N, len(geometry.COLUMNS)): rotations and flips, on the clips' device.
        values: float32 (N, len(photometric.COLUMNS)): colours, on the clips' device.
        size: side of the result in pixels.
        active: what `places` and `values` may ask for.
    """
    x = clips.permute(0, 4, 1, 2, 3).float() / 255
    if clips.shape[2] != size:
        x = _turned(x, places, size)
    elif active.flip:
        x = torch.where(_each(places[:, 0] > 0.5), x.flip(-1), x)
    params = PhotometricParams(values)
    if active.jitter:
        for position in range(4):
            x = _jittered(x, params.order[:, position], params.factors)
    if active.gray:
        x = torch.where(_each(params.gray), grey(x), x)
    if active.gamma:
        x = torch.where(_each(params.gamma != 1), x.pow(_each(params.gamma)), x)
    if active.blur:
        sigma = params.blur_sigma
        x = torch.where(_each(sigma > 0), blur(x, torch.where(sigma > 0, sigma, 1.0)), x)
    return (x - _colours(params.mean)) / _colours(params.std)


def _turned(x: Tensor, places: Tensor, size: int) -> Tensor:
    # Frames and colours become channels of one image, so that the grid is evaluated once.
    theta = places[:, 2:].reshape(-1, 2, 3)
    grid = F.affine_grid(theta, [len(x), 1, size, size], align_corners=False)
    turned = F.grid_sample(x.flatten(1, 2), grid, "bilinear", padding_mode="border", align_corners=False)
    return turned.unflatten(1, x.shape[1:3])


def _jittered(x: Tensor, number: Tensor, factors: Tensor) -> Tensor:
    """One of the four operations on each clip: `number` (N,), with its factor of `factors` (N, 4).

    Brightness, contrast and saturation all blend the clip with something: black, its mean grey, its own grey.
    """
    factor = factors.gather(1, number[:, None])[:, 0]
    luma = grey(x)
    other = torch.where(
        _each(number == SATURATION),
        luma,
        torch.where(_each(number == CONTRAST), luma.mean(dim=(1, 2, 3, 4), keepdim=True), 0.0),
    )
    blended = (_each(factor) * x + (1 - _each(factor)) * other).clamp(0, 1)
    turned = hue(x, _each(factor))
    acts = factor != torch.where(number == HUE, 0.0, 1.0)
    return torch.where(_each(acts), torch.where(_each(number == HUE), turned, blended), x)


def _each(values: Tensor) -> Tensor:
    """(N,) -> (N, 1, 1, 1, 1)."""
    return values[:, None, None, None, None]


def _colours(values: Tensor) -> Tensor:
    """(N, 3) -> (N, 3, 1, 1, 1)."""
    return values[:, :, None, None, None]


_compiled: list[Compiled] = []


def compiled() -> Compiled:
    """:func:`augmented`, compiled at its first call."""
    if not _compiled:
        _compiled.append(Compiled(augmented, "the augmentation"))
    return _compiled[0]
