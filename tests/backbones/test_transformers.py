"""The transformers' backbones, beside what test_backbones.py and test_tasks.py ask of every backbone."""

import copy
import pickle
import subprocess
import sys

import pytest
import torch

import videossl.common.torchvision_operators

# isort: split
from torchvision.models.video import mvit as torchvision_mvit
from torchvision.models.video import swin3d_t
from transformers import TimesformerConfig, TimesformerModel, VivitConfig, VivitModel

from videossl.backbones import registry
from videossl.backbones.mvit import block_settings
from videossl.backbones.parts.tokens import head_count, pad_to_patches, resize_positions
from videossl.common.errors import UserError

HEAD = 768 * 400 + 400  # the classifier of 400 classes that published sizes may include
TINY = {
    "mvit": {"width": 0.1, "depths": [1, 1, 2]},
    "timesformer": {"width": 0.05, "depth": 2},
    "videoswin": {"width": 0.1, "depths": [1, 1, 2]},
    "vivit": {"width": 0.05, "depth": 2},
}
NAMES = sorted(TINY)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def tiny(name: str, **options):
    return registry.build(name, **TINY[name] | options)


def rattle(model):
    """No weight as it was initialised: zeros (class tokens, biases) would hide a term that is left out."""
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return model.eval()


# Sizes: torchvision's own statements, and the sum of the layers for transformers' (88.65 and 121.26 M).
@pytest.mark.parametrize(
    ("name", "options", "parameters"),
    [
        ("videoswin", {}, 28_158_070 - HEAD),
        ("mvit", {"size": 224}, 34_537_744 - HEAD),
        ("mvit", {"size": 224, "version": "v1"}, 36_610_672 - HEAD),
        ("vivit", {"frames": 32, "size": 224}, 88_646_400),
        ("timesformer", {"frames": 8, "size": 224}, 121_258_752),
    ],
)
def test_size_at_full_width(name, options, parameters):
    with torch.device("meta"):
        model = registry.build(name, **options)
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert model.feature_dim == model.map_channels == 768


@pytest.mark.parametrize(
    ("name", "maps"),
    [
        ("videoswin", {(16, 112): (8, 4), (8, 32): (4, 1)}),
        ("mvit", {(16, 112): (8, 4), (8, 32): (4, 1)}),
        ("vivit", {(16, 112): (8, 7), (8, 32): (4, 2)}),
        ("timesformer", {(16, 112): (16, 7), (8, 32): (8, 2)}),
    ],
)
def test_final_map(name, maps):
    with torch.device("meta"):
        model = registry.build(name).eval()
        for (frames, size), (t, side) in maps.items():
            shape = model.feature_map(torch.empty(2, 3, frames, size, size)).shape
            assert shape == (2, 768, t, side, side)


def test_maps_that_reduced_options_give():
    with torch.device("meta"):
        for name, options, shape in [
            ("videoswin", {"depths": [1, 1, 2]}, (384, 4, 2, 2)),
            ("mvit", {"depths": [1, 1]}, (192, 4, 4, 4)),
            ("vivit", {"depth": 1, "patch": 8}, (768, 4, 4, 4)),
            ("timesformer", {"depth": 1, "patch": 8}, (768, 8, 4, 4)),
        ]:
            assert registry.build(name, **options).feature_map(torch.empty(1, 3, 8, 32, 32)).shape == (1, *shape)


# -- the same function as the library's network ------------------------------------------------------------------


def last_norm(network, layer, clips):
    """Output of `layer` within the library's own forward pass."""
    captured = []
    layer.register_forward_hook(lambda _m, _i, out: captured.append(out))
    network(clips)
    return captured[0]


def test_videoswin_is_torchvisions():
    mine = rattle(registry.build("videoswin"))
    with torch.device("meta"):
        theirs = swin3d_t().eval()
    theirs.head = torch.nn.Identity()
    theirs.load_state_dict(mine.state_dict(), assign=True)
    clips = torch.randn(1, 3, 4, 32, 32)
    torch.testing.assert_close(mine(clips), theirs(clips))


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_mvit_is_torchvisions(version):
    """With the library's own settings of all 16 blocks."""
    settings = []
    build = torchvision_mvit.mvit_v1_b if version == "v1" else torchvision_mvit.mvit_v2_s
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torchvision_mvit, "_mvit", lambda block_setting, **_: settings.extend(block_setting))
        build()
    assert block_settings(version, 96, [1, 2, 11, 2]) == settings

    mine = rattle(tiny("mvit", version=version, frames=8, size=64))
    theirs = torchvision_mvit.MViT(
        (64, 64),
        8,
        block_settings(version, 8, [1, 1, 2]),
        residual_pool=version == "v2",
        residual_with_cls_embed=False,
        rel_pos_embed=version == "v2",
        proj_after_attn=version == "v2",
    ).eval()
    weights = {key.replace("tokens.", "pos_encoding."): value for key, value in mine.state_dict().items()}
    assert not theirs.load_state_dict(weights, strict=False).unexpected_keys
    clips = torch.randn(2, 3, 8, 64, 64)
    expected = last_norm(theirs, theirs.norm, clips)[:, 1:]
    torch.testing.assert_close(mine.trunk(clips).flatten(2).transpose(1, 2), expected)


def test_vivit_is_that_of_transformers():
    mine = rattle(tiny("vivit", frames=8, size=32))
    config = VivitConfig(
        num_frames=8,
        image_size=32,
        hidden_size=40,
        intermediate_size=160,
        num_hidden_layers=2,
        num_attention_heads=1,
    )
    theirs = VivitModel(config, add_pooling_layer=False).eval()
    theirs.load_state_dict(mine.network.state_dict())
    clips = torch.randn(2, 3, 8, 32, 32)
    expected = theirs(clips.transpose(1, 2)).last_hidden_state[:, 1:]
    torch.testing.assert_close(mine.trunk(clips).flatten(2).transpose(1, 2), expected)


def test_timesformer_is_that_of_transformers():
    mine = rattle(tiny("timesformer", frames=8, size=48))
    config = TimesformerConfig(
        num_frames=8,
        image_size=48,
        hidden_size=40,
        intermediate_size=160,
        num_hidden_layers=2,
        num_attention_heads=1,
    )
    theirs = TimesformerModel(config).eval()
    theirs.load_state_dict(mine.network.state_dict())
    clips = torch.randn(2, 3, 8, 48, 48)
    expected = theirs(clips.transpose(1, 2)).last_hidden_state[:, 1:]  # by place, then by time
    torch.testing.assert_close(mine.trunk(clips).permute(0, 3, 4, 2, 1).flatten(1, 3), expected)


# -- clips of other sizes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(8, 32, 32), (7, 33, 50), (2, 16, 16), (20, 64, 48)])
def test_any_clip_and_a_clip_in_between(name, shape):
    """A network keeps nothing of the clip before: the same clip has the same features, whatever comes between."""
    model = rattle(tiny(name))
    clips = torch.randn(2, 3, *shape)
    first = model(clips)
    model(torch.randn(1, 3, 4, 48, 32))
    assert torch.equal(model(clips), first)
    assert torch.isfinite(first).all()


def test_positions_are_interpolated_in_time_and_in_space():
    """At half the size in every axis, each position is the mean of the eight (4, 2) that it covers."""
    vivit = rattle(tiny("vivit", frames=8, size=64))
    embeddings = vivit.network.embeddings
    table = embeddings.position_embeddings[0, 1:].view(2, 2, 2, 2, 2, 2, -1)
    resized = embeddings.interpolate_pos_encoding(torch.empty(1, 1 + 2 * 2 * 2, 1), 32, 32)
    torch.testing.assert_close(resized[0, 1:].view(2, 2, 2, -1), table.mean(dim=(1, 3, 5)))
    assert torch.equal(resized[:, :1], embeddings.position_embeddings[:, :1])

    line = torch.tensor([[[0.0, 2.0, 4.0, 6.0]]])
    assert resize_positions(line, (2,)).tolist() == [[[1.0, 5.0]]]
    assert resize_positions(line, (4,)) is line


@pytest.mark.parametrize(
    ("name", "options"), [("vivit", {}), ("timesformer", {}), ("mvit", {}), ("mvit", {"version": "v1"})]
)
def test_order_of_frames_and_places_matters(name, options):
    """Positions are used in every axis, at a size that they were not made for."""
    model = rattle(tiny(name, **options))
    clips = torch.randn(2, 3, 8, 32, 32)
    features = model(clips)
    for axis in (2, 3, 4):
        half = clips.shape[axis] // 2  # whole patches change places: without positions nothing would change
        assert not torch.allclose(model(clips.roll(half, dims=axis)), features, atol=1e-4)


def test_padding_to_whole_patches():
    clips = torch.randn(1, 3, 5, 20, 32)
    padded = pad_to_patches(clips, (2, 16, 16))
    assert padded.shape == (1, 3, 6, 32, 32)
    assert torch.equal(padded[:, :, :5, :20], clips)
    assert padded.abs().sum() == pytest.approx(clips.abs().sum().item())
    assert pad_to_patches(padded, (2, 16, 16)) is padded
    for name in ("vivit", "timesformer"):
        model = rattle(tiny(name))
        torch.testing.assert_close(model(clips), model(pad_to_patches(clips, (2 if name == "vivit" else 1, 16, 16))))


# -- weights -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded(name, tmp_path):
    first, second = tiny(name).eval(), tiny(name).eval()
    clips = torch.randn(2, 3, 8, 32, 32)
    assert not torch.equal(first(clips), second(clips))
    torch.save(first.state_dict(), tmp_path / "weights.pt")
    second.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(first(clips), second(clips))
    for clone in (copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        assert torch.equal(clone(clips), first(clips))


@pytest.mark.parametrize("name", NAMES)
def test_a_training_step_repeats_bit_for_bit(name):
    """Drop path draws from torch's generator alone."""
    options = {} if name == "vivit" else {"drop_path": 0.5}

    def gradients(seed):
        torch.manual_seed(1)
        model = tiny(name, **options).train()
        clips = torch.randn(8, 3, 8, 32, 32)
        torch.manual_seed(seed)
        model(clips).square().sum().backward()
        return [p.grad for p in model.parameters()]

    first, again, other = gradients(2), gradients(2), gradients(3)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    if options:
        assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("name", "options"), [*((name, {}) for name in NAMES), ("mvit", {"version": "v1"}), ("videoswin", {"width": 0.3})]
)
def test_gradient_reaches_every_parameter(name, options):
    model = tiny(name, drop_path=0.0, **options) if name != "vivit" else tiny(name)
    model(torch.randn(2, 3, 8, 64, 64)).square().sum().backward()
    assert not [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


# -- options -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "heads"), [(768, 12), (384, 6), (192, 3), (96, 2), (40, 1), (8, 1)])
def test_heads_divide_and_have_about_64_channels(channels, heads):
    assert head_count(channels, 64) == heads


def test_heads_of_a_narrower_videoswin():
    """Three heads of 32 channels in the first stage of the full network, twice as many in each later one."""
    for width, heads in [(1.0, [3, 6, 12, 24]), (0.5, [2, 4, 8, 16]), (0.25, [1, 2, 4, 8]), (0.05, [1, 2, 4, 8])]:
        with torch.device("meta"):
            model = registry.build("videoswin", width=width, depths=[1, 1, 1, 1])
        assert [m.num_heads for m in model.modules() if hasattr(m, "num_heads")] == heads


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("videoswin", {"depths": [2, 0]}, "depths"),
        ("videoswin", {"depths": []}, "depths"),
        ("videoswin", {"depths": [1]}, "at least two blocks"),
        ("videoswin", {"depths": [1, 1, 1, 1, 1]}, "at most 4 items"),
        ("videoswin", {"depths": ["2", 2]}, "depths"),
        ("videoswin", {"depths": 2}, "must be a list"),
        ("videoswin", {"drop_path": 1.0}, "drop_path.*0 to below 1"),
        ("mvit", {"depths": [True, 2]}, "depths"),
        ("mvit", {"version": "v3"}, "version.*'mvit' must be one of v1, v2"),
        ("mvit", {"frames": 1}, "frames.*2 or more"),
        ("mvit", {"size": 16}, "size.*32 or more"),
        ("mvit", {"drop_path": -0.1}, "drop_path"),
        ("vivit", {"depth": 0}, "depth.*1 to 1,000"),
        ("vivit", {"patch": 0}, "patch.*1 to 8,192"),
        ("timesformer", {"frames": 0}, "frames.*1 to 10,000"),
        ("timesformer", {"drop_path": 1.5}, "drop_path"),
        ("timesformer", {"size": "112"}, "must be a whole number"),
    ],
)
def test_an_option_out_of_range_is_refused(name, options, match):
    with pytest.raises(UserError, match=match):
        registry.build(name, width=0.05, **options)


# -- torchvision without its operators -----------------------------------------------------------------------------


def test_operators_are_declared_once():
    """Whether torchvision came with them or not, they are known now, and nothing is left to declare."""
    assert hasattr(torch.ops.torchvision, "nms") and hasattr(torch.ops.torchvision, "qnms")
    assert videossl.common.torchvision_operators.declare_missing() == []


def test_only_missing_operators_are_declared(monkeypatch):
    """With a torchvision that fits torch none is missing; declaring an operator twice would be an error."""
    declared = []
    schemas = videossl.common.torchvision_operators.SCHEMAS | {"nosuch": "nosuch(Tensor x) -> Tensor"}
    monkeypatch.setattr(videossl.common.torchvision_operators, "SCHEMAS", schemas)
    monkeypatch.setattr(videossl.common.torchvision_operators._library, "define", declared.append)
    assert videossl.common.torchvision_operators.declare_missing() == ["nosuch"]
    assert declared == ["nosuch(Tensor x) -> Tensor"]


def test_other_backbones_do_not_import_the_libraries():
    code = (
        "import sys; from videossl.backbones import registry; registry.build('r2plus1d', width=0.05)"
        "; sys.exit(bool({'torchvision', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
