"""Objects of the generated videos: signed-distance tables of shapes, and two-colour textures.

Coordinates (u, v) are the object's own: the origin is its centre, 1 is its radius, v points down.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom

Array = NDArray[np.float32]

TABLE_EXTENT = 1.7  # a table covers [-1.7, 1.7] in u and v; beyond it the border value holds (far outside)
TABLE_SIZE = 513


def _box(u: Array, v: Array, left: float, top: float, right: float, bottom: float) -> Array:
    """Signed distance to an axis-aligned rectangle (negative inside)."""
    du = np.maximum(left - u, u - right)
    dv = np.maximum(top - v, v - bottom)
    outside = np.hypot(np.maximum(du, 0), np.maximum(dv, 0))
    return outside + np.minimum(np.maximum(du, dv), 0)


def _polygon(u: Array, v: Array, corners: NDArray[np.float64]) -> Array:
    """Signed distance to a simple polygon, `corners` (K, 2): nearest edge, sign by crossing parity."""
    nearest = np.full(u.shape, np.inf)
    inside = np.zeros(u.shape, dtype=bool)
    for (au, av), (bu, bv) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        eu, ev = bu - au, bv - av
        along = np.clip(((u - au) * eu + (v - av) * ev) / (eu * eu + ev * ev), 0, 1)
        nearest = np.minimum(nearest, np.hypot(u - au - along * eu, v - av - along * ev))
        if ev != 0:
            crosses = ((av > v) != (bv > v)) & (u < au + eu * (v - av) / ev)
            inside ^= crosses
    return np.where(inside, -nearest, nearest)


def _around(points: int, radii: tuple[float, ...]) -> NDArray[np.float64]:
    """Corners at equal angles from the top, their radii taken in turn from `radii`."""
    angle = 2 * np.pi * np.arange(points) / points
    radius = np.resize(np.asarray(radii), points)
    return np.stack([radius * np.sin(angle), -radius * np.cos(angle)], axis=1)


def _heart() -> NDArray[np.float64]:
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    u = np.sin(t) ** 3
    v = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16
    return np.stack([u, v], axis=1)


_ARROW = np.array([(0, -1), (0.85, -0.1), (0.32, -0.1), (0.32, 0.95), (-0.32, 0.95), (-0.32, -0.1), (-0.85, -0.1)])

_SHAPES: dict[str, Callable[[Array, Array], Array]] = {
    "disc": lambda u, v: np.hypot(u, v) - 0.85,
    "square": lambda u, v: _box(u, v, -0.78, -0.78, 0.78, 0.78),
    "triangle": lambda u, v: _polygon(u, v, _around(3, (1.1,)) + np.array([0, 0.2])),
    "star": lambda u, v: _polygon(u, v, _around(10, (1.1, 0.48))),
    "cross": lambda u, v: np.minimum(_box(u, v, -0.3, -0.95, 0.3, 0.95), _box(u, v, -0.95, -0.3, 0.95, 0.3)),
    "ring": lambda u, v: np.abs(np.hypot(u, v) - 0.68) - 0.26,
    "heart": lambda u, v: _polygon(u, v, _heart()),
    "crescent": lambda u, v: np.maximum(np.hypot(u, v) - 0.95, 0.8 - np.hypot(u - 0.55, v)),
    "arrow": lambda u, v: _polygon(u, v, _ARROW),
    "tee": lambda u, v: np.minimum(_box(u, v, -0.9, -0.9, 0.9, -0.35), _box(u, v, -0.3, -0.5, 0.3, 0.95)),
    "ell": lambda u, v: np.minimum(_box(u, v, -0.75, -0.95, -0.15, 0.95), _box(u, v, -0.5, 0.4, 0.8, 0.95)),
    "bar": lambda u, v: _box(u, v, -0.35, -1.05, 0.35, 1.05),
    "diamond": lambda u, v: _polygon(u, v, _around(4, (1.1, 0.75))),
    "hexagon": lambda u, v: _polygon(u, v, _around(6, (0.95,))),
}
SHAPES = tuple(_SHAPES)

# No symmetry under rotation by less than a full turn, so that the sense of a spin can be seen.
TURNABLE = ("triangle", "heart", "crescent", "arrow", "tee", "ell")


@cache
def _table(shape: str) -> Array:
    """The flattened distance table of a shape. Computed at a quarter of its resolution, as it is smooth."""
    axis = np.linspace(-TABLE_EXTENT, TABLE_EXTENT, TABLE_SIZE // 4 + 1)
    v, u = np.meshgrid(axis, axis, indexing="ij")
    return zoom(_SHAPES[shape](u, v), TABLE_SIZE / axis.size, order=1).astype(np.float32).ravel()


def distance(shape: str, u: Array, v: Array) -> Array:
    """Signed distance to the outline of `shape` in radii, negative inside; `u` and `v` have the same shape.

    Read from a table (nearest entry, 1/150 of a radius apart): one distance field serves all sizes of the object
    without aliasing, and rendering takes the same time for all shapes.
    """
    step = (TABLE_SIZE - 1) / (2 * TABLE_EXTENT)
    row, column = (np.clip((w + TABLE_EXTENT) * step + 0.5, 0, TABLE_SIZE - 1).astype(np.int32) for w in (v, u))
    return np.take(_table(shape), row * TABLE_SIZE + column)


def _wave(value: Array) -> Array:
    """A periodic value in [-1, 1] to a fraction in [0, 1], with edges soft enough to avoid aliasing."""
    return np.clip(0.5 + 1.4 * value, 0, 1)


_TEXTURES: dict[str, Callable[[Array, Array, float], Array]] = {
    "solid": lambda u, v, k: np.zeros_like(u),
    "striped": lambda u, v, k: _wave(np.sin(9.0 * k * u)),
    "checkered": lambda u, v, k: _wave(np.sin(5.5 * k * u) * np.sin(5.5 * k * v)),
    "dotted": lambda u, v, k: _wave(np.cos(8.5 * k * u) + np.cos(8.5 * k * v) - 0.9),
    "halved": lambda u, v, k: _wave(4 * v),
    "ringed": lambda u, v, k: _wave(np.sin(9.0 * k * np.hypot(u, v) + 1.5)),
}
TEXTURES = tuple(_TEXTURES)


def texture(name: str, u: Array, v: Array, frequency: float) -> Array:
    """Fraction of the object's second colour at (u, v), in [0, 1]; `frequency` is relative, about 1."""
    return _TEXTURES[name](u, v, frequency)
