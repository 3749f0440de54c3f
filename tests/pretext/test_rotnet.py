import math

import numpy as np
import pytest
import torch

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.pretext import registry as tasks
from videossl.pretext.rotnet import rotated_copies


def rotnet(**options):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return tasks.build("rotnet", backbones.build("r2plus1d", width=0.05), options, frames=8)


def test_copies_are_quarter_turns_in_the_picture_plane():
    """Two clips of one frame, 2x2: [[1, 2], [3, 4]] turns anticlockwise to [[2, 4], [1, 3]], and so on."""
    one = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).expand(3, 1, 2, 2)
    clips = torch.stack([one, 10 * one])
    copies, labels = rotated_copies(clips, 4)
    assert copies.shape == (8, 3, 1, 2, 2)
    assert labels.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]
    assert copies[:4, 0, 0].tolist() == [
        [[1, 2], [3, 4]],
        [[2, 4], [1, 3]],
        [[4, 3], [2, 1]],
        [[3, 1], [4, 2]],
    ]
    assert torch.equal(copies[4:], 10 * copies[:4])


def test_time_is_untouched():
    clips = torch.randn(1, 3, 5, 4, 4)
    copies, _ = rotated_copies(clips, 4)
    for frame in range(5):
        alone, _ = rotated_copies(clips[:, :, frame : frame + 1], 4)
        assert torch.equal(copies[:, :, frame : frame + 1], alone)


@pytest.mark.parametrize("rotations", [2, 3, 4])
def test_complexity_is_the_number_of_rotations(rotations):
    task = rotnet(rotations=rotations).train()
    logits, labels = task.predict(torch.randn(3, 1, 3, 8, 32, 32))
    assert logits.shape == (rotations * 3, rotations)
    assert sorted(set(labels.tolist())) == list(range(rotations))
    row = task.summarise({"correct": torch.ones(3, rotations, dtype=torch.bool)})[0]
    assert row == {"metric": "pretext_top1", "value": 1.0, "n": 3 * rotations, "chance": 1 / rotations}


def test_loss_and_accuracy_by_hand(monkeypatch):
    """Logits (0, ln 3) and (ln 3, 0) for the labels 0 and 1: probability 1/4 each, so the loss is ln 4."""
    task = rotnet(rotations=2)
    logits = torch.tensor([[0.0, math.log(3)], [math.log(3), 0.0]])
    monkeypatch.setattr(task, "predict", lambda clips: (logits, torch.tensor([0, 1])))
    loss, scalars = task(torch.zeros(1), torch.zeros(1), torch.Generator())
    assert loss.item() == pytest.approx(math.log(4))
    assert scalars["top1"].item() == 0


def test_held_out_outputs_have_a_row_a_video(monkeypatch):
    """Copies come as (video, k); the head always says 1, so only copy 1 of every video is right."""
    task = rotnet(rotations=3).eval()
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    monkeypatch.setattr(task, "predict", lambda clips: (torch.eye(3)[1].expand(6, 3), labels))
    outputs = task.evaluate_batch(torch.zeros(1), torch.zeros(1), torch.Generator())
    assert outputs["correct"].tolist() == [[False, True, False]] * 2
    assert task.summarise(outputs)[0]["value"] == pytest.approx(1 / 3)


def test_head_has_two_layers_with_64_hidden_units():
    task = rotnet()
    shapes = [tuple(p.shape) for p in task.head.parameters()]
    assert shapes == [(64, task.backbone.feature_dim), (64,), (4, 64), (4,)]


def test_sampler_takes_every_second_frame():
    (indices,) = rotnet().sampler(100, np.random.default_rng(0)).clips
    assert np.diff(indices).tolist() == [2] * 7
    (indices,) = rotnet(stride=1).sampler(100, np.random.default_rng(0)).clips
    assert np.diff(indices).tolist() == [1] * 7


@pytest.mark.parametrize("options", [{"rotations": 1}, {"rotations": 5}, {"stride": 0}, {"rotations": 4.0}])
def test_bad_values_are_refused(options):
    with pytest.raises(UserError, match=next(iter(options))):
        rotnet(**options)
