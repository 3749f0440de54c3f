"""Texts, sampling of frames, averaging, losses, and where weights are, of video-language models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from videossl.common.errors import UserError
from videossl.data.sampling import uniform_windows
from videossl.evaluation.zero_shot import accuracies, mean_with_interval
from videossl.study.availability import NOT_PROVIDED, find, report
from videossl.study.config.videolanguage import ModelRecipe, VideoLanguage, load_model_recipe
from videossl.videolanguage.classify import ZeroShot
from videossl.videolanguage.corpus import captioned
from videossl.videolanguage.losses import motion_loss, pair_loss
from videossl.videolanguage.models.base import Video, VideoLanguageModel
from videossl.videolanguage.sampling import RandomSegments, ViewClips, WholeVideo, WithinViews, spread
from videossl.videolanguage.settings import Prompts
from videossl.videolanguage.texts import ClipTokenizer, WordTokenizer, fill, phrase, tokenizer_of

RNG = np.random.default_rng(0)
RECIPES = str(Path(__file__).parents[2] / "config/recipes/vifm")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ApplyEyeMakeup", "apply eye makeup"),
        ("brush_hair", "brush hair"),
        ("YoYo", "yo yo"),
        ("HandstandPushups", "handstand pushups"),
        ("striped disc", "striped disc"),
        ("TVWatching", "tv watching"),
    ],
)
def test_class_names_become_words(name, words):
    assert phrase(name) == words


def test_templates_are_filled_and_checked():
    assert fill(["{}", "a {}."], ["cat", "dog"]) == [["cat", "dog"], ["a cat.", "a dog."]]
    with pytest.raises(UserError, match="exactly one"):
        fill(["a photo"], ["cat"])


def test_words_are_numbered_with_the_end_last():
    tokenizer = WordTokenizer.of(["a striped disc", "a solid disc"])
    rows = tokenizer(["a striped disc", "a dotted DISC!", "disc " * 20], context=6)
    assert rows.shape == (3, 6) and rows.max() == tokenizer.size - 1
    assert rows[0].argmax() == 4 and rows[0, 5] == 0  # start, three words, end, padding
    assert rows[1, 2] == tokenizer.numbers["<unknown>"] and rows[1, 3] == rows[0, 3]
    assert rows[2].argmax() == 5  # cut, with its end
    again = tokenizer_of(tokenizer.state())
    assert np.array_equal(again(["a solid disc"], 6), tokenizer(["a solid disc"], 6))


def test_clip_vocabulary_is_read_from_its_files(tmp_path):
    import json

    tokens = ["a", "d", "o", "g", "o</w>", "g</w>", "a</w>", "do", "dog</w>", "<|startoftext|>", "<|endoftext|>"]
    (tmp_path / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\nd o\ndo g</w>\n")
    tokenizer = tokenizer_of(ClipTokenizer.read(tmp_path).state())
    assert tokenizer(["a Dog", "a"], context=5).tolist() == [[9, 6, 8, 10, 0], [9, 6, 10, 0, 0]]
    assert tokenizer(["dog dog dog dog"], context=4).tolist() == [[9, 8, 8, 10]]


def test_frames_are_spread_as_the_models_do():
    assert spread(32, 4, "centres").tolist() == [4, 12, 20, 28]
    assert spread(32, 4, "linspace").tolist() == [0, 10, 20, 31]
    assert spread(33, 4, "steps").tolist() == [0, 8, 16, 24]
    for sampling in ("centres", "linspace", "steps"):
        for length in (1, 3, 10):
            found = spread(length, 8, sampling)
            assert len(found) == 8 and found.min() >= 0 and found.max() < length and (np.diff(found) >= 0).all()
    with pytest.raises(UserError, match="linspace"):
        spread(4, 4, "linspce")


def test_random_segments_take_one_frame_of_each():
    for _ in range(20):
        (clip,) = RandomSegments(4)(30, RNG).clips
        assert all(7.5 * k - 1 < frame < 7.5 * (k + 1) for k, frame in enumerate(clip))
    assert WholeVideo(8, "linspace")(20, RNG).clips[0].tolist() == spread(20, 8, "linspace").tolist()


@pytest.mark.parametrize("frames", [5, 40])
def test_teacher_and_student_see_the_same_time(frames):
    """Each view of a student is a window, and the teacher's frames are out of that very window."""
    student, teacher = ViewClips(8, 2, 3), WithinViews(8, 2, 3, count=4, sampling="centres")
    windows = uniform_windows(frames, 8, 2, 3)
    seen = teacher(frames, RNG).clips
    drawn = [student(frames, RNG) for _ in range(40)]
    assert {one.choice for one in drawn} == {0, 1, 2}
    for one in drawn:
        assert np.array_equal(one.clips[0], windows[one.choice])
    if frames == 40:
        for window, clip in zip(windows, seen, strict=True):
            assert window.min() <= clip.min() and clip.max() <= window.max()
    else:
        assert all(clip.max() < frames for clip in seen)


class Fixed(VideoLanguageModel):
    """A model whose features are its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.logit_scale = torch.nn.Parameter(torch.tensor(2.0))

    def encode_video(self, clips):
        return Video(clips)


def test_averages_over_templates():
    texts = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 3.0], [3.0, 0.0]]])  # the second template says the opposite
    video = torch.tensor([[2.0, 0.5]])
    probabilities = ZeroShot(Fixed(), texts, "probabilities")(video).exp()
    torch.testing.assert_close(probabilities, torch.tensor([[0.5, 0.5]]))
    sure = ZeroShot(Fixed(), torch.stack([texts[0], texts[0]]) * 3, "probabilities")
    sure.model.logit_scale.data.fill_(9.0)  # scale 8103: the softmax of the other class rounds to 0
    assert torch.isfinite(sure(video)).all()
    features = ZeroShot(Fixed(), texts, "features")(video)
    torch.testing.assert_close(features[0, 0], features[0, 1])
    one = ZeroShot(Fixed(), texts[:1], "features")(video)
    expected = torch.e**2 * torch.nn.functional.cosine_similarity(video, texts[0])
    torch.testing.assert_close(one[0], expected)


def test_pairs_of_one_class_belong_together():
    features = torch.eye(3)[[0, 0, 1]]
    loss, hits = pair_loss(Fixed(), Video(features), features, torch.tensor([4, 4, 7]))
    assert hits == 1
    wrong, _ = pair_loss(Fixed(), Video(features), features, torch.tensor([4, 7, 7]))
    assert loss < wrong


def test_motion_loss_wants_frames_to_differ():
    still = torch.ones(2, 5, 3)
    assert motion_loss(still) == 1
    moving = still * torch.arange(5.0)[:, None]
    # neighbours on either side differ by 2, at the ends by 1; halved: (0.5 + 1 + 1 + 1 + 0.5) / 5; variance 2.5
    torch.testing.assert_close(motion_loss(moving), torch.tensor(1 / (1 + 0.8 + 2.5)))


def test_corpus_leaves_out_classes_of_the_targets():
    names = ["striped disc", "solid disc", "dotted star"]
    rows = [
        {"id": f"{label}-{k}", "label": label, "label_name": name, "split": "train", "status": "ok"}
        for label, name in enumerate(names)
        for k in range(4)
    ]
    videos, captions = captioned(pd.DataFrame(rows), ["SolidDisc", "striped_star"], 6, 0)
    assert captions == ["dotted star", "striped disc"]
    assert videos["label"].value_counts().to_dict() == {0: 3, 1: 3}
    assert set(videos["label_name"]) == set(captions)
    with pytest.raises(UserError, match="no caption"):
        captioned(pd.DataFrame(rows), names, 6, 0)


def test_mean_over_official_test_sets():
    frame = pd.DataFrame({"video": list("abcdef"), "correct": [True, False, True, True, False, True]})
    tests = {"split1": {"a", "b"}, "split2": {"b", "c", "d", "x"}}
    rows = {row["metric"]: row for row in accuracies(frame, tests, 4)}
    assert rows["split1_top1"]["value"] == 0.5 and rows["split2_top1"]["value"] == pytest.approx(2 / 3)
    assert rows["top1"]["value"] == pytest.approx((0.5 + 2 / 3) / 2)
    assert rows["top1"]["n"] == 4 and rows["split2_top1"]["n"] == 3 and rows["top1"]["chance"] == 0.25
    assert rows["top1"]["ci_low"] < rows["top1"]["value"] < rows["top1"]["ci_high"]
    with pytest.raises(UserError, match="split3"):
        accuracies(frame, {"split3": {"z"}}, 4)


def test_interval_of_the_mean_is_as_wide_as_its_videos_are_worth():
    from videossl.analysis.statistics import wilson_interval

    sets = [pd.Series([True] * 30 + [False] * 70, index=range(k * 100, k * 100 + 100)) for k in range(3)]
    assert mean_with_interval(sets)[1:] == pytest.approx(wilson_interval(90, 300))  # disjoint sets of equal size
    assert mean_with_interval([sets[0]] * 3)[1:] == pytest.approx(wilson_interval(30, 100))  # the same videos thrice


@pytest.fixture
def settings() -> VideoLanguage:
    return VideoLanguage(recipes_dir=RECIPES)


def test_recipes_are_those_of_all_models(settings):
    from videossl.study.config.videolanguage import model_names
    from videossl.videolanguage.models.registry import names

    assert model_names(RECIPES) == names()
    for name in names():
        recipe = load_model_recipe(settings, name)
        assert recipe.prompts.templates and recipe.network_options()["frames"] == recipe.clip.frames
        fill(recipe.prompts.templates, ["something"])


def test_weights_that_are_not_there_are_told_with_the_remedy(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    recipe = load_model_recipe(settings, "xclip")
    found = find(settings, recipe)
    assert found.missing == NOT_PROVIDED
    assert "hf download microsoft/xclip" in found.remedy and "vifm.weights.xclip" in found.remedy
    wrong = settings.model_copy(update={"weights": {"xclip": _files(str(tmp_path))}})
    assert "no model.safetensors or pytorch_model.bin" in find(wrong, recipe).missing


def test_weights_in_a_folder_and_in_the_hub_cache(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    recipe = load_model_recipe(settings, "xclip")
    snapshot = tmp_path / "hub/models--microsoft--xclip-base-patch16-zero-shot/snapshots/abc"
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs/main").write_text("abc")
    (snapshot / "pytorch_model.bin").write_bytes(b"0" * 2_000_000)
    named = settings.model_copy(update={"weights": {"xclip": _files(recipe.weights.hub)}})
    assert "tokeniser" in find(named, recipe).missing
    for name in ("vocab.json", "merges.txt"):
        (snapshot / name).write_text("")
    found = find(named, recipe)
    assert found.missing == "" and found.weights == snapshot / "pytorch_model.bin" and found.tokenizer == snapshot
    (status,) = report(named, {"xclip": recipe})
    assert status.there and status.gigabytes == 0.0 and status.licence == "MIT"
    assert "xclip-base" in status.origin


def test_a_model_that_needs_clip_says_so(settings, tmp_path):
    (tmp_path / "vifi.pth").write_text("")
    recipe = load_model_recipe(settings, "vificlip")
    given = settings.model_copy(update={"weights": {"vificlip": _files(str(tmp_path / "vifi.pth"))}})
    assert "openai/CLIP" in find(given, recipe).missing and "vificlip.base" in find(given, recipe).remedy


def _files(path: str):
    from videossl.study.config.videolanguage import WeightFiles

    return WeightFiles(path=path)


def test_a_recipe_without_templates_is_refused():
    with pytest.raises(ValueError, match="templates"):
        Prompts(templates=[])
    assert "templates" not in ModelRecipe.model_fields
