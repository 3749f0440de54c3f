"""Batches of clips from the frame store.

Three guarantees, each with a test. The content of a batch depends only on the seed, the epoch and the step: not on
loader workers, processes or interruptions. Broken videos never reach a batch. An evaluation sees every video exactly
once, in the given order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset, Sampler

from videossl.common.errors import UserError
from videossl.common.ranks import rank_and_processes
from videossl.data import geometry
from videossl.data.augment import draw
from videossl.data.frames import Frames
from videossl.data.photometric import COLUMNS, PhotometricParams, photometric, unit_interval
from videossl.data.sampling import ClipSampler, Drawn, epoch_generator, sample_generator
from videossl.data.settings import Augmentation
from videossl.data.whole_batches import Active, augmented, compiled
from videossl.data.workers import Loader

Key = tuple[int, int]
"""(epoch, index of the video in the data set): identifies one sample and its random draws."""


@dataclass
class Batch:
    """B videos with V clips each, in two tensors: each further one would cost a file handle on the way from a loader's
    worker, and a copy of its own to a GPU."""

    clips: torch.Tensor
    """uint8 (B, V, T, W, W, 3); W is `size`, or the side of the window that a rotated clip is cut from."""
    rows: torch.Tensor
    """uint8 (bytes,): all that belongs to the videos and clips, one after the other; see the properties."""
    size: int
    """Side of the clips after :func:`prepare`, pixels."""
    active: Active
    """What the augmentation may do."""

    @classmethod
    def empty(cls, clips: torch.Tensor, size: int, active: Active) -> Batch:
        """A batch whose properties are to be filled."""
        videos, per_video = clips.shape[:2]
        numbers = videos * (3 * 8 + per_video * 4 * (len(geometry.COLUMNS) + len(COLUMNS)))
        return cls(clips, torch.empty(numbers, dtype=torch.uint8), size, active)

    @property
    def labels(self) -> torch.Tensor:
        """int64 (B,)"""
        return self._numbers(0)

    @property
    def videos(self) -> torch.Tensor:
        """int64 (B,): rows of the data set's table."""
        return self._numbers(1)

    @property
    def choices(self) -> torch.Tensor:
        """int64 (B,): :attr:`videossl.data.sampling.Drawn.choice` of each video."""
        return self._numbers(2)

    @property
    def places(self) -> torch.Tensor:
        """float32 (B, V, len(geometry.COLUMNS)): rotations and flips still to do."""
        return self._values(0, len(geometry.COLUMNS))

    @property
    def params(self) -> torch.Tensor:
        """float32 (B, V, len(photometric.COLUMNS)): colour changes still to do."""
        return self._values(len(geometry.COLUMNS), len(COLUMNS))

    def _numbers(self, which: int) -> torch.Tensor:
        size = 8 * len(self)
        return self.rows[which * size : (which + 1) * size].view(torch.int64)

    def _values(self, before: int, columns: int) -> torch.Tensor:
        videos, per_video = self.clips.shape[:2]
        start, each = 3 * 8 * videos, 4 * videos * per_video
        part = self.rows[start + before * each : start + (before + columns) * each]
        return part.view(torch.float32).view(videos, per_video, columns)

    def __len__(self) -> int:
        return len(self.clips)

    def pin_memory(self) -> Batch:
        """Called by the DataLoader, so that copies to a GPU need not wait."""
        return replace(self, clips=self.clips.pin_memory(), rows=self.rows.pin_memory())

    def to(self, device: torch.device | str) -> Batch:
        """The batch on `device`. From pinned memory, the host does not wait for the two copies."""
        return replace(
            self, clips=self.clips.to(device, non_blocking=True), rows=self.rows.to(device, non_blocking=True)
        )


def prepare(batch: Batch, device: torch.device | str) -> torch.Tensor:
    """Move the clips to `device`, augment and normalise them there: float32 (B, V, 3, T, size, size)."""
    if torch.device(device).type == "cpu" or selected_on_host(batch):
        moved = unit_interval(batch.clips.to(device, non_blocking=True).flatten(0, 1))
        placed = geometry.finish(moved, batch.places.flatten(0, 1), batch.size)
        return photometric(placed, PhotometricParams(batch.params).flatten()).unflatten(0, batch.clips.shape[:2])
    return prepared(batch.to(device))


def selected_on_host(batch: Batch) -> bool:
    """Whether a GPU's clips are augmented as on a CPU, because the compiler has failed: :func:`augmented` has three
    hundred operations, which alone would take longer."""
    return batch.active.colours and compiled().fast is None


def prepared(batch: Batch) -> torch.Tensor:
    """The clips of a batch on a GPU, augmented and normalised as by :func:`prepare`, without a look at the host's
    memory. What only flips and normalises, as in tests, is not worth compiling."""
    function = compiled() if batch.active.colours else augmented
    flat = (values.flatten(0, 1) for values in (batch.clips, batch.places, batch.params))
    return function(*flat, batch.size, batch.active).unflatten(0, batch.clips.shape[:2])


class ClipDataset(Dataset[Batch]):
    """Clips of the videos of a table. Indexed by (epoch, index), so that every sample has its own random draws.

    Args:
        videos: the manifest's columns shard, batch, frames and label, only videos with status ok; its row order defines
            the indices.
        augment: one configuration for all clips, or one for each clip of the sampler.
        min_frames: fewest frames of a video that the sampler can use. The place of a shorter video is taken by another
            one, drawn anew in each epoch from those that are long enough; an epoch has as many samples as ever.
    """

    def __init__(
        self,
        store: Frames,
        videos: pd.DataFrame,
        sampler: ClipSampler,
        augment: Augmentation | Sequence[Augmentation],
        seed: int,
        *,
        min_frames: int = 1,
    ) -> None:
        if (videos["batch"] < 0).any() or (videos["frames"] < 1).any():
            raise UserError("the table holds missing or broken videos; select those with status 'ok' first")
        count = sampler.clips_per_video
        configs = [augment] * count if isinstance(augment, Augmentation) else list(augment)
        if len(configs) != count:
            raise UserError(f"{len(configs)} augmentations for {count} clips: give one, or one per clip")
        if len({config.size for config in configs}) != 1:
            raise UserError("the augmentations of a video's clips must have the same size")
        self.store, self.sampler, self.augment, self.seed = store, sampler, configs, seed
        self.rotation = max(config.rotation for config in configs)
        self.active = Active.of(configs)
        # Plain arrays: cheap to send to workers, and not copied page by page by reference counting.
        self.table = {key: videos[key].to_numpy(np.int64) for key in ("shard", "batch", "frames", "label")}
        self.min_frames = min_frames
        self.long_enough = np.flatnonzero(self.table["frames"] >= min_frames)
        if len(videos) and not len(self.long_enough):
            raise UserError(
                f"none of the {len(videos)} videos has {min_frames} frames; the longest has"
                f" {self.table['frames'].max()}"
            )

    def __len__(self) -> int:
        return len(self.table["label"])

    def __getitem__(self, key: Key) -> Batch:
        """A batch with one video."""
        return self.__getitems__([key])

    def __getitems__(self, keys: Sequence[Key]) -> Batch:
        """The batch of these videos. Called by PyTorch's loader.

        Every clip is cropped directly into its place in the batch. Stacking clips and joining samples would copy each
        of them twice into new memory, and the first access to new memory costs half as much as decoding.
        """
        generators = [sample_generator(self.seed, *key) for key in keys]
        chosen = [self._choose(index, rng) for (_, index), rng in zip(keys, generators, strict=True)]
        drawn = [self._draw(index, rng) for index, rng in zip(chosen, generators, strict=True)]
        videos, clips, length = len(keys), len(self.augment), len(drawn[0].clips[0])
        size = self.augment[0].size
        side = geometry.window_side(size, self.rotation)
        batch = Batch.empty(_batch_memory((videos, clips, length, side, side, 3)), size, self.active)
        batch.labels.copy_(torch.from_numpy(self.table["label"][chosen]))
        batch.videos.copy_(torch.tensor(chosen))
        batch.choices.copy_(torch.tensor([sample.choice for sample in drawn]))
        for place, (sample, rng) in enumerate(zip(drawn, generators, strict=True)):
            self._fill(batch, place, sample.clips, rng)
        return batch

    def _choose(self, index: int, rng: np.random.Generator) -> int:
        """The video at this place of the epoch: its own, or another one in place of a too short one."""
        if self.table["frames"][index] >= self.min_frames:
            return index
        return int(rng.choice(self.long_enough))

    def _draw(self, index: int, rng: np.random.Generator) -> Drawn:
        return self.sampler(int(self.table["frames"][index]), rng)

    def _fill(self, batch: Batch, place: int, windows: Sequence[np.ndarray], rng: np.random.Generator) -> None:
        """Decode and crop the clips of one video into the batch."""
        batch_places, batch_params = batch.places, batch.params
        shard, stored = (int(self.table[name][batch.videos[place]]) for name in ("shard", "batch"))
        # Clips of one video may overlap: decode every frame once.
        wanted, places = np.unique(np.concatenate(windows), return_inverse=True)
        decoded = self.store.read(shard, stored, wanted, borrowed=True)  # safe, since the clips are copies
        for clip, (config, own) in enumerate(zip(self.augment, places.reshape(len(windows), -1), strict=True)):
            augmentation = draw(config, *decoded.shape[1:3], rng)
            consecutive = own[-1] - own[0] == len(own) - 1 and bool((np.diff(own) == 1).all())
            chosen = decoded[own[0] : own[-1] + 1] if consecutive else decoded[own]
            row = geometry.cut(chosen, augmentation, self.rotation, batch.clips[place, clip])
            batch_places[place, clip] = torch.from_numpy(row)
            batch_params[place, clip] = torch.from_numpy(augmentation.photometric)


def _batch_memory(shape: tuple[int, ...]) -> torch.Tensor:
    """An empty uint8 tensor. In a loader's worker it lies in shared memory, so that it need not be copied there."""
    if torch.utils.data.get_worker_info() is None:
        return torch.empty(shape, dtype=torch.uint8)
    storage = torch.UntypedStorage._new_shared(math.prod(shape))  # as torch's own collate function does
    return torch.empty(0, dtype=torch.uint8).set_(storage, 0, shape)


class EpochBatches(Sampler[list[Key]]):
    """Keys of every batch, epoch after epoch; can start at any (epoch, step).

    The order of epoch e is a permutation drawn from (seed, e) alone (`shuffle=False`: the table's order).
    `batch_size` counts all processes; process `rank` of `world_size` yields its share of every batch. A
    batch comes in `accumulation_steps` successive parts, each shared by the processes, whose gradients are accumulated.
    `drop_last`: leave out the epoch's last, partial batch (training), else yield it (evaluation).
    `epochs`: the epoch before which to end; None: never end.
    """

    def __init__(
        self,
        num_videos: int,
        batch_size: int,
        seed: int = 0,
        *,
        drop_last: bool,
        start: tuple[int, int] = (0, 0),
        epochs: int | None = None,
        shuffle: bool = True,
        rank: int = 0,
        world_size: int = 1,
        accumulation_steps: int = 1,
    ) -> None:
        if num_videos < 1 or batch_size < 1:
            raise UserError(f"{num_videos} videos in batches of {batch_size}: both must be at least 1")
        if drop_last and num_videos < batch_size:
            raise UserError(
                f"{num_videos} videos do not fill a batch of {batch_size}: use a smaller batch_size, or a larger subset"
            )
        if batch_size % (world_size * accumulation_steps) or not 0 <= rank < world_size:
            multiple = world_size * accumulation_steps
            raise UserError(
                f"a batch of {batch_size} videos cannot be shared evenly by {world_size} processes in"
                f" {accumulation_steps} parts each: batch_size must be a multiple of {multiple} (compute.gpus x"
                " compute.nodes x accumulation_steps), and so must the number of training videos where there are fewer"
                " than a batch."
            )
        self.num_videos, self.batch_size, self.seed, self.shuffle = num_videos, batch_size, seed, shuffle
        self.start, self.epochs, self.rank, self.world_size = start, epochs, rank, world_size
        self.accumulation_steps = accumulation_steps
        self.steps_per_epoch = num_videos // batch_size if drop_last else -(-num_videos // batch_size)
        if not 0 <= start[1] <= self.steps_per_epoch:
            raise ValueError(f"step {start[1]} of an epoch of {self.steps_per_epoch} steps")

    def order(self, epoch: int) -> np.ndarray:
        """Video indices (num_videos,) int64 in the order of `epoch`."""
        if not self.shuffle:
            return np.arange(self.num_videos)
        return epoch_generator(self.seed, epoch).permutation(self.num_videos)

    def __len__(self) -> int:
        if self.epochs is None:
            raise TypeError("an endless sequence of batches has no length")
        return max((self.epochs - self.start[0]) * self.steps_per_epoch - self.start[1], 0) * self.accumulation_steps

    def __iter__(self) -> Iterator[list[Key]]:
        epoch, step = self.start
        while self.epochs is None or epoch < self.epochs:
            order = self.order(epoch)
            for number in range(step, self.steps_per_epoch):
                batch = order[number * self.batch_size : (number + 1) * self.batch_size]
                for part in np.array_split(batch, self.accumulation_steps):
                    share = np.array_split(part, self.world_size)[self.rank]
                    yield [(epoch, int(index)) for index in share]
            epoch, step = epoch + 1, 0


def train_loader(
    dataset: ClipDataset, batches: Iterable[list[Key]], *, workers: int, device: torch.device | str = "cpu"
) -> Loader[Batch]:
    """A loader over `batches`. Iterate over it once per run, so that the workers live through all epochs."""
    return Loader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=_as_it_is,
        pin_memory=torch.device(device).type == "cuda",
        # Its own generator: DataLoader draws a base seed, which must not advance the global generator.
        generator=torch.Generator(),
    )


def _as_it_is(batch: Batch) -> Batch:
    """Batches come complete from the data set; there is nothing to collate."""
    return batch


def eval_loader(
    dataset: ClipDataset, *, batch_size: int, workers: int, device: torch.device | str = "cpu"
) -> Loader[Batch]:
    """Every video of the data set exactly once, in the order of the table; the last batch may be smaller.

    With several processes, each takes complete batches: process r of W takes batches r, r + W, ...
    """
    batches = list(EpochBatches(len(dataset), batch_size, drop_last=False, shuffle=False, epochs=1))
    rank, processes = rank_and_processes()
    return train_loader(dataset, batches[rank::processes], workers=workers, device=device)
