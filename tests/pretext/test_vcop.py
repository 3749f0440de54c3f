import math
from itertools import permutations

import numpy as np
import pytest
import torch

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.pretext import registry as tasks
from videossl.pretext.vcop import OrderHead, SuccessiveClips, shuffled

FRAMES = 4
NO_CHOICES = torch.zeros(1, dtype=torch.long)  # VCOP reads none


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def vcop(**options):
    return tasks.build("vcop", backbones.build("r2plus1d", width=0.05), options, frames=FRAMES)


def starts(sampler, num_frames: int, seed: int = 0) -> list[int]:
    return [int(clip[0]) for clip in sampler(num_frames, np.random.default_rng(seed)).clips]


@pytest.mark.parametrize(("clips", "reach"), [(3, 64), (4, 88), (5, 112)])
def test_clips_of_16_frames_are_8_frames_apart(clips, reach):
    """As in the original: 64 frames for three clips; all places where they fit are drawn, to the very end."""
    sampler = SuccessiveClips(length=16, stride=1, gap=8, clips_per_video=clips)
    drawn = sampler(reach, np.random.default_rng(0)).clips  # fits in one way only
    assert [clip.tolist() for clip in drawn] == [list(range(24 * n, 24 * n + 16)) for n in range(clips)]
    assert drawn[-1][-1] == reach - 1
    first = {starts(sampler, reach + 3, seed)[0] for seed in range(60)}
    assert first == {0, 1, 2, 3}


def test_the_gap_is_counted_from_the_last_frame():
    (first, second) = SuccessiveClips(length=4, stride=3, gap=5, clips_per_video=2)(25, np.random.default_rng(0)).clips
    assert first.tolist() == [0, 3, 6, 9]
    assert second.tolist() == [15, 18, 21, 24]


def test_in_a_short_video_the_gap_shrinks_and_the_order_stays():
    sampler = SuccessiveClips(length=16, stride=1, gap=8, clips_per_video=3)
    assert starts(sampler, 63) in ([0, 23, 46], [1, 24, 47])
    assert starts(sampler, 50) == [0, 17, 34]  # a gap of 1
    assert starts(sampler, 45)[1:] == [starts(sampler, 45)[0] + 14, starts(sampler, 45)[0] + 28]  # overlapping
    for num_frames in range(18, 64):
        places = starts(sampler, num_frames, seed=num_frames)
        assert places == sorted(set(places)) and places[-1] + 15 < num_frames


@pytest.mark.parametrize("clips", [3, 4, 5])
def test_the_task_needs_videos_whose_clips_differ(clips):
    task = vcop(clips=clips, gap=2)
    assert task.min_frames == FRAMES + clips - 1
    assert len(set(starts(task.sampler, task.min_frames))) == clips
    assert len(set(starts(task.sampler, task.min_frames - 1))) == 1
    assert vcop(clips=clips, stride=3).min_frames == 3 * (FRAMES - 1) + 1 + clips - 1


def test_a_video_shorter_than_a_clip_is_looped():
    sampler = SuccessiveClips(length=4, stride=1, gap=2, clips_per_video=3)
    assert [clip.tolist() for clip in sampler(3, np.random.default_rng(0)).clips] == [[0, 1, 2, 0]] * 3
    assert [clip.tolist() for clip in sampler(1, np.random.default_rng(0)).clips] == [[0] * 4] * 3


def test_shuffling():
    clips = torch.tensor([[10, 11, 12], [20, 21, 22]])
    assert shuffled(clips, torch.tensor([[2, 0, 1], [0, 2, 1]])).tolist() == [[12, 10, 11], [20, 22, 21]]


@pytest.mark.parametrize("clips", [3, 4, 5])
def test_labels_are_places_among_the_permutations_in_lexicographic_order(clips):
    task = vcop(clips=clips)
    rows = [tuple(row) for row in task.orders.tolist()]
    assert len(rows) == math.factorial(clips) and rows == sorted(set(rows))
    assert rows[0] == tuple(range(clips)) and rows[-1] == tuple(reversed(range(clips)))
    assert set(rows) == set(permutations(range(clips)))
    assert "orders" not in task.state_dict()


class Spy(torch.nn.Module):
    """In place of the head or the backbone: keeps what it is given, and answers with `logits`."""

    def __init__(self, logits: torch.Tensor | None = None) -> None:
        super().__init__()
        self.logits, self.seen = logits, []

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        self.seen.append(features)
        return self.logits if self.logits is not None else torch.zeros(len(features), 6)


def test_the_head_sees_the_clips_in_the_order_of_the_label():
    """Features of the clips one by one, and the generator's labels, put together by hand."""
    task = vcop().eval()
    clips = torch.randn(5, 3, 3, FRAMES, 16, 16)
    features = torch.stack([task.backbone(clips[:, n]) for n in range(3)], dim=1)
    task.head = Spy()
    _, labels = task.predict(clips, torch.Generator().manual_seed(4))
    assert labels.tolist() == torch.randint(6, (5,), generator=torch.Generator().manual_seed(4)).tolist()
    assert len(set(labels.tolist())) > 2
    for video, label in enumerate(labels.tolist()):
        order = list(permutations(range(3)))[label]
        torch.testing.assert_close(task.head.seen[0][video], features[video, list(order)])


def test_orders_are_drawn_evenly_and_from_the_generator_alone():
    task = vcop().eval()
    task.backbone, task.head = Spy(torch.zeros(18000, 1)), Spy()
    clips = torch.zeros(6000, 3, 1, 1, 1, 1)
    _, labels = task.predict(clips, torch.Generator().manual_seed(0))
    counts = labels.bincount(minlength=6)
    assert counts.min() > 900 and counts.max() < 1100  # 1000 +- 29 expected
    torch.manual_seed(123)
    assert torch.equal(task.predict(clips, torch.Generator().manual_seed(0))[1], labels)
    assert not torch.equal(task.predict(clips, torch.Generator().manual_seed(1))[1], labels)


def test_head_by_hand():
    """Features 1, 2, 3 (of one number); a pair (a, b) becomes relu(b - a), 1, 2, 1; the logits are sums of them."""
    head = OrderHead(feature_dim=1, clips=3, orders=2, hidden=1, dropout=0.5).eval()
    with torch.no_grad():
        head.compare[0].weight.copy_(torch.tensor([[-1.0, 1.0]]))
        head.compare[0].bias.zero_()
        head.classify[1].weight.copy_(torch.tensor([[1.0, 10.0, 100.0], [1.0, 1.0, 1.0]]))
        head.classify[1].bias.zero_()
    features = torch.tensor([[[1.0], [2.0], [3.0]], [[3.0], [1.0], [2.0]]])
    # pairs (0, 1), (0, 2), (1, 2): 1, 2, 1 and, where the second is less, relu gives 0: 0, 0, 1
    assert head(features).tolist() == [[121.0, 4.0], [100.0, 1.0]]


@pytest.mark.parametrize(("clips", "pairs"), [(3, 3), (5, 10)])
def test_head_at_full_width(clips, pairs):
    """512 features: pairs of 1024 -> 512, shared; then all pairs -> N!, as in the original."""
    with torch.device("meta"):
        task = tasks.build("vcop", backbones.build("r2plus1d"), {"clips": clips}, frames=16)
    shapes = [tuple(p.shape) for p in task.head.parameters()]
    orders = math.factorial(clips)
    assert shapes == [(512, 1024), (512,), (orders, pairs * 512), (orders,)]
    assert task.head.classify[0].p == 0.5


def test_hidden_units_follow_a_narrow_backbone():
    task = vcop()
    assert task.head.compare[0].out_features == task.backbone.feature_dim
    assert vcop(hidden=5).head.compare[0].out_features == 5


def test_loss_and_accuracy_by_hand():
    """Logit ln 3 for order 2, 0 for the five others: probability 3/8 there and 1/8 elsewhere."""
    task = vcop()
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(6, (4,), generator=torch.Generator().manual_seed(0)).tolist()
    logits = torch.zeros(4, 6)
    logits[0, labels[0]] = math.log(3)
    logits[1:, 2] = math.log(3)
    right = [True] + [label == 2 for label in labels[1:]]
    task.head = Spy(logits)
    loss, scalars = task(torch.randn(4, 3, 3, FRAMES, 16, 16), NO_CHOICES, generator)
    expected = [-math.log(3 / 8 if hit else 1 / 8) for hit in right]
    assert loss.item() == pytest.approx(sum(expected) / 4)
    assert scalars["top1"].item() == pytest.approx(sum(right) / 4)
    outputs = task.eval().evaluate_batch(
        torch.randn(4, 3, 3, FRAMES, 16, 16), NO_CHOICES, torch.Generator().manual_seed(0)
    )
    assert outputs["correct"].tolist() == right


@pytest.mark.parametrize("clips", [3, 4, 5])
def test_chance(clips):
    row = vcop(clips=clips).summarise({"correct": torch.tensor([True, False, False, True])})[0]
    assert row == {"metric": "pretext_top1", "value": 0.5, "n": 4, "chance": 1 / math.factorial(clips)}


@pytest.mark.parametrize(
    "options",
    [{"clips": 1}, {"clips": 7}, {"gap": -1}, {"stride": 0}, {"hidden": 0}, {"dropout": 1.0}, {"clips": 3.0}],
)
def test_bad_values_are_refused(options):
    with pytest.raises(UserError, match=next(iter(options))):
        vcop(**options)


def test_orders_are_learnt():
    """Videos that grow brighter, each from a brightness of its own."""
    task = vcop(dropout=0.0).train()
    generator = torch.Generator().manual_seed(0)
    place = torch.arange(3.0).view(1, 3, 1, 1, 1, 1)
    clips = place + 0.5 * torch.randn(16, 1, 1, 1, 1, 1) + 0.3 * torch.randn(16, 3, 3, FRAMES, 16, 16)
    optimizer = torch.optim.AdamW(task.parameters(), lr=0.01)
    for _ in range(25):
        optimizer.zero_grad()
        task(clips, NO_CHOICES, generator)[0].backward()
        optimizer.step()
    row = task.summarise(task.eval().evaluate_batch(clips, NO_CHOICES, generator))[0]
    assert row["value"] > 0.7 and row["n"] == 16  # chance is 1/6
