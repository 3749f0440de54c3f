import math
import pickle

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.pretext import registry as tasks
from videossl.pretext.parts.decoder import Decoder, MapProjection, resample
from videossl.pretext.prp import DilatedClip, motion_weights, reconstruction_loss

RATES = [1, 2, 4, 8]
FRAMES, SIZE = 4, 16


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def prp(backbone: str = "r2plus1d", frames: int = FRAMES, mean=(0.0,) * 3, std=(1.0,) * 3, **options):
    network = backbones.build(backbone, width=0.05)
    return tasks.build("prp", network, options, frames=frames, mean=mean, std=std)


def draws(sampler, num_frames: int, count: int = 60) -> list:
    return [sampler(num_frames, np.random.default_rng(seed)) for seed in range(count)]


# --- the sampler ---


@pytest.mark.parametrize("choice", range(4))
def test_frames_of_each_rate(choice):
    """T = 16, in a video that just holds 16 frames at rate 8: against the original's definition."""
    rate = RATES[choice]
    drawn = next(each for each in draws(DilatedClip(16, tuple(RATES)), 128) if each.choice == choice)
    (indices,) = drawn.clips
    assert indices.dtype == np.int64 and len(indices) == 32 + 4 * 8
    target, glimpses = np.split(indices, [32])
    start = target[0]
    assert target[::2].tolist() == list(range(start, start + 16 * rate, rate))
    if rate == 1:
        assert target[1::2].tolist() == target[::2].tolist()
    else:
        assert target.tolist() == list(range(start, start + 16 * rate, rate // 2))
    chunks = [start + 16 * chunk + frame for chunk in range(rate) for frame in (0, 5, 10, 15)]
    assert glimpses.tolist() == chunks + [start] * (32 - 4 * rate)
    assert indices.max() < start + 16 * rate <= 128


@pytest.mark.parametrize(("frames", "within"), [(4, [0, 1, 2, 3]), (8, [0, 2, 5, 7]), (16, [0, 5, 10, 15])])
def test_glimpses_of_shorter_clips(frames, within):
    drawn = next(each for each in draws(DilatedClip(frames, (1, 2)), 2 * frames) if each.choice == 1)
    glimpses = drawn.clips[0][2 * frames :]
    assert glimpses.tolist() == within + [frames + frame for frame in within]


def test_rates_are_drawn_evenly_and_places_up_to_the_end():
    sampler = DilatedClip(4, (1, 2, 4))
    drawn = draws(sampler, 18, 900)
    counts = np.bincount([each.choice for each in drawn])
    assert len(counts) == 3 and counts.min() > 250
    for choice, rate in enumerate(sampler.rates):
        first = {int(each.clips[0][0]) for each in drawn if each.choice == choice}
        assert first == set(range(18 - 4 * rate + 1))


def test_a_short_video_is_looped_and_keeps_all_rates():
    drawn = draws(DilatedClip(4, (1, 2, 4)), 5)
    assert {each.choice for each in drawn} == {0, 1, 2}
    fastest = next(each.clips[0] for each in drawn if each.choice == 2)
    assert fastest[:8].tolist() == [0, 2, 4, 1, 3, 0, 2, 4]


@pytest.mark.parametrize(
    ("rates", "frames", "needed"), [([1, 2], 16, 32), ([1, 2, 4], 16, 64), (RATES, 16, 128), (RATES, 4, 32)]
)
def test_the_task_needs_videos_for_its_largest_rate(rates, frames, needed):
    """Of a video just long enough, no rate has a jump: frames rise, at every rate. One frame less, and the largest
    rate is looped, which gives it away."""
    task = prp(frames=frames, rates=rates)
    assert task.min_frames == needed

    def jumps(num_frames: int) -> set[int]:
        found = draws(task.sampler, num_frames, 200)
        return {each.choice for each in found if (np.diff(each.clips[0][: 2 * frames]) < 0).any()}

    assert jumps(needed) == jumps(needed + 5) == set()
    assert jumps(needed - rates[-1]) == {len(rates) - 1}


def test_few_frames_are_read():
    """At rate 8, 32 frames to reconstruct and 3 more in each of 8 chunks, of 128."""
    drawn = next(each for each in draws(DilatedClip(16, tuple(RATES)), 300) if each.choice == 3)
    assert len(np.unique(drawn.clips[0])) == 32 + 24


def test_the_sampler_pickles():
    sampler = prp().sampler
    assert pickle.loads(pickle.dumps(sampler)) == sampler


# --- motion ---


def test_motion_weights_by_definition():
    """One colour of one chunk, patch by patch at the paper's size."""
    frames = torch.rand(1, 3, 2, 4, 112, 112)
    weights = motion_weights(frames)
    assert weights.shape == (1, 3, 2, 112, 112)
    clip = frames[0, 1, 1]
    patches = torch.empty(13, 13)
    for row in range(13):
        for column in range(13):
            part = clip[:, 7 * row : 7 * row + 28, 7 * column : 7 * column + 28]
            patches[row, column] = sum(((part[k + 1] - part[k]) ** 2).mean() for k in range(3)) / 3
    share = (patches - patches.min() + 1e-6) / (patches.max() - patches.min() + 1e-6)
    mask = (0.8 + 1.2 * share)[None, None, None]  # (1, 1, 1, 13, 13)
    # as the reference enlarges it: in time too, which for one slice repeats it
    enlarged = F.interpolate(mask, size=(4, 112, 112), mode="trilinear", align_corners=False)[0, 0]
    for frame in enlarged:
        torch.testing.assert_close(weights[0, 1, 1], frame, rtol=1e-3, atol=1e-4)
    assert mask.min() == pytest.approx(0.8, abs=1e-2) and mask.max() == pytest.approx(2.0)


def test_motion_is_weighed_where_it_is():
    chunks = torch.zeros(1, 3, 1, 4, 32, 32)
    chunks[..., 1, 24:, 24:] = 1.0  # one frame flashes in the corner
    weights = motion_weights(chunks)[0, :, 0]
    assert weights[:, -1, -1].tolist() == pytest.approx([2.0] * 3)
    assert weights[:, 0, 0].tolist() == pytest.approx([0.8] * 3, abs=1e-4)


def test_a_still_chunk_weighs_one_and_does_not_touch_others():
    chunks = torch.rand(2, 3, 2, 4, 16, 16)
    alone = motion_weights(chunks)
    chunks[0, :, 1] = chunks[0, :, 1, :1]
    weights = motion_weights(chunks)
    assert torch.equal(weights[0, :, 1], torch.ones(3, 16, 16))
    assert torch.equal(weights[0, :, 0], alone[0, :, 0]) and torch.equal(weights[1], alone[1])


def test_one_moving_colour_makes_a_chunk_not_still():
    chunks = torch.zeros(1, 3, 1, 4, 16, 16)
    chunks[:, 0] = torch.rand(1, 1, 4, 16, 16)
    weights = motion_weights(chunks)
    assert weights[0, 0].min() < 0.9
    torch.testing.assert_close(weights[0, 1:], torch.full((2, 1, 16, 16), 2.0))  # (0 + 1e-6) / (0 + 1e-6)


@pytest.mark.parametrize("size", [16, 20, 24, 32, 50, 112])
def test_motion_weights_of_any_size(size):
    assert motion_weights(torch.rand(1, 3, 1, 4, size, size)).shape == (1, 3, 1, size, size)


# --- targets and loss ---


def numbered(sampler, choice: int, num_frames: int = 40) -> tuple[torch.Tensor, np.ndarray]:
    """A clip of frames that show their own number / 100: (1, 1, 3, L, S, S), and the numbers."""
    drawn = next(each for each in draws(sampler, num_frames) if each.choice == choice)
    values = torch.from_numpy(drawn.clips[0]).float() / 100
    return values.view(1, 1, 1, -1, 1, 1).expand(1, 1, 3, len(values), SIZE, SIZE).clone(), drawn.clips[0]


def test_targets_of_a_batch_of_all_rates():
    """Each video's frames, flags and weights, found in one batch, against those worked out for it alone."""
    task = prp()
    clips, numbers = zip(*(numbered(task.sampler, choice) for choice in range(4)), strict=True)
    clips = torch.cat(clips) + 0.2 * torch.rand(4, 1, 3, clips[0].shape[3], SIZE, SIZE)
    target, weights, real = task.targets(clips, torch.arange(4))
    assert target.shape == weights.shape == (4, 3, 2 * FRAMES, SIZE, SIZE)
    assert torch.equal(target, clips[:, 0, :, : 2 * FRAMES])
    assert real.tolist() == [[True, False] * FRAMES] + [[True] * 2 * FRAMES] * 3
    for video, rate in enumerate(RATES):
        glimpses = clips[video : video + 1, 0, :, 2 * FRAMES :].unflatten(2, (8, 4))
        for place in range(2 * FRAMES):
            chunk = (numbers[video][place] - numbers[video][0]) // FRAMES  # of T frames of the video
            assert chunk < rate
            alone = motion_weights(glimpses[:, :, chunk : chunk + 1])[0, :, 0]
            torch.testing.assert_close(weights[video, :, place], alone)


def test_the_network_sees_every_second_target_frame(monkeypatch):
    task = prp().eval()
    seen = []
    feature_map = task.backbone.feature_map
    monkeypatch.setattr(task.backbone, "feature_map", lambda x: (seen.append(x), feature_map(x))[1])
    for choice, rate in enumerate(RATES):
        clips, numbers = numbered(task.sampler, choice)
        task.branches(clips)
        assert seen[-1].shape == (1, 3, FRAMES, SIZE, SIZE)
        frames = (100 * seen[-1][0, 0, :, 0, 0]).round().long().tolist()
        assert frames == [int(numbers[0]) + rate * k for k in range(FRAMES)]


def test_pixels_are_reconstructed_not_normalised_values():
    task = prp(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    pixels = torch.rand(2, 1, 3, 2 * FRAMES + 32, SIZE, SIZE)
    clips = (pixels - task.mean) / task.std
    target, weights, _ = task.targets(clips, torch.tensor([0, 3]))
    torch.testing.assert_close(target, pixels[:, 0, :, : 2 * FRAMES])
    _, raw_weights, _ = prp().targets(pixels, torch.tensor([0, 3]))
    torch.testing.assert_close(weights, raw_weights, rtol=1e-4, atol=1e-4)


def test_reconstruction_loss_by_hand():
    """Errors of 1 in frame 0 and 3 in frame 1, everywhere, weights 2. Both frames: 2 * (1 + 9) / 2 = 10; the first
    alone: 2 * 1 = 2. Mean of the two videos 6, although one has twice as many frames.
    """
    target = torch.zeros(2, 3, 2, 4, 4)
    output = torch.zeros(2, 3, 2, 4, 4)
    output[:, :, 0], output[:, :, 1] = 1.0, 3.0
    real = torch.tensor([[True, True], [True, False]])
    assert reconstruction_loss(output, target, torch.full_like(target, 2.0), real).item() == pytest.approx(6.0)


def test_a_step_is_the_weighted_sum_of_both_losses(monkeypatch):
    task = prp(reconstruction_weight=3.0, classification_weight=0.5)
    clips, _ = numbered(task.sampler, 2)
    clips = clips.expand(2, -1, -1, -1, -1, -1)
    logits = torch.tensor([[0.0, 0.0, math.log(3), 0.0], [math.log(3), 0.0, 0.0, 0.0]])
    monkeypatch.setattr(task, "branches", lambda clips: (torch.zeros(2, 1, 1, 1, 1), logits))
    target = clips[:, 0, :, : 2 * FRAMES]
    monkeypatch.setattr(task, "decoder", Shifted(target))
    loss, scalars = task(clips, torch.tensor([2, 2]), torch.Generator())
    _, weights, _ = task.targets(clips, torch.tensor([2, 2]))
    classification = (math.log(6 / 3) + math.log(6 / 1)) / 2
    assert scalars["classification"].item() == pytest.approx(classification)
    assert scalars["reconstruction"].item() == pytest.approx(0.25 * weights.mean().item(), rel=1e-5)
    assert scalars["top1"].item() == 0.5
    assert loss.item() == pytest.approx(3 * scalars["reconstruction"].item() + 0.5 * classification)


class Shifted(torch.nn.Module):
    """In place of the decoder: the target, 0.5 too bright."""

    def __init__(self, target: torch.Tensor) -> None:
        super().__init__()
        self.target = target

    def forward(self, feature_map: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
        assert size == tuple(self.target.shape[2:])
        return self.target + 0.5


def test_frames_that_are_not_real_give_no_gradient():
    task = prp(classification_weight=0.0)
    output = torch.rand(2, 3, 2 * FRAMES, SIZE, SIZE, requires_grad=True)
    clips = torch.rand(2, 1, 3, 2 * FRAMES + 32, SIZE, SIZE)
    target, weights, real = task.targets(clips, torch.tensor([0, 1]))
    reconstruction_loss(output, target, weights, real).backward()
    touched = output.grad.abs().sum(dim=(1, 3, 4)) > 0
    assert torch.equal(touched, real)


def test_rates_are_learnt():
    """Clips whose brightness grows by the frame: the rate is the slope."""
    torch.manual_seed(0)
    task = prp(rates=[1, 4], classification_weight=1.0).train()
    drawn = draws(task.sampler, 60, 12)
    values = torch.stack([torch.from_numpy(each.clips[0]).float() / 30 for each in drawn])
    values = values - values[:, :1]
    clips = values.view(12, 1, 1, -1, 1, 1) * torch.ones(1, 1, 3, 1, SIZE, SIZE)
    clips += 0.1 * torch.rand(clips.shape)
    choices = torch.tensor([each.choice for each in drawn])
    optimizer = torch.optim.AdamW(task.parameters(), lr=0.01)
    for _ in range(50):
        optimizer.zero_grad()
        task(clips, choices, torch.Generator())[0].backward()
        optimizer.step()
    outputs = task.eval().evaluate_batch(clips, choices, torch.Generator())
    row = task.summarise(outputs)[0]
    assert row["value"] > 0.9 and row["n"] == 12 and row["chance"] == 0.5


# --- decoder and projection ---


def test_decoder_at_full_scale():
    """512x2x7x7 -> 3x32x112x112 through 512, 256, 128, 64 channels, as in the original."""
    with torch.device("meta"):
        decoder = Decoder(512, 3)
        assert decoder(torch.empty(1, 512, 2, 7, 7), (32, 112, 112)).shape == (1, 3, 32, 112, 112)
    kinds = (torch.nn.Conv3d, torch.nn.ConvTranspose3d)
    layers = [layer for layer in decoder.layers.modules() if isinstance(layer, kinds)]
    assert [(layer.in_channels, layer.out_channels, layer.kernel_size[0]) for layer in layers] == [
        (512, 512, 3),
        *((512, 512, 2), (512, 256, 3)),
        *((256, 256, 2), (256, 128, 3)),
        *((128, 128, 2), (128, 64, 3)),
        *((64, 64, 2), (64, 3, 3)),
    ]
    assert isinstance(decoder.project, torch.nn.Identity)


@pytest.mark.parametrize("shape", [(24, 1, 1, 1), (24, 1, 4, 4), (7, 2, 3, 5), (40, 8, 4, 4)])
@pytest.mark.parametrize("size", [(16, 32, 32), (8, 16, 16), (5, 20, 24)])
@pytest.mark.parametrize("time_doublings", [3, 4])
def test_decoder_takes_any_map_and_size(shape, size, time_doublings):
    decoder = Decoder(shape[0], 2, channels=24, time_doublings=time_doublings)
    assert decoder(torch.randn(2, *shape), size).shape == (2, 2, *size)


def test_with_three_doublings_the_output_is_as_long_as_the_clip():
    """R(2+1)D's map is 2x7x7 of 16x112x112: nothing is interpolated, nothing is cut off."""
    decoder = Decoder(16, 3, channels=16, time_doublings=3)
    feature_map = torch.randn(1, 16, 2, 7, 7)
    whole = decoder.eval().layers(feature_map)
    assert whole.shape == (1, 3, 16, 112, 112)
    assert torch.equal(decoder(feature_map, (16, 112, 112)), whole)


def test_decoder_for_values_of_both_signs():
    feature_map = torch.randn(2, 8, 1, 2, 2)
    assert Decoder(8, 3, channels=8)(feature_map, (16, 32, 32)).min() == 0
    assert Decoder(8, 3, channels=8, relu=False)(feature_map, (16, 32, 32)).min() < 0


def test_resampling_averages_where_it_shrinks():
    feature_map = torch.arange(8.0).view(1, 1, 8, 1, 1)
    assert resample(feature_map, (2, 1, 1)).flatten().tolist() == [1.5, 5.5]
    assert resample(feature_map, (2, 3, 3)).shape == (1, 1, 2, 3, 3)
    assert resample(feature_map, (8, 1, 1)) is feature_map


def test_projection():
    """R(2+1)D's map is taken as it is; ShuffleNet's features have a layer of their own, which must be trained."""
    plain = backbones.build("r2plus1d", width=0.05)
    projection = MapProjection(plain, plain.map_channels)
    feature_map = torch.randn(2, plain.map_channels, 1, 2, 2)
    assert projection(feature_map, plain.embed(feature_map)) is feature_map
    assert not list(projection.parameters())

    embedding = backbones.build("shufflenet", width=0.05)
    projection = MapProjection(embedding, 10)
    feature_map = torch.randn(2, embedding.map_channels, 1, 2, 2)
    features = embedding.embed(feature_map)
    projected = projection(feature_map, features)
    expected = projection.of_map(feature_map) + projection.of_features(features).view(2, 10, 1, 1, 1)
    torch.testing.assert_close(projected, expected)
    projected.sum().backward()
    assert all(p.grad is not None for p in embedding.embedding.parameters())


def test_branches_are_as_wide_as_the_features_and_512_at_most():
    assert prp().class_branch[0].out_channels == prp().backbone.feature_dim
    assert prp(channels=8).decoder.layers[0][0].out_channels == 8
    with torch.device("meta"):
        for backbone in ("r2plus1d", "shufflenet"):
            task = tasks.build("prp", backbones.build(backbone), {}, frames=16)
            assert task.class_branch[0].out_channels == task.classify.in_features == 512
            assert task.classify.out_features == 4
            projected, logits = task.branches(torch.empty(2, 1, 3, 64, 112, 112))
            assert projected.shape[1] == 512 and logits.shape == (2, 4)


# --- the rest ---


@pytest.mark.parametrize("rates", [[1, 2], [1, 2, 4], [1, 2, 4, 8], [2, 6]])
def test_complexity_is_the_number_of_rates(rates):
    task = prp(rates=rates).train()
    drawn = [task.sampler(50, np.random.default_rng(seed)) for seed in range(4)]
    assert len(drawn[0].clips[0]) == 2 * FRAMES + 4 * max(rates)
    clips = torch.rand(4, 1, 3, len(drawn[0].clips[0]), SIZE, SIZE)
    loss, _ = task(clips, torch.tensor([each.choice for each in drawn]), torch.Generator())
    assert torch.isfinite(loss)
    row = task.summarise({"correct": torch.tensor([True, False])})[0]
    assert row == {"metric": "pretext_top1", "value": 0.5, "n": 2, "chance": 1 / len(rates)}
    assert "rates" not in task.state_dict()


@pytest.mark.parametrize(
    "options",
    [
        {"rates": [1]},
        {"rates": [1, 3]},
        {"rates": [2, 1]},
        {"rates": [1, 2, 2]},
        {"rates": [0, 2]},
        {"rates": [1.0, 2.0]},
        {"rates": 4},
        {"channels": 0},
        {"reconstruction_weight": -1.0},
        {"classification_weight": -0.1},
    ],
)
def test_bad_values_are_refused(options):
    with pytest.raises(UserError, match=next(iter(options))):
        prp(**options)


def test_too_few_frames_are_refused():
    with pytest.raises(UserError, match=r"at least 4 frames \(clip.frames\), not 3"):
        prp(frames=3)
