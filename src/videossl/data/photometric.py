"""Colour jitter, blur and normalisation of batches of clips, on the training device.

The operations follow torchvision's definitions on images in [0, 1], so strengths from published recipes apply. One
difference is intended: contrast refers to the mean grey of the clip, not of each frame, as a mean that changes from
frame to frame would make the brightness flicker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

COLUMNS = (
    "brightness", "contrast", "saturation", "hue",
    "order0", "order1", "order2", "order3",
    "gray", "gamma", "blur_sigma",
    "mean_r", "mean_g", "mean_b", "std_r", "std_g", "std_b",
)  # fmt: skip
Operation = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class PhotometricParams:
    """The drawn parameters of clips, one row per clip: `values` float32 (..., len(COLUMNS)).

    One tensor instead of a dozen, since each tensor that a loader worker sends costs a file handle.
    """

    values: torch.Tensor

    def __post_init__(self) -> None:
        if self.values.shape[-1] != len(COLUMNS):
            raise ValueError(f"rows of {len(COLUMNS)} parameters expected, got {tuple(self.values.shape)}")

    @property
    def factors(self) -> torch.Tensor:
        """(..., 4): factors of brightness, contrast, saturation (neutral: 1); shift of hue (neutral: 0)."""
        return self.values[..., 0:4]

    @property
    def order(self) -> torch.Tensor:
        """(..., 4): order of the four jitter operations."""
        return self.values[..., 4:8].long()

    @property
    def gray(self) -> torch.Tensor:
        """(...): whether the clip becomes grey."""
        return self.values[..., 8] > 0.5

    @property
    def gamma(self) -> torch.Tensor:
        """(...): exponent; neutral: 1."""
        return self.values[..., 9]

    @property
    def blur_sigma(self) -> torch.Tensor:
        """(...): standard deviation in pixels; 0: no blur."""
        return self.values[..., 10]

    @property
    def mean(self) -> torch.Tensor:
        """(..., 3), subtracted at the end."""
        return self.values[..., 11:14]

    @property
    def std(self) -> torch.Tensor:
        """(..., 3), divisor at the end."""
        return self.values[..., 14:17]

    def flatten(self) -> PhotometricParams:
        """(B, V, ...) -> (B * V, ...)."""
        return PhotometricParams(self.values.reshape(-1, len(COLUMNS)))


def unit_interval(clips: torch.Tensor) -> torch.Tensor:
    """uint8 (N, T, H, W, 3) -> float32 (N, 3, T, H, W) in [0, 1], contiguous."""
    return clips.permute(0, 4, 1, 2, 3).float().div_(255).contiguous()


def photometric(x: torch.Tensor, params: PhotometricParams) -> torch.Tensor:
    """Augment and normalise in place: float32 (N, 3, T, H, W) in [0, 1].

    `params` (N, ...) should stay on the CPU: the clips to change are selected there, without waiting for a GPU. Order:
    jitter, grey, gamma, blur, normalisation.
    """
    params = PhotometricParams(params.values.cpu())
    _jitter(x, params)
    _change(x, params.gray, lambda part, _: grey(part).expand_as(part))
    _change(x, params.gamma != 1, lambda part, value: part.pow(value), params.gamma)
    _change(x, params.blur_sigma > 0, blur, params.blur_sigma)
    mean, std = (value.to(x.device)[:, :, None, None, None] for value in (params.mean, params.std))
    return x.sub_(mean).div_(std)


def _jitter(x: torch.Tensor, params: PhotometricParams) -> None:
    """Apply all four operations to every clip in place, in each clip's own order."""
    neutral = torch.tensor([1.0, 1.0, 1.0, 0.0])
    acts = params.factors != neutral
    for position in range(4):
        for number, operation in enumerate((brightness, contrast, saturation, hue)):
            chosen = (params.order[:, position] == number) & acts[:, number]
            _change(x, chosen, operation, params.factors[:, number])


def _change(x: torch.Tensor, chosen: torch.Tensor, operation: Operation, values: torch.Tensor | None = None) -> None:
    """Replace the chosen clips of x (N, 3, T, H, W) by operation(clips, their values (n, 1, 1, 1, 1))."""
    where = chosen.nonzero().flatten()
    if len(where) == 0:
        return
    values = torch.zeros(len(chosen)) if values is None else values
    value = values[where].to(x.device, non_blocking=True)[:, None, None, None, None]
    if len(where) == len(x):  # common case, all clips: nothing to gather
        x.copy_(operation(x, value))
    else:
        where = where.to(x.device, non_blocking=True)
        x.index_copy_(0, where, operation(x.index_select(0, where), value))


def grey(x: torch.Tensor) -> torch.Tensor:
    """Luma (N, 1, T, H, W) of RGB (N, 3, T, H, W)."""
    red, green, blue = x.unbind(1)
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue).unsqueeze(1)


def _blend(x: torch.Tensor, other: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return (factor * x + (1 - factor) * other).clamp_(0, 1)


def brightness(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return (x * factor).clamp_(0, 1)


def contrast(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Contrast about the mean grey of the whole clip (see the module's docstring)."""
    return _blend(x, grey(x).mean(dim=(1, 2, 3, 4), keepdim=True), factor)


def saturation(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return _blend(x, grey(x), factor)


def hue(x: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Rotate the hue in HSV by `shift` (1: full circle); value and saturation do not change."""
    red, green, blue = x.unbind(1)
    value, low = x.amax(dim=1), x.amin(dim=1)
    chroma = value - low
    safe = torch.where(chroma == 0, torch.ones_like(chroma), chroma)  # greys have no hue; their value is not used
    sector = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    sector = sector + 6 * shift.squeeze(1)

    def channel(offset: int) -> torch.Tensor:
        place = (sector + offset) % 6
        return value - chroma * torch.minimum(place, 4 - place).clamp_(0, 1)

    return torch.stack([channel(5), channel(3), channel(1)], dim=1)


def blur_radius(side: int) -> int:
    """Half width of the blur kernel: it spans about a tenth of the image (SimCLR), at least 3 pixels."""
    return max(side // 20, 1)


def blur(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Separable Gaussian blur of (N, 3, T, H, W) with one sigma per clip; borders are mirrored."""
    radius = blur_radius(min(x.shape[-2:]))
    places = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (places / sigma.reshape(-1, 1)) ** 2)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True))[:, :, None, None, None]  # (N, K, 1, 1, 1)
    flat = x.flatten(1, 2)  # (N, 3 * T, H, W)
    for dim, pad in ((3, (radius, radius, 0, 0)), (2, (0, 0, radius, radius))):
        padded, size = F.pad(flat, pad, mode="reflect"), flat.shape[dim]
        # A sum of shifted copies: convolutions are slow if the kernel differs between clips.
        flat = sum(kernel[:, k] * padded.narrow(dim, k, size) for k in range(2 * radius + 1))
    return flat.unflatten(1, x.shape[1:3])
