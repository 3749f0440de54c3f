"""Clip sampling: which frames of a video form a clip, and the random generators that decide it. NumPy only.

Every sample has its own generator, determined by (seed, epoch, sample index). A sample does not depend on loader
workers, processes, or interruptions of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

_SAMPLE, _EPOCH, _OTHER = 1, 2, 3  # last word of a seed: separates the kinds of generators


def sample_generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """Random generator of sample `index` in `epoch` (integers >= 0).

    SeedSequence hashes the numbers, so neighbouring samples have independent streams (about 15 microseconds).
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, epoch, index, _SAMPLE))))


def epoch_generator(seed: int, epoch: int) -> np.random.Generator:
    """Random generator for the order of videos in an epoch, independent of the generators of samples."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, epoch, 0, _EPOCH))))


def step_seed(seed: int, epoch: int, step: int) -> int:
    """A 63-bit seed for one training step, for `torch.Generator.manual_seed`."""
    words = np.random.SeedSequence((seed, epoch, step, _OTHER)).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


def span(length: int, stride: int) -> int:
    """Number of consecutive frames covered by a clip of `length` frames with `stride`."""
    return (length - 1) * stride + 1


def window_indices(start: int, length: int, stride: int) -> np.ndarray:
    """Frame indices (length,) int64 from `start` with `stride`. Not wrapped: see :func:`loop`."""
    return start + stride * np.arange(length, dtype=np.int64)


def loop(indices: np.ndarray, num_frames: int) -> np.ndarray:
    """Repeat a too short video from its beginning: indices modulo `num_frames`."""
    if num_frames < 1:
        raise ValueError(f"a video of {num_frames} frames has no clip")
    return indices % num_frames


def random_start(num_frames: int, length: int, stride: int, rng: np.random.Generator) -> int:
    """A start drawn uniformly from those where the clip fits; 0 if the video is too short."""
    return int(rng.integers(max(num_frames - span(length, stride), 0) + 1))


def random_window(num_frames: int, length: int, stride: int, rng: np.random.Generator) -> np.ndarray:
    """A clip (length,) int64 at a random position; a too short video is looped from its first frame."""
    start = random_start(num_frames, length, stride, rng)
    return loop(window_indices(start, length, stride), num_frames)


def uniform_windows(num_frames: int, length: int, stride: int, count: int) -> list[np.ndarray]:
    """`count` evenly spaced clips (length,) int64: the first starts at frame 0, the last ends at the last frame.

    A single clip is centred. In a too short video all clips are the same, looped clip.
    """
    last = max(num_frames - span(length, stride), 0)
    starts = [last // 2] if count == 1 else np.linspace(0, last, count).round().astype(np.int64)
    return [loop(window_indices(int(start), length, stride), num_frames) for start in starts]


@dataclass(frozen=True)
class Drawn:
    """The clips of a video, and the sampler's choice."""

    clips: Sequence[np.ndarray]
    """One array of frame indices in [0, num_frames) per clip, all of the same length."""
    choice: int = 0
    """A choice that the frames do not show, such as the index of the playback rate; passed on to the task."""


class ClipSampler(Protocol):
    """Chooses the clips of one video. Called in loader workers, so it must be picklable and small."""

    @property
    def clips_per_video(self) -> int:
        """Number of clips of a video."""
        ...

    def __call__(self, num_frames: int, rng: np.random.Generator) -> Drawn:
        """Draw the clips of a video of `num_frames` frames."""
        ...


@dataclass(frozen=True)
class RandomClips:
    """`clips_per_video` clips at independent random positions (finetuning: one)."""

    length: int
    stride: int
    clips_per_video: int = 1

    def __call__(self, num_frames: int, rng: np.random.Generator) -> Drawn:
        return Drawn([random_window(num_frames, self.length, self.stride, rng) for _ in range(self.clips_per_video)])


@dataclass(frozen=True)
class UniformClips:
    """`clips_per_video` evenly spaced clips (the usual 10-clip test); not random."""

    length: int
    stride: int
    clips_per_video: int = 10

    def __call__(self, num_frames: int, rng: np.random.Generator) -> Drawn:
        return Drawn(uniform_windows(num_frames, self.length, self.stride, self.clips_per_video))
