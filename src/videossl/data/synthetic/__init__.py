"""Generated stand-ins for the paper's datasets.

They are real video files in the official layout, so every reader and every later stage treats them like real data.
Appearance sets (k400, k700, ucf101, hmdb51): the class is what the picture shows. Temporal sets (ssv2, diving48): the
class is the motion, and a single frame does not reveal it. As in the real dataset, those classes of ssv2 that
distinguish left from right, or the two senses of rotation, do not survive a horizontal flip; its first four classes and
all of diving48's do.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from videossl.common.errors import UserError
from videossl.common.files import write_json
from videossl.common.progress import track
from videossl.data.synthetic.designs import DESIGNS, Design, class_names, design_of, place_of
from videossl.data.synthetic.layout import LAYOUTS, Clip, seed_of
from videossl.data.synthetic.lists import LISTS
from videossl.data.synthetic.render import render
from videossl.data.synthetic.scene import Place, paint_place
from videossl.data.synthetic.write import damage, write_video

__all__ = ["DATASETS", "generate", "max_classes"]

DATASETS = tuple(DESIGNS)
MARKER = "generated.json"  # marks a folder as generated, and records how it was made
SMALLEST_SIDE = 16  # pixels; libx264 and the shapes need some space


def max_classes(dataset: str) -> int:
    """Largest number of classes of the generated `dataset`. Raises UserError for an unknown name."""
    return design_of(dataset).max_classes()


def generate(
    dataset: str,
    root: Path,
    *,
    videos: dict[str, int],
    classes: int,
    frames: tuple[int, int],
    size: tuple[int, int],
    fps: int,
    seed: int,
    scene: float | None = None,
    broken: bool = False,
    progress: bool = True,
) -> None:
    """Generate `dataset` in `root`: `root/videos` and `root/annotations` in the layout of the real one.

    Args:
        dataset: one of :data:`DATASETS`.
        videos: number of videos per class for each split (train and val, or train and test).
        classes: number of classes, from 2 to :func:`max_classes`.
        frames: smallest and largest number of frames of a video, drawn uniformly.
        size: (width, height) in pixels, both even.
        fps: frames per second.
        seed: everything is a function of (seed, dataset, split, class, index). The same arguments give the same bytes
            on one machine, and a video does not depend on the number of others (except that ucf101's groups, which
            share their surroundings, and the three splits of ucf101 and hmdb51 follow the counts).
        scene: probability that a video's place is one of the class's own three; None for the design's default. The
            other videos are in any of the dataset's places (36; 12 in k400 and k700).
        broken: add to the training lists a truncated, an empty and a text file under a video's name, and one entry
            without a file.

    A folder made by this function before is replaced.

    Raises:
        UserError: invalid arguments, or a folder with other content.
    """
    design = design_of(dataset)
    _check(design, videos, frames, size, fps)
    names = class_names(design, classes)
    _clear(root)
    arguments = {"dataset": dataset, "videos": videos, "classes": classes, "frames": list(frames)}
    arguments |= {"size": list(size), "fps": fps, "seed": seed, "scene": scene, "broken": broken}
    write_json(root / MARKER, arguments)

    clips = LAYOUTS[dataset](dataset, names, {split: videos[split] for split in design.splits}, seed, broken)
    counts, places = [], dict[int, Place]()
    for clip in track(clips, f"generating {dataset}, videos") if progress else clips:
        place_rng = np.random.default_rng(clip.scene_seed)
        number = place_of(clip.label, design.places, design.scene if scene is None else scene, place_rng)
        if number not in places:
            place_seed = seed_of(seed, dataset, "place", number)
            places[number] = paint_place(design.backdrop, size[1], size[0], np.random.default_rng(place_seed))
        counts.append(_make(design, clip, places[number], root / "videos", frames, size, fps))
    LISTS[dataset](root / "annotations", names, clips, counts)


def _make(
    design: Design, clip: Clip, place: Place, folder: Path, frames: tuple[int, int], size: tuple[int, int], fps: int
) -> int:
    """Write one video and return its number of frames."""
    rng = np.random.default_rng(clip.seed)
    count = int(rng.integers(frames[0], frames[1] + 1))
    path = folder / clip.path
    write_video(path, render(design, clip.label, place, count, size, fps, rng), fps)
    if clip.damage:
        damage(path, clip.damage)
    return count


def _check(design: Design, videos: dict[str, int], frames: tuple[int, int], size: tuple[int, int], fps: int) -> None:
    where = f"generated dataset '{design.name}'"
    if set(videos) != set(design.splits) or min(videos.values()) < 1:
        valid = " and ".join(design.splits)
        raise UserError(f"{where}: videos = {videos}; valid: a number of at least 1 for each of {valid}.")
    if not 2 <= frames[0] <= frames[1]:
        raise UserError(f"{where}: frames = {tuple(frames)}; valid: least and greatest number, from 2 up.")
    if any(side % 2 or side < SMALLEST_SIDE for side in size):
        raise UserError(
            f"{where}: size = {tuple(size)}; valid: width and height even (yuv420p) and at least {SMALLEST_SIDE}."
        )
    if fps < 1:
        raise UserError(f"{where}: fps = {fps}; valid: from 1 up.")


def _clear(root: Path) -> None:
    """Remove what an earlier call left in `root`. Raises UserError if the folder holds anything else."""
    parts = [root / "videos", root / "annotations"]
    if not (root / MARKER).exists():
        if any(part.exists() for part in parts):
            raise UserError(
                f"{root} holds videos or annotations that were not generated (no {MARKER}); "
                "choose another folder, or remove them by hand."
            )
        return
    for part in parts:
        shutil.rmtree(part, ignore_errors=True)
    # Remove the marker last, so that an interrupted removal can be continued.
    (root / MARKER).unlink()
