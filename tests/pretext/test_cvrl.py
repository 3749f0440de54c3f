import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.pretext import registry as tasks
from videossl.pretext.cvrl import NearbyClips
from videossl.pretext.parts.losses import nt_xent

FRAMES = 4
NO_CHOICES = torch.zeros(1, dtype=torch.long)  # CVRL reads none


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def cvrl(**options):
    network = backbones.build("r2plus1d", width=0.05)
    return tasks.build("cvrl", network, {"hidden": 24, "dim": 8, **options}, frames=FRAMES)


def clips(videos: int) -> torch.Tensor:
    return torch.randn(videos, 2, 3, FRAMES, 16, 16, generator=torch.Generator().manual_seed(1))


def starts(sampler: NearbyClips, num_frames: int, draws: int) -> np.ndarray:
    """(draws, 2): the first frames of the two clips."""
    rng = np.random.default_rng(0)
    return np.array([[clip[0] for clip in sampler(num_frames, rng).clips] for _ in range(draws)])


def test_clips_have_the_stride_and_fit():
    sampler = NearbyClips(length=5, stride=3)
    rng = np.random.default_rng(0)
    for num_frames in (13, 14, 40):
        for clip in (clip for _ in range(50) for clip in sampler(num_frames, rng).clips):
            assert np.diff(clip).tolist() == [3] * 4
            assert clip.min() >= 0 and clip.max() < num_frames


def test_intervals_have_a_linearly_decreasing_density():
    """Of M = 10 starts, P(k) is the integral of 2 (1 - x / M) / M over [k, k + 1): 0.19, 0.17, ... 0.01."""
    found = starts(NearbyClips(length=5, stride=3), num_frames=22, draws=20000)
    intervals = np.abs(found[:, 0] - found[:, 1])
    shares = np.bincount(intervals, minlength=10) / len(intervals)
    expected = np.array([(2 * (10 - k) - 1) / 100 for k in range(10)])
    assert expected.sum() == pytest.approx(1)
    np.testing.assert_allclose(shares, expected, atol=0.01)  # 3.6 standard errors of the largest


def test_the_earlier_clip_starts_evenly_where_both_fit_and_either_may_be_the_first():
    found = starts(NearbyClips(length=5, stride=3), num_frames=22, draws=20000)
    assert found.min() == 0 and found.max() == 9
    earlier = found.min(axis=1)[np.abs(found[:, 0] - found[:, 1]) == 6]
    assert len(earlier) > 1000  # of 4 places, 0 to 3
    np.testing.assert_allclose(np.bincount(earlier, minlength=4) / len(earlier), 0.25, atol=0.05)
    apart = found[found[:, 0] != found[:, 1]]
    assert (apart[:, 0] < apart[:, 1]).mean() == pytest.approx(0.5, abs=0.02)


def test_a_video_that_just_fits_gives_the_same_clip_twice():
    first, second = NearbyClips(length=5, stride=3)(13, np.random.default_rng(0)).clips
    assert first.tolist() == second.tolist() == [0, 3, 6, 9, 12]


def test_short_videos_are_looped_from_anywhere():
    found = starts(NearbyClips(length=5, stride=3), num_frames=7, draws=500)
    assert set(found[:, 0]) == set(found[:, 1]) == set(range(7))
    (first, second) = NearbyClips(length=5, stride=3)(7, np.random.default_rng(0)).clips
    for clip in (first, second):
        assert clip.tolist() == [(clip[0] + 3 * step) % 7 for step in range(5)]


def test_nt_xent_by_hand():
    """Two videos; tau = 0.5. Rows are a clip's similarities (* 2) to the other one of its video, then to the rest.

    a0 = (1, 0): to b0 1.2, to b1 0, to a1 -2;   b0 = (.6, .8): to a0 1.2, to a1 -1.2, to b1 1.6;
    a1 = (-1, 0): to b1 0, to b0 -1.2, to a0 -2; b1 = (0, 1): to a1 0, to a0 0, to b0 1.6.
    """
    first = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    second = torch.tensor([[0.6, 0.8], [0.0, 1.0]])
    loss, correct = nt_xent(first, second, temperature=0.5)
    rows = {"a0": (1.2, 0, -2), "a1": (0, -1.2, -2), "b0": (1.2, -1.2, 1.6), "b1": (0, 0, 1.6)}
    losses = {name: math.log(sum(map(math.exp, row))) - row[0] for name, row in rows.items()}
    mean_of_first, mean_of_second = (losses["a0"] + losses["a1"]) / 2, (losses["b0"] + losses["b1"]) / 2
    assert loss.item() == pytest.approx(mean_of_first + mean_of_second, abs=1e-5)
    assert correct.item() == 0.5  # a0 and a1; b0 and b1 are nearer to each other


def test_a_clip_is_no_negative_of_its_own():
    """A single video has no negatives at all: nothing to tell apart, no loss."""
    loss, correct = nt_xent(F.normalize(torch.randn(1, 4), dim=1), F.normalize(torch.randn(1, 4), dim=1), 0.1)
    assert loss.item() == 0 and correct.item() == 1


def test_a_step_is_the_loss_of_the_embeddings():
    task = cvrl(temperature=0.3).train()
    batch = clips(5)
    embedded = F.normalize(task.head(task.backbone(batch.flatten(0, 1))), dim=1).unflatten(0, (5, 2))
    expected, _ = nt_xent(embedded[:, 0], embedded[:, 1], 0.3)
    loss, scalars = task(batch, NO_CHOICES, torch.Generator())
    torch.testing.assert_close(loss, expected)
    assert 0 <= scalars["top1"] <= 1


def test_the_head_has_three_normalised_hidden_layers():
    layers = list(cvrl(hidden=24, dim=8).head)
    assert [type(layer) for layer in layers] == [nn.Linear, nn.BatchNorm1d, nn.ReLU] * 3 + [nn.Linear]
    widths = [(layer.in_features, layer.out_features) for layer in layers if isinstance(layer, nn.Linear)]
    assert widths == [(cvrl().backbone.feature_dim, 24), (24, 24), (24, 24), (24, 8)]


def test_held_out_outputs_are_the_two_clips_embeddings():
    task = cvrl().eval()
    batch = clips(3)
    outputs = task.evaluate_batch(batch, NO_CHOICES, torch.Generator())
    with torch.no_grad():
        for view, name in enumerate(("query", "key")):
            expected = F.normalize(task.head(task.backbone(batch[:, view])), dim=1)
            torch.testing.assert_close(outputs[name], expected)


def test_retrieval_by_hand():
    """Video 0 finds itself, 1 finds 2, 2 finds itself: 2/3."""
    query = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    key = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    (row,) = cvrl().summarise({"query": query, "key": key})
    assert row == {"metric": "video_retrieval_top1", "value": 2 / 3, "n": 3, "chance": 1 / 3}


def settled_cvrl() -> nn.Module:
    """In evaluation mode, where batch normalisation treats each clip on its own, with statistics of the six videos."""
    torch.manual_seed(0)
    task = cvrl().train()
    for layer in task.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm3d):
            layer.momentum = 1.0
    task(clips(6), NO_CHOICES, torch.Generator())
    return task.eval()


def loss_and_gradients(module: nn.Module, batch: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    loss, _ = module(batch, NO_CHOICES, torch.Generator())
    loss.backward()
    return loss.detach(), {key.removeprefix("module."): p.grad for key, p in module.named_parameters()}


def train_half(rank: int, folder: str) -> None:
    """One of two processes, with three of the six videos."""
    torch.set_num_threads(1)
    task = settled_cvrl()
    group = torch.distributed
    group.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    module = nn.parallel.DistributedDataParallel(task)  # averages the gradients
    loss, gradients = loss_and_gradients(module, clips(6).chunk(2)[rank])
    torch.save({"loss": loss, "gradients": gradients}, f"{folder}/{rank}.pt")
    group.barrier()
    group.destroy_process_group()


def test_two_processes_train_as_one_with_the_whole_batch(tmp_path):
    """The mean of their losses, and the mean of their gradients, are those of one process."""
    torch.multiprocessing.spawn(train_half, args=(str(tmp_path),), nprocs=2)
    loss, gradients = loss_and_gradients(settled_cvrl(), clips(6))
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert first["loss"] != second["loss"]
    torch.testing.assert_close((first["loss"] + second["loss"]) / 2, loss)
    assert set(gradients) == set(first["gradients"])
    for key, expected in gradients.items():
        largest = expected.abs().max().item()
        assert largest > 1e-4, key
        for half in (first, second):
            torch.testing.assert_close(half["gradients"][key], expected, rtol=1e-3, atol=1e-4 * largest)


@pytest.mark.parametrize("options", [{"stride": 0}, {"hidden": 0}, {"dim": 0}, {"temperature": 0.0}, {"hidden": 8.0}])
def test_bad_values_are_refused(options):
    with pytest.raises(UserError, match=next(iter(options))):
        cvrl(**options)
