"""Base class of the networks of libraries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from videossl.backbones.base import Backbone
from videossl.common.errors import UserError


class LibraryNetwork(Backbone):
    """A network of a library behind this project's interface, without its classifier or decoder.

    Its parameters keep the library's names, and its features are exactly those that the library computes. The class
    states the input of its published weights, as plain values that are read from the file's text.
    """

    gflops: ClassVar[float]
    """10^9 multiply-adds of one clip of `frames` x `size` x `size`, for time limits."""
    frames: ClassVar[int]
    size: ClassVar[int]
    stride: ClassVar[int]
    """Distance of a clip's frames, in frames of a video of about 30 per second."""
    resize_short: ClassVar[int]
    """Short side to which frames are resized before a centre crop of `size`, pixels."""
    mean: ClassVar[list[float]]
    std: ClassVar[list[float]]

    clip: tuple[int, int] | None = None
    """Frames and side of the only clip that it takes; None if it takes others."""
    heads: ClassVar[tuple[str, ...]] = ()
    """Beginnings of the names of parameters of a published file that the network does not have: classifiers and the
    like."""

    @classmethod
    def converted(cls, state: Mapping[str, Tensor], own: Mapping[str, Any]) -> dict[str, Tensor]:
        """A published state dict without its heads, under this network's names. `own`: the network's state dict."""
        return {name: value for name, value in state.items() if not name.startswith(cls.heads)}

    @classmethod
    def contradictions(cls, options: Mapping[str, object], said: Mapping[str, Any]) -> list[str]:
        """Where a published `config.json` (`said`) differs from the network with `options`; one phrase each."""
        return []

    def _check_clip(self, x: Tensor) -> None:
        super()._check_clip(x)
        if self.clip is not None:
            self._require_clip(x, *self.clip)

    def _require_clip(self, clips: Tensor, frames: int, size: int) -> None:
        """Raise UserError unless clips have the only shape that the network's positions are made for."""
        found = tuple(clips.shape[2:])
        if found != (frames, size, size):
            raise UserError(
                f"{type(self).__name__} takes clips of {frames} frames of {size}x{size} pixels, not {found[0]} of"
                f" {found[1]}x{found[2]}: set `input.frames` and `input.size` of the published network, or the options"
                " of its architecture."
            )


def without_in_place(network: nn.Module) -> nn.Module:
    """The same network with no layer in place, which changes no value: a captured activation keeps its own."""
    for module in network.modules():
        if getattr(module, "inplace", False):
            module.inplace = False
    return network


def differences(wanted: Mapping[str, object], said: Mapping[str, Any]) -> list[str]:
    """Where a published configuration (`said`) has another value than `wanted`; keys that it leaves out are skipped."""
    return [
        f"{name} is {said[name]} there and {value} here"
        for name, value in wanted.items()
        if name in said and said[name] != value
    ]
