"""Renders the frames of one video from a dataset's design and a class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from videossl.data.synthetic.designs import Design, appearance_class
from videossl.data.synthetic.motion import camera_path, temporal_track, wandering_track
from videossl.data.synthetic.scene import Look, Place, draw, film, rgb
from videossl.data.synthetic.shapes import TEXTURES, TURNABLE

LARGEST = (
    0.36  # radius in frame heights or widths, whichever is smaller: an object must not meet its own copy on the torus
)
LIGHT = (0.75, 1.1)  # of a video: the same place is seen at other times of the day


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
    design: Design, label: int, place: Place, frames: int, size: tuple[int, int], fps: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """One video (T, H, W, 3) RGB of class `label` in `place`; `size` is (width, height)."""
    width, height = size
    aspect = width / height
    time = np.arange(frames) / fps
    left, top, zoom, shake = camera_path(design.camera, time, rng)
    look = random_look(design, label, place.hue, rng)
    if design.kind == "appearance":
        track = wandering_track(time, design.radius, aspect, rng)
    else:
        radius = tuple(min(r, LARGEST * min(1.0, aspect)) for r in design.radius)
        drive = list(design.motions().values())[label]
        track = temporal_track(drive, time, radius, aspect, rng)
    track.scale[:] *= 1 + design.approach * np.linspace(-0.5, 0.5, frames)
    # A shaking camera shakes everything; pans follow the object, so they move only the backdrop.
    track.x[:] -= shake[0]
    track.y[:] -= shake[1]
    video = film(place.canvas, left, top, zoom, height, width)
    draw(video, track, look, place.from_above)
    video *= 255 * rng.uniform(*LIGHT)
    return np.clip(video, 0, 255, out=video).round(out=video).astype(np.uint8)
