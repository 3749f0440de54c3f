"""Networks of libraries: exactly the library's forward pass, from files as the libraries write them."""

from __future__ import annotations

import pytest
import torch
from published_files import (
    MVIT,
    R2PLUS1D,
    SWIN3D,
    VIDEOMAE,
    VJEPA2,
    r2plus1d,
    save_torch,
    save_transformers,
    swin3d,
    torchvision_mvit,
    videomae,
    vjepa2,
)
from torch import nn
from transformers import VideoMAEForPreTraining, VideoMAEForVideoClassification

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.published.loading import PublishedFile, load_network
from videossl.published.networks import registry

WHERE = "the configuration's `published.mine`"


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def clips(frames: int = 4, size: int = 16) -> torch.Tensor:
    return torch.randn(2, 3, frames, size, size, generator=torch.Generator().manual_seed(1))


def load(architecture, options, path, keys=None):
    return load_network(architecture, options, PublishedFile(path, WHERE, list((keys or {}).items()))).eval()


def before_head(network: nn.Module, head: str) -> nn.Module:
    """The library's own network, of which the classifier does nothing: its output is what the classifier reads."""
    setattr(network, head, nn.Identity())
    return network


@pytest.mark.parametrize(
    ("architecture", "options", "network", "head"),
    [
        ("torchvision_r2plus1d_18", R2PLUS1D, r2plus1d, "fc"),
        ("torchvision_swin3d", SWIN3D, swin3d, "head"),
        ("torchvision_mvit", {**MVIT, "version": "v1"}, lambda: torchvision_mvit("v1"), "head"),
        ("torchvision_mvit", {**MVIT, "version": "v2"}, lambda: torchvision_mvit("v2"), "head"),
    ],
)
@torch.no_grad()
def test_torchvision_features_are_what_its_classifier_reads(architecture, options, network, head, tmp_path):
    library = network()
    own = load(architecture, options, save_torch(library, tmp_path / "weights.pth"))
    features = own(clips())
    assert torch.equal(features, before_head(library, head)(clips()))
    assert features.shape == (2, own.feature_dim) and features.std() > 0.01


@torch.no_grad()
def test_videomae_tokens_are_those_of_the_library(tmp_path):
    library = videomae()
    own = load("transformers_videomae", VIDEOMAE, save_transformers(library, tmp_path))
    tokens = library(pixel_values=clips().transpose(1, 2)).last_hidden_state
    assert torch.equal(own.feature_map(clips()).flatten(2).transpose(1, 2), tokens)
    assert torch.equal(own(clips()), tokens.mean(1))
    assert own.feature_map(clips()).shape == (2, 24, 2, 2, 2)


@torch.no_grad()
def test_videomae_is_read_from_a_pretraining_as_the_library_reads_it(tmp_path):
    library = videomae(VideoMAEForPreTraining, decoder_hidden_size=12, decoder_num_attention_heads=2)
    own = load("transformers_videomae", VIDEOMAE, save_transformers(library, tmp_path))
    assert torch.equal(own(clips()), library.videomae(clips().transpose(1, 2)).last_hidden_state.mean(1))


@torch.no_grad()
def test_a_finetuned_videomae_gives_what_its_classifier_reads(tmp_path):
    library = videomae(VideoMAEForVideoClassification, use_mean_pooling=True)
    options = {**VIDEOMAE, "use_mean_pooling": True, "fc_norm": True}
    own = load("transformers_videomae", options, save_transformers(library, tmp_path))
    assert torch.equal(own(clips()), before_head(library, "classifier")(clips().transpose(1, 2)).logits)


@torch.no_grad()
def test_videomae_is_read_from_files_with_the_older_names_of_biases(tmp_path):
    library = videomae()
    state = {
        name.replace("query.bias", "q_bias").replace("value.bias", "v_bias"): value
        for name, value in library.state_dict().items()
    }
    torch.save({f"videomae.{name}": value for name, value in state.items()}, tmp_path / "pytorch_model.bin")
    own = load("transformers_videomae", VIDEOMAE, tmp_path / "pytorch_model.bin")
    assert torch.equal(own(clips()), library(clips().transpose(1, 2)).last_hidden_state.mean(1))


@pytest.mark.parametrize("frames", [2, 4, 8])
@torch.no_grad()
def test_vjepa2_tokens_are_those_of_the_library(frames, tmp_path):
    library = vjepa2()
    own = load("transformers_vjepa2", VJEPA2, save_transformers(library, tmp_path))
    tokens = library.get_vision_features(clips(frames).transpose(1, 2))
    assert torch.equal(own.feature_map(clips(frames)).flatten(2).transpose(1, 2), tokens)
    assert torch.equal(own(clips(frames)), tokens.mean(1))


@torch.no_grad()
def test_a_key_map_puts_the_original_videomae_into_this_projects_vit(tmp_path):
    """Names as in MCG-NJU/VideoMAE's pretraining, which has the same network under other names."""
    torch.manual_seed(0)
    options = {"width": 0.1, "depth": 2, "tube": [2, 8, 8]}
    theirs = backbones.build("vit", **options).eval()
    state = {
        f"encoder.{name}".replace("patches.", "patch_embed.proj.")
        .replace("attention", "attn")
        .replace("mlp.0", "mlp.fc1")
        .replace("mlp.2", "mlp.fc2"): value
        for name, value in theirs.state_dict().items()
    }
    rest = {"decoder.head.weight": torch.zeros(3), "mask_token": torch.zeros(1)}
    torch.save({"model": {**state, **rest}}, tmp_path / "a")
    keys = {
        r"^(decoder\.|mask_token)": None,
        r"^encoder\.": "",
        r"^patch_embed\.proj\.": "patches.",
        r"\.attn\.": ".attention.",
        r"\.fc1\.": ".0.",
        r"\.fc2\.": ".2.",
    }
    own = load("vit", options, tmp_path / "a", keys)
    assert torch.equal(own(clips()), theirs(clips()))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, r"2 missing: fc\.weight, fc\.bias; 2 unexpected: head\.weight, head\.bias"),
        ({"^tail": "fc"}, r"`keys` of .*published\.mine.*: '\^tail' matches none of the 2 names.*such as head\.weight"),
        ({".*head.*": "fc"}, r"gives head\.weight and head\.bias the same name, fc\."),
    ],
)
def test_a_wrong_key_map_is_explained(keys, message, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "build", lambda name: nn.ModuleDict({"fc": nn.Linear(2, 2)}))
    torch.save({"head.weight": torch.zeros(2, 2), "head.bias": torch.zeros(2)}, tmp_path / "a.pth")
    with pytest.raises(UserError, match=message):
        load("vit", {}, tmp_path / "a.pth", keys)


def test_a_file_of_another_size_is_refused(tmp_path):
    path = save_torch(swin3d(), tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"does not fit .* torchvision_swin3d.*of another shape: .*instead"):
        load("torchvision_swin3d", {"channels": 64, "depths": [1, 1]}, path)


def test_a_file_of_another_architecture_is_refused(tmp_path):
    path = save_transformers(vjepa2(), tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(UserError, match=r"transformers_videomae \(34 missing: .*, \.\.\.; 59 unexpected"):
        load("transformers_videomae", VIDEOMAE, path)


def test_options_that_contradict_the_published_configuration_are_named(tmp_path):
    path = save_transformers(videomae(), tmp_path)
    with pytest.raises(UserError, match=r"config\.json describes .*num_attention_heads is 2 there and 4 here"):
        load("transformers_videomae", {**VIDEOMAE, "num_attention_heads": 4}, path)
    with pytest.raises(UserError, match="use_mean_pooling is False there and True here"):
        load("transformers_videomae", {**VIDEOMAE, "use_mean_pooling": True}, path)


@pytest.mark.parametrize("content", [b"not weights", b""])
def test_a_file_that_holds_no_weights_is_refused(content, tmp_path):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.pth cannot be read as weights"):
        load("torchvision_swin3d", SWIN3D, tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("architecture", "options", "shape"),
    [
        ("transformers_videomae", VIDEOMAE, (2, 16)),
        ("transformers_videomae", VIDEOMAE, (4, 24)),
        ("transformers_vjepa2", VJEPA2, (4, 24)),
        ("transformers_vjepa2", VJEPA2, (3, 16)),
        ("torchvision_mvit", MVIT, (4, 32)),
    ],
)
def test_clips_that_positions_are_not_made_for_are_refused(architecture, options, shape):
    network = registry.build(architecture, **options)
    with pytest.raises(UserError, match=r"input\.frames"):
        network(clips(*shape))


@pytest.mark.parametrize("name", registry.library_names())
def test_every_architecture_states_its_input(name):
    for key, kind in {"frames": int, "size": int, "stride": int, "resize_short": int, "gflops": float}.items():
        assert isinstance(registry.stated(name, key), kind), key
    assert len(registry.stated(name, "mean")) == len(registry.stated(name, "std")) == 3
    assert registry.stated(name, "title")


def test_statements_are_those_of_torchvisions_own_transforms():
    from torchvision.models import video

    for name, weights in {
        "torchvision_r2plus1d_18": video.R2Plus1D_18_Weights.DEFAULT,
        "torchvision_mvit": video.MViT_V2_S_Weights.DEFAULT,
        "torchvision_swin3d": video.Swin3D_T_Weights.DEFAULT,
    }.items():
        transforms = weights.transforms()
        stated = {key: registry.stated(name, key) for key in ("mean", "std", "size", "resize_short", "gflops")}
        own = {"mean": transforms.mean, "std": transforms.std, "size": transforms.crop_size[0]}
        own |= {"resize_short": transforms.resize_size[0], "gflops": round(weights.meta["_ops"], 2)}
        assert stated == own, name


@pytest.mark.parametrize(
    ("builder", "architecture", "options"),
    [
        ("r2plus1d_18", "torchvision_r2plus1d_18", {}),
        ("mvit_v2_s", "torchvision_mvit", {}),
        ("mvit_v1_b", "torchvision_mvit", {"version": "v1"}),
        ("swin3d_t", "torchvision_swin3d", {}),
        ("swin3d_s", "torchvision_swin3d", {"depths": [2, 2, 18, 2]}),
        ("swin3d_b", "torchvision_swin3d", {"depths": [2, 2, 18, 2], "channels": 128}),
    ],
)
def test_the_library_has_the_same_names_and_shapes_at_full_size(builder, architecture, options):
    from torchvision.models import video

    with torch.device("meta"):
        library = getattr(video, builder)(weights=None).state_dict()
        own = registry.build(architecture, **options).state_dict()
    heads = registry.load(architecture).heads
    expected = {name: value.shape for name, value in library.items() if not name.startswith(heads)}
    assert {name: value.shape for name, value in own.items()} == expected


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.delitem(sys.modules, "videossl.published.networks.transformers_vjepa2", raising=False)
    monkeypatch.setattr(registry._REGISTRY, "classes", {})
    with pytest.raises(UserError, match="transformers_vjepa2 needs the package transformers, which is not installed"):
        registry.build("transformers_vjepa2")


def test_an_unknown_architecture_gets_a_suggestion():
    with pytest.raises(UserError, match=r"unknown architecture 'torchvision_swin'.*Did you mean torchvision_swin3d"):
        registry.check_options("torchvision_swin", {})
