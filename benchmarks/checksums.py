"""What comparing checksums costs: clips of a shard with and without them, by turns, and an archive of a network's size.

python -m benchmarks.checksums
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from unittest import mock

import numpy as np
import torch

from videossl.common.intact import check_archive
from videossl.data import store
from videossl.training.checkpoint import load_torch

VIDEOS, FRAMES, SIZE, CLIP, CLIPS, ROUNDS = 12, 120, (128, 170), 16, 60, 15


def write(path: Path, codec: str) -> None:
    """A shard of smooth pictures with some grain, as videos have."""
    rng = np.random.default_rng(0)
    with store.ShardWriter(path, short_side=SIZE[0], quality=90, codec=codec) as writer:
        for _ in range(VIDEOS):
            coarse = rng.integers(0, 256, (SIZE[0] // 8 + 1, SIZE[1] // 8 + 1, 3))
            picture = np.kron(coarse, np.ones((8, 8, 1)))[: SIZE[0], : SIZE[1]]
            frames = (np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255) for _ in range(FRAMES))
            writer.append([writer.encode(frame.astype(np.uint8)) for frame in frames])


def clips(path: Path, again: store.FrameStore | None = None) -> None:
    """Read clips as a training does; `again`: in a process that has read them before."""
    frames, rng = again or store.FrameStore([path]), np.random.default_rng(0)
    for _ in range(CLIPS):
        first = int(rng.integers(FRAMES - CLIP))
        frames.read(0, int(rng.integers(VIDEOS)), range(first, first + CLIP), borrowed=True)


def seconds(work: Callable[[], object]) -> float:
    """Processor time that it takes: other processes are not in it."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        for codec in ("jpeg", "raw"):
            path = Path(folder) / f"{codec}.arrow"
            write(path, codec)
            clips(path)
            ratios, later, more = [], [], []
            read = store.FrameStore([path])
            clips(path, read)
            for _ in range(ROUNDS):
                with mock.patch.object(store, "_numbers", lambda column: None):  # as a shard without checksums
                    without = seconds(lambda path=path: clips(path))
                checked = seconds(lambda path=path: clips(path))
                ratios.append(checked / without)
                later.append(seconds(lambda path=path, read=read: clips(path, read)) / without)
                more.append((checked - without) / (CLIPS * CLIP) * 1e6)
            low, high = np.percentile(ratios, (25, 75))
            print(
                f"{codec}: reading with checksums takes {median(ratios):.3f} of the time ({low:.3f} to {high:.3f}), "
                f"{median(more):.1f} us a frame more; from the second time on {median(later):.3f}"
            )
        path = Path(folder) / "weights.pt"
        torch.save({str(number): torch.rand(1_000_000) for number in range(42)}, path)
        check_archive(path)
        check = median(seconds(lambda: check_archive(path)) for _ in range(5))
        whole = median(seconds(lambda: load_torch(path)) for _ in range(5))
        print(
            f"{path.stat().st_size / 1e6:.0f} MB of weights: checked in {check:.2f} s, loaded in {whole:.2f} s in all"
        )


if __name__ == "__main__":
    main()
