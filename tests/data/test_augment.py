"""Augmentation against straightforward per-frame references, and its consistency within a clip."""

import colorsys
import itertools

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import map_coordinates

from videossl.common.errors import UserError
from videossl.data import geometry as geometric
from videossl.data.augment import ClipAugmentation, draw
from videossl.data.photometric import COLUMNS, PhotometricParams, blur_radius, photometric, unit_interval
from videossl.data.settings import Augment, Augmentation
from videossl.data.whole_batches import Active, augmented

FULL = Augmentation(
    size=32,
    crop="random_resized",
    scale=(0.3, 1.0),
    ratio=(0.5, 2.0),
    rotation=10.0,
    flip=0.5,
    jitter=(0.8, 0.8, 0.8, 0.2),
    jitter_p=0.8,
    gray_p=0.2,
    gamma=(0.7, 1.5),
    blur_p=0.5,
    mean=(0.4, 0.5, 0.6),
    std=(0.2, 0.3, 0.4),
)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A smooth colourful picture (48, 64, 3) uint8."""
    small = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return np.array(Image.fromarray(small).resize((64, 48), Image.Resampling.BICUBIC))


def geometry(picture: np.ndarray, **values) -> torch.Tensor:
    height, width = picture.shape[:2]
    drawn = {"size": 32, "top": 0, "left": 0, "height": height, "width": width, "angle": 0.0, "flip": False}
    return apply_geometry(picture[None], ClipAugmentation(**{**drawn, **values}, photometric=np.zeros(0)))[0]


def apply_geometry(frames: np.ndarray, augmentation: ClipAugmentation, rotation: float | None = None) -> torch.Tensor:
    """What worker and device do together: uint8 (T, H, W, 3) -> (T, S, S, 3). `rotation`: the configuration's."""
    side = geometric.window_side(augmentation.size, abs(augmentation.angle) if rotation is None else rotation)
    window = torch.empty(len(frames), side, side, 3, dtype=torch.uint8)
    rotation = abs(augmentation.angle) if rotation is None else rotation
    row = torch.from_numpy(geometric.cut(frames, augmentation, rotation, window))
    clips = geometric.finish(unit_interval(window[None]), row[None], augmentation.size)
    return (clips[0] * 255).round().to(torch.uint8).permute(1, 2, 3, 0).contiguous()


def parameters(**values) -> np.ndarray:
    """One neutral row of parameters with some values replaced."""
    neutral = {
        "brightness": 1,
        "contrast": 1,
        "saturation": 1,
        "gamma": 1,
        "std_r": 1,
        "std_g": 1,
        "std_b": 1,
    }
    row = {**dict.fromkeys(COLUMNS, 0.0), **neutral, "order1": 1, "order2": 2, "order3": 3, **values}
    return np.array([row[name] for name in COLUMNS], dtype=np.float32)


def run(clips: np.ndarray, rows: list[np.ndarray]) -> np.ndarray:
    """photometric() on (N, T, H, W, 3), back in that layout."""
    result = photometric(unit_interval(torch.from_numpy(clips)), PhotometricParams(torch.from_numpy(np.stack(rows))))
    assert result.dtype == torch.float32 and result.shape == (clips.shape[0], 3, *clips.shape[1:4])
    return result.permute(0, 2, 3, 4, 1).numpy()


# A reference that does one clip at a time, in NumPy and the standard library's colour conversion.


def luma(x):
    return (x @ np.array([0.299, 0.587, 0.114]))[..., None]


def turn_hue(x, shift):
    turned = [colorsys.rgb_to_hsv(*rgb) for rgb in x.reshape(-1, 3)]
    return np.array([colorsys.hsv_to_rgb((h + shift) % 1, s, v) for h, s, v in turned]).reshape(x.shape)


REFERENCE = [
    lambda x, f: np.clip(x * f, 0, 1),
    lambda x, f: np.clip(f * x + (1 - f) * luma(x).mean(), 0, 1),
    lambda x, f: np.clip(f * x + (1 - f) * luma(x), 0, 1),
    turn_hue,
]


def reference(clip, row):
    x = clip / 255.0
    values = dict(zip(COLUMNS, row.astype(float), strict=True))
    for position in range(4):
        number = int(values[f"order{position}"])
        x = REFERENCE[number](x, values[COLUMNS[number]])
    if values["gray"]:
        x = np.repeat(luma(x), 3, axis=-1)
    x = x ** values["gamma"]
    if values["blur_sigma"]:
        radius = blur_radius(min(clip.shape[1:3]))
        kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / values["blur_sigma"]) ** 2)
        kernel /= kernel.sum()
        for axis in (1, 2):
            pad = [(radius, radius) if a == axis else (0, 0) for a in range(4)]
            padded = np.pad(x, pad, mode="reflect")
            x = np.apply_along_axis(np.convolve, axis, padded, kernel, mode="valid")
    mean = np.array([values[f"mean_{c}"] for c in "rgb"])
    return (x - mean) / np.array([values[f"std_{c}"] for c in "rgb"])


def test_all_jitter_operations_act_in_every_order(picture):
    clip = np.stack([picture[:12, :16], picture[20:32, 30:46]])
    values = {"brightness": 1.2, "contrast": 0.6, "saturation": 1.5, "hue": 0.15}
    rows = [
        parameters(**values, **{f"order{position}": number for position, number in enumerate(order)})
        for order in itertools.permutations(range(4))
    ]
    results = run(np.repeat(clip[None], len(rows), axis=0), rows)
    for row, result in zip(rows, results, strict=True):
        np.testing.assert_allclose(result, reference(clip, row), atol=2e-5)
    # The order matters, and leaving any operation out changes the result.
    assert len({result.round(3).tobytes() for result in results}) > 12
    for name in values:
        without = run(clip[None], [parameters(**{**values, name: 0.0 if name == "hue" else 1.0})])[0]
        assert np.abs(without - results[0]).mean() > 0.01, name


def test_a_mixed_batch_equals_clip_by_clip_references(picture):
    rng = np.random.default_rng(3)
    config = Augmentation(**{**FULL.__dict__, "size": 48})
    rows = [draw(config, 48, 64, rng).photometric for _ in range(12)]
    table = np.stack(rows)
    for name in ("gray", "blur_sigma", "hue"):  # the batch has clips with and without each of them
        assert 0 < (table[:, COLUMNS.index(name)] != 0).sum() < 12
    clips = rng.integers(0, 60, (12, 2, 24, 24, 3), dtype=np.uint8) + picture[:24, :24]
    for clip, row, result in zip(clips, rows, run(clips, rows), strict=True):
        np.testing.assert_allclose(result, reference(clip, row), atol=1e-4)


def test_greys_and_extremes_survive_hue_and_gamma():
    clip = np.stack([np.full((6, 6, 3), value, np.uint8) for value in (0, 77, 255)])[None]
    result = run(clip, [parameters(hue=0.3, gamma=0.5)])[0]
    np.testing.assert_allclose(result, (clip[0] / 255.0) ** 0.5, atol=1e-6)


def test_defaults_only_scale_to_the_unit_interval(picture):
    drawn = draw(Augmentation(size=48), 48, 64, np.random.default_rng(0))
    cut = apply_geometry(picture[None], drawn)
    assert torch.equal(cut[0], torch.from_numpy(picture[:, 8:56]))
    np.testing.assert_allclose(run(cut.numpy()[None], [drawn.photometric])[0], cut.numpy() / 255, atol=1e-6)


def test_a_clip_of_identical_frames_stays_identical(picture):
    clip = np.repeat(picture[None], 5, axis=0)
    rng = np.random.default_rng(1)
    for _ in range(20):
        drawn = draw(FULL, 48, 64, rng)
        result = run(apply_geometry(clip, drawn).numpy()[None], [drawn.photometric])[0]
        assert result.shape == (5, 32, 32, 3)
        np.testing.assert_array_equal(result, np.broadcast_to(result[:1], result.shape))


def test_the_jitter_keeps_the_brightness_steps_of_a_clip(picture):
    """Contrast is about the clip's mean: a frame that gets brighter must still be seen to get brighter."""
    clip = np.stack([picture // 4 + 10 * step for step in range(4)])
    means = run(clip[None], [parameters(contrast=0.5)])[0].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(np.diff(means), 0.5 * 10 / 255, atol=1e-4)


def test_crop_and_flip_take_the_very_pixels(picture):
    box = {"top": 7, "left": 20, "height": 32, "width": 32}
    expected = torch.from_numpy(picture[7:39, 20:52].copy())
    assert torch.equal(geometry(picture, **box), expected)
    assert torch.equal(geometry(picture, **box, flip=True), expected.flip(1))


def test_resizing_agrees_with_pillow(picture):
    box = {"top": 4, "left": 3, "height": 40, "width": 55}
    expected = Image.fromarray(picture[4:44, 3:58]).resize((32, 32), Image.Resampling.BILINEAR)
    assert np.abs(geometry(picture, **box).numpy().astype(int) - np.asarray(expected)).max() <= 1


@pytest.mark.parametrize("angle", [10.0, -7.0])
def test_rotation_is_about_the_frame_centre_and_counter_clockwise(picture, angle):
    result = geometry(picture, top=8, left=16, height=32, width=32, angle=angle).numpy().astype(int)
    rotated = Image.fromarray(picture).rotate(angle, Image.Resampling.BILINEAR)
    expected = np.asarray(rotated)[8:40, 16:48].astype(int)
    assert np.abs(result - expected).mean() < 1.0
    assert np.abs(result - picture[8:40, 16:48]).mean() > 3


def test_rotation_leaves_no_black_corners():
    assert geometry(np.full((48, 64, 3), 90, np.uint8), angle=10.0).unique().tolist() == [90]


def test_random_resized_boxes_follow_scale_and_ratio():
    config = Augmentation(size=16, crop="random_resized", scale=(0.3, 0.6), ratio=(0.75, 4 / 3))
    rng = np.random.default_rng(0)
    drawn = [draw(config, 240, 320, rng) for _ in range(500)]
    area = np.array([d.height * d.width for d in drawn]) / (240 * 320)
    ratio = np.array([d.width / d.height for d in drawn])
    assert 0.29 < area.min() < 0.32 and 0.58 < area.max() < 0.61 and abs(area.mean() - 0.45) < 0.02
    assert 0.74 < ratio.min() < 0.8 and 1.25 < ratio.max() < 1.35
    assert abs(np.log(ratio).mean()) < 0.03
    assert all(d.top >= 0 and d.top + d.height <= 240 and d.left + d.width <= 320 for d in drawn)
    assert len({(d.top, d.left) for d in drawn}) > 400


def test_a_box_that_cannot_fit_falls_back_to_the_centre():
    config = Augmentation(size=16, crop="random_resized", scale=(1.0, 1.0), ratio=(3.0, 3.0))
    drawn = draw(config, 100, 120, np.random.default_rng(0))
    assert (drawn.top, drawn.left, drawn.height, drawn.width) == (30, 0, 40, 120)


def test_crops_after_a_resize_take_the_same_part_of_the_frame():
    rng = np.random.default_rng(0)
    config = Augmentation(size=112, crop="random", resize_short=128)
    drawn = [draw(config, 256, 340, rng) for _ in range(300)]
    assert {(d.height, d.width) for d in drawn} == {(224, 224)}
    assert {d.top for d in drawn} == set(range(33)) and max(d.left for d in drawn) > 110
    drawn = draw(Augmentation(size=112, crop="random"), 128, 171, rng)
    assert (drawn.height, drawn.width) == (112, 112)
    drawn = draw(Augmentation(size=112, crop="center"), 128, 171, rng)  # the largest square
    assert (drawn.top, drawn.left, drawn.height, drawn.width) == (0, 21, 128, 128)
    drawn = draw(Augmentation(size=112, crop="random"), 40, 50, rng)  # a frame smaller than the clip
    assert (drawn.height, drawn.width) == (40, 40)


@pytest.mark.parametrize(
    "values",
    [
        {"crop": "center"},
        {"crop": "center", "resize_short": 128},
        {"crop": "random"},
        {"crop": "random", "resize_short": 128},
        {"crop": "random", "resize_short": 160},
        {"crop": "whole"},
    ],
)
@pytest.mark.parametrize("frame", [(128, 171), (171, 128), (240, 320), (128, 128)])
def test_tests_see_frames_at_the_scale_of_training(values, frame):
    """A crop of the same size, in the middle, with nothing random: for every way to crop that has one scale."""
    augment = Augment(
        **values, flip=0.5, rotation=10, jitter=(0.4, 0.4, 0.4, 0.1), gray_p=0.5, blur_p=0.5, gamma=(1, 2)
    )
    for train in (
        Augmentation(**augment.model_dump(), size=112),
        Augmentation(**augment.preparation.model_dump(), size=112),
    ):
        drawn = draw(train, *frame, np.random.default_rng(0))
        tested = draw(augment.for_test(112), *frame, np.random.default_rng(1))
        assert (tested.height, tested.width) == (drawn.height, drawn.width)
    assert abs(2 * tested.top + tested.height - frame[0]) <= 1 and abs(2 * tested.left + tested.width - frame[1]) <= 1
    assert tested.angle == 0 and not tested.flip
    assert np.array_equal(tested.photometric, draw(augment.for_test(112), *frame, np.random.default_rng(2)).photometric)
    assert tested.photometric[-6:] == pytest.approx([*augment.mean, *augment.std])


def test_a_crop_of_random_size_is_tested_on_the_largest_square():
    tested = draw(Augment(crop="random_resized").for_test(112), 128, 171, np.random.default_rng(0))
    assert (tested.top, tested.left, tested.height, tested.width) == (0, 21, 128, 128)


def test_a_preparation_without_values_is_the_one_of_ever():
    """Specifications keep their text, hence their hash."""
    plain = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    assert Augment(crop="center").preparation.model_dump() == plain
    assert Augment(crop="random_resized").preparation.model_dump() == plain
    assert Augment(crop="random", resize_short=128).preparation.model_dump() == plain | {"resize_short": 128}
    assert Augment(crop="random").preparation.model_dump() == plain | {"crop": "unresized"}


def test_probabilities_and_ranges_of_the_draws():
    rng = np.random.default_rng(0)
    drawn = [draw(FULL, 48, 64, rng) for _ in range(3000)]
    column = dict(zip(COLUMNS, np.stack([d.photometric for d in drawn]).T, strict=True))
    assert abs(np.mean([d.flip for d in drawn]) - 0.5) < 0.04
    assert abs((column["hue"] != 0).mean() - 0.8) < 0.03
    assert abs(column["gray"].mean() - 0.2) < 0.03
    assert abs((column["blur_sigma"] > 0).mean() - 0.5) < 0.04
    assert 0.2 <= column["brightness"].min() < 0.25 and 1.75 < column["brightness"].max() <= 1.8
    assert -0.2 <= column["hue"].min() < -0.19 and 0.7 <= column["gamma"].min() < 0.71
    angles = np.array([d.angle for d in drawn])
    assert -10 <= angles.min() < -9.9 and abs(angles.mean()) < 0.5
    orders = np.stack([column[f"order{position}"] for position in range(4)], axis=1)
    assert len({tuple(order) for order in orders.tolist()}) == 24


def test_equal_generators_draw_equal_augmentations():
    first, second = (draw(FULL, 48, 64, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.photometric, second.photometric)
    assert (first.top, first.left, first.angle, first.flip) == (
        second.top,
        second.left,
        second.angle,
        second.flip,
    )


def test_configuration_values_become_a_config():
    config = Augmentation.parse({"size": 112, "crop": "random", "jitter": [0.4, 0.4, 0.4, 0.4]}, "augment")
    assert config.jitter == (0.4, 0.4, 0.4, 0.4) and hash(config)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 8, "crops": "random"}, "crops.*crop"),
        ({"crop": "random"}, "size"),
        ({"size": 8, "crop": "middle"}, "random.*center.*random_resized"),
        ({"size": 8, "scale": [0.5]}, "2 numbers|numbers"),
        ({"size": 8, "scale": [0.9, 0.5]}, "scale"),
        ({"size": 8, "ratio": ["a", 1]}, "ratio"),
        ({"size": 8, "flip": 1.5}, "flip"),
        ({"size": 8, "resize_short": "9"}, "resize_short"),
        ({"size": 8, "resize_short": 6}, "at least size = 8"),
        ({"size": 8, "jitter": [0.1, 0.1, 0.1, 0.9]}, "hue"),
        ({"size": 8, "gamma": 2.0}, "2 numbers|numbers"),
        ({"size": 8, "std": [1, 1, 0]}, "std"),
        ({"size": "8"}, "size"),
        ({"size": 8, "rotation": "10"}, "rotation"),
    ],
)
def test_invalid_configuration_is_named(values, message):
    with pytest.raises(UserError, match=message) as caught:
        Augmentation.parse(values, "config/recipes/rotnet.yaml: augment")
    assert "config/recipes/rotnet.yaml" in str(caught.value)


@pytest.mark.parametrize("rotation", [0.0, 10.0])
def test_whole_batches_give_the_same_clips(picture, rotation):
    """The GPU's function, on a CPU: clips with and without each operation, in each order of the jitter."""
    rng = np.random.default_rng(3)
    config = Augmentation(**{**FULL.__dict__, "size": 24, "rotation": rotation, "blur_p": 0.5})
    side = geometric.window_side(24, rotation)
    places, values = [], []
    clips = torch.from_numpy(rng.integers(0, 60, (30, 2, side, side, 3), dtype=np.uint8) + picture[:side, :side])
    for number in range(len(clips)):
        drawn = draw(config, 48, 64, rng)
        places.append(
            geometric.cut(np.repeat(picture[None], 2, axis=0), drawn, rotation, torch.empty_like(clips[number]))
        )
        values.append(drawn.photometric)
    places, values = torch.from_numpy(np.stack(places)), torch.from_numpy(np.stack(values))
    expected = photometric(geometric.finish(unit_interval(clips), places, 24), PhotometricParams(values))
    found = augmented(clips, places, values, 24, Active.of([config]))
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-5)


def test_what_an_augmentation_cannot_do_is_left_out():
    assert Active.of([Augmentation(size=24)]) == Active()
    strong = Augmentation(size=24, flip=0.5, jitter=(0.4, 0, 0, 0), gray_p=0.2, gamma=(0.7, 1.5), blur_p=0.5)
    assert Active.of([Augmentation(size=24), strong]) == Active(True, True, True, True, True)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_gpu_gives_the_same_clips(picture):
    rng = np.random.default_rng(3)
    rows = torch.from_numpy(np.stack([draw(FULL, 48, 64, rng).photometric for _ in range(12)]))
    clips = torch.from_numpy(np.repeat(picture[None, None], 12, axis=0))
    on_cpu = photometric(unit_interval(clips), PhotometricParams(rows))
    on_gpu = photometric(unit_interval(clips.cuda()), PhotometricParams(rows))
    torch.testing.assert_close(on_gpu.cpu(), on_cpu, atol=1e-4, rtol=1e-4)


def turned(picture: np.ndarray, box: tuple[int, int, int, int], angle: float) -> np.ndarray:
    """The box of the turned picture and its mirror images, by SciPy's interpolation, pixel by pixel."""
    top, left, height, width = box
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    y, x = np.mgrid[top : top + height, left : left + width] + 0.5
    y, x = y - picture.shape[0] / 2, x - picture.shape[1] / 2
    places = [sin * x + cos * y + picture.shape[0] / 2 - 0.5, cos * x - sin * y + picture.shape[1] / 2 - 0.5]
    return np.stack(
        [map_coordinates(picture[..., c].astype(float), places, order=1, mode="reflect") for c in range(3)], -1
    )


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("angle", [0.0, 10.0, -6.3])
@pytest.mark.parametrize("corner", [(8, 0), (0, 32), (16, 20)])
def test_a_turned_window_equals_turning_the_mirrored_frame(picture, corner, angle, flip):
    box = (*corner, 32, 32)
    result = apply_geometry(picture[None], ClipAugmentation(32, *box, angle, flip, np.zeros(0)), rotation=10.0)[0]
    expected = turned(picture, box, angle)
    assert np.abs(result.numpy() - (expected[:, ::-1] if flip else expected)).max() <= 0.51


@pytest.mark.parametrize("angle", [0.0, 8.0])
def test_a_window_that_is_resized_and_turned_shows_the_box_turned_and_resized(picture, angle):
    box = (4, 12, 40, 40)
    result = apply_geometry(picture[None], ClipAugmentation(32, *box, angle, False, np.zeros(0)), rotation=10.0)[0]
    whole = Image.fromarray(turned(picture, box, angle).round().astype(np.uint8))
    expected = np.asarray(whole.resize((32, 32), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(result.numpy() - expected).mean() < 2  # one smooths a little more
    assert np.abs(result.numpy() - np.roll(expected, 1, axis=1)).mean() > 6


def test_mirror_images_go_on_for_ever():
    line = np.arange(4, dtype=np.uint8)
    frames = np.broadcast_to(line[None, None, :, None], (1, 4, 4, 3))
    out = np.zeros((1, 4, 20, 3), np.uint8)
    geometric._mirrored(frames, 0, -9, out)
    assert out[0, 0, :, 0].tolist() == np.pad(line, (9, 7), mode="symmetric").tolist()


def test_the_whole_frame_is_squeezed_to_a_square():
    config = Augmentation.parse({"size": 8, "crop": "whole"}, "augment")
    frames = np.zeros((2, 8, 16, 3), dtype=np.uint8)
    frames[:, :, 8:] = 200
    clip = apply_geometry(frames, draw(config, 8, 16, np.random.default_rng(0)))
    assert clip.shape == (2, 8, 8, 3)
    assert clip[:, :, :3].max() == 0 and clip[:, :, 5:].min() == 200  # both edges are still there
    with pytest.raises(UserError, match="no meaning for crop whole"):
        Augmentation.parse({"size": 8, "crop": "whole", "resize_short": 9}, "augment")
