"""Corruptions beyond noise: what each does to frames, and the sets that are made of them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import simplejpeg

from videossl.common.errors import UserError
from videossl.data.corrupted import write_corrupted
from videossl.data.corruptions import blur, camera, corrupt_video, corruption, digital, temporal
from videossl.data.manifest import open_store, read_manifest
from videossl.data.settings import CORRUPTIONS, SEVERITIES
from videossl.data.specs import CorruptedSpec

KINDS = [kind for kinds in CORRUPTIONS.values() for kind in kinds]
SPATIAL = [kind for group in ("blur", "camera", "digital") for kind in CORRUPTIONS[group]]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def scene(count: int = 64, height: int = 112, width: int = 150) -> np.ndarray:
    """Frames with shapes at all scales that move; no two are equal."""
    rows, columns = np.mgrid[:height, :width]
    frames = []
    for time in range(count):
        waves = [np.sin((rows * a + (columns + 2 * time) * b) / 9.0) for a, b in ((1, 0.3), (-0.4, 1), (2.1, 1.7))]
        texture = np.random.default_rng(1).normal(0, 12, (height, width))
        frames.append(np.stack([128 + 45 * wave + np.roll(texture, time, axis=1) for wave in waves], axis=2))
    return np.clip(frames, 0, 255).astype(np.uint8)


SCENE = scene()


def distortion(kind: str, severity: int) -> float:
    changed = corrupt_video(SCENE, kind, severity, 0, "a video")
    return float(np.abs(changed.astype(float) - SCENE).mean())


def places(frames: np.ndarray) -> list[int]:
    """For each frame, which frame of the scene it is."""
    found = {frame.tobytes(): number for number, frame in enumerate(SCENE)}
    return [found[frame.tobytes()] for frame in frames]


@pytest.mark.parametrize("kind", KINDS)
def test_every_corruption_keeps_the_shape_and_can_be_repeated(kind):
    frames = SCENE[:11, :45, :61]  # odd sides
    for severity in SEVERITIES:
        changed = corrupt_video(frames, kind, severity, 3, "v")
        assert changed.shape == frames.shape and changed.dtype == np.uint8
        assert np.array_equal(changed, corrupt_video(frames, kind, severity, 3, "v"))
    assert corrupt_video(frames[:1], kind, 1, 0, "v").shape == frames[:1].shape
    assert corrupt_video(frames, kind, 0, 0, "v") is frames
    assert np.array_equal(frames, SCENE[:11, :45, :61])


@pytest.mark.parametrize("kind", SPATIAL)
def test_a_higher_severity_distorts_more(kind):
    found = [distortion(kind, severity) for severity in (0, *SEVERITIES)]
    assert all(less < more for less, more in itertools.pairwise(found)), found


def test_time_is_more_out_of_order_with_the_severity():
    for kind in CORRUPTIONS["temporal"]:
        index = np.arange(64)
        order = [np.array(places(corrupt_video(SCENE, kind, severity, 0, "v"))) for severity in SEVERITIES]
        if kind == "reversed":
            frames = [len(set(one.tolist())) for one in order]
            assert frames == [64, 32, 16, 8, 4] and all((np.diff(one) <= 0).all() for one in order)
            continue
        away = [np.abs(one - index).mean() for one in order]
        assert all(less < more for less, more in zip([0.0, *away], away, strict=False)), (kind, away)


def test_no_frame_is_made_up_in_time():
    for severity in SEVERITIES:
        assert sorted(places(temporal.shuffle(SCENE, severity, rng()))) == list(range(64))
        length = temporal.SEGMENTS[severity - 1]
        for first in range(0, 64, length):  # segments stay where they are
            part = places(temporal.shuffle(SCENE, severity, rng()))[first : first + length]
            assert sorted(part) == list(range(first, first + length))
        for kind in (temporal.frame_drop, temporal.freeze):
            order = places(kind(SCENE, severity, rng()))
            assert order[0] == 0 and (np.diff(order) >= 0).all() and all(place <= at for at, place in enumerate(order))
    assert places(temporal.frame_drop(SCENE[:7], 2, rng())) == [0, 0, 0, 0, 4, 4, 4]
    assert len(set(places(temporal.freeze(SCENE, 1, rng())))) == round(0.4 * 64)
    assert set(places(temporal.freeze(SCENE, 5, rng()))) == {0}


def test_reversed_twice_is_the_video():
    once = temporal.reversed(SCENE, 1, rng())
    assert places(once) == list(range(63, -1, -1))
    assert np.array_equal(temporal.reversed(once, 1, rng()), SCENE)


def test_frozen_frames_of_a_higher_severity_are_among_those_of_a_lower_one():
    kept = [set(places(corrupt_video(SCENE, "freeze", severity, 0, "v"))) for severity in SEVERITIES]
    assert all(more <= less for less, more in itertools.pairwise(kept))


def test_a_point_becomes_a_disk_or_a_line_of_the_same_light():
    point = np.zeros((1, 225, 225, 3), np.uint8)
    point[0, 112, 112] = 255
    kernel = blur.disk(6.0)
    assert kernel.sum() == pytest.approx(1) and kernel[0, 0] == 0 and kernel[6, 0] > 0
    assert (kernel == kernel[::-1, ::-1]).all() and kernel.max() == pytest.approx(1 / (math.pi * 36), rel=0.03)
    shown = blur.convolve(point, kernel)[0, :, :, 0]
    assert shown[112, 112] == round(255 * kernel[6, 6]) and shown[112, 125] == 0
    path = blur.line(10.0, 3.0, math.radians(90))  # down
    rows = path.sum(axis=1)
    centre = len(path) // 2
    assert path.sum() == pytest.approx(1) and path[:, centre].sum() == pytest.approx(1, abs=1e-6)
    assert rows[:centre].sum() == pytest.approx(0, abs=1e-6) and rows[centre + 1] > rows[centre + 5] > 0


def test_blur_leaves_an_even_frame_and_shrinks_with_the_frame():
    even = np.full((2, 30, 40, 3), 77, np.uint8)
    assert (blur.defocus(even, 5, rng()) == 77).all() and (blur.motion(even, 5, rng()) == 77).all()
    assert blur.disk(6 * 0.5).shape == (7, 7) and blur.disk(6).shape == (13, 13)


def test_a_shift_moves_pixels_and_repeats_the_border():
    frames = SCENE[:3]
    moved = camera.shift(frames, np.array([[0, 0], [2, -3], [-1, 0]]))
    assert np.array_equal(moved[0], frames[0])
    assert np.array_equal(moved[1][2:, :-3], frames[1][:-2, 3:]) and np.array_equal(moved[1][0], moved[1][2])
    assert np.array_equal(moved[2][:-1], frames[2][1:])
    offsets = [camera.translation(SCENE[:1].repeat(4, axis=0), severity, rng()) for severity in SEVERITIES]
    assert all((one == one[0]).all() for one in offsets)  # all frames alike
    shaken = camera.shake(SCENE[:1].repeat(20, axis=0), 5, rng())
    assert len({frame.tobytes() for frame in shaken}) > 10  # each frame by itself


def test_a_quarter_turn_is_one():
    square = SCENE[:2, :, :112]
    turned = camera.rotation(square, 5, rng())
    assert any(np.abs(turned.astype(int) - np.rot90(square, k, axes=(1, 2))).max() <= 1 for k in (1, 3))


def test_contrast_by_hand():
    frame = np.array([[[[0, 100, 200]], [[100, 100, 0]]]], np.uint8)
    assert digital.contrast(frame, 1, rng()).tolist() == [[[[30, 100, 140]], [[70, 100, 60]]]]


def test_codecs_are_those_that_they_are_called():
    coded = simplejpeg.encode_jpeg(SCENE[0], quality=7, colorspace="RGB", colorsubsampling="420")
    assert np.array_equal(digital.jpeg(SCENE[:1], 5, rng())[0], simplejpeg.decode_jpeg(coded, colorspace="RGB"))
    still = np.repeat(SCENE[:1], 12, axis=0)
    worst = digital.h264(still, 5, rng()).astype(float)
    assert np.abs(worst - still).mean() > 5 and np.abs(worst.mean() - still.mean()) < 10


def test_unknown_kinds_and_severities_are_refused():
    with pytest.raises(UserError, match="defocus"):
        corruption("focus")
    with pytest.raises(UserError, match="severity 6 of 'jpeg'"):
        corrupt_video(SCENE, "jpeg", 6, 0, "v")


def test_a_set_has_every_severity_of_the_same_videos(target, tmp_path):
    form = {"short_side": 20, "quality": 100, "codec": "raw", "reader": "pyav"}
    spec = CorruptedSpec(data_version=1, kind="reversed", videos=5, seed=0, severities=[0, 1, 2], **form)
    write_corrupted(spec, target.manifest, tmp_path)
    clean = read_manifest(target.manifest)
    manifests = [tmp_path / f"severity{severity}/manifest.parquet" for severity in (0, 1, 2)]
    rows = [read_manifest(path) for path in manifests]
    assert rows[0]["id"].tolist() == rows[1]["id"].tolist() == rows[2]["id"].tolist() and len(rows[0]) == 5
    assert (rows[0]["split"] == "test").all() and (rows[0]["status"] == "ok").all()
    original = clean.set_index("id").loc[rows[0]["id"].iloc[3]]
    shown = open_store(target.manifest, clean).read(original["shard"], original["batch"], range(original["frames"]))
    found = [
        open_store(path, row).read(0, row["batch"].iloc[3], range(original["frames"]))
        for path, row in zip(manifests, rows, strict=True)
    ]
    assert np.array_equal(found[0], shown) and np.array_equal(found[1], shown[::-1])
    assert np.array_equal(found[2], shown[::-1][np.arange(len(shown)) // 2 * 2])
