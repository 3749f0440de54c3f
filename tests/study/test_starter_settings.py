"""Settings of a study of one's own videos: clips that fit into them, enough steps, and the defaults they start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from videossl.backbones import registry as backbones
from videossl.data.sampling import span
from videossl.pretext.registry import build
from videossl.study.config import load_config
from videossl.study.starter_settings import (
    BATCH,
    EPOCHS,
    FRAMES,
    MOST_EPOCHS,
    PRETRAINING_STEPS,
    STRIDE,
    Clips,
    fitting_clips,
    pretraining_epochs,
)
from videossl.training.settings import by_backbone


@pytest.mark.parametrize(
    ("usual", "frames", "stride", "rspnet"),
    [(250, 8, 2, 8), (15, 8, 2, 8), (14, 8, 1, 7), (8, 8, 1, 4), (7, 6, 1, 4), (5, 4, 1, 3), (2, 4, 1, None)],
)
def test_clips_fit_into_nine_videos_of_ten(usual: int, frames: int, stride: int, rspnet: int | None):
    """A short tenth of the videos does not shorten the clips."""
    assert fitting_clips([1, *[usual] * 5, *[usual + 40] * 4]) == Clips(usual, frames, stride, rspnet)
    assert fitting_clips([1, 1, *[usual] * 8]).usual == 1


@pytest.mark.parametrize("usual", range(3, 40))
def test_most_videos_are_long_enough_for_the_tasks_of_the_table(usual: int):
    clips = fitting_clips([usual] * 10)
    network = backbones.build("r2plus1d", width=0.125)
    assert clips.rspnet and build("rspnet", network, {}, frames=clips.rspnet).min_frames <= usual
    assert span(clips.frames, clips.stride) <= max(usual, 4)
    assert clips.shortened == (usual < 15)


def test_small_sets_are_pretrained_for_more_epochs():
    steps = {videos: pretraining_epochs(videos) * (videos * 9 // 10 // BATCH) for videos in (100, 200, 400, 5000)}
    assert all(count >= PRETRAINING_STEPS for count in steps.values())
    assert pretraining_epochs(5000) == EPOCHS and pretraining_epochs(2) == MOST_EPOCHS


def test_what_it_starts_from_is_what_the_configuration_says(repository: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(repository)
    config = load_config(["config/config.yaml"])
    assert (config.finetune.clip.frames, config.finetune.stride) == (FRAMES, STRIDE)
    recipe = config.recipe_overrides["all"]
    assert recipe["clip"]["frames"] == FRAMES and by_backbone(recipe["batch_size"], "r2plus1d", "batch_size") == BATCH
    assert by_backbone(config.epochs[200], "r2plus1d", "epochs") == EPOCHS
