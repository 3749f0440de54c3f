import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.pretext import registry as tasks
from videossl.pretext.byol import prediction_loss, rising_momentum

FRAMES = 4
NO_CHOICES = torch.zeros(1, dtype=torch.long)  # BYOL reads none


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def byol(**options):
    network = backbones.build("r2plus1d", width=0.05)
    return tasks.build("byol", network, {"hidden": 24, "dim": 8, **options}, frames=FRAMES)


def batch(videos: int, clips: int = 2) -> torch.Tensor:
    return torch.randn(videos, clips, 3, FRAMES, 16, 16, generator=torch.Generator().manual_seed(1))


def test_the_loss_by_hand():
    """Two videos of two clips. Cosines of prediction and target of the other clip: 0.6 and 1; 0 and -1."""
    predicted = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [-1.0, 0.0]]])
    target = np.array([[[0.0, 1.0], [0.6, 0.8]], [[1.0, 0.0], [0.0, 1.0]]])
    loss = prediction_loss(torch.tensor(predicted), torch.tensor(target))
    assert loss.item() == pytest.approx(2 - 2 * (0.6 + 1 + 0 - 1) / 4)


def test_every_ordered_pair_of_three_clips_counts_once():
    drawn = np.random.default_rng(0).normal(size=(2, 4, 3, 5))
    predicted, target = drawn / np.linalg.norm(drawn, axis=3, keepdims=True)
    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    distances = [((predicted[:, i] - target[:, j]) ** 2).sum(axis=1) for i, j in pairs]
    loss = prediction_loss(torch.tensor(predicted), torch.tensor(target))
    assert loss.item() == pytest.approx(np.mean(distances))


def test_the_momentum_rises_to_one_along_a_half_cosine():
    assert rising_momentum(0.996, 0) == pytest.approx(0.996)
    assert rising_momentum(0.996, 0.5) == pytest.approx(0.998)
    assert rising_momentum(0.996, 1) == pytest.approx(1)
    assert rising_momentum(0.9, 0.25) == pytest.approx(1 - 0.05 * (1 + math.sqrt(0.5)))


def test_the_target_network_follows_and_gets_no_gradient():
    task = byol(momentum=0.8).train()
    start = {name: value.clone() for name, value in task.target.encoder.named_parameters()}
    online = dict(task.encoder().named_parameters())
    assert start.keys() == online.keys() and all(torch.equal(value, online[name]) for name, value in start.items())
    with torch.no_grad():
        for value in task.encoder().parameters():
            value.add_(1)
    task.on_step_start(done=0.5)  # 0.9
    for name, value in task.target.encoder.named_parameters():
        torch.testing.assert_close(value, start[name] + 0.1)
    loss, _ = task(batch(3), NO_CHOICES, torch.Generator())
    loss.backward()
    assert all(p.grad is None and not p.requires_grad for p in task.target.parameters())
    trained = [*task.backbone.parameters(), *task.projector.parameters(), *task.predictor.parameters()]
    assert all(p.grad is not None for p in trained)


def test_only_the_online_network_has_a_predictor():
    """A step is the loss of its predictions and of the target network's embeddings; each over the whole batch."""
    task = byol().train()
    with torch.no_grad():
        for value in task.target.encoder.parameters():
            value.mul_(1.1)
    clips = batch(3)
    flat = clips.flatten(0, 1)
    target = F.normalize(task.target.encoder(flat), dim=1).unflatten(0, (3, 2))
    online = task.predictor(task.projector(task.backbone(flat)))
    expected = prediction_loss(F.normalize(online, dim=1).unflatten(0, (3, 2)), target)
    loss, _ = task(clips, NO_CHOICES, torch.Generator())
    torch.testing.assert_close(loss, expected)
    shapes = [(layer.in_features, layer.out_features) for layer in task.predictor if isinstance(layer, nn.Linear)]
    assert shapes == [(8, 24), (24, 8)]


def test_the_spread_shows_a_collapse(monkeypatch):
    task = byol().train()
    same = F.normalize(torch.ones(4, 2, 8), dim=2)
    everywhere = F.normalize(torch.randn(4000, 2, 8), dim=2)
    spreads = []
    for target in (same, everywhere):
        monkeypatch.setattr(task, "embed", lambda clips, target=target: (target, target))
        spreads.append(task(batch(2), NO_CHOICES, torch.Generator())[1]["spread"].item())
    assert spreads[0] == pytest.approx(0, abs=1e-6) and spreads[1] == pytest.approx(1, abs=0.02)


def test_the_sampler_takes_any_number_of_clips():
    clips = byol(clips=4, stride=3).sampler(60, np.random.default_rng(0)).clips
    assert len(clips) == 4 and len({int(clip[0]) for clip in clips}) > 1
    assert all(np.diff(clip).tolist() == [3] * 3 for clip in clips)
    loss, _ = byol(clips=4).train()(batch(2, 4), NO_CHOICES, torch.Generator())
    assert 0 < loss.item() < 4
    with pytest.raises(UserError, match=r"'clips'.*2 to"):
        byol(clips=1)


def test_held_out_videos_are_retrieved_by_their_predictions():
    task = byol().eval()
    clips = batch(3)
    outputs = task.evaluate_batch(clips, NO_CHOICES, torch.Generator())
    with torch.no_grad():
        query = F.normalize(task.predictor(task.projector(task.backbone(clips[:, 0]))), dim=1)
        key = F.normalize(task.target.encoder(clips[:, 1]), dim=1)
    torch.testing.assert_close(outputs["query"], query)
    torch.testing.assert_close(outputs["key"], key)
    (row,) = task.summarise({"query": torch.eye(3), "key": torch.eye(3)[[0, 2, 1]]})
    assert row == {"metric": "video_retrieval_top1", "value": 1 / 3, "n": 3, "chance": 1 / 3}
