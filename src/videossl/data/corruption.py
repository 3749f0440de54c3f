"""Noise on frames for the robustness test sets: four kinds, five severities.

Facts from Hendrycks and Dietterich 2019 (hendrycks/robustness, ImageNet-C/create_c/make_imagenet_c.py) and from
Schiappa et al. 2023 (Maddy12/ActionRecognitionRobustnessEval, core/video_perturb.py), whom the paper cites for its
noise. Both agree on gaussian and impulse noise; the shot and speckle noise of the second is milder.
"""

from __future__ import annotations

import hashlib

import numpy as np

from videossl.common.errors import UserError, unknown_name
from videossl.data.settings import NOISES, SEVERITIES

_SHARED = {"gaussian": (0.08, 0.12, 0.18, 0.26, 0.38), "impulse": (0.03, 0.06, 0.09, 0.17, 0.27)}
CONSTANTS: dict[str, dict[str, tuple[float, ...]]] = {
    "schiappa": {**_SHARED, "shot": (250, 100, 50, 30, 15), "speckle": (0.15, 0.20, 0.25, 0.30, 0.35)},
    "imagenet-c": {**_SHARED, "shot": (60, 25, 12, 5, 3), "speckle": (0.15, 0.20, 0.35, 0.45, 0.60)},
}
"""The constant c of each noise at severities 1 to 5, by publication."""


def constant(noise: str, severity: int, constants: str = "schiappa") -> float:
    """The constant c of a noise at a severity. Raises UserError for an unknown name or severity."""
    if constants not in CONSTANTS:
        raise unknown_name("set of noise constants", constants, CONSTANTS)
    if noise not in NOISES:
        raise unknown_name("noise", noise, NOISES)
    if severity not in SEVERITIES:
        raise UserError(f"severity {severity} of noise '{noise}' must be one of {', '.join(map(str, SEVERITIES))}.")
    return CONSTANTS[constants][noise][severity - 1]


def frame_generator(seed: int, video: str, frame: int, noise: str, severity: int) -> np.random.Generator:
    """Random generator for the noise of one frame. It depends only on the arguments: not on shards, order or other
    videos."""
    name = hashlib.sha256(video.encode()).digest()[:16]
    words = np.frombuffer(name, dtype=np.uint32).tolist()
    return np.random.Generator(np.random.PCG64([seed, *words, frame, NOISES.index(noise), severity]))


def corrupt(frame: np.ndarray, noise: str, c: float, rng: np.random.Generator) -> np.ndarray:
    """Add noise to a frame: uint8 (H, W, 3) -> uint8 (H, W, 3). Every pixel and colour channel is drawn independently.

    With x in [0, 1], clipped and rounded to 255 levels at the end:
        gaussian: x + N(0, c)              shot: Poisson(x c) / c
        speckle:  x + x N(0, c)            impulse: a fraction c of the values becomes 0 or 1, half each
    """
    x = frame.astype(np.float32) / 255
    if noise == "gaussian":
        x = x + c * rng.standard_normal(x.shape, dtype=np.float32)
    elif noise == "shot":
        x = rng.poisson(x * c).astype(np.float32) / c
    elif noise == "speckle":
        x = x + x * (c * rng.standard_normal(x.shape, dtype=np.float32))
    elif noise == "impulse":
        draw = rng.random(x.shape, dtype=np.float32)
        x = np.where(draw < c / 2, np.float32(0), np.where(draw < c, np.float32(1), x))
    else:
        raise unknown_name("noise", noise, NOISES)
    return np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
