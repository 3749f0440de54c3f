"""Video-language models: published names and shapes at full size, and numbers equal to independent implementations."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
import torch

import videossl.common.torchvision_operators  # noqa: F401 - before a test imports transformers
from videossl.common.errors import UserError
from videossl.published.state_file import read_state, unwrapped
from videossl.videolanguage.convert import load_published
from videossl.videolanguage.models import registry
from videossl.videolanguage.models.parts.names import hub_names

NAMES = Path(__file__).parent / "published_names"
MODELS = registry.names()
SMALL = {
    "size": 16, "patch": 8, "width": 32, "layers": 2, "heads": 4, "embed": 24, "context": 8, "vocabulary": 30,
    "text_width": 24, "text_layers": 2, "text_heads": 4, "frames": 4,
}  # fmt: skip
FURTHER = {"xclip": {"mit_heads": 4, "prompt_layers": 1, "prompt_heads": 4}}
TOKENS = torch.tensor([[27, 3, 5, 29, 0, 0, 0, 0], [27, 3, 6, 9, 29, 0, 0, 0], [27, 4, 29, 0, 0, 0, 0, 0]])


def small(name: str, seed: int = 0):
    torch.manual_seed(seed)
    return registry.build(name, **SMALL, **FURTHER.get(name, {})).eval()


def clips(count: int = 2, frames: int = 4) -> torch.Tensor:
    return torch.randn(count, 3, frames, 16, 16, generator=torch.Generator().manual_seed(1))


def expanded(pattern: str) -> list[str]:
    """All names that a pattern with {0-11} and {a,b} stands for."""
    parts = []
    for text in re.split(r"(\{[^}]*\})", pattern):
        if span := re.fullmatch(r"\{(\d+)-(\d+)\}", text):
            parts.append([str(number) for number in range(int(span[1]), int(span[2]) + 1)])
        else:
            parts.append(text[1:-1].split(",") if text.startswith("{") else [text])
    return ["".join(choice) for choice in itertools.product(*parts)]


def published(name: str) -> dict[str, torch.Tensor]:
    """A published state dict as its description has it, without values."""
    state = {}
    for line in (NAMES / f"{name}.txt").read_text().splitlines():
        pattern, *shape = line.split()
        state |= {key: torch.empty([int(side) for side in shape], device="meta") for key in expanded(pattern)}
    return state


@pytest.mark.parametrize("name", MODELS)
def test_published_names_and_shapes_at_full_size(name):
    """Every parameter of the network gets exactly one published tensor of its shape, and none is left over."""
    with torch.device("meta"):
        model = registry.build(name)
        own = model.state_dict()
        converted = model.convert(published(name), published("clip_b16"))
        assert {key: value.shape for key, value in converted.items()} == {key: own[key].shape for key in own}
        load_published(model, published(name), published("clip_b16"), "the published file")


@pytest.mark.parametrize("name", MODELS)
def test_a_state_dict_goes_out_and_in_again(name, tmp_path):
    first, second = small(name), small(name, seed=1)
    file = tmp_path / "weights.pt"
    torch.save({"model": {f"module.{key}": value for key, value in first.state_dict().items()}, "epoch": 3}, file)
    load_published(second, read_state(file), None, "file")
    with torch.no_grad():
        assert torch.equal(first(clips(), TOKENS), second(clips(), TOKENS))


@pytest.mark.parametrize("name", MODELS)
def test_what_does_not_fit_is_listed(name):
    model = small(name)
    state = model.state_dict()
    scale = "temp" if name == "viclip" else "logit_scale"
    state["stray"] = state.pop(scale)
    first = next(key for key, value in state.items() if value.ndim == 2)
    state[first] = torch.zeros(3, 7)
    with pytest.raises(UserError) as caught:
        load_published(model, state, None, "some file")
    message = str(caught.value)
    assert f"1 missing: {scale}" in message and "1 unexpected: stray" in message
    assert f"1 of another shape: {first}: (3, 7) instead of" in message


def test_vificlip_without_the_token_table_of_clip_says_so():
    state = {key: torch.zeros(1) for key in ("image_encoder.proj", "prompt_learner.complete_text_embeddings")}
    with pytest.raises(UserError, match=r"vifm\.weights\.vificlip\.base"):
        registry.load("vificlip").convert(state, None)


def test_a_file_without_a_state_dict_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no state dict"):
        unwrapped({"epoch": 3}, tmp_path / "file.pt")
    (tmp_path / "text.pt").write_text("no weights")
    with pytest.raises(UserError, match="cannot be read as weights"):
        read_state(tmp_path / "text.pt")


def test_languagebind_merges_low_rank_updates():
    name = "vision_model.encoder.base_model.model.layers.0.temporal_attn.q_proj"
    state = {
        f"{name}.base_layer.weight": torch.ones(4, 4),
        f"{name}.base_layer.bias": torch.ones(4),
        f"{name}.lora_A.default.weight": torch.full((2, 4), 0.5),
        f"{name}.lora_B.default.weight": torch.full((4, 2), 3.0),
        "text_model.embeddings.position_ids": torch.arange(3),
    }
    plain = "vision_model.encoder.layers.0.temporal_attn.q_proj"
    merged = registry.load("languagebind").convert(state, None)
    assert set(merged) == {f"{plain}.weight", f"{plain}.bias"}
    assert torch.equal(merged[f"{plain}.weight"], torch.full((4, 4), 1 + 2 * 3.0 * 0.5))
    assert torch.equal(merged[f"{plain}.bias"], torch.ones(4))


def test_xclip_equals_the_model_of_transformers():
    from transformers import XCLIPConfig, XCLIPModel

    config = XCLIPConfig(
        text_config={
            "vocab_size": 30, "hidden_size": 24, "intermediate_size": 96, "num_hidden_layers": 2,
            "num_attention_heads": 4, "max_position_embeddings": 8, "eos_token_id": 29,
        },
        vision_config={
            "hidden_size": 32, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
            "image_size": 16, "patch_size": 8, "num_frames": 4, "mit_hidden_size": 24, "mit_intermediate_size": 96,
            "mit_num_hidden_layers": 1, "mit_num_attention_heads": 4,
        },
        projection_dim=24, prompt_layers=1, prompt_num_attention_heads=4,
    )  # fmt: skip
    torch.manual_seed(0)
    theirs = XCLIPModel(config).eval()
    ours = small("xclip", seed=1)
    load_published(ours, theirs.state_dict(), None, "transformers")
    with torch.no_grad():
        expected = theirs(input_ids=TOKENS, pixel_values=clips().transpose(1, 2)).logits_per_video
        assert (ours(clips(), TOKENS) - expected).abs().max() < 1e-5


@pytest.mark.parametrize(("name", "activation"), [("vificlip", "quick_gelu"), ("languagebind", "gelu")])
def test_towers_equal_those_of_transformers(name, activation):
    """With a single frame, ViFi-CLIP and LanguageBind (attention over time with nothing to add) are CLIP."""
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(0)
    shared = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_act": activation}
    text = {"vocab_size": 30, "hidden_size": 24, "intermediate_size": 96, "max_position_embeddings": 8}
    vision = {"hidden_size": 32, "intermediate_size": 128, "image_size": 16, "patch_size": 8}
    theirs = CLIPModel(
        CLIPConfig(
            text_config={**text, **shared, "eos_token_id": 29}, vision_config={**vision, **shared}, projection_dim=24
        )
    ).eval()
    ours = registry.build(name, **{**SMALL, "frames": 1}).eval()
    clip = small("vificlip", seed=1)
    theirs.load_state_dict(hub_names(clip.state_dict()), strict=True)
    ours.start_from(clip.state_dict())
    pictures = clips(3, frames=1)
    with torch.no_grad():
        expected = theirs(input_ids=TOKENS, pixel_values=pictures[:, :, 0]).logits_per_image / theirs.logit_scale.exp()
        found = ours.cosines(ours.encode_video(pictures), ours.encode_text(TOKENS))
    assert (found - expected).abs().max() < 1e-5


@pytest.mark.parametrize("name", [name for name in MODELS if name != "vificlip"])
def test_order_of_frames_matters_where_there_is_a_temporal_module(name):
    model = small(name)
    torch.manual_seed(2)
    for parameter in model.parameters():  # adapters and embeddings of time start as zeros
        parameter.data += 0.1 * torch.randn_like(parameter)
    with torch.no_grad():
        forward, backward = (model.encode_video(x).features for x in (clips(), clips().flip(2)))
    assert (forward - backward).abs().max() > 1e-4
    with pytest.raises(UserError, match="frames"):
        model.encode_video(clips(frames=3))


def test_averaging_frames_knows_no_order():
    model = small("vificlip")
    with torch.no_grad():
        forward, backward = (model.encode_video(x).features for x in (clips(), clips().flip(2)))
    torch.testing.assert_close(forward, backward)


@pytest.mark.parametrize("name", MODELS)
def test_models_start_from_clip_and_only_ezclip_freezes_it(name):
    clip, model = small("vificlip", seed=3), small(name)
    model.start_from(clip.state_dict())
    with torch.no_grad():
        difference = (model.encode_text(TOKENS) - clip.encode_text(TOKENS)).abs().max()
    assert difference < (0.05 if name == "languagebind" else 1e-5)  # its GELU is the exact one
    frozen = {key for key, parameter in model.named_parameters() if not parameter.requires_grad}
    trained = {key for key, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained and bool(frozen) == (name == "ezclip")
    if frozen:
        assert all("Adapter" in key or "T_prompt" in key for key in trained)
        assert not any("Adapter" in key or "T_prompt" in key for key in frozen)
    with pytest.raises(UserError, match="cannot start from this CLIP"):
        model.start_from({**clip.state_dict(), "visual.positional_embedding": torch.zeros(2, 32)})


@pytest.mark.parametrize("name", ["ezclip", "viclip", "languagebind"])
def test_scale_is_the_learned_one_in_training_and_as_told_at_test(name):
    fixed = registry.build(name, **SMALL)
    learned = registry.build(name, **SMALL, test_scale=0.0)
    with torch.no_grad():
        for model in (fixed, learned):
            (model.temp if name == "viclip" else model.logit_scale).fill_(0.05)
        expected = torch.tensor(20.0) if name == "viclip" else torch.tensor(0.05).exp()
        torch.testing.assert_close(fixed.train().scale(), expected)
        torch.testing.assert_close(learned.eval().scale(), expected)
        assert fixed.eval().scale() == 100
