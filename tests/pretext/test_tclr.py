import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from videossl.backbones import registry as backbones
from videossl.pretext import registry as tasks
from videossl.pretext.parts.losses import nt_xent
from videossl.pretext.tclr import SameWindow, global_local_loss, instance_loss, local_local_loss, time_steps

FRAMES = 4
NO_CHOICES = torch.zeros(1, dtype=torch.long)  # TCLR reads none


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def tclr(backbone: str = "r2plus1d", **options):
    network = backbones.build(backbone, **({"width": 0.05} | ({"depth": 1} if backbone == "vit" else {})))
    return tasks.build("tclr", network, {"hidden": 24, "dim": 8, "segments": 2, **options}, frames=FRAMES)


def unit(*shape: int) -> np.ndarray:
    values = np.random.default_rng(0).normal(size=shape)
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def cross_entropy(logits: np.ndarray, target: int) -> float:
    return float(np.log(np.exp(logits).sum()) - logits[target])


def test_the_sampler_gives_one_window_twice():
    rng = np.random.default_rng(0)
    starts = set()
    for _ in range(50):
        first, second = SameWindow(8)(12, rng).clips
        assert first.tolist() == second.tolist() == list(range(first[0], first[0] + 8))
        starts.add(int(first[0]))
    assert starts == set(range(5))
    assert tclr(segments=3).min_frames == 3 * FRAMES


def test_local_clips_do_not_overlap_and_the_global_clip_thins_the_window(monkeypatch):
    task = tclr("vit", segments=4)  # its map has two steps for four frames, four for eight
    assert task.global_stride == 2
    seen = {"local": [], "global": []}
    monkeypatch.setattr(task.backbone, "forward", lambda x: (seen["local"].append(x), x.mean(dim=(2, 3, 4)))[1])
    feature_map = task.backbone.feature_map
    monkeypatch.setattr(task.backbone, "feature_map", lambda x: (seen["global"].append(x), feature_map(x))[1])
    monkeypatch.setattr(task.backbone, "embed", lambda x: torch.zeros(len(x), 3))
    task.head = nn.Linear(3, 8)
    numbers = torch.arange(16.0).view(1, 1, 1, 16, 1, 1)
    task.embed((numbers + 100 * torch.arange(2).view(1, 2, 1, 1, 1, 1)).expand(3, 2, 3, 16, 16, 16))
    (local,), (whole,) = (clips[:, 0, :, 0, 0].tolist() for clips in seen["local"]), seen["global"]
    assert local[:4] == [[4 * n + t for t in range(4)] for n in range(4)]
    assert local[4:8] == [[100 + 4 * n + t for t in range(4)] for n in range(4)]
    assert whole[:2, 0, :, 0, 0].tolist() == [list(range(0, 16, 2)), list(range(100, 116, 2))]


def test_a_global_clip_has_as_many_frames_as_its_map_needs():
    network = backbones.build("r2plus1d", width=0.05)
    assert [time_steps(network, frames) for frames in (4, 8, 16)] == [1, 1, 2] and network.training
    assert tclr().global_stride == 1  # of 8 frames; even so the map has one step
    assert tclr("vit").global_stride == 2  # the 4 frames of a clip are enough for two steps


def test_local_local_by_hand():
    """Two videos, two views of two clips: each is to be matched among the three others of its video."""
    local = unit(2, 2, 2, 5)
    losses = []
    for video in local:
        clips = video.reshape(4, 5)
        for place in range(4):
            others = [other for other in range(4) if other != place]
            logits = clips[others] @ clips[place] / 0.3
            losses.append(cross_entropy(logits, others.index((place + 2) % 4)))
    found = local_local_loss(torch.tensor(local), 0.3)
    assert found.item() == pytest.approx(np.mean(losses))


def test_global_local_by_hand():
    """Time steps of one view against the local clips of the other, and the other way round."""
    both = unit(2, 3, 2, 4, 5)
    steps, local = both
    losses = []
    for video in range(3):
        for view in range(2):
            similar = steps[video, view] @ local[video, 1 - view].T / 0.2
            losses += [cross_entropy(similar[n], n) for n in range(4)] + [
                cross_entropy(similar.T[n], n) for n in range(4)
            ]
    found = global_local_loss(torch.tensor(steps), torch.tensor(local), 0.2)
    assert found.item() == pytest.approx(np.mean(losses))


def test_instance_contrast_is_the_mean_over_all_pairs_of_clips():
    whole, local = torch.tensor(unit(4, 2, 5)), torch.tensor(unit(4, 2, 2, 5))
    clips = [local[:, view, n] for view in range(2) for n in range(2)]
    pairs = [nt_xent(clips[i], clips[j], 0.5)[0] for i in range(4) for j in range(4) if i < j]
    expected = (nt_xent(whole[:, 0], whole[:, 1], 0.5)[0] + sum(pairs) / 6) / 2
    torch.testing.assert_close(instance_loss(whole, local, 0.5), expected)


def test_a_perfect_embedding_has_almost_no_loss_and_a_collapsed_one_that_of_a_guess():
    """In one vector: the video, and the moment."""
    video, moment = torch.eye(3).repeat_interleave(2, dim=0).view(3, 1, 2, 3), torch.eye(2).view(1, 1, 2, 2)
    local = F.normalize(torch.cat([video, moment.expand(3, 1, 2, 2)], dim=3).expand(3, 2, 2, 5), dim=3)
    assert local_local_loss(local, 0.05) < 0.01 and global_local_loss(local, local, 0.05) < 0.01
    same = F.normalize(torch.ones(3, 2, 2, 5), dim=3)
    assert local_local_loss(same, 0.05).item() == pytest.approx(np.log(3))
    assert global_local_loss(same, same, 0.05).item() == pytest.approx(np.log(2))


def test_a_step_is_the_sum_of_the_three(monkeypatch):
    task = tclr(temperature=0.3).train()
    whole, parts = torch.tensor(unit(3, 2, 8)), torch.tensor(unit(2, 3, 2, 2, 8))
    monkeypatch.setattr(task, "embed", lambda clips: (whole, parts[0], parts[1]))
    loss, scalars = task(torch.zeros(3), NO_CHOICES, torch.Generator())
    expected = [
        instance_loss(whole, parts[1], 0.3),
        local_local_loss(parts[1], 0.3),
        global_local_loss(parts[0], parts[1], 0.3),
    ]
    torch.testing.assert_close(loss, sum(expected))
    assert [*scalars.values()] == expected


def test_steps_of_the_map_are_averaged_or_interpolated_to_the_local_clips():
    for backbone in ("r2plus1d", "vit", "mobilenet"):  # too few steps, as many, features that are not the mean
        whole, steps, local = tclr(backbone).train().embed(torch.randn(2, 2, 3, 8, 16, 16))
        assert whole.shape == (2, 2, 8) and steps.shape == local.shape == (2, 2, 2, 8)
        for values in (whole, steps, local):
            torch.testing.assert_close(values.norm(dim=-1), torch.ones(values.shape[:-1]))


def test_matching_by_hand():
    """Of two videos with two local clips each, three are nearest to their own; the global clips are exchanged."""
    task = tclr().eval()
    whole = torch.eye(4)[torch.tensor([[0, 1], [1, 0]])]
    local = torch.eye(4)[torch.tensor([[[0, 1], [0, 1]], [[0, 1], [0, 0]]])]
    task.embed = lambda clips: (whole, local, local)
    outputs = task.heldout(torch.zeros(2), NO_CHOICES, torch.Generator())
    assert outputs["matched"].tolist() == [[True, True], [True, False]]
    retrieval, matching = task.summarise(outputs)
    assert retrieval == {"metric": "video_retrieval_top1", "value": 0.0, "n": 2, "chance": 0.5}
    assert matching == {"metric": "local_matching_accuracy", "value": 0.75, "n": 4, "chance": 0.5}
