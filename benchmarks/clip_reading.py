"""Reading a clip: 16 frames at a random place of a 10 s video, one thread."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import simplejpeg

from benchmarks import readers, videos
from benchmarks.measure import Row, find, rates, take_turns
from benchmarks.settings import Settings
from videossl.data.store import FrameStore

NAME = "clip_reading"
LENGTH = 16
STORE, RAW, PACKED = "frame store", "frame store, raw", "frame store, lz4"
A_TURN = 5
"""Clips that the store reads a turn: one is over in two milliseconds, and a loader reads one after the other."""
LIMIT = "bare JPEG decoding"
"""The limit of any store of JPEG frames: simplejpeg on the same frames, held as bytes, into memory that is there."""


def run(settings: Settings) -> list[Row]:
    files = videos.make_videos(settings.folder)
    store, manifest = videos.make_store(settings.folder, files["original"], **settings.store)
    raw, packed = (
        videos.make_store(settings.folder, files["original"], **{**settings.store, "codec": codec})[0]
        for codec in ("raw", "lz4")
    )
    encoded = [[bytes(frame) for frame in store.encoded(0, int(batch))] for batch in manifest["batch"]]
    shape = store.read(0, 0, [0]).shape[1:]
    rows = []
    for stride in (2, 4):
        rng = np.random.default_rng(stride)
        last = videos.FRAMES - (LENGTH - 1) * stride
        clips = [(rng.integers(len(encoded)), rng.integers(last) + stride * np.arange(LENGTH)) for _ in range(1000)]

        def read(reader: readers.Read, paths: list[Path], number: int, clips: list = clips) -> None:
            video, indices = clips[number]
            reader(paths[video], indices)

        def from_store(store: FrameStore, number: int, clips: list = clips) -> None:
            for video, indices in clips[A_TURN * number : A_TURN * (number + 1)]:
                store.read(0, int(video), indices, borrowed=True)

        def bare(number: int, clips: list = clips) -> None:
            for video, indices in clips[A_TURN * number : A_TURN * (number + 1)]:
                frame = np.empty(shape, np.uint8)
                for index in indices:
                    simplejpeg.decode_jpeg(encoded[video][index], buffer=frame)

        subjects = {
            f"{name}, {copy}": partial(read, reader, paths)
            for name, reader in readers.available()[0].items()
            for copy, paths in files.items()
        }
        stores = {STORE: store, RAW: raw, PACKED: packed}
        ours = {name: partial(from_store, one) for name, one in stores.items()} | {LIMIT: bare}
        times = take_turns(subjects | ours, settings.rounds(25))
        units = {name: A_TURN if name in ours else 1 for name in times}
        rows += rates(NAME, f"{LENGTH} frames, stride {stride}", times, "clips", units)
    return rows + _sizes(files, {name: one.num_bytes(0) for name, one in stores.items()})


def _sizes(files: dict[str, list[Path]], stores: dict[str, int]) -> list[Row]:
    """Bytes a video on disk."""
    sizes = {copy: sum(path.stat().st_size for path in paths) for copy, paths in files.items()} | stores
    count = len(files["original"])
    return [Row(NAME, "on disk", name, "bytes", "bytes/video", total / count) for name, total in sizes.items()]


def render(rows: list[Row]) -> str:
    """The tables of docs/performance.md."""
    sizes = {row.subject: row.value for row in rows if row.metric == "bytes"}
    lines = [
        "| reader | " + " | ".join(cases := _cases(rows)) + " | MB a video |",
        "|---|" + "---:|" * (len(cases) + 1),
    ]
    for subject in dict.fromkeys(row.subject for row in rows if row.metric == "rate"):
        values = [find(rows, "rate_a_core", case=case, subject=subject) for case in cases]
        size = sizes.get(subject, sizes.get(subject.rsplit(", ", 1)[-1]))
        lines.append(f"| {subject} | " + " | ".join(f"{value:.1f}" for value in values) + f" | {_mb(size)} |")
    lines += ["", "Clips a second of CPU time. The store against the others:", ""]
    for case in cases:
        ours, raw, packed = (find(rows, "rate_a_core", case=case, subject=name) for name in (STORE, RAW, PACKED))
        decord = find(rows, "rate_a_core", case=case, subject="decord, original")
        best = max(
            (row for row in rows if row.metric == "rate_a_core" and row.case == case and ", short" in row.subject),
            key=lambda row: row.value,
        )
        bare = find(rows, "rate_a_core", case=case, subject=LIMIT)
        lines.append(
            f"- {case}: **{ours / decord:.0f} times** decord on the original file, **{ours / best.value:.1f} times** "
            f"the best reader of a re-encoded copy ({best.subject}), {ours / bare:.0%} of {LIMIT}; "
            f"raw: {raw / decord:.0f} times and {raw / best.value:.0f} times; lz4: {packed / decord:.0f} times and "
            f"{packed / best.value:.0f} times."
        )
    return "\n".join(lines)


def _cases(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(row.case for row in rows if row.metric == "rate"))


def _mb(size: float | None) -> str:
    return "" if size is None else f"{size / 1e6:.2f}"
