"""Generated videos: layout, determinism, and the two properties they are made for (appearance, temporal)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ks_2samp, norm

from videossl.common.errors import UserError
from videossl.data.readers.listing import read_listing
from videossl.data.synthetic import DATASETS, generate, max_classes
from videossl.data.synthetic.designs import class_names, design_of, place_of
from videossl.data.synthetic.motion import DIVES, GESTURES, temporal_track, wandering_track
from videossl.data.synthetic.scene import paint_place
from videossl.data.synthetic.shapes import SHAPES, TEXTURES, distance
from videossl.data.video import BrokenVideo, check_video, pyav_frames

READER = {"k400": "kinetics", "k700": "kinetics"}
SIZE, FPS = (52, 40), 14


def make(dataset: str, root: Path, train: int, held_out: int, classes: int, **changes) -> Path:
    first, second = design_of(dataset).splits
    options = {"frames": (20, 26), "size": SIZE, "fps": FPS, "seed": 0, "progress": False} | changes
    generate(dataset, root, videos={first: train, second: held_out}, classes=classes, **options)
    return root


def listing_of(dataset: str, root: Path, **options):
    return read_listing(READER.get(dataset, dataset), root / "videos", root / "annotations", **options)


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("dataset", DATASETS)
def test_layout_reads_back(dataset, tmp_path):
    """The lists parse with the readers of the real data, all videos are found, decord reads all frames."""
    root = make(dataset, tmp_path / "a", 3, 2, classes=3)
    listing = listing_of(dataset, root)
    counts = listing.groupby("split").size().to_dict()
    assert counts["train"] == 9
    assert counts[design_of(dataset).splits[1]] == 6
    assert set(listing["status"]) == {"found"}
    assert sorted(listing["label"].unique()) == [0, 1, 2]
    assert listing["id"].is_unique
    for path in listing["path"]:
        frames = np.stack(list(pyav_frames(root / "videos" / path)))
        assert frames.shape[1:] == (SIZE[1], SIZE[0], 3)
        assert 20 <= len(frames) <= 26
        info = check_video(root / "videos" / path)
        assert (info.frames, info.fps) == (len(frames), FPS)


@pytest.mark.parametrize("dataset", DATASETS)
def test_same_arguments_same_bytes(dataset, tmp_path):
    first = contents(make(dataset, tmp_path / "a", 2, 1, classes=2))
    assert first == contents(make(dataset, tmp_path / "b", 2, 1, classes=2))
    other = contents(make(dataset, tmp_path / "c", 2, 1, classes=2, seed=1))
    videos = [content for path, content in first.items() if path.startswith("videos")]
    assert not set(videos) & {content for path, content in other.items() if path.startswith("videos")}
    assert len(set(videos)) == len(videos)  # no two videos are alike


@pytest.mark.parametrize("dataset", ["k400", "ssv2", "diving48"])
def test_videos_do_not_depend_on_their_number(dataset, tmp_path):
    few = contents(make(dataset, tmp_path / "a", 2, 1, classes=2) / "videos")
    many = contents(make(dataset, tmp_path / "b", 4, 2, classes=3) / "videos")
    assert set(few.values()) <= set(many.values())


@pytest.mark.parametrize(("scene", "own"), [(0.0, 3 / 36), (0.5, 0.5 + 0.5 * 3 / 36), (1.0, 1.0)])
def test_scene_is_the_probability_of_a_place_of_the_class(scene, own):
    """The share of videos in their class's own three places, among 4,000 (a normal bound at five deviations)."""
    rng = np.random.default_rng(0)
    places = np.array([place_of(label, 36, scene, rng) for label in np.arange(4000) % 8])
    shares = np.isin(places - 3 * (np.arange(4000) % 8), (0, 1, 2)).mean()
    assert abs(shares - own) <= 5 * (own * (1 - own) / 4000) ** 0.5
    assert set(places) <= set(range(36))


def test_scene_reaches_the_videos(tmp_path):
    anywhere, own = (contents(make("k400", tmp_path / str(s), 4, 1, classes=2, scene=s)) for s in (0.0, 1.0))
    videos = [path for path in own if path.startswith("videos")]
    assert any(anywhere[path] != own[path] for path in videos)


def test_wandering_has_a_natural_tempo_and_keeps_its_force():
    """An object returns after about a second, and moves as far in its last second as in its first."""
    time = np.arange(60) / 12
    for index in range(20):
        track = wandering_track(time, (0.2, 0.3), 1.2, np.random.default_rng(index))
        spectrum = np.abs(np.fft.rfft((track.x - track.x.mean()) * np.hanning(60), 600))
        assert 0.8 <= np.fft.rfftfreq(600, 1 / 12)[spectrum.argmax()] <= 1.2
        assert np.ptp(track.x[-12:]) == pytest.approx(np.ptp(track.x[:12]), rel=0.15)


@pytest.mark.parametrize("view", [0.0, 1.0])
def test_places_from_above_have_no_up_direction(view):
    """The mean brightness of the upper and the lower half differs from the side, and not from above (24 places)."""
    style = replace(design_of("k400").backdrop, above=view)
    places = [paint_place(style, 48, 56, np.random.default_rng(k)) for k in range(24)]
    assert {place.from_above for place in places} == {bool(view)}
    halves = [place.canvas[:43].mean() - place.canvas[-43:].mean() for place in places]
    up = abs(np.mean(halves)) > 3 * np.std(halves) / len(halves) ** 0.5
    assert up == (not view)


def test_remaking_replaces_and_foreign_folders_are_refused(tmp_path):
    root = make("ssv2", tmp_path / "a", 3, 1, classes=2)
    make("ssv2", root, 1, 1, classes=2)
    assert len(listing_of("ssv2", root)) == len(list((root / "videos").iterdir())) == 4
    (tmp_path / "b" / "videos").mkdir(parents=True)
    with pytest.raises(UserError, match="not generated"):
        make("ssv2", tmp_path / "b", 1, 1, classes=2)


@pytest.mark.parametrize("dataset", DATASETS)
def test_damaged_files_are_listed_for_training(dataset, tmp_path):
    """Four extra training entries: truncated, empty, text and missing; everything else stays sound."""
    root = make(dataset, tmp_path, 2, 1, classes=2, broken=True)
    listing = listing_of(dataset, root)
    train = listing[listing["split"] == "train"]
    assert len(train) == 4 + 4
    assert (train["status"] == "missing").sum() == 1
    broken = []
    for path in listing.loc[listing["status"] == "found", "path"]:
        try:
            check_video(root / "videos" / path)
        except BrokenVideo:
            broken.append(path)
    assert len(broken) == 3
    assert set(broken) <= set(train["path"])


def test_ucf101_splits_are_by_group(tmp_path):
    root = make("ucf101", tmp_path, 6, 3, classes=2)
    held_out = []
    for split in (1, 2, 3):
        parts = {}
        for part in ("train", "test"):
            lines = (root / "annotations" / f"{part}list{split:02d}.txt").read_text().splitlines()
            parts[part] = {line.split()[0].rsplit("_c", 1)[0] for line in lines}
            assert len(lines) == {"train": 12, "test": 6}[part]
        assert not parts["train"] & parts["test"]
        held_out.append(parts["test"])
    assert len(set.union(*held_out)) == sum(map(len, held_out))  # three disjoint test sets


def test_hmdb51_splits_differ_and_leave_some_unused(tmp_path):
    root = make("hmdb51", tmp_path, 4, 2, classes=2)
    columns = []
    for split in (1, 2, 3):
        text = (root / "annotations" / f"dotted_star_test_split{split}.txt").read_text()
        flags = [line.split()[1] for line in text.splitlines()]
        assert all(line.endswith(" ") for line in text.splitlines())  # as in the official files
        assert (flags.count("1"), flags.count("2"), flags.count("0")) == (4, 2, 1)
        columns.append(tuple(flags))
    assert len(set(columns)) == 3


def test_diving48_segments_are_the_whole_files(tmp_path):
    root = make("diving48", tmp_path, 2, 1, classes=2)
    items = json.loads((root / "annotations" / "Diving48_V2_train.json").read_text())
    for item in items:
        frames = check_video(root / "videos" / f"{item['vid_name']}.mp4").frames
        assert (item["start_frame"], item["end_frame"]) == (0, frames)
    vocabulary = json.loads((root / "annotations" / "Diving48_vocab.json").read_text())
    assert [len(words) for words in vocabulary] == [4, 4]


@pytest.mark.parametrize("dataset", DATASETS)
def test_class_names_are_distinct_up_to_the_maximum(dataset):
    design, most = design_of(dataset), max_classes(dataset)
    names = class_names(design, most)
    assert len(set(names)) == most
    with pytest.raises(UserError, match=f"2 to {most}"):
        class_names(design, most + 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "ssv3"}, "ssv2"),
        ({"videos": {"train": 1}}, "train and val"),
        ({"videos": {"train": 1, "val": 0}}, "at least 1"),
        ({"frames": (9, 8)}, "frames"),
        ({"size": (51, 40)}, "even"),
        ({"fps": 0}, "fps"),
        ({"classes": 1}, "2 to"),
    ],
)
def test_invalid_arguments_are_explained(changes, message, tmp_path):
    good = {"dataset": "ssv2", "videos": {"train": 1, "val": 1}, "classes": 2, "frames": (8, 9)}
    arguments = good | {"size": SIZE, "fps": FPS, "seed": 0} | changes
    with pytest.raises(UserError, match=message):
        generate(arguments.pop("dataset"), tmp_path, **arguments)
    assert not list(tmp_path.iterdir())


def test_shapes_have_an_inside_and_fit_their_radius():
    axis = np.linspace(-1.5, 1.5, 121, dtype=np.float32)
    v, u = np.meshgrid(axis, axis, indexing="ij")
    masks = {shape: distance(shape, u, v) < 0 for shape in SHAPES}
    for shape, mask in masks.items():
        assert 0.05 < mask.mean() < 0.5, shape
        assert not mask[np.hypot(u, v) > 1.25].any(), shape
    assert len({mask.tobytes() for mask in masks.values()}) == len(SHAPES)
    assert len(SHAPES) * len(TEXTURES) == max_classes("k400")


@pytest.mark.parametrize("motions", [GESTURES, DIVES], ids=["ssv2", "diving48"])
def test_temporal_marginals_do_not_depend_on_the_class(motions):
    """Position, size, angle and opacity at one moment: each class against all (two-sample Kolmogorov-Smirnov).

    One p-value in 1000 is allowed for the family as a whole (Bonferroni).
    """
    time, count = np.arange(40) / FPS, 300
    states = {name: [] for name in motions}
    for label, (name, drive) in enumerate(motions.items()):
        for index in range(count):
            rng = np.random.default_rng((label, index))
            track = temporal_track(drive, time, (0.15, 0.3), 1.3, rng)
            t = int(rng.integers(40))
            angle = np.mod(track.angle[t], 2 * np.pi)
            states[name].append((track.x[t], track.y[t], track.scale[t], angle, track.opacity[t]))
    pooled = np.concatenate([np.array(rows) for rows in states.values()])
    bound = 1e-3 / (len(motions) * pooled.shape[1])
    for name, rows in states.items():
        for k in range(pooled.shape[1]):
            assert ks_2samp(np.array(rows)[:, k], pooled[:, k]).pvalue > bound, (name, k)


# The properties. One small network is trained on single frames, and the same one with depth in time on short clips.


def load(dataset: str, root: Path, split: str, shrink: int):
    """Videos of a split, 20 frames each, shrunk: (N, 3, 20, H / shrink, W / shrink) in [-1, 1]; labels (N,)."""
    import torch
    from torch.nn.functional import avg_pool2d

    listing = listing_of(dataset, root)
    listing = listing[listing["split"] == split]
    videos = []
    for path in listing["path"]:
        frames = np.stack(list(pyav_frames(root / "videos" / path)))[:20]
        videos.append(avg_pool2d(torch.from_numpy(frames).permute(3, 0, 1, 2).float(), shrink) / 127.5 - 1)
    return torch.stack(videos), torch.tensor(listing["label"].to_numpy(), dtype=torch.long)


def held_out_accuracy(train, test, classes: int, length: int, epochs: int) -> float:
    """Accuracy on `test` of a three-layer CNN that sees `length` frames, every second one; 1 for single frames.

    Maximum pooling, for an object that is small and anywhere: three layers then tell most appearance classes.
    """
    import torch
    from torch import nn

    torch.manual_seed(0)
    depth = 3 if length > 1 else 1
    layers: list[nn.Module] = []
    for given, made, step in ((3, 16, 1), (16, 32, 2), (32, 64, 2)):
        stride = (min(step, depth), step, step)
        layers += [
            nn.Conv3d(given, made, (depth, 3, 3), stride, (depth // 2, 1, 1)),
            nn.BatchNorm3d(made),
            nn.ReLU(),
        ]
    net = nn.Sequential(*layers, nn.AdaptiveMaxPool3d(1), nn.Flatten(), nn.Linear(64, classes))
    steps = epochs * (len(train[0]) // 16)
    optimiser = torch.optim.AdamW(net.parameters(), 4e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    for _ in range(steps):
        rows = torch.randint(len(train[0]), (16,))
        start = int(torch.randint(20 - 2 * length + 1, ()))
        clips = train[0][rows, :, start : start + 2 * length : 2]
        loss = nn.functional.cross_entropy(net(clips), train[1][rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    net.eval()
    with torch.no_grad():
        start = (20 - 2 * length) // 2
        scores = net(test[0][:, :, start : start + 2 * length : 2])
    return float((scores.argmax(1) == test[1]).float().mean())


def bound_of_chance(classes: int, samples: int, confidence: float = 0.999) -> float:
    """The accuracy that guessing stays under with this probability (normal approximation of the binomial)."""
    chance = 1 / classes
    return chance + float(norm.ppf(confidence)) * (chance * (1 - chance) / samples) ** 0.5


@pytest.fixture
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("dataset", ["ssv2", "diving48"])
def test_temporal_sets_need_time(dataset, tmp_path, one_thread):
    """One frame of a held-out video says nothing about its class, a clip of eight does."""
    root = make(dataset, tmp_path, 32, 32, classes=4)
    train, test = (load(dataset, root, split, shrink=2) for split in design_of(dataset).splits)
    bound = bound_of_chance(4, len(test[1]))
    assert held_out_accuracy(train, test, 4, length=1, epochs=10) < bound
    assert held_out_accuracy(train, test, 4, length=8, epochs=13) > bound


@pytest.mark.parametrize("dataset", ["k400", "ucf101", "hmdb51"])
def test_appearance_sets_are_told_by_a_frame(dataset, tmp_path, one_thread):
    """One frame of a held-out video is enough to be far above chance."""
    root = make(dataset, tmp_path, 30, 15, classes=4)
    train, test = (load(dataset, root, split, shrink=1) for split in design_of(dataset).splits)
    assert held_out_accuracy(train, test, 4, length=1, epochs=12) > bound_of_chance(4, len(test[1])) + 0.1
