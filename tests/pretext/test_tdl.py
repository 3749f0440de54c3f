import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.common.results import OWN_VIDEO
from videossl.data.settings import Augment, ClipShape
from videossl.pretext import registry as tasks
from videossl.pretext.tdl import TemporalTriplet, initialise, mix_in_a_frame
from videossl.training import pretrain
from videossl.training.session import Compute
from videossl.training.settings import OptimizerSettings, Schedule
from videossl.training.specs import TrainingSpec

FRAMES = 4
NO_CHOICES = torch.zeros(1, dtype=torch.long)  # TDL reads none


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def tdl(**options):
    network = backbones.build("r2plus1d", width=0.05)
    return tasks.build("tdl", network, {"queue_size": 10, "dim": 8, **options}, frames=FRAMES)


def clips(videos: int) -> torch.Tensor:
    return torch.randn(videos, 3, 3, FRAMES, 16, 16, generator=torch.Generator().manual_seed(1))


def draw(sampler: TemporalTriplet, num_frames: int, draws: int = 400) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(0)
    return [list(sampler(num_frames, rng).clips) for _ in range(draws)]


def test_the_positive_is_the_anchor_and_the_negative_starts_elsewhere():
    """A span of 13 frames of 40: starts 0 to 27; every start is drawn, the negative's always 4 or more away."""
    drawn = draw(TemporalTriplet(length=5, stride=3, gap=4), num_frames=40, draws=3000)
    assert all(np.array_equal(anchor, positive) for anchor, positive, _ in drawn)
    assert all(np.diff(clip).tolist() == [3] * 4 for clips in drawn for clip in clips)
    pairs = np.array([(anchor[0], negative[0]) for anchor, _, negative in drawn])
    assert set(pairs[:, 0]) == set(pairs[:, 1]) == set(range(28))
    distances = np.abs(pairs[:, 0] - pairs[:, 1])
    assert distances.min() == 4 and distances.max() == 27


def test_negatives_are_drawn_evenly_from_the_starts_far_enough():
    """Of the 10 starts of 22 frames, those of an anchor at 5 are 0, 1 and 9."""
    drawn = draw(TemporalTriplet(length=5, stride=3, gap=4), num_frames=22, draws=6000)
    negatives = [int(negative[0]) for anchor, _, negative in drawn if anchor[0] == 5]
    shares = np.bincount(negatives, minlength=10) / len(negatives)
    np.testing.assert_allclose(shares, [1 / 3, 1 / 3, 0, 0, 0, 0, 0, 0, 0, 1 / 3], atol=0.08)


@pytest.mark.parametrize(("num_frames", "stride"), [(21, 3), (20, 2), (17, 2), (16, 1), (13, 1)])
def test_in_short_videos_the_stride_shrinks_until_every_anchor_has_a_negative(num_frames, stride):
    """Needed are (5 - 1) * stride + 1 frames and twice the gap of 4."""
    for anchor, positive, negative in draw(TemporalTriplet(length=5, stride=3, gap=4), num_frames):
        assert all(np.diff(clip).tolist() == [stride] * 4 for clip in (anchor, positive, negative))
        assert max(anchor[-1], negative[-1]) < num_frames
        assert abs(anchor[0] - negative[0]) >= 4


def test_without_a_start_far_enough_the_negative_is_as_far_as_it_can_be():
    """8 frames, consecutive ones: starts 0 to 3."""
    pairs = {(int(a[0]), int(n[0])) for a, _, n in draw(TemporalTriplet(length=5, stride=3, gap=4), 8)}
    assert pairs == {(0, 3), (1, 3), (2, 0), (3, 0)}


@pytest.mark.parametrize(
    ("num_frames", "anchor", "negative"),
    [(5, [0, 1, 2, 3, 4], [2, 3, 4, 0, 1]), (3, [0, 1, 2, 0, 1], [1, 2, 0, 1, 2]), (1, [0] * 5, [0] * 5)],
)
def test_without_a_second_start_the_video_is_looped(num_frames, anchor, negative):
    first, second, third = TemporalTriplet(length=5, stride=3, gap=4)(num_frames, np.random.default_rng(0)).clips
    assert first.tolist() == second.tolist() == anchor
    assert third.tolist() == negative


def test_the_task_needs_a_second_segment():
    """With one frame less, the negative is the anchor's frames from the middle on, told by their jump."""
    task = tdl()
    assert task.min_frames == FRAMES + 1
    for anchor, _, negative in draw(task.sampler, FRAMES + 1):
        assert abs(anchor[0] - negative[0]) == 1 and (np.diff(negative) == 1).all()
    assert all((np.diff(negative) < 0).any() for _, _, negative in draw(task.sampler, FRAMES))


def test_the_network_starts_as_the_references_does():
    """Convolutions: uniform within sqrt(2) * sqrt(6 / (fan in + fan out)); scales: N(1, 0.02); the rest: as it was."""
    torch.manual_seed(3)
    plain = backbones.build("r2plus1d", width=0.25)
    torch.manual_seed(3)
    backbone = backbones.build("r2plus1d", width=0.25)
    task = tasks.build("tdl", backbone, {"queue_size": 10}, frames=FRAMES)
    scales = []
    for before, module in zip(plain.modules(), backbone.modules(), strict=True):
        if isinstance(module, torch.nn.Conv3d):
            per_pixel = module.weight[0, 0].numel()
            limit = math.sqrt(2) * math.sqrt(6 / (per_pixel * (module.in_channels + module.out_channels)))
            assert 0.9 * limit < module.weight.abs().max() <= limit
            assert module.weight.std().item() == pytest.approx(limit / math.sqrt(3), rel=0.1)
        elif isinstance(module, torch.nn.BatchNorm3d):
            scales.append(module.weight.detach())
            assert torch.equal(module.bias, before.bias)
    scales = torch.cat(scales)
    assert scales.mean().item() == pytest.approx(1, abs=0.003) and scales.std().item() == pytest.approx(0.02, rel=0.1)
    keys = task.key_encoder.encoder[0].state_dict()
    assert all(torch.equal(keys[name], value) for name, value in backbone.state_dict().items())


def test_other_starts_than_the_references_are_kept():
    """A scale that a backbone starts at 0.2, and networks without batch normalisation."""
    mobilenet = backbones.build("mobilenet", width=0.1, residual_start=0.2)
    initialise(mobilenet)
    scales = torch.cat([module.weight for module in mobilenet.modules() if isinstance(module, torch.nn.BatchNorm3d)])
    started_low = scales < 0.5
    assert started_low.any() and not started_low.all()
    torch.testing.assert_close(scales, torch.where(started_low, 0.2, 1.0), rtol=0.1, atol=0)
    swin = backbones.build("videoswin", width=0.1, depths=[1, 1])
    before = {name: value.clone() for name, value in swin.state_dict().items()}
    initialise(swin)
    assert all(torch.equal(value, before[name]) for name, value in swin.state_dict().items())


def test_mixing_by_hand():
    """Clip 0 has the frames 0, 1, 2, clip 1 the tenfold; a share of frame j is in each of them."""
    frames = torch.arange(3.0).view(1, 1, 3, 1, 1) * torch.tensor([1.0, 10.0]).view(2, 1, 1, 1, 1)
    batch = frames.expand(2, 3, 3, 2, 2)
    generator = torch.Generator().manual_seed(3)
    share = 0.1 * torch.rand((), generator=generator).item()
    first, second = torch.randint(3, (2,), generator=generator).tolist()
    mixed = mix_in_a_frame(batch, 0.1, torch.Generator().manual_seed(3))
    expected = [
        [(1 - share) * t + share * first for t in range(3)],
        [10 * ((1 - share) * t + share * second) for t in range(3)],
    ]
    torch.testing.assert_close(mixed, torch.tensor(expected).view(2, 1, 3, 1, 1).expand(2, 3, 3, 2, 2))


def test_mixed_frames_and_shares_vary_within_their_range():
    batch = torch.eye(4).view(1, 1, 4, 4, 1).expand(1, 3, 4, 4, 1)  # frame t is 1 in row t
    found = [mix_in_a_frame(batch, 0.1, torch.Generator().manual_seed(seed))[0, 0, :, :, 0] for seed in range(60)]
    shares, chosen = [], set()
    for mixed in found:
        ghost = mixed - mixed.diag().diag()
        share = ghost.max().item()
        shares.append(share)
        chosen.add(int(ghost.sum(dim=0).argmax()))  # the row of the chosen frame
    assert 0 <= min(shares) < 0.02 and 0.08 < max(shares) <= 0.1
    assert chosen == {0, 1, 2, 3}


def test_a_step_recomputed_and_the_positives_keys_are_enqueued():
    """Recomputed from the encoders, apart from the task's own forward pass."""
    task = tdl(temperature=0.2).train()
    batch, queue = clips(6), task.queue.negatives()
    encode = lambda x: F.normalize(task.head.linear(task.backbone(x)), dim=1)  # noqa: E731
    with torch.no_grad():  # the key encoder starts as a copy of the query encoder
        query = encode(mix_in_a_frame(batch[:, 0], 0.1, torch.Generator().manual_seed(5)))
        key, negative = encode(batch[:, 1]), encode(batch[:, 2])
    own = (query * negative).sum(dim=1, keepdim=True)
    logits = torch.cat([(query * key).sum(dim=1, keepdim=True), query @ queue, own], dim=1) / 0.2
    expected = F.cross_entropy(logits, torch.zeros(6, dtype=torch.long))

    loss, scalars = task(batch, NO_CHOICES, torch.Generator().manual_seed(5))
    torch.testing.assert_close(loss, expected)
    assert scalars["temporal_accuracy"] == (logits[:, 0] > logits[:, -1]).float().mean()
    assert torch.equal(task.queue.keys, queue)  # other parts of the same batch see the same negatives
    task.on_step_end()
    torch.testing.assert_close(task.queue.keys[:, :6], key.T)
    assert torch.equal(task.queue.keys[:, 6:], queue[:, 6:])


def test_negatives_get_a_gradient_and_keys_do_not():
    task = tdl().train()
    batch = clips(4).requires_grad_()
    task(batch, NO_CHOICES, torch.Generator())[0].backward()
    anchor, positive, negative = (batch.grad[:, number].abs().sum() for number in range(3))
    assert anchor > 0 and negative > 0 and positive == 0
    assert all(p.grad is None and not p.requires_grad for p in task.key_encoder.parameters())


def test_the_key_encoder_moves_after_the_step():
    task = tdl(momentum=0.5).train()
    old = task.key_encoder.encoder[1].linear.weight.clone()
    with torch.no_grad():
        task.head.linear.weight.add_(1.0)  # in place of an optimiser
    task(clips(4), NO_CHOICES, torch.Generator())
    assert torch.equal(task.key_encoder.encoder[1].linear.weight, old)
    task.on_step_end()
    torch.testing.assert_close(task.key_encoder.encoder[1].linear.weight, old + 0.5)


def test_a_batch_wraps_around_the_queue_and_may_exceed_it():
    for size, position in ((10, 2), (3, 0)):
        task = tdl(queue_size=size).train()
        for seed in range(2):
            loss, _ = task(clips(6), NO_CHOICES, torch.Generator().manual_seed(seed))
            task.on_step_end()
            assert torch.isfinite(loss)
        assert task.queue.keys.shape == (8, size) and task.queue.position == position


@pytest.mark.parametrize("exclude", [False, True])
def test_keys_of_the_same_video_are_counted_and_can_be_left_out(exclude):
    task = tdl(queue_size=3, exclude_same_video=exclude, temperature=0.2).train()
    for videos in ([4, 5], [6, 4]):
        task(clips(2), NO_CHOICES, torch.Generator(), videos=torch.tensor(videos))
        task.on_step_end()
    assert task.queue.videos.tolist() == [4, 5, 6]
    queue, batch = task.queue.negatives(), clips(2)
    with torch.no_grad():
        query, negative = task.embed(batch, torch.Generator().manual_seed(2))
        key = task.key_encoder(batch[:, 1])
    loss, scalars = task(batch, NO_CHOICES, torch.Generator().manual_seed(2), videos=torch.tensor([5, 9]))
    expected = 0.0
    for number, kept in enumerate(([0, 2] if exclude else [0, 1, 2], [0, 1, 2])):
        others = [queue[:, place] for place in kept] + [negative[number]]
        logits = torch.stack([query[number] @ other for other in [key[number], *others]]) / 0.2
        expected += F.cross_entropy(logits[None], torch.tensor([0])) / 2
    torch.testing.assert_close(loss, expected)
    assert scalars[OWN_VIDEO] == 0.5


def test_measures_by_hand():
    """Nearer than the own negative: videos 0, 1. Nearest of all six: 0; 1 is nearest to the negative of 2."""
    query = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    key = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, -1.0]])
    negative = torch.tensor([[0.8, 0.6], [1.0, 0.0], [-0.28, 0.96]])
    accuracy, retrieval = tdl().summarise({"query": query, "key": key, "negative": negative})
    assert accuracy == {"metric": "temporal_accuracy", "value": 2 / 3, "n": 3, "chance": 0.5}
    assert retrieval == {"metric": "segment_retrieval_top1", "value": 1 / 3, "n": 3, "chance": 1 / 6}


def test_held_out_outputs_by_definition():
    task = tdl().eval()
    batch = clips(3)
    outputs = task.evaluate_batch(batch, NO_CHOICES, torch.Generator().manual_seed(2))
    with torch.no_grad():
        mixed = mix_in_a_frame(batch[:, 0], 0.1, torch.Generator().manual_seed(2))
        for name, segment in (("query", mixed), ("key", batch[:, 1]), ("negative", batch[:, 2])):
            torch.testing.assert_close(outputs[name], task.encoder()(segment))


@pytest.mark.parametrize(("task", "flip"), [("tdl", 0.5), ("cvrl", 0.0)])
def test_held_out_clips_are_augmented_for_tdl_alone(monkeypatch, task, flip):
    """Without augmentation its anchor and positive would be the same pixels."""

    class Seen(Exception):
        pass

    def dataset(store, videos, sampler, augment, seed):
        raise Seen(augment)

    monkeypatch.setattr(pretrain, "ClipDataset", dataset)
    settings = {
        "augment": Augment(crop="random", resize_short=20, flip=0.5),
        "clip": ClipShape(frames=FRAMES, size=16),
    }
    spec = TrainingSpec(
        **settings, seed=0, epochs=1, batch_size=2, optimizer=OptimizerSettings(lr=0.1), schedule=Schedule()
    )
    model = tasks.build(task, backbones.build("r2plus1d", width=0.05), {}, frames=FRAMES)
    with pytest.raises(Seen) as seen:
        pretrain.evaluate(
            spec, model, None, pd.DataFrame({"id": [0]}), Compute(), torch.device("cpu"), SimpleNamespace()
        )
    augment = seen.value.args[0]
    assert augment.flip == flip
    assert augment.crop == ("random" if flip else "center") and augment.resize_short == 20  # at the scale of training


@pytest.mark.parametrize(
    "options",
    [
        {"queue_size": 0},
        {"momentum": 1.0},
        {"temperature": 0.0},
        {"mixup": 1.5},
        {"stride": 0},
        {"gap": 0},
        {"dim": 0},
        {"gap": 4.0},
    ],
)
def test_bad_values_are_refused(options):
    with pytest.raises(UserError, match=next(iter(options))):
        tdl(**options)
