"""Motion of the object and of the camera.

Positions are fractions of the frame's width (x, to the right) and height (y, down), scales are radii as fractions of
the frame's height, angles are radians (clockwise as seen), times are seconds.

**A natural speed.** Things in real videos have one: people walk at about two steps a second, pendulums swing, objects
fall. Here the motions of temporal classes have a period of about two seconds (TEMPO), and the wandering of objects in
appearance sets one of about a second (STEP), so that a clip played twice as fast looks fast. Motions keep their force:
if they lost it, a late clip played fast would look like an early one played slowly. Between two frames of a small clip
(a sixth of a second apart) an object moves by a few pixels.

**Why a single frame of a temporal set reveals nothing.** Every coordinate has the same distribution in every class at
every moment, whether the class moves it or not. Positions on a steady course are uniform on a torus (what leaves at the
right enters at the left). A swing is an amplitude times the sine of a uniform phase, and in classes without it the same
offset stays, without the oscillation. Size and opacity on a one-way course run through a cycle with a uniform phase, or
rest at a value drawn from the same distribution as the cycle's. Only the change over time differs.
"""

from __future__ import annotations

import itertools
from collections import ChainMap
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TEMPO = (0.45, 0.55)  # cycles per second of a temporal class's motion
STEP = (0.9, 1.1)  # cycles per second of wandering
COURSE = (0.45, 0.55)  # frame heights per second of a steady course
CYCLE = (1.8, 2.2)  # seconds of a one-way cycle of size or opacity


@dataclass(frozen=True)
class Track:
    """The object's state at each of T frames; all arrays have shape (T,)."""

    x: Array
    y: Array
    scale: Array
    angle: Array
    opacity: Array
    wraps: bool  # whether positions are on a torus


@dataclass(frozen=True)
class Drive:
    """The motion of a temporal class: signs, directions and multiples of the natural tempo. The rest is random."""

    direction: tuple[int, int] | None = None  # of steady motion: (right, down)
    travels: bool = False  # steady motion in a direction drawn for each video
    pace: int = 0  # +1 accelerates, -1 decelerates, periodically
    scale: int = 0  # +1 approaches, -1 recedes
    opacity: int = 0  # +1 fades in, -1 fades out
    saw: tuple[int, int] = (0, 0)  # slowly in this direction and quickly back
    # Multiples of the natural tempo; 0 for no such motion.
    spin: float = 0  # on the spot; positive is clockwise
    tumbles: bool = False  # the sense of the spin is drawn for each video
    orbit: float = 0  # around a point; positive is clockwise
    shake: tuple[float, float] = (0, 0)  # back and forth along (x, y)
    pulse: float = 0  # grows and shrinks


# Pairs of a motion and its reversal in time, or of two tempos of one motion. The first four survive a horizontal flip,
# so that a few classes suit recipes with and without flips.
GESTURES: dict[str, Drive] = {
    "Moving [something] up": Drive(direction=(0, -1)),
    "Moving [something] down": Drive(direction=(0, 1)),
    "Shaking [something] up and down": Drive(shake=(0, 1)),
    "Shaking [something] up and down quickly": Drive(shake=(0, 2)),
    "Moving [something] left to right": Drive(direction=(1, 0)),
    "Moving [something] right to left": Drive(direction=(-1, 0)),
    "Spinning [something] clockwise": Drive(spin=1),
    "Spinning [something] counterclockwise": Drive(spin=-1),
    "Squeezing [something]": Drive(pulse=1),
    "Squeezing [something] quickly": Drive(pulse=2),
    "Circling [something] clockwise": Drive(orbit=1),
    "Circling [something] counterclockwise": Drive(orbit=-1),
    "Shaking [something] sideways": Drive(shake=(1, 0)),
    "Shaking [something] sideways quickly": Drive(shake=(2, 0)),
    "Moving [something] closer": Drive(scale=1),
    "Moving [something] away": Drive(scale=-1),
    "Moving [something] faster and faster": Drive(travels=True, pace=1),
    "Moving [something] slower and slower": Drive(travels=True, pace=-1),
    "Making [something] appear slowly and fade at once": Drive(opacity=1),
    "Making [something] fade slowly and appear at once": Drive(opacity=-1),
    "Lifting [something] slowly and dropping it quickly": Drive(saw=(0, -1)),
    "Throwing [something] up quickly and letting it sink slowly": Drive(saw=(0, 1)),
    "Pushing [something] slowly to the right and pulling it back quickly": Drive(saw=(1, 0)),
    "Pushing [something] slowly to the left and pulling it back quickly": Drive(saw=(-1, 0)),
}

# A dive combines four attributes, like the four fields of Diving48's vocabulary. Twists (a sway to the sides) and
# somersaults (a spin) differ in how many there are in the time of a dive, that is, in tempo. Every dive survives a
# horizontal flip.
_ATTRIBUTES: tuple[dict[str, dict], ...] = (
    {"Forward": {"direction": (0, 1)}, "Back": {"direction": (0, -1)}},
    {"NoTwis": {}, "05Twis": {"shake": (0.5, 0)}, "20Twis": {"shake": (2, 0)}, "10Twis": {"shake": (1, 0)}},
    {"NoSom": {}, "20som": {"spin": 2}, "10som": {"spin": 1}},
    {"STR": {}, "TUCK": {"pulse": 1}},
)
_FIRST = 3  # values of an attribute that the first classes combine


def _dives() -> dict[str, Drive]:
    """The dives by their four words. Even six classes share each of their words, so one attribute is not enough."""

    def order(indices: tuple[int, ...]) -> tuple[int, ...]:
        takeoff, twists, somersaults, position = indices
        return (position, max(twists, somersaults + 1) // _FIRST, somersaults, twists, takeoff)

    dives = {}
    for indices in sorted(itertools.product(*(range(len(values)) for values in _ATTRIBUTES)), key=order):
        words = [[*values][index] for values, index in zip(_ATTRIBUTES, indices, strict=True)]
        drive = dict(ChainMap(*(_ATTRIBUTES[k][word] for k, word in enumerate(words))))
        dives[" ".join(words)] = Drive(tumbles=True, **drive)
    return dives


DIVES = _dives()

RETURN = 0.15  # fraction of a cycle that a slow-then-quick motion spends on the way back


def sawtooth(phase: Array, sense: int) -> Array:
    """Slow rise (`sense` +1) or fall (-1) with a quick return, in [0, 1]; uniform for a uniform phase."""
    phase = np.mod(phase, 1)
    rise = np.where(phase < 1 - RETURN, phase / (1 - RETURN), (1 - phase) / RETURN)
    return rise if sense > 0 else 1 - rise


def _cycle(time: Array, sense: int, rng: np.random.Generator) -> Array:
    """A coordinate in [0, 1]: running through its cycle, or at rest (`sense` 0) at a uniform value."""
    start, period = rng.uniform(), rng.uniform(*CYCLE)
    return sawtooth(start + time / period, sense) if sense else np.full(time.shape, start)


def _swing(time: Array, multiple: float, rng: np.random.Generator) -> Array:
    """An offset in [-1, 1] that oscillates at a multiple of the natural tempo (0: not at all)."""
    start, tempo = rng.uniform(), rng.uniform(*TEMPO)
    return np.sin(2 * np.pi * (start + multiple * tempo * time))


def _travel(time: Array, drive: Drive, rng: np.random.Generator) -> Array:
    """Distance travelled at each frame, in frame sizes; the mean speed does not depend on the pace."""
    speed = rng.uniform(*COURSE)
    phase = np.mod(rng.uniform() + time / rng.uniform(1.4, 2.0), 1)
    if drive.pace:
        speed = speed * (0.2 + 1.6 * (phase if drive.pace > 0 else 1 - phase))
    step = np.diff(time, prepend=time[0])
    return np.cumsum(speed * step)


def temporal_track(
    drive: Drive, time: Array, radius: tuple[float, float], aspect: float, rng: np.random.Generator
) -> Track:
    """The track of a temporal class at `time` (T,); `aspect` is width / height, `radius` the range of scales.

    All random numbers are drawn in the same order for every class, so that only `drive` differs.
    """
    x, y, turn, heading = rng.uniform(size=4)
    travel = _travel(time, drive, rng)
    closeness, opacity = _cycle(time, drive.scale, rng), _cycle(time, drive.opacity, rng)
    tempo, phase, reach = rng.uniform(*TEMPO), rng.uniform(), rng.uniform(0.2, 0.26)
    sense = rng.choice((-1, 1)) if drive.tumbles else 1
    shake_x, shake_y = (_swing(time, multiple, rng) for multiple in drive.shake)
    pulse = _swing(time, drive.pulse, rng)

    right, down = drive.direction or (0, 0)
    if drive.travels:
        right, down = np.cos(2 * np.pi * heading), np.sin(2 * np.pi * heading)
    slide = 1.6 * reach * sawtooth(phase + tempo * time, 1)
    orbit = 2 * np.pi * (phase + drive.orbit * tempo * time)  # with y downwards, a growing angle runs clockwise
    dx = right * travel + drive.saw[0] * slide + reach * (shake_x + np.cos(orbit))
    dy = down * travel + drive.saw[1] * slide + reach * (shake_y + np.sin(orbit))
    low, high = np.log(radius)
    return Track(
        x=np.mod(x + dx / aspect, 1),  # equal speeds in pixels along both axes
        y=np.mod(y + dy, 1),
        scale=np.exp(low + (high - low) * (0.3 + 0.4 * closeness + 0.3 * pulse)),
        angle=2 * np.pi * (turn + sense * drive.spin * tempo * time),
        opacity=0.5 + 0.5 * opacity,
        wraps=True,
    )


def wandering_track(time: Array, radius: tuple[float, float], aspect: float, rng: np.random.Generator) -> Track:
    """The nuisance motion of an appearance set at `time` (T,): smooth, upright, within the picture.

    The path is a circle, an ellipse, a sway or a hop, at a natural tempo.
    """
    phase = rng.uniform(0, 2 * np.pi, size=3)
    reach_x, reach_y = rng.uniform(0.14, 0.26) * aspect, rng.uniform(0.06, 0.15)
    centre_x, centre_y = rng.uniform(0.38, 0.62), rng.uniform(0.46, 0.58)
    turn = rng.choice((-1, 1)) * 2 * np.pi * rng.uniform(*STEP) * time
    dy = np.sin(turn + phase[1])
    if rng.uniform() < 0.4:  # hops: falls and rebounds, twice in a cycle
        dy = 1 - 2 * np.abs(np.sin(turn / 2 + phase[1]))
    return Track(
        x=centre_x + reach_x / aspect * np.sin(turn + phase[0]),
        y=centre_y + reach_y * dy,
        scale=rng.uniform(*radius) * (1 + 0.1 * np.sin(turn + phase[2])),
        angle=rng.uniform(-0.2, 0.2) + rng.uniform(0, 0.2) * np.sin(turn + phase[2]),
        opacity=np.ones(time.shape),
        wraps=False,
    )


@dataclass(frozen=True)
class Camera:
    """Camera motion of a dataset: typical pan (frame sizes per second), shake (frame sizes) and zoom (fraction)."""

    pan: float
    shake: float
    zoom: float


def camera_path(camera: Camera, time: Array, rng: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """View offset x and y (fractions of the frame, within ±0.3), zoom (>= 1), and the shake by itself (2, T)."""
    phase = rng.uniform(0, 2 * np.pi, size=(2, 4))
    rate = np.array([5.0, 8.3, 11.9])[None, :, None]  # rad/s; no common period
    shake = camera.shake / 2 * np.sin(rate * time + phase[:, :3, None]).sum(axis=1)
    heading, speed = rng.uniform(0, 2 * np.pi), camera.pan * rng.uniform(0.4, 1.2)
    # A pan back and forth within the canvas: a sine of 0.22 frames whose fastest point has the requested speed.
    pan = 0.22 * np.sin(speed / 0.22 * time + phase[0, 3])
    x, y = pan * np.cos(heading) + shake[0], 0.5 * pan * np.sin(heading) + shake[1]
    zoom = 1 + camera.zoom * (0.5 + 0.5 * np.sin(1.7 * time + phase[1, 3]))
    return np.clip(x, -0.3, 0.3), np.clip(y, -0.3, 0.3), zoom, shake
