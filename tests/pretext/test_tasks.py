"""What holds for every pretext task with every backbone; a new file of either kind is tested here too."""

import math
import pickle

import numpy as np
import pytest
import torch

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.common.results import is_fraction
from videossl.pretext import registry as tasks

FRAMES, SIZE, VIDEOS = 8, 32, 6
PAIRS = [(task, backbone) for task in tasks.names() for backbone in backbones.names()]
TRAINED = [(task, backbone) for task, backbone in PAIRS if task == "tdl" or backbone in ("r2plus1d", "vit")]
"""Every backbone with the task that asks most of it, and every task with a convolutional network and a transformer."""
OPTIONS = {  # beside the defaults: small
    "byol": {"hidden": 32, "dim": 16},
    "cvrl": {"hidden": 32, "dim": 16},
    "rspnet": {"queue_size": 16, "dim": 16},
    "tclr": {"segments": 2, "hidden": 32, "dim": 16},
    "tdl": {"queue_size": 16, "dim": 16, "temperature": 0.2},
    "vjepa": {"predictor_depth": 1},
}
BACKBONE_OPTIONS = {  # where the default depth makes a step slow, or learning unsteady at this width
    "mobilenet": {"residual_start": 0.2},
    "mvit": {"depths": [1, 1]},
    "timesformer": {"depth": 2},
    "videoswin": {"depths": [1, 1]},
    "vit": {"depth": 2},
    "vivit": {"depth": 2},
}
RATES = (0.01, 0.03, 1e-3, 1e-4, 1e-5, 1.0)
"""Rates of gradient descent. TDL divides gradients by the size of an untrained network's embeddings, which differs much
between networks; VideoMAE's mean over a thousand pixels has a small gradient."""


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def make(task: str, backbone: str, seed: int = 0):
    torch.manual_seed(seed)
    network = backbones.build(backbone, width=0.05, **BACKBONE_OPTIONS.get(backbone, {}))
    return tasks.build(task, network, OPTIONS.get(task, {}), frames=FRAMES)


def batch_for(task, videos: int = VIDEOS) -> tuple[torch.Tensor, torch.Tensor]:
    """Clips that a task can learn from, each video with its colour and a right way up, and the sampler's choices."""
    drawn = [task.sampler(100, np.random.default_rng(number)) for number in range(videos)]
    frames = len(drawn[0].clips[0])
    generator = torch.Generator().manual_seed(1)
    colours = torch.randn(videos, 1, 3, 1, 1, 1, generator=generator)
    noise = torch.randn(videos, task.sampler.clips_per_video, 3, frames, SIZE, SIZE, generator=generator)
    upright = torch.linspace(-2, 2, SIZE) + torch.linspace(-1, 1, SIZE)[:, None]
    clips = colours + upright + 0.3 * noise
    if task.heldout_augmented:  # tells moments apart: the same frames are the same pixels, and they brighten with time
        places = torch.tensor(np.array([each.clips for each in drawn]))  # (B, V, T)
        noise = torch.randn(videos, 100, 3, SIZE, SIZE, generator=generator)
        noise = noise[torch.arange(videos)[:, None, None], places].transpose(2, 3)
        clips = colours + upright + 0.3 * noise + (places / 50 - 1)[:, :, None, :, None, None]
    return clips, torch.tensor([each.choice for each in drawn])


class Training:
    """A few steps as the training loop makes them: both of torch's generators are seeded for every step."""

    def __init__(self, task, lr: float = 0.01) -> None:
        self.task = task.train()
        trained = [p for p in task.parameters() if p.requires_grad]
        self.optimizer = torch.optim.SGD(trained, lr=lr, momentum=0.9)
        self.batch = batch_for(task)

    def step(self, number: int) -> float:
        torch.manual_seed(1000 + number)
        self.task.on_step_start()
        loss, _ = self.task(*self.batch, torch.Generator().manual_seed(number))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.task.on_step_end()
        return loss.item()

    def state(self) -> bytes:
        return pickle.dumps((self.task.state_dict(), self.optimizer.state_dict()))

    def restore(self, state: bytes) -> None:
        model, optimizer = pickle.loads(state)
        self.task.load_state_dict(model)
        self.optimizer.load_state_dict(optimizer)


@pytest.mark.parametrize(("task", "backbone"), PAIRS)
def test_forward_and_backward(task, backbone):
    model = make(task, backbone).train()
    loss, scalars = model(*batch_for(model), torch.Generator().manual_seed(0))
    assert loss.ndim == 0 and torch.isfinite(loss)
    assert all(not torch.as_tensor(value).requires_grad for value in scalars.values())
    loss.backward()
    trained = {key: p for key, p in model.named_parameters() if p.requires_grad}
    assert set(dict(model.backbone.named_parameters(prefix="backbone"))) <= set(trained)
    assert not [key for key, p in trained.items() if p.grad is None]


@pytest.mark.parametrize(("task", "backbone"), TRAINED)
def test_loss_falls(task, backbone):
    """Batch and draws are fixed, and so is what the task keeps (keys, a queue). The loss is then a function of the
    trained weights alone, and gradient descent must lower it at some rate."""
    found = {}
    for rate in RATES:
        first, last = _descent(Training(make(task, backbone), lr=rate))
        if last < 0.85 * first:
            return
        found[rate] = last / first
    pytest.fail(f"the loss falls at no rate: {found}")


def _descent(training):
    """The loss before the first and before the 15th step; what the task keeps from step to step is put back."""
    trained = {key for key, p in training.task.named_parameters() if p.requires_grad}
    kept = {key: v.clone() for key, v in training.task.state_dict().items() if key not in trained}
    losses = []
    for _ in range(15):
        losses.append(training.step(0))
        training.task.load_state_dict(kept, strict=False)
    return losses[0], losses[-1]


@pytest.mark.parametrize(("task", "backbone"), TRAINED)
def test_a_restored_training_goes_on_bit_for_bit(task, backbone):
    first = Training(make(task, backbone))
    for number in range(3):
        first.step(number)
    saved = first.state()
    losses = [first.step(number) for number in (3, 4)]

    second = Training(make(task, backbone, seed=99))
    second.restore(saved)
    assert [second.step(number) for number in (3, 4)] == losses
    for key, value in first.task.state_dict().items():
        assert torch.equal(value, second.task.state_dict()[key]), key


@pytest.mark.parametrize(("task", "backbone"), TRAINED)
def test_held_out_metrics(task, backbone):
    model = make(task, backbone).eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    clips, choices = batch_for(model, videos=5)
    generator = torch.Generator().manual_seed(0)
    parts = [
        model.evaluate_batch(*part, generator) for part in zip(clips.split([3, 2]), choices.split([3, 2]), strict=True)
    ]
    outputs = {key: torch.cat([part[key] for part in parts]) for key in parts[0]}
    assert all(len(value) == 5 and not value.requires_grad for value in outputs.values())
    rows = model.summarise(outputs)
    assert rows
    for row in rows:
        assert set(row) - {"ci_low", "ci_high"} == {"metric", "value", "n", "chance"}
        assert isinstance(row["value"], float) and row["n"] >= 5
        if is_fraction(row["metric"]):
            assert 0 <= row["value"] <= 1 and 0 < row["chance"] < 1
        else:
            assert math.isfinite(row["value"]) and math.isfinite(row["chance"])
        assert row.get("ci_low", row["value"]) <= row["value"] <= row.get("ci_high", row["value"])
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in before.items())


@pytest.mark.parametrize("task", tasks.names())
def test_evaluating_in_training_mode_is_refused(task):
    model = make(task, backbones.names()[0]).train()
    with pytest.raises(RuntimeError, match="eval"):
        model.evaluate_batch(*batch_for(model, 2), torch.Generator())


@pytest.mark.parametrize("task", tasks.names())
def test_the_sampler_pickles_and_fits_any_video(task):
    sampler = pickle.loads(pickle.dumps(make(task, backbones.names()[0]).sampler))
    for num_frames in (1, 7, 300):
        clips = sampler(num_frames, np.random.default_rng(0)).clips
        assert len(clips) == sampler.clips_per_video
        assert len({len(clip) for clip in clips}) == 1
        assert all(clip.min() >= 0 and clip.max() < num_frames for clip in clips)


@pytest.mark.parametrize("task", tasks.names())
def test_an_unknown_option_lists_the_valid_ones(task):
    network = backbones.build("r2plus1d", width=0.05)
    with pytest.raises(UserError, match=rf"unknown option 'nosuch'.*pretext task '{task}'.*Valid: \w+"):
        tasks.build(task, network, {"nosuch": 1}, frames=FRAMES)


def test_an_unknown_task_is_explained():
    with pytest.raises(UserError, match=r"unknown pretext task 'rotnett'.*Did you mean rotnet"):
        tasks.build("rotnett", backbones.build("r2plus1d", width=0.05), {}, frames=FRAMES)
