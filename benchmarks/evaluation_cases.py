"""One evaluation in one way, in a process of its own: prints seconds and peak memory as JSON. See evaluation.py."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from benchmarks import readers, videos
from benchmarks.evaluation import OURS
from benchmarks.settings import Settings
from videossl.analysis.cka import compare, gram, hsic
from videossl.analysis.retrieval import first_match
from videossl.backbones import registry as backbones
from videossl.common.files import write_parquet
from videossl.data.corruption import constant, corrupt
from videossl.data.loader import ClipDataset, eval_loader, prepare
from videossl.data.materialise import resize
from videossl.data.noisy import merge_noisy_manifest, write_noisy_shards
from videossl.data.sampling import UniformClips
from videossl.data.settings import NOISES, SEVERITIES, Normalisation
from videossl.data.store import FrameStore
from videossl.data.video import stored_size
from videossl.stages.data import NOISY_CODEC

FRAMES = 60
"""Of each video, in the robustness case: as many as ten clips of 16 frames need at least."""


def cka(subject: str, count: int, folder: Path) -> Callable[[], object]:
    """Two networks of different width on the same inputs, 32 at a time."""
    first, second = (backbones.build("shufflenet", width=width).eval() for width in (0.25, 0.5))
    generator = torch.Generator().manual_seed(0)
    batches = [torch.randn(32, 3, 8, 32, 32, generator=generator) for _ in range(count // 32)]
    if subject == OURS:
        return lambda: compare(first, second, batches)
    return lambda: _all_kept(first, second, batches)


@torch.no_grad()
def _all_kept(first: nn.Module, second: nn.Module, batches: list[torch.Tensor]) -> np.ndarray:
    """Collect the activations of all layers on all samples, then compare pair by pair."""
    kept = []
    for model in (first, second):
        layers: dict[str, list[torch.Tensor]] = {}
        for name, module in model.named_modules():
            if name:
                layers[name] = []
                module.register_forward_hook(lambda _, i, output, seen=layers[name]: seen.append(output.clone()))
        for batch in batches:
            model(batch)
        kept.append([torch.cat(values) for values in layers.values() if values and values[0].ndim > 1])
    matrix = np.empty((len(kept[0]), len(kept[1])))
    grams = [[gram(layer)[None] for layer in layers] for layers in kept]
    own = [[hsic(layer, layer).item() for layer in layers] for layers in grams]
    for row, one in enumerate(grams[0]):
        for column, other in enumerate(grams[1]):
            matrix[row, column] = hsic(one, other).item() / (own[0][row] * own[1][column]) ** 0.5
    return matrix


def retrieval(subject: str, count: int, folder: Path) -> Callable[[], object]:
    """UCF101's sizes, with features that have something of their class in them."""
    rng = np.random.default_rng(0)
    labels, gallery_labels = rng.integers(101, size=3783), rng.integers(101, size=9537)
    centres = rng.standard_normal((101, 512))
    queries, gallery = (
        torch.from_numpy((centres[own] + 3 * rng.standard_normal((len(own), 512))).astype(np.float32))
        for own in (labels, gallery_labels)
    )
    truth, gallery_truth = torch.from_numpy(labels), torch.from_numpy(gallery_labels)
    if subject == OURS:
        return lambda: first_match(queries, truth, gallery, gallery_truth, 50)

    def loop() -> list[int]:
        ranks, unit = [], nn.functional.normalize(gallery)
        for query, label in zip(queries, truth, strict=True):
            order = (unit @ nn.functional.normalize(query, dim=0)).argsort(descending=True)[:50]
            hits = (gallery_truth[order] == label).nonzero()
            ranks.append(int(hits[0]) if len(hits) else 50)
        return ranks

    return loop


def robustness(subject: str, count: int, folder: Path) -> Callable[[], object]:
    """A small network on noisy test videos: from the stored noisy sets, or with the noise added to decoded frames."""
    settings = Settings(folder)
    files = videos.make_videos(folder)["original"][:count]
    model = backbones.build("shufflenet", width=0.25).eval()
    sampler, augment = UniformClips(16, 2, 10), Normalisation(mean=(0.45,) * 3, std=(0.22,) * 3).for_test(112)

    @torch.no_grad()
    def evaluate(store: FrameStore, manifest: pd.DataFrame) -> None:
        for batch in eval_loader(ClipDataset(store, manifest, sampler, augment, 0), batch_size=1, workers=0):
            model(prepare(batch, "cpu").flatten(0, 1)).mean(dim=0)

    if subject == OURS:
        sets = {
            (noise, severity): _noisy_set(settings, files, noise, severity)
            for noise in NOISES
            for severity in SEVERITIES
        }
        return lambda: [evaluate(*found) for found in sets.values()]
    size = stored_size(*videos.SIZE, settings.store["short_side"])

    @torch.no_grad()
    def on_the_fly() -> None:
        rng = np.random.default_rng(0)
        for noise in NOISES:
            for severity in SEVERITIES:
                for path in files:
                    frames = readers.decord(path, np.arange(FRAMES))
                    noisy = [resize(corrupt(frame, noise, constant(noise, severity), rng), size) for frame in frames]
                    left = (size[0] - size[1]) // 2
                    square = torch.from_numpy(np.stack(noisy)).permute(0, 3, 1, 2)[..., left : left + size[1]]
                    clip = nn.functional.interpolate(
                        square.float() / 255, size=(112, 112), mode="bilinear", antialias=True
                    )
                    clips = torch.stack([clip[indices] for indices in sampler(FRAMES, rng).clips]).transpose(1, 2)
                    model((clips - 0.45) / 0.22).mean(dim=0)

    return on_the_fly


def _noisy_set(settings: Settings, files: list[Path], noise: str, severity: int) -> tuple[FrameStore, pd.DataFrame]:
    """A noisy set of the first frames of `files`, made by the project's own code where it is not there yet."""
    folder = settings.folder / f"noisy-{NOISY_CODEC}" / noise / str(severity)
    arrow, manifest = folder / "0000.arrow", folder / f"manifest-{len(files)}.parquet"
    spec = {"videos": {noise: ["all"] * 5}, "shards": 1, "seed": 0, "constants": "schiappa", **settings.store}
    spec |= {"codec": NOISY_CODEC}
    if not manifest.exists():
        listing = videos.listing_of(files, files[0].parent).assign(split="test", status="ok", start_frame=0)
        write_noisy_shards(listing.assign(end_frame=FRAMES), files[0].parent, spec, noise, 0, {severity: arrow})
        clean = listing.assign(end_frame=FRAMES)
        write_parquet(manifest, merge_noisy_manifest(clean, spec, noise, severity, [arrow.with_suffix(".parquet")]))
    return FrameStore([arrow]), pd.read_parquet(manifest)


def main() -> None:
    case, subject, count, folder = sys.argv[1:]
    torch.set_num_threads(1)
    work = {"cka": cka, "retrieval": retrieval, "robustness": robustness}[case](subject, int(count), Path(folder))
    before, wall, cpu = _peak(), time.perf_counter(), time.process_time()
    work()
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - wall,
                "cpu_seconds": time.process_time() - cpu,
                "peak_memory": _peak() - before,
            }
        )
    )


def _peak() -> float:
    """The most resident memory so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
