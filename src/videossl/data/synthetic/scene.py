"""Rendering: a painted backdrop seen by a moving camera, and one anti-aliased object in front of it.

Images are float32 RGB in [0, 1]. A place seen from the side has an up direction: light from above, ground below, and
the object's shadow under it. A place seen from above has none of these; there only the object shows which way is up.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videossl.data.synthetic.motion import Track
from videossl.data.synthetic.shapes import distance, texture

Array = NDArray[np.float32]
Range = tuple[float, float]

MARGIN = 0.4  # the backdrop's canvas reaches this many frames beyond the frame on every side


@dataclass(frozen=True)
class Backdrop:
    """The surroundings of a dataset. Hues are in turns, saturations and values in [0, 1]."""

    upper_hue: Range
    lower_hue: Range
    saturation: Range
    value: Range
    horizon: Range  # height of the ground's far edge, fraction of the frame from its top
    hills: float  # height of the skyline, fraction of the frame
    upper: str  # plain, panels or tiles
    lower: str  # rough, boards or waves
    clutter: int  # largest number of background objects
    above: float = 0.5  # share of places that are seen from above


@dataclass(frozen=True)
class Place:
    """Surroundings of videos: a canvas larger than the frame by MARGIN on all sides, and its main hue in turns."""

    canvas: Array
    hue: float
    from_above: bool


@dataclass(frozen=True)
class Look:
    """An object's appearance: shape, texture and two colours (3,)."""

    shape: str
    texture: str
    frequency: float
    first: Array
    second: Array


def rgb(hue: float, saturation: float, value: float) -> Array:
    """A colour (3,) from hue (in turns), saturation and value."""
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value), dtype=np.float32)


def resample(image: Array, rows: Array, columns: Array) -> Array:
    """`image` (H, W, C) read bilinearly at rows (h,) x columns (w,): (h, w, C); clamped at the border."""
    for axis, where in ((0, rows), (1, columns)):
        where = np.clip(where, 0, image.shape[axis] - 1.001).astype(np.float32)
        low = where.astype(np.intp)
        share = (where - low).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        near, far = np.take(image, low, axis=axis), np.take(image, low + 1, axis=axis)
        image = near + share * (far - near)
    return image


def _noise(height: int, width: int, cells: int, rng: np.random.Generator) -> Array:
    """Smooth noise (H, W, 1) in [-1, 1] with about `cells` bumps along each axis."""
    grid = rng.uniform(-1, 1, size=(cells, cells, 1)).astype(np.float32)
    return resample(grid, np.linspace(0, cells - 1, height), np.linspace(0, cells - 1, width))


def _grid(style: str, x: Array, y: Array, pitch: float) -> Array:
    """Where lines are drawn: across x, and across y too if they are tiles."""
    lines = np.abs(np.mod(x / pitch, 1) - 0.5) > 0.42
    return lines | (np.abs(np.mod(y / pitch, 1) - 0.5) > 0.42) if style == "tiles" else lines


def _upper_pattern(style: str, x: Array, y: Array, pitch: float) -> Array:
    """Darkening of the upper part in [0, 1] at x (1, W), y (H, 1), in frame heights."""
    lines = _grid(style, x, y, pitch)
    return 0.22 * lines if style in ("panels", "tiles") else np.zeros((1, 1))


def _lower_pattern(style: str, x: Array, depth: Array, pitch: float) -> Array:
    """Darkening of the ground in [0, 1] at x (1, W), `depth` (H, W) below the horizon, in frame heights."""
    near = np.sqrt(np.maximum(depth, 0))  # lines crowd together towards the horizon
    if style == "boards":
        return 0.2 * (np.mod(near / pitch, 1) > 0.75)
    if style == "waves":
        return 0.12 * (1 + np.sin(14 * near / pitch * 0.35 + 2 * np.sin(6 * x)))
    return np.zeros((1, 1))


def paint_place(style: Backdrop, height: int, width: int, rng: np.random.Generator) -> Place:
    """A place for frames of `height` x `width` pixels."""
    y = (np.arange(round(height * (1 + 2 * MARGIN)), dtype=np.float32)[:, None] + 0.5) / height - MARGIN
    x = (np.arange(round(width * (1 + 2 * MARGIN)), dtype=np.float32)[None, :] + 0.5 - MARGIN * width) / height
    hue, ground_hue = rng.uniform(*style.upper_hue), rng.uniform(*style.lower_hue)
    saturation, value = rng.uniform(*style.saturation), rng.uniform(*style.value)
    from_above = bool(rng.uniform() < style.above)
    pitch = rng.uniform(0.2, 0.4)
    ground = rgb(ground_hue, min(1, saturation + 0.15), 0.72 * value)
    if from_above:
        canvas, rough = _floor(style, ground, x, y, pitch, rng), np.float32(1)
    else:
        canvas, rough = _view(style, rgb(hue, saturation, value), ground, x, y, pitch, hue, rng)
    roughness = 0.12 if style.lower == "rough" else 0.05
    canvas = canvas * (1 + 0.1 * _noise(y.size, x.size, 7, rng) + roughness * rough * _noise(y.size, x.size, 36, rng))
    return Place(canvas.astype(np.float32), ground_hue if from_above else hue, from_above)


def _floor(style: Backdrop, ground: Array, x: Array, y: Array, pitch: float, rng: np.random.Generator) -> Array:
    """The ground from above (H, W, 3): its pattern in a random direction, and clutter, without an up direction."""
    turn = rng.uniform(0, 2 * np.pi)
    along = np.cos(turn) * x + np.sin(turn) * y
    across = np.cos(turn) * y - np.sin(turn) * x
    lines = _grid(style.upper, along, across, pitch)
    patches = np.sin(2 * across / pitch + 2 * np.sin(3 * along)) > 0.3
    shade = 0.2 * lines if style.lower == "boards" else 0.15 * patches
    canvas = ground * (1.1 - shade)[..., None]
    for _ in range(rng.integers(0, style.clutter + 1)):
        centre = rng.uniform(-0.4, 1.6), rng.uniform(-0.4, 1.4)
        colour = rgb(
            rng.uniform(*style.lower_hue) + rng.uniform(-0.2, 0.2), rng.uniform(0.1, 0.6), rng.uniform(0.35, 0.85)
        )
        mask = np.hypot(x - centre[0], y - centre[1]) < rng.uniform(0.06, 0.2)
        canvas[mask] = 0.35 * canvas[mask] + 0.65 * colour
    return canvas


def _view(
    style: Backdrop, sky: Array, ground: Array, x: Array, y: Array, pitch: float, hue: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """The place from the side (H, W, 3), and the share of the ground in each pixel (H, W, 1)."""
    height = (y.size - 1) / (y[-1, 0] - y[0, 0])  # pixels per frame height
    upper = sky * (1.15 - 0.35 * y)[..., None]
    upper = upper * (1 - _upper_pattern(style.upper, x, y, pitch))[..., None]
    rates, phases = rng.uniform(1, 7, size=3), rng.uniform(0, 2 * np.pi, size=3)
    skyline = sum(np.sin(rate * x + phase) for rate, phase in zip(rates, phases, strict=True)) / 3
    edge = rng.uniform(*style.horizon) - style.hills * skyline
    canvas = np.broadcast_to(upper, (y.size, x.size, 3)).copy()
    for _ in range(rng.integers(0, style.clutter + 1)):
        _add_clutter(canvas, x, y, hue, rng)
    depth = y - edge
    lower = ground * (1 - 0.35 * np.clip(depth, 0, 1))[..., None]
    lower = lower * (1 - _lower_pattern(style.lower, x, depth, pitch))[..., None]
    share = np.clip(depth * height + 0.5, 0, 1)[..., None]
    return canvas + share * (lower - canvas), share


def _add_clutter(canvas: Array, x: Array, y: Array, hue: float, rng: np.random.Generator) -> None:
    """A vague background object: a post, a box or a bush."""
    centre_x, half, top = rng.uniform(-0.4, 1.6), rng.uniform(0.04, 0.16), rng.uniform(0.1, 0.55)
    colour = rgb(hue + rng.uniform(-0.2, 0.2), rng.uniform(0.1, 0.6), rng.uniform(0.35, 0.85))
    if rng.uniform() < 0.5:
        mask = (np.abs(x - centre_x) < half) & (y > top)
    else:
        mask = np.hypot(x - centre_x, y - top) < half * 1.2
    canvas[mask] = 0.35 * canvas[mask] + 0.65 * colour


def film(canvas: Array, left: Array, top: Array, zoom: Array, height: int, width: int) -> Array:
    """The backdrop seen by the camera: (T, H, W, 3) from offsets (T,) in frames and zoom (T,)."""
    rows = (np.arange(height) - height / 2) / zoom[:, None] + height * (0.5 + MARGIN + top[:, None])
    columns = (np.arange(width) - width / 2) / zoom[:, None] + width * (0.5 + MARGIN + left[:, None])
    first, last = int(columns.min()), int(columns.max()) + 2
    canvas, columns = canvas[:, first:last], columns - first
    return np.stack([resample(canvas, r, c) for r, c in zip(rows, columns, strict=True)])


def _window(centre: Array, reach: int, size: int, wraps: bool) -> NDArray[np.intp]:
    """Pixel indices (T, n) around `centre` (T,), in pixels: `reach` to either side, at most `size` of them.

    On a torus they continue beyond the frame; otherwise the window is shifted into the frame.
    """
    count = min(2 * reach + 1, size)
    first = np.floor(centre - count / 2 + 0.5).astype(np.intp)
    if not wraps:
        first = np.clip(first, 0, size - count)
    return first[:, None] + np.arange(count)


def draw(frames: Array, track: Track, look: Look, from_above: bool) -> None:
    """Draw the object into `frames` (T, H, W, 3), in place; from the side it has a shadow and light on its top.

    Computes only a patch around the object. On a torus the patch wraps around the frame's borders.
    """
    count, height, width, _ = frames.shape
    radius = (track.scale * height).astype(np.float32)[:, None, None]  # pixels
    reach = int(np.ceil(1.35 * radius.max()))
    centre_x, centre_y = track.x * width, track.y * height
    columns = _window(centre_x, reach, width, track.wraps)
    rows = _window(centre_y, reach, height, track.wraps)
    right = (columns + 0.5 - centre_x[:, None]).astype(np.float32)[:, None, :] / radius  # (T, 1, n), in radii
    down = (rows + 0.5 - centre_y[:, None]).astype(np.float32)[:, :, None] / radius  # (T, m, 1)
    cos, sin = (f(track.angle).astype(np.float32)[:, None, None] for f in (np.cos, np.sin))
    u, v = cos * right + sin * down, cos * down - sin * right
    outline = distance(look.shape, u, v)
    opacity = track.opacity.astype(np.float32)[:, None, None]
    cover = (opacity * np.clip(0.5 - outline * radius, 0, 1))[..., None]
    share = texture(look.texture, u, v, look.frequency)[..., None]
    light = 1.0 if from_above else (1.08 - 0.22 * np.clip(down, -1, 1))[..., None]
    colour = (look.first + share * (look.second - look.first)) * light

    at = (np.arange(count)[:, None, None] * height + (rows % height)[:, :, None]) * width
    at = at + (columns % width)[:, None, :]
    pixels = frames.reshape(-1, 3)
    patch = np.take(pixels, at, axis=0)
    if not from_above:
        below = 0.28  # the shadow lies this many radii lower
        shade = distance(look.shape, u - sin * below, v - cos * below)
        patch = patch * (1 - 0.45 * opacity * np.clip(0.5 - 2.5 * shade, 0, 1))[..., None]
    pixels[at] = patch + cover * (colour - patch)
