import copy

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.common.results import OWN_VIDEO
from videossl.pretext import registry as tasks
from videossl.pretext.rspnet import at_speed, random_half, relative_speed_loss

FRAMES = 4
NO_CHOICES = torch.zeros(1, dtype=torch.long)  # RSPNet reads none


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def rspnet(**options):
    network = backbones.build("r2plus1d", width=0.05)
    return tasks.build("rspnet", network, {"queue_size": 10, "dim": 16, **options}, frames=FRAMES)


def clips(videos: int) -> torch.Tensor:
    return torch.randn(videos, 2, 3, 2 * FRAMES, 16, 16, generator=torch.Generator().manual_seed(1))


def test_speeds():
    frames = torch.arange(8.0).view(1, 1, 8, 1, 1).expand(2, 3, 8, 2, 2)
    cut = at_speed(frames, torch.tensor([False, True]))
    assert cut.shape == (2, 3, 4, 2, 2)
    assert cut[0, 0, :, 0, 0].tolist() == [0, 1, 2, 3]
    assert cut[1, 0, :, 0, 0].tolist() == [0, 2, 4, 6]


def test_random_half():
    halves = [random_half(8, torch.Generator().manual_seed(seed)) for seed in range(20)]
    assert all(half.sum() == 4 for half in halves)
    assert len({tuple(half.tolist()) for half in halves}) > 10
    assert torch.equal(halves[3], random_half(8, torch.Generator().manual_seed(3)))
    assert random_half(5, torch.Generator()).sum() == 3


def test_relative_speed_loss_by_hand():
    """Differences 0.07, 0.14, -0.07, 1.0 by tau 0.07: 1, 2, -1, 14.3. Margin 2: losses 1, 0, 3, 0."""
    same = torch.tensor([0.57, 0.64, 0.43, 0.9])
    other = torch.tensor([0.50, 0.50, 0.50, -0.1])
    loss = relative_speed_loss(same, other, temperature=0.07, margin=2.0)
    assert loss.item() == pytest.approx(4 / 4, abs=1e-5)


@pytest.mark.parametrize("weight", [1.0, 0.1])
def test_a_step_is_the_sum_of_its_losses_and_enqueues_the_negative_keys(weight):
    """Recomputed from the encoders, apart from the task's own forward pass."""
    task = rspnet(**({} if weight == 1 else {"appearance_weight": weight})).train()
    batch, seed = clips(6), 5
    queue = task.queue.negatives()
    with torch.no_grad():  # as in a step, in its order: key_neg, key, query
        fast = random_half(6, torch.Generator().manual_seed(seed))
        key_neg = task.key_encoder(at_speed(batch[:, 1], ~fast))
        key = task.key_encoder(at_speed(batch[:, 1], fast))
        query = task.encoder()(at_speed(batch[:, 0], fast))
    torch.testing.assert_close(query.norm(dim=2), torch.ones(6, 2))
    target = torch.zeros(6, dtype=torch.long)
    logits = [torch.cat([(query[:, 0] * k[:, 0]).sum(1, True), query[:, 0] @ queue], 1) / 0.07 for k in (key, key_neg)]
    a_vid = F.cross_entropy(logits[0], target) + F.cross_entropy(logits[1], target)
    gap = (query[:, 1] * (key - key_neg)[:, 1]).sum(dim=1) / 0.07
    rsp = (2 - gap).clamp(min=0).mean()

    loss, scalars = task(batch, NO_CHOICES, torch.Generator().manual_seed(seed))
    torch.testing.assert_close(loss, weight * a_vid + rsp)
    torch.testing.assert_close(scalars["a_vid"], a_vid)
    torch.testing.assert_close(scalars["rsp"], rsp)
    assert torch.equal(task.queue.keys, queue)  # other parts of the same batch see the same negatives
    task.on_step_end()
    torch.testing.assert_close(task.queue.keys[:, :6], key_neg[:, 0].T)
    assert torch.equal(task.queue.keys[:, 6:], queue[:, 6:])
    assert task.queue.position == 6


def test_the_key_encoder_moves_before_the_keys_are_made():
    task = rspnet(momentum=0.5).train()
    weight = task.heads.appearance.weight
    old = task.key_encoder.encoder[1].appearance.weight.clone()
    with torch.no_grad():
        weight.add_(1.0)
    seen = []
    task.key_encoder.register_forward_pre_hook(
        lambda module, _: seen.append(module.encoder[1].appearance.weight.clone())
    )
    task.on_step_start()
    task(clips(4), NO_CHOICES, torch.Generator())
    assert len(seen) == 2  # one pass for k_neg, one for k
    for value in seen:
        torch.testing.assert_close(value, old + 0.5)


def test_no_gradient_reaches_keys_or_queue():
    task = rspnet().train()
    task(clips(4), NO_CHOICES, torch.Generator())[0].backward()
    assert all(p.grad is None and not p.requires_grad for p in task.key_encoder.parameters())
    assert not task.queue.keys.requires_grad
    assert all(p.grad is not None for p in task.heads.parameters())


def test_a_queue_smaller_than_the_batch():
    task = rspnet(queue_size=3).train()
    loss, _ = task(clips(4), NO_CHOICES, torch.Generator())
    loss.backward()
    task.on_step_end()
    assert torch.isfinite(loss) and task.queue.keys.shape == (16, 3)


def test_sampler_takes_two_stretches_of_consecutive_frames():
    first, second = rspnet().sampler(300, np.random.default_rng(0)).clips
    assert np.diff(first).tolist() == np.diff(second).tolist() == [1] * 7
    assert first[0] != second[0]


def test_the_task_needs_videos_for_the_fast_clip():
    """In a shorter video only the fast clip would have a jump."""
    task = rspnet()
    assert task.min_frames == 2 * FRAMES - 1
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert all((np.diff(clip[::2]) == 2).all() for clip in task.sampler(task.min_frames, rng).clips)
        (clip, _) = task.sampler(task.min_frames - 1, rng).clips
        assert (np.diff(clip[:FRAMES]) == 1).all() and (np.diff(clip[::2]) < 0).any()


# --- a query's own video in the queue ---


def steps(task, batches: list[list[int]]) -> list[dict]:
    """Train on batches of these videos; returns the scalars of each step."""
    found = []
    for number, videos in enumerate(batches):
        batch = clips(len(videos)) + number
        task.on_step_start()
        loss, scalars = task(batch, NO_CHOICES, torch.Generator().manual_seed(number), videos=torch.tensor(videos))
        task.on_step_end()
        found.append({"loss": loss.item(), **scalars})
    return found


@pytest.mark.parametrize("exclude", [False, True])
def test_the_share_of_queries_that_meet_their_own_video_is_logged(exclude):
    """Four keys: those of the last two batches of two videos."""
    task = rspnet(queue_size=4, exclude_same_video=exclude).train()
    found = steps(task, [[0, 1], [2, 0], [1, 3], [3, 0], [1, 2], [3, 3]])
    assert [step[OWN_VIDEO].item() for step in found] == [0, 0.5, 0.5, 1.0, 0.5, 1.0]
    assert task.queue.videos.tolist() == [1, 2, 3, 3]
    assert OWN_VIDEO not in task(clips(2), NO_CHOICES, torch.Generator())[1]  # whose videos are not known


def test_keys_of_the_same_video_can_be_left_out_of_the_negatives():
    """Against the loss over the keys of other videos, worked out query by query."""
    task = rspnet(queue_size=6, exclude_same_video=True, temperature=0.2).train()
    steps(task, [[0, 1, 2], [3, 0, 1]])
    batch, videos, queue = clips(3), torch.tensor([0, 2, 7]), task.queue.negatives()
    fast = random_half(3, torch.Generator().manual_seed(9))
    with torch.no_grad():
        state = copy.deepcopy(task.state_dict())
        query = task.encoder()(at_speed(batch[:, 0], fast))[:, 0]
        other, same = (task.key_encoder(at_speed(batch[:, 1], speed))[:, 0] for speed in (~fast, fast))
        task.load_state_dict(state)
    expected = 0.0
    for number, kept in enumerate(([1, 2, 3, 5], [0, 1, 3, 4, 5], [0, 1, 2, 3, 4, 5])):
        negatives = torch.stack([queue[:, place] for place in kept], dim=1)
        for key in (same, other):
            logits = torch.cat([query[number] @ key[number, :, None], query[number] @ negatives]) / 0.2
            expected += F.cross_entropy(logits[None], torch.tensor([0])) / 3
    assert task.queue.videos.tolist() == [0, 1, 2, 3, 0, 1]
    _, scalars = task(batch, NO_CHOICES, torch.Generator().manual_seed(9), videos=videos)
    torch.testing.assert_close(scalars["a_vid"], expected)


def test_the_papers_setting_is_the_default():
    """Own keys count as negatives, and what is known of the videos does not change the loss."""
    first, second = rspnet(queue_size=4).train(), rspnet(queue_size=4).train()
    second.load_state_dict(first.state_dict())
    for number in range(3):
        batch, drawn = clips(2), torch.Generator().manual_seed(number)
        losses = [first(batch, NO_CHOICES, drawn, videos=torch.tensor([0, 1]))[0]]
        losses.append(second(batch, NO_CHOICES, torch.Generator().manual_seed(number))[0])
        assert losses[0] == losses[1]
        for task in (first, second):
            task.on_step_end()


def test_retrieval_by_hand():
    """Video 0 finds itself, 1 finds 2, 2 finds itself: 2/3."""
    query = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    key = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    speed = torch.tensor([[True, True], [True, False], [False, False]])
    retrieval, accuracy = rspnet().summarise({"query": query, "key": key, "speed_correct": speed})
    assert retrieval == {"metric": "video_retrieval_top1", "value": 2 / 3, "n": 3, "chance": 1 / 3}
    assert accuracy == {"metric": "speed_accuracy", "value": 0.5, "n": 6, "chance": 0.5}


def give_simple_encoder(monkeypatch, task) -> None:
    """An untrained network maps all clips almost to one point; this one tells them apart by their pixels."""
    matrix = torch.randn(3 * FRAMES * 16 * 16, 2 * 8)
    encode = lambda x: F.normalize((x.flatten(1) @ matrix).unflatten(1, (2, 8)), dim=2)  # noqa: E731
    monkeypatch.setattr(task, "encoder", lambda: encode)


def test_identical_clips_are_found_and_their_speed_is_told(monkeypatch):
    """With the same clip twice, the same speed is the same input: nothing can be nearer."""
    task = rspnet().eval()
    give_simple_encoder(monkeypatch, task)
    batch = clips(4)
    batch[:, 1] = batch[:, 0]
    outputs = task.evaluate_batch(batch, NO_CHOICES, torch.Generator())
    assert outputs["speed_correct"].all()
    torch.testing.assert_close(outputs["query"], outputs["key"])
    assert [row["value"] for row in task.summarise(outputs)] == [1.0, 1.0]


def test_held_out_outputs_by_definition(monkeypatch):
    """Recomputed one video and one speed at a time."""
    task = rspnet().eval()
    give_simple_encoder(monkeypatch, task)
    batch = clips(3)
    outputs = task.evaluate_batch(batch, NO_CHOICES, torch.Generator())
    encode = task.encoder()
    for video in range(3):
        q1, q2, k1, k2 = (
            encode(at_speed(batch[video : video + 1, clip], torch.tensor([fast])))[0]
            for clip in (0, 1)
            for fast in (False, True)
        )
        torch.testing.assert_close(outputs["query"][video], q1[0])
        torch.testing.assert_close(outputs["key"][video], k1[0])
        expected = [bool(q1[1] @ k1[1] > q1[1] @ k2[1]), bool(q2[1] @ k2[1] > q2[1] @ k1[1])]
        assert outputs["speed_correct"][video].tolist() == expected


@pytest.mark.parametrize(
    "options",
    [
        {"queue_size": 0},
        {"momentum": 1.0},
        {"temperature": 0.0},
        {"margin": -1.0},
        {"dim": 0},
        {"queue_size": 8.0},
    ],
)
def test_bad_values_are_refused(options):
    with pytest.raises(UserError, match=next(iter(options))):
        rspnet(**options)
