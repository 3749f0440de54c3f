"""Which frames of a video a video-language model sees. NumPy only; runs in loader workers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from videossl.common.errors import unknown_name
from videossl.data.sampling import Drawn, loop, span, uniform_windows

SAMPLINGS = ("centres", "linspace", "steps")


def spread(length: int, count: int, sampling: str) -> np.ndarray:
    """`count` frame numbers (int64) spread over `length` frames, as in the models' own code.

    centres: the middles of equal segments, rounded down (X-CLIP, ViFi-CLIP, EZ-CLIP). linspace: from the first to the
    last frame, rounded down (LanguageBind). steps: every n-th frame from the first, n = length // count (ViCLIP). If
    there are fewer frames than requested, frames are repeated.
    """
    if sampling == "centres":
        return ((np.arange(count) + 0.5) * length / count).astype(np.int64)
    if sampling == "linspace":
        return np.linspace(0, length - 1, count).astype(np.int64)
    if sampling == "steps":
        return np.minimum(np.arange(count) * max(length // count, 1), length - 1)
    raise unknown_name("sampling of frames", sampling, SAMPLINGS)


@dataclass(frozen=True)
class WholeVideo:
    """One clip of `count` frames spread over the video; not random."""

    count: int
    sampling: str
    clips_per_video: int = 1

    def __call__(self, num_frames: int, rng: np.random.Generator) -> Drawn:
        return Drawn([spread(num_frames, self.count, self.sampling)])


@dataclass(frozen=True)
class RandomSegments:
    """One clip: a random frame from each of `count` equal segments of the video (training)."""

    count: int
    clips_per_video: int = 1

    def __call__(self, num_frames: int, rng: np.random.Generator) -> Drawn:
        places = (np.arange(self.count) + rng.random(self.count)) * num_frames / self.count
        return Drawn([np.minimum(places.astype(np.int64), num_frames - 1)])


@dataclass(frozen=True)
class ViewClips:
    """One of `views` evenly spaced clips, drawn uniformly; `choice` is its number (training of a student)."""

    length: int
    stride: int
    views: int
    clips_per_video: int = 1

    def __call__(self, num_frames: int, rng: np.random.Generator) -> Drawn:
        view = int(rng.integers(self.views))
        return Drawn([uniform_windows(num_frames, self.length, self.stride, self.views)[view]], view)


@dataclass(frozen=True)
class WithinViews:
    """The same evenly spaced clips as seen by a teacher: `count` of its own frames within the time of each.

    length, stride: of the student's clip.
    """

    length: int
    stride: int
    clips_per_video: int
    count: int
    sampling: str

    def __call__(self, num_frames: int, rng: np.random.Generator) -> Drawn:
        reach = span(self.length, self.stride)
        windows = uniform_windows(num_frames, self.length, self.stride, self.clips_per_video)
        offsets = spread(reach, self.count, self.sampling)
        return Drawn([loop(window[0] + offsets, num_frames) for window in windows])
