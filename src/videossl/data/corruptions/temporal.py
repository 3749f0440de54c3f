"""Temporal: frames are lost, held, out of order or reversed. No pixel changes, and no video gets shorter."""

from __future__ import annotations

import numpy as np

# Schiappa et al. (sampling, freeze, jumble, reverse_sampling). Two differ. Their segments get shorter with the
# severity (32 to 2 frames), so that less is out of order; ours get longer. They reverse at rates of 2 to 32; ours begin
# at 1, reversal alone.
DROP_RATES = (2, 4, 8, 16, 32)
KEPT_SHARES = (0.4, 0.2, 0.1, 0.05, 0.0)  # 0: one frame
SEGMENTS = (2, 4, 8, 16, 32)
REVERSED_RATES = (1, 2, 4, 8, 16)


def frame_drop(frames: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Of every n frames the first arrives, and is shown until the next one; theirs are shortened to these frames."""
    return frames[held(len(frames), DROP_RATES[severity - 1])]


def freeze(frames: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Some frames, the first and others at random, are each shown until the next of them."""
    count = len(frames)
    further = 1 + rng.permutation(count - 1)[: max(0, round(KEPT_SHARES[severity - 1] * count) - 1)]
    kept = np.sort(np.append(further, 0))
    return frames[kept[np.searchsorted(kept, np.arange(count), side="right") - 1]]


def shuffle(frames: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Frames in random order within segments of equal length, whose order stays."""
    segment = np.arange(len(frames)) // SEGMENTS[severity - 1]
    return frames[np.lexsort((rng.random(len(frames)), segment))]


def reversed(frames: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """From the last frame to the first; beyond severity 1 of every n frames one, which is shown until the next one."""
    return frames[::-1][held(len(frames), REVERSED_RATES[severity - 1])]


def held(count: int, rate: int) -> np.ndarray:
    """Frame numbers (count,): 0, `rate`, 2 `rate` and so on, each `rate` times."""
    return np.arange(count) // rate * rate
