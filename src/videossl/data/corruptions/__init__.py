"""Corruptions of whole videos beyond noise: blur, camera, digital, temporal. One file a group, five severities.

The kinds and the scores by group follow Schiappa et al. 2023, "A large-scale robustness analysis of video action
recognition models" (Maddy12/ActionRecognitionRobustnessEval, core/video_perturb.py). Their constants for blur, JPEG and
contrast are those of ImageNet-C (hendrycks/robustness, imagenet_c/corruptions.py), for pictures of 224 pixels: lengths
in pixels are scaled to the frames at hand.

A corruption is a function (frames, severity, rng) -> frames: uint8 (T, H, W, 3) with at least one frame to as many of
the same size. It is vectorised over the frames. At all severities it gets the same random draws.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import import_module

import numpy as np

from videossl.common.errors import UserError, unknown_name
from videossl.data.settings import CORRUPTIONS, SEVERITIES

Corruption = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
NATIVE_SIDE = 224
"""Side of the pictures that the published lengths in pixels are for."""


def scale_of(frames: np.ndarray) -> float:
    """Factor from the published lengths in pixels to those of frames (T, H, W, 3)."""
    return min(frames.shape[1:3]) / NATIVE_SIDE


def corruption(kind: str) -> Corruption:
    """The corruption called `kind`. Raises UserError if there is none."""
    for group, kinds in CORRUPTIONS.items():
        if kind in kinds:
            return getattr(import_module(f"{__name__}.{group}"), kind)
    raise unknown_name("corruption", kind, [kind for kinds in CORRUPTIONS.values() for kind in kinds])


def corrupt_video(frames: np.ndarray, kind: str, severity: int, seed: int, video: str) -> np.ndarray:
    """Corrupt all frames of a video: uint8 (T, H, W, 3) -> the same shape.

    Severity 0 leaves them as they are. The result depends only on the arguments. Raises UserError for an unknown kind
    or severity.
    """
    if severity == 0:
        return frames
    if severity not in SEVERITIES:
        raise UserError(f"severity {severity} of '{kind}' must be one of {', '.join(map(str, SEVERITIES))}.")
    return corruption(kind)(frames, severity, _generator(seed, video, kind))


def _generator(seed: int, video: str, kind: str) -> np.random.Generator:
    name = hashlib.sha256(f"{kind} {video}".encode()).digest()[:16]
    return np.random.Generator(np.random.PCG64([seed, *np.frombuffer(name, dtype=np.uint32).tolist()]))
