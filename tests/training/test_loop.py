"""The training loop on a network of one number."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest
import torch
from one_number import EPOCHS, STEPS, batches, trainer_of

from videossl.common.errors import Interrupted, UserError
from videossl.training import checkpoint
from videossl.training.checkpoint import load_torch, save_torch
from videossl.training.loop import Trainer
from videossl.training.settings import Schedule


def saved(folder) -> tuple[int, int]:
    state = load_torch(folder / "checkpoint.pt")
    return state["epoch"], state["step_in_epoch"]


def test_every_batch_is_a_step_and_every_epoch_a_line(tmp_path):
    trainer, steps = trainer_of(tmp_path), []
    trainer.after_step = lambda: steps.append(trainer.module.w.item())
    trainer.run(EPOCHS, batches, "test")
    assert trainer.module.w.item() == -sum(range(EPOCHS * STEPS))
    assert len(steps) == EPOCHS * STEPS and steps[:4] == [0, -1, -3, -6]
    lines = [json.loads(line) for line in trainer.history.path.read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert [line["batch"] for line in lines] == [1.5, 5.5, 9.5]  # means over the epoch's steps
    assert lines[0]["loss"] == pytest.approx((0 * 0 + 0 * 1 - 1 * 2 - 3 * 3) / 4)
    assert lines[0]["samples"] == STEPS * 2 and lines[0]["lr"] == 1.0
    assert saved(tmp_path) == (EPOCHS, 0)


def test_a_batch_in_parts_is_a_step_with_their_mean_gradient(tmp_path):
    trainer, starts = trainer_of(tmp_path), []
    trainer.plan.accumulation_steps = 2
    trainer.before_step = lambda done: starts.append((done, trainer.module.w.item()))
    trainer.run(EPOCHS, lambda *_: map(float, range(2 * EPOCHS * STEPS)), "test")  # (0, 1), (2, 3), ...: 0.5, 2.5, ...
    assert trainer.module.w.item() == -sum(2 * step + 0.5 for step in range(EPOCHS * STEPS))
    assert starts[:3] == [(0, 0), (1 / (EPOCHS * STEPS), -0.5), (2 / (EPOCHS * STEPS), -3)]
    lines = [json.loads(line) for line in trainer.history.path.read_text().splitlines()]
    assert [line["batch"] for line in lines] == [3.5, 11.5, 19.5]
    assert lines[0]["loss"] == pytest.approx((0 - 0.5 * 2.5 - 3 * 4.5 - 7.5 * 6.5) / 4)


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_precision_of_products(tmp_path, precision, dtype):
    seen = []
    trainer = trainer_of(tmp_path, step=lambda network, batch, generator: (product(network.w), {}))
    trainer.plan.precision = precision

    def product(w):
        out = torch.eye(2) @ (w * torch.ones(2, 2))
        seen.append(out.dtype)
        return out.float().sum()

    trainer.run(1, batches, "test")
    assert set(seen) == {dtype} and trainer.module.w.dtype == torch.float32
    assert trainer.module.w.item() == -4 * STEPS


def test_each_step_has_the_rate_of_its_position(tmp_path):
    """Steps at 2/3 of 3 epochs: from the 8th batch on a tenth of the rate."""
    trainer = trainer_of(tmp_path, lr=0.5, schedule=Schedule(name="step", milestones=[2 / 3], gamma=0.1))
    trainer.run(EPOCHS, batches, "test")
    assert trainer.module.w.item() == pytest.approx(-0.5 * sum(range(8)) - 0.05 * sum(range(8, 12)))


def test_gradients_are_clipped(tmp_path):
    trainer = trainer_of(tmp_path, grad_clip=0.5)
    trainer.run(1, batches, "test")
    assert trainer.module.w.item() == pytest.approx(-0.5 * 3)  # batches 1, 2, 3; batch 0 has no gradient


def test_a_step_draws_what_its_position_says(tmp_path):
    def run(folder, start):
        drawn = []
        trainer = trainer_of(folder, step=lambda network, batch, generator: (draw(trainer, generator, drawn), {}))
        trainer.epoch, trainer.step_in_epoch = start
        trainer.run(EPOCHS, batches, "test")
        return drawn

    def draw(trainer, generator, drawn):
        drawn.append((torch.rand(1).item(), torch.rand(1, generator=generator).item()))
        return trainer.module.w * 1.0

    whole = run(tmp_path / "a", (0, 0))
    assert len(set(whole)) == 12 and all(one != other for one, other in whole)
    torch.rand(5)
    assert run(tmp_path / "b", (1, 3)) == whole[7:]


def test_a_signal_to_save_writes_a_checkpoint_and_goes_on(tmp_path, own_signals):
    trainer, seen = trainer_of(tmp_path), []
    trainer.signals.install()

    def after_step():
        if (tmp_path / "checkpoint.pt").exists():
            seen.append(saved(tmp_path))
        if trainer.module.w.item() == -1:
            os.kill(os.getpid(), signal.SIGURG)

    trainer.after_step = after_step
    trainer.run(EPOCHS, batches, "test")
    assert seen and set(seen) == {(0, 2)}  # none is due, and the end of an epoch is no reason for one
    assert saved(tmp_path) == (EPOCHS, 0)
    assert trainer.epoch == EPOCHS


@pytest.mark.parametrize("step", range(6))
def test_stopped_after_any_step_and_resumed(tmp_path, own_signals, step):
    trainer = trainer_of(tmp_path)
    trainer.signals.install()
    steps = iter(range(100))
    trainer.after_step = lambda: os.kill(os.getpid(), signal.SIGTERM) if next(steps) == step else None
    with pytest.raises(Interrupted):
        trainer.run(EPOCHS, batches, "test")
    assert saved(tmp_path) == divmod(step + 1, STEPS)
    again = trainer_of(tmp_path)
    again.restore(again.checkpoints.load(EPOCHS))
    again.run(EPOCHS, batches, "test")
    assert again.module.w.item() == -sum(range(EPOCHS * STEPS))
    lines = [json.loads(line) for line in again.history.path.read_text().splitlines()]
    assert [(line["epoch"], line["batch"]) for line in lines] == [(1, 1.5), (2, 5.5), (3, 9.5)]


def test_a_checkpoint_is_written_when_its_time_has_come(tmp_path):
    trainer, seen = trainer_of(tmp_path, seconds=0.0), []
    trainer.after_step = lambda: seen.append((tmp_path / "checkpoint.pt").exists() and saved(tmp_path))
    trainer.run(1, batches, "test")
    assert seen == [False, (0, 1), (0, 2), (0, 3)]


def test_a_checkpoint_is_written_while_training_goes_on(tmp_path, monkeypatch):
    """What is written is the state at the time of the call, whole; the last one is awaited."""
    monkeypatch.setattr(Trainer, "in_background", True)
    begun, go, written = threading.Event(), threading.Event(), []

    def slow(path, state):
        begun.set()
        assert go.wait(60)
        written.append((state["epoch"], state["step_in_epoch"], state["module"]["w"].item()))
        save_torch(path, state)

    monkeypatch.setattr(checkpoint, "save_torch", slow)
    trainer = trainer_of(tmp_path, seconds=0.0)

    def after_step():
        if trainer.module.w.item() == -1:  # the second step; the state of the first is being written
            assert begun.wait(60) and not (tmp_path / "checkpoint.pt").exists()
            go.set()

    trainer.after_step = after_step
    trainer.run(EPOCHS, batches, "test")
    places = [divmod(step, STEPS) for step in range(1, EPOCHS * STEPS + 1)]
    assert written == [(*place, -sum(range(place[0] * STEPS + place[1]))) for place in places]
    assert saved(tmp_path) == (EPOCHS, 0)


def test_what_fails_while_training_goes_on_ends_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "in_background", True)
    monkeypatch.setattr(checkpoint, "save_torch", lambda path, state: (_ for _ in ()).throw(UserError("disk is full")))
    trainer, steps = trainer_of(tmp_path, seconds=0.0), []
    trainer.after_step = lambda: steps.append(1)
    with pytest.raises(UserError, match="disk is full"):
        trainer.run(EPOCHS, batches, "test")
    assert len(steps) == 2


def test_a_loss_that_is_no_number_stops_the_run_with_advice(tmp_path):
    trainer = trainer_of(tmp_path, step=lambda network, batch, generator: (trainer.module.w * float("nan"), {}))
    with pytest.raises(UserError, match=r"loss became nan in epoch 1.*Lower optimizer.lr"):
        trainer.run(EPOCHS, batches, "test")
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_loader_that_ends_early_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="ended in epoch 1, step 2, not at 3"):
        trainer_of(tmp_path).run(EPOCHS, lambda *_: map(float, range(6)), "test")


def test_nothing_is_left_to_do(tmp_path):
    trainer = trainer_of(tmp_path)
    trainer.epoch = 2
    trainer.run(2, lambda *_: pytest.fail("asked for batches"), "test")
