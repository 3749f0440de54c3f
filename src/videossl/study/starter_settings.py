"""Settings of a study of one's own videos that depend on them: clips that fit into the videos, and enough steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from videossl.data.sampling import span

FRAMES, STRIDE, BATCH = 8, 2, 16
"""Frames of a clip, the step between them in finetuning and RotNet, and R(2+1)D's batch: as in config/config.yaml."""
FEWEST, FEWEST_RSPNET = 4, 2
"""Frames of the shortest clips that are suggested. PRP needs four."""
EPOCHS, MOST_EPOCHS = 20, 100
"""Of pretraining: R(2+1)D's in config/config.yaml, and the most for small sets."""
PRETRAINING_STEPS, FINETUNING_STEPS = 480, 400
"""With 400 steps of finetuning, R(2+1)D from scratch knows 98 % of 199 real training videos. Its loss still falls."""


@dataclass(frozen=True)
class Clips:
    """Frames and steps of clips that fit into most videos."""

    usual: int
    """Nine videos of ten have so many frames, or more."""
    frames: int = FRAMES
    stride: int = STRIDE
    rspnet: int | None = FRAMES
    """Frames of RSPNet's clips, which it takes at two speeds; None: most videos are too short for it."""

    @property
    def shortened(self) -> bool:
        """Whether they differ from those of config/config.yaml."""
        return (self.frames, self.stride, self.rspnet) != (FRAMES, STRIDE, FRAMES)


def fitting_clips(lengths: Sequence[int]) -> Clips:
    """The longest clips, up to the usual ones, that fit into nine of ten videos of these numbers of frames."""
    usual = sorted(lengths)[len(lengths) // 10]
    if usual >= span(FRAMES, STRIDE):
        return Clips(usual)
    frames = min(FRAMES, max(FEWEST, usual - usual % 2))  # VideoMAE's tubes have two frames
    rspnet = (usual + 1) // 2  # its clips at speed 2 are twice as long, less a frame
    return Clips(usual, frames, stride=1, rspnet=rspnet if rspnet >= FEWEST_RSPNET else None)


def pretraining_epochs(videos: int) -> int:
    """Epochs of pretraining on so many videos, of which a tenth is held out: more for small sets."""
    steps = max(1, videos * 9 // 10 // BATCH)
    return min(MOST_EPOCHS, max(EPOCHS, -(-PRETRAINING_STEPS // steps)))
