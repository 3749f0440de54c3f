"""The whole loader: decoding, augmentation and putting together of batches, as each task's recipe has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import psutil

from benchmarks import usual, videos
from benchmarks.measure import Row, find, rates, take_turns
from benchmarks.settings import PAPER, REPOSITORY, Settings
from videossl.data.loader import Batch, ClipDataset, EpochBatches, prepare, train_loader
from videossl.data.sampling import RandomClips, sample_generator
from videossl.data.settings import Augmentation
from videossl.data.store import FrameStore
from videossl.stages.cells import Cell
from videossl.stages.registry import stage
from videossl.study.study import Study, load_study
from videossl.training.pretrain import build_task

NAME = "loader"
TASKS = ("rotnet", "vcop", "rspnet", "cvrl")
OURS, BARE, USUAL, ALL = "loader", "bare decoding", "usual data set on decord", "loader and device's part, on the CPU"
MEMORY_CLIPS = 20_000


def run(settings: Settings) -> list[Row]:
    files = videos.make_videos(settings.folder)["original"]
    store, manifest = videos.make_store(settings.folder, files, **settings.store)
    study = load_study([REPOSITORY / "config/config.yaml", PAPER])
    rows: list[Row] = []
    for name in TASKS:
        spec = stage("pretrain").spec(study, _cell(study, name))
        sampler = build_task(spec).sampler
        dataset = ClipDataset(store, manifest, sampler, spec.augmentation, seed=0)
        clips = sampler.clips_per_video

        def batches(dataset: ClipDataset = dataset) -> Iterator[Batch]:
            keys = EpochBatches(len(dataset), len(dataset), drop_last=True)
            return iter(train_loader(dataset, keys, workers=0))

        ours, whole = batches(), batches()
        baseline = usual.Usual(files, sampler, spec.augmentation)
        subjects: dict[str, Callable[[int], object]] = {
            OURS: lambda _, ours=ours: next(ours),
            ALL: lambda _, whole=whole: prepare(next(whole), "cpu"),
            BARE: lambda number, dataset=dataset: _decode(dataset, number),
            # A video a turn: the usual way takes as long for one as ours for several.
            USUAL: lambda number, baseline=baseline: baseline[number % len(files)],
        }
        times = take_turns(subjects, settings.rounds(15))
        units = {subject: clips * (1 if subject == USUAL else len(dataset)) for subject in subjects}
        rows += rates(NAME, f"{name}, {clips} clips a video", times, "clips", units)
    return rows + _memory(store, manifest, settings)


def _cell(study: Study, task: str) -> Cell:
    return next(cell for cell in study.pretraining if cell.task == task and cell.default_complexity)


def _decode(dataset: ClipDataset, epoch: int) -> None:
    """Nothing but the decoding of the frames of one batch."""
    for index in range(len(dataset)):
        row = {name: int(column[index]) for name, column in dataset.table.items()}
        windows = dataset.sampler(row["frames"], sample_generator(0, epoch, index)).clips
        dataset.store.read(row["shard"], row["batch"], np.unique(np.concatenate(windows)), borrowed=True)


def _memory(store: FrameStore, manifest: pd.DataFrame, settings: Settings) -> list[Row]:
    """Resident memory of the process after a tenth of the clips, and after all."""
    dataset = ClipDataset(store, manifest, RandomClips(4, 2), Augmentation(size=112, crop="random"), seed=0)
    count = round(MEMORY_CLIPS * min(settings.effort, 1))
    batches = train_loader(dataset, EpochBatches(len(dataset), len(dataset), drop_last=True), workers=0)
    process, done, rows = psutil.Process(), 0, []
    for batch in batches:
        done += len(batch)
        if (done >= count // 10 and not rows) or done >= count:
            rows.append(
                Row(NAME, f"after {done:,} clips", OURS, "resident_memory", "MB", process.memory_info().rss / 1e6)
            )
        if done >= count:
            return rows
    raise RuntimeError("the loader ended")


def render(rows: list[Row]) -> str:
    """The tables of docs/performance.md."""
    cases = list(dict.fromkeys(row.case for row in rows if row.metric == "rate"))
    lines = [
        "| task | " + " | ".join((BARE, OURS, USUAL, ALL)) + " | of bare decoding | times the usual |",
        "|---|" + "---:|" * 6,
    ]
    for case in cases:
        rate = {name: find(rows, "rate_a_core", case=case, subject=name) for name in (BARE, OURS, USUAL, ALL)}
        lines.append(
            f"| {case} | "
            + " | ".join(f"{value:.0f}" for value in rate.values())
            + f" | {rate[OURS] / rate[BARE]:.0%} |"
            f" {rate[OURS] / rate[USUAL]:.0f} ({rate[ALL] / rate[USUAL]:.0f} with the device's part) |"
        )
    memory = [f"{row.value:.0f} MB {row.case}" for row in rows if row.metric == "resident_memory"]
    return "\n".join([*lines, "", f"Clips a second of CPU time. Resident memory: {', '.join(memory)}."])
