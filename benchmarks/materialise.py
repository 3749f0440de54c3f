"""From video files to the frame store: our whole job against FFmpeg writing JPEG files."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from benchmarks import videos
from benchmarks.measure import Row, find, rates, take_turns
from benchmarks.settings import Settings
from videossl.data.materialise import write_shard
from videossl.data.video import stored_size

NAME = "materialise"
OURS, FFMPEG = "frame store, every frame verified", "ffmpeg to JPEG files"


def run(settings: Settings) -> list[Row]:
    import imageio_ffmpeg

    files = videos.make_videos(settings.folder)["original"]
    width, height = stored_size(*videos.SIZE, settings.store["short_side"])
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-threads", "1", "-filter_threads", "1"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def ours(number: int) -> None:
            path = files[number % len(files)]
            write_shard(
                videos.listing_of([path], path.parent), path.parent, 0, 1,
                folder / "shard.arrow", folder / "shard.parquet", **settings.store, progress=False,
            )  # fmt: skip

        def ffmpeg(number: int) -> None:
            # Quality 2 of FFmpeg's encoder is nearest to 90 of JPEG's usual scale.
            resize = ["-vf", f"scale={width}:{height}:flags=bilinear", "-threads", "1", "-q:v", "2"]
            source = ["-i", str(files[number % len(files)])]
            subprocess.run([*command, *source, *resize, "-y", f"{folder}/%04d.jpg"], check=True)

        times = take_turns({OURS: ours, FFMPEG: ffmpeg}, settings.rounds(15))
    return rates(NAME, f"10 s videos to {width}x{height}", times, "videos")


def render(rows: list[Row]) -> str:
    """The table of docs/performance.md."""
    lines = ["| | videos/s of CPU time |", "|---|---:|"]
    ours, ffmpeg = (find(rows, "rate_a_core", subject=subject) for subject in (OURS, FFMPEG))
    lines += [
        f"| {OURS} | {ours:.2f} |",
        f"| {FFMPEG} | {ffmpeg:.2f} |",
        "",
        f"Ours is {ours / ffmpeg:.0%} of FFmpeg's rate.",
    ]
    return "\n".join(lines)
