"""The videos of a generated dataset and their paths, in the layout of the real one."""

from __future__ import annotations

import string
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from videossl.data.synthetic.write import DAMAGES

_ID_CHARACTERS = string.ascii_letters + string.digits + "-_"
UNUSED_SHARE = 5  # hmdb51: one more video per 5 of a class, in no list of that split


@dataclass(frozen=True)
class Clip:
    """One video to generate. `splits`: its part in each official split (three for ucf101 and hmdb51, else one)."""

    label: int
    name: str  # of the class
    path: str  # relative to videos/
    splits: tuple[str, ...]
    seed: tuple[int, ...]  # of the video
    scene_seed: tuple[int, ...]  # of its surroundings
    damage: str = ""  # one of write.DAMAGES, or "" for an intact file
    facts: dict[str, str | int] = field(default_factory=dict)  # further facts for the dataset's lists


def seed_of(seed: int, *parts: str | int) -> tuple[int, ...]:
    """Entropy for a generator that depends on every part and nothing else (not on Python's hash)."""
    return (seed, *(zlib.crc32(part.encode()) if isinstance(part, str) else part for part in parts))


def _youtube_id(entropy: tuple[int, ...], rng_stream: int = 0) -> str:
    rng = np.random.default_rng((*entropy, 11, rng_stream))
    return "".join(_ID_CHARACTERS[i] for i in rng.integers(0, len(_ID_CHARACTERS), size=11))


def _walk(names: list[str], videos: dict[str, int], broken: bool) -> list[tuple[str, int, int, str]]:
    """(split, label, index, damage) of every video, split by split; damaged extras are last in the training list."""
    walk = []
    for split, count in videos.items():
        walk += [(split, label, index, "") for label in range(len(names)) for index in range(count)]
        if broken and split == "train":
            walk += [(split, k % len(names), count + k, damage) for k, damage in enumerate(DAMAGES)]
    return walk


def kinetics_clips(dataset: str, names: list[str], videos: dict[str, int], seed: int, broken: bool) -> list[Clip]:
    """videos/<split>/<label>/<youtube_id>_<start>_<end>.mp4; by its name, ten seconds of a longer video."""
    clips = []
    for split, label, index, damage in _walk(names, videos, broken):
        entropy = seed_of(seed, dataset, split, label, index)
        start = int(np.random.default_rng((*entropy, 12)).integers(0, 300))
        facts = {"youtube_id": _youtube_id(entropy), "time_start": start, "time_end": start + 10}
        path = f"{split}/{names[label]}/{facts['youtube_id']}_{start:06d}_{start + 10:06d}.mp4"
        clips.append(Clip(label, names[label], path, (split,), entropy, (*entropy, 1), damage, facts))
    return clips


def ssv2_clips(dataset: str, names: list[str], videos: dict[str, int], seed: int, broken: bool) -> list[Clip]:
    """videos/<id>.mp4 with numeric ids; consecutive ids belong to different classes."""
    clips = []
    first = dict.fromkeys(videos, 1)
    first["val"] += len(names) * (videos["train"] + len(DAMAGES))
    for split, label, index, damage in _walk(names, videos, broken):
        entropy = seed_of(seed, dataset, split, label, index)
        identifier = str(first[split] + index * len(names) + label)
        facts = {"id": identifier}
        clips.append(Clip(label, names[label], f"{identifier}.mp4", (split,), entropy, (*entropy, 1), damage, facts))
    return clips


def diving48_clips(dataset: str, names: list[str], videos: dict[str, int], seed: int, broken: bool) -> list[Clip]:
    """videos/<source id>_<number>.mp4; the whole file is the dive."""
    clips = []
    for split, label, index, damage in _walk(names, videos, broken):
        entropy = seed_of(seed, dataset, split, label, index)
        vid_name = f"{_youtube_id(entropy)}_{index:05d}"
        facts = {"vid_name": vid_name}
        clips.append(Clip(label, names[label], f"{vid_name}.mp4", (split,), entropy, (*entropy, 1), damage, facts))
    return clips


def _rotated_tests(count: int, test: int) -> list[set[int]]:
    """Test videos of splits 1, 2 and 3: windows of equal size on a circle, disjoint if there is room."""
    shift = max(1, min(test, count // 3))
    return [{(k * shift + i) % count for i in range(test)} for k in range(3)]


def _groups(count: int, tests: list[set[int]]) -> list[tuple[int, int]]:
    """(group, clip) of each video, from 1. Videos of a group are on the same side of every split.

    About 25 groups, as in the real dataset; groups of two if there are fewer than 50 videos.
    """
    largest = max(2, -(-count // 25))
    numbers: list[tuple[int, int]] = []
    sides: tuple[bool, ...] | None = None
    for index in range(count):
        side = tuple(index in test for test in tests)
        group, clip = numbers[-1] if numbers else (0, 0)
        fits = side == sides and clip < largest
        numbers.append((group, clip + 1) if fits else (group + 1, 1))
        sides = side
    return numbers


def ucf101_clips(dataset: str, names: list[str], videos: dict[str, int], seed: int, broken: bool) -> list[Clip]:
    """videos/<Class>/v_<Class>_gNN_cNN.avi; a group shares its surroundings, and no group is split."""
    train, test = videos["train"], videos["test"]
    tests = _rotated_tests(train + test, test)
    groups = _groups(train + test, tests)
    places = [(i, groups[i], tuple("test" if i in t else "train" for t in tests), "") for i in range(train + test)]
    clips = []
    for label, name in enumerate(names):
        extra = []
        if broken:  # one more group, in the training lists of all splits
            damages = [damage for k, damage in enumerate(DAMAGES) if k % len(names) == label]
            last = groups[-1][0] + 1
            extra = [(train + test + k, (last, k + 1), ("train",) * 3, damage) for k, damage in enumerate(damages)]
        for index, (group, clip), splits, damage in places + extra:
            entropy = seed_of(seed, dataset, "all", label, index)
            scene = seed_of(seed, dataset, "group", label, group)
            path = f"{name}/v_{name}_g{group:02d}_c{clip:02d}.avi"
            clips.append(Clip(label, name, path, splits, entropy, scene, damage))
    return clips


def hmdb51_clips(dataset: str, names: list[str], videos: dict[str, int], seed: int, broken: bool) -> list[Clip]:
    """videos/<class>/<film>_<class>_<attributes>_<number>.avi; each split leaves some videos unused."""
    train, test = videos["train"], videos["test"]
    count = train + test + max(1, (train + test) // UNUSED_SHARE)
    shift = max(1, min(test, count // 3))
    clips = []
    for label, name in enumerate(names):
        places = []
        for index in range(count):
            ranks = [(index - k * shift) % count for k in range(3)]
            splits = tuple("test" if r < test else "train" if r < test + train else "unused" for r in ranks)
            places.append((index, splits, ""))
        if broken:
            damages = [damage for k, damage in enumerate(DAMAGES) if k % len(names) == label]
            places += [(count + k, ("train",) * 3, damage) for k, damage in enumerate(damages)]
        for index, splits, damage in places:
            entropy = seed_of(seed, dataset, "all", label, index)
            path = f"{name}/generated_{name}_f_cm_np1_fr_med_{index}.avi"
            clips.append(Clip(label, name, path, splits, entropy, (*entropy, 1), damage))
    return clips


LAYOUTS: dict[str, Callable[[str, list[str], dict[str, int], int, bool], list[Clip]]] = {
    "k400": kinetics_clips,
    "k700": kinetics_clips,
    "ssv2": ssv2_clips,
    "ucf101": ucf101_clips,
    "hmdb51": hmdb51_clips,
    "diving48": diving48_clips,
}
