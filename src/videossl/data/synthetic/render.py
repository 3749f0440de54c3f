"""Renders the frames of one video from a dataset's design and a class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from videossl.data.synthetic.designs import Design, appearance_class
from videossl.data.synthetic.motion import camera_path, temporal_track, wandering_track
from videossl.data.synthetic.scene import Look, draw, film, paint_backdrop, rgb
from videossl.data.synthetic.shapes import TEXTURES, TURNABLE

LARGEST = (
    0.36  # radius in frame heights or widths, whichever is smaller: an object must not meet its own copy on the torus
)


def random_look(design: Design, label: int, hue: float, rng: np.random.Generator) -> Look:
    """One video's object: shape and texture of the class, or any (temporal sets); colours differ from `hue`."""
    shape, texture = str(rng.choice(TURNABLE)), str(rng.choice(TEXTURES))
    if design.kind == "appearance":
        shape, texture = appearance_class(design, label)
    first_hue = hue + rng.uniform(0.25, 0.75)
    second_hue = first_hue + rng.uniform(-0.25, 0.25)
    contrast = rng.uniform(*design.contrast)
    dark = rng.uniform(0.3, 0.95 - contrast)
    values = (dark + contrast, dark) if rng.uniform() < 0.5 else (dark, dark + contrast)
    first = rgb(first_hue, rng.uniform(*design.saturation), values[0])
    second = rgb(second_hue, rng.uniform(*design.saturation), values[1])
    return Look(shape, texture, rng.uniform(0.85, 1.15), first, second)


def render(
    design: Design,
    label: int,
    frames: int,
    size: tuple[int, int],
    fps: int,
    rng: np.random.Generator,
    scene_rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """One video (T, H, W, 3) RGB of class `label`; `size` is (width, height).

    `scene_rng` determines the surroundings, which videos of one group may share; `rng` determines everything else.
    """
    width, height = size
    aspect = width / height
    time = np.arange(frames) / fps
    canvas, hue = paint_backdrop(design.backdrop, height, width, scene_rng)
    left, top, zoom, shake = camera_path(design.camera, time, rng)
    look = random_look(design, label, hue, rng)
    if design.kind == "appearance":
        track = wandering_track(time, design.radius, aspect, rng)
    else:
        radius = tuple(min(r, LARGEST * min(1.0, aspect)) for r in design.radius)
        drive = list(design.motions().values())[label]
        track = temporal_track(drive, time, radius, aspect, rng)
    growth = np.linspace(-0.5, 0.5, frames)  # see Design.brightening
    track.scale[:] *= 1 + design.approach * growth
    # A shaking camera shakes everything; pans follow the object, so they move only the backdrop.
    track.x[:] -= shake[0]
    track.y[:] -= shake[1]
    video = film(canvas, left, top, zoom, height, width)
    draw(video, track, look)
    video *= (1 + design.brightening * growth).astype(np.float32)[:, None, None, None]
    video *= 255
    return np.clip(video, 0, 255, out=video).round(out=video).astype(np.uint8)
