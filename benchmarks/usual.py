"""The data set that one would write without this project, and most repositories have: decord on the video files, and
torchvision's transforms on every clip, in the loader's worker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from videossl.common import torchvision_operators  # noqa: F401  (before torchvision, see there)
from videossl.data.sampling import ClipSampler
from videossl.data.settings import Augmentation

from torchvision.transforms import v2  # isort: skip


def transforms(config: Augmentation) -> v2.Compose:
    """The augmentation of a recipe in torchvision's words; one draw a clip (T, 3, H, W)."""
    steps: list[v2.Transform] = [v2.Resize(config.resize_short or 128, antialias=True)]
    if config.rotation:
        steps.append(v2.RandomRotation(config.rotation, v2.InterpolationMode.BILINEAR))
    if config.crop == "random_resized":
        steps.append(v2.RandomResizedCrop(config.size, config.scale, config.ratio, antialias=True))
    else:
        steps.append(v2.RandomCrop(config.size))
    steps += [v2.RandomHorizontalFlip(config.flip), v2.ToDtype(torch.float32, scale=True)]
    if any(config.jitter):
        steps.append(v2.RandomApply([v2.ColorJitter(*config.jitter)], config.jitter_p))
    if config.gray_p:
        steps.append(v2.RandomGrayscale(config.gray_p))
    if config.blur_p:
        steps.append(v2.RandomApply([v2.GaussianBlur(11, config.blur_sigma)], config.blur_p))
    return v2.Compose([*steps, v2.Normalize(config.mean, config.std)])


class Usual(torch.utils.data.Dataset):
    """Clips float32 (V, 3, T, S, S) of video files."""

    def __init__(self, paths: Sequence[Path], sampler: ClipSampler, config: Augmentation) -> None:
        self.paths, self.sampler, self.transforms = list(paths), sampler, transforms(config)
        self.rng = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        import decord

        reader = decord.VideoReader(str(self.paths[index]), ctx=decord.cpu(0), num_threads=1)
        clips = []
        for indices in self.sampler(len(reader), self.rng).clips:
            frames = torch.from_numpy(reader.get_batch(indices).asnumpy())
            clips.append(self.transforms(frames.permute(0, 3, 1, 2)).transpose(0, 1))
        return torch.stack(clips)
