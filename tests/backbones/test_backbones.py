import inspect
import subprocess
import sys

import pytest
import torch
from torch import nn

from videossl.backbones import registry
from videossl.backbones.base import scale_channels
from videossl.backbones.c3d import max_pool
from videossl.backbones.mobilenet import InvertedResidual
from videossl.backbones.shufflenet import ShuffleBlock, channel_shuffle
from videossl.backbones.squeezenet import Fire
from videossl.common.errors import UserError
from videossl.common.registry import Registry
from videossl.pretext import registry as pretext

SMALL = 0.05
NAMES = registry.names()


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def test_names_are_the_module_files_and_need_no_torch():
    assert {"r2plus1d", "shufflenet"} <= set(NAMES)
    assert not {"base", "registry", "__init__"} & set(NAMES)
    code = (
        "import sys; from videossl.backbones import registry as b; from videossl.pretext import registry as p"
        "; b.check_options('vit', {'depth': 1}); p.check_options('rotnet', {'stride': 2}); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unknown_name_is_explained():
    with pytest.raises(UserError, match=r"unknown backbone 'shuflenet'.*Did you mean shufflenet.*Valid: .*r2plus1d"):
        registry.build("shuflenet")


@pytest.mark.parametrize("package", [registry, pretext])
def test_options_are_read_without_importing_as_the_classes_have_them(package):
    for name in package.names():
        parameters = inspect.signature(package._REGISTRY.load(name)).parameters.values()
        expected = {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY}
        assert package._REGISTRY.options(name) == expected, name


def test_unknown_option_lists_the_valid_ones():
    with pytest.raises(UserError, match=r"unknown option 'droput'.*'shufflenet'.*Valid: width, embedding, dropout"):
        registry.build("shufflenet", droput=0.1)


@pytest.mark.parametrize("options", [{"embedding": "512"}, {"embedding": True}, {"dropout": "0.2"}])
def test_an_option_of_the_wrong_type_is_refused(options):
    with pytest.raises(UserError, match=r"option .* must be a (whole )?number, 0 .* \(default"):
        registry.build("shufflenet", width=SMALL, **options)


@pytest.mark.parametrize("name", ["mobilenet", "shufflenet"])
@pytest.mark.parametrize("options", [{"dropout": 1.0}, {"embedding": -1}])
def test_an_option_out_of_range_is_refused(name, options):
    with pytest.raises(UserError, match=f"option '{next(iter(options))}' .* '{name}' must be a .*number, 0 to"):
        registry.build(name, width=SMALL, **options)


@pytest.mark.parametrize("width", [0, -1.0, "1.0", True, float("nan")])
def test_width_must_be_a_positive_number(width):
    with pytest.raises(UserError, match="width"):
        registry.build("r2plus1d", width=width)


def test_registry_of_a_folder(tmp_path, monkeypatch):
    """A new file is a new entry; a name taken twice or a file that registers nothing is a mistake in code."""
    package = tmp_path / "plugins_for_test"
    package.mkdir()
    for stem in ("__init__", "base", "registry", "silent"):
        (package / f"{stem}.py").touch()
    (package / "loud.py").write_text("from plugins_for_test import R\n@R.register('loud')\nclass Loud: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import plugins_for_test

    plugins_for_test.R = plugins = Registry("plugin", "plugins_for_test", package)
    assert plugins.names() == ["loud", "silent"]
    assert plugins.load("loud").__name__ == "Loud"
    with pytest.raises(ValueError, match="must register a class"):
        plugins.load("silent")
    with pytest.raises(ValueError, match="'loud' is registered twice"):
        plugins.register("loud")(object)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(8, 32, 32), (16, 48, 48), (5, 23, 17), (2, 16, 16)])
def test_any_clip_down_to_the_minimum(name, shape):
    model = registry.build(name, width=SMALL).eval()
    x = torch.randn(2, 3, *shape)
    feature_map = model.feature_map(x)
    assert feature_map.shape[:2] == (2, model.map_channels)
    assert all(side >= 1 for side in feature_map.shape[2:])
    features = model(x)
    assert features.shape == (2, model.feature_dim)
    assert torch.equal(features, model.embed(feature_map))
    assert features.std(dim=0).max() > 0, "two different clips have the same features"


@pytest.mark.parametrize("name", NAMES)
def test_too_small_a_clip_names_the_minimum(name):
    model = registry.build(name, width=SMALL)
    minimum = rf"at least {model.min_frames} frames of {model.min_size}x{model.min_size}"
    for shape in [(1, 32, 32), (8, 15, 32), (8, 32, 15)]:
        with pytest.raises(UserError, match=minimum):
            model(torch.zeros(1, 3, *shape))


@pytest.mark.parametrize("name", NAMES)
def test_clips_of_another_layout_are_refused(name):
    with pytest.raises(ValueError, match="N, 3, T, H, W"):
        registry.build(name, width=SMALL)(torch.zeros(1, 16, 3, 32, 32))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("shufflenet", (1920, 1, 4, 4)),
        ("mobilenet", (1280, 1, 4, 4)),
        ("squeezenet", (512, 1, 4, 4)),
        ("c3d", (512, 2, 7, 7)),
        ("r3d", (512, 2, 7, 7)),
        ("r2plus1d", (512, 2, 7, 7)),
    ],
)
def test_final_map_at_full_width(name, shape):
    with torch.device("meta"):
        model = registry.build(name).eval()
        assert model.feature_map(torch.empty(1, 3, 16, 112, 112)).shape == (1, *shape)
    assert model.feature_dim == 512


def test_middle_channels_of_r2plus1d():
    """As in the reference: stem 83, blocks 144 144 | 230 288 | 460 576 | 921 1152, shortcuts 42 85 170."""
    with torch.device("meta"):
        model = registry.build("r2plus1d")
    middles = [m.out_channels for key, m in model.named_modules() if key.endswith("spatial")]
    assert middles == [83, 144, 144, 230, 288, 42, 460, 576, 85, 921, 1152, 170]


@pytest.mark.parametrize("name", NAMES)
def test_gradient_reaches_every_parameter(name):
    model = registry.build(name, width=SMALL)
    model(torch.randn(4, 3, 8, 32, 32)).square().sum().backward()
    idle = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not idle


@pytest.mark.parametrize("name", NAMES)
def test_nothing_works_in_place(name):
    """An activation that a hook keeps is the same after the pass as when it was captured."""
    model = registry.build(name, width=SMALL).eval()
    captured = []

    def capture(_module, _inputs, out):
        parts = out if isinstance(out, tuple) else out.values() if isinstance(out, dict) else [out]
        captured.extend((part, part.clone()) for part in parts if isinstance(part, torch.Tensor))

    for module in model.modules():
        module.register_forward_hook(capture)
    model(torch.randn(2, 3, 8, 32, 32))
    assert len(captured) > 30
    assert all(torch.equal(kept, then) for kept, then in captured)
    assert not any(getattr(module, "inplace", False) for module in model.modules())


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_weights(name):
    torch.manual_seed(3)
    first = registry.build(name, width=SMALL).state_dict()
    torch.manual_seed(3)
    second = registry.build(name, width=SMALL).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_scale_channels():
    assert scale_channels(480, 1.0, 12) == 480
    assert scale_channels(480, 0.26, 12) == 120  # 124.8, nearest multiple of 12
    assert scale_channels(48, 0.01, 12) == 12


def test_channel_shuffle_interleaves_the_groups():
    x = torch.arange(6.0).view(1, 6, 1, 1, 1)
    assert channel_shuffle(x, 3).flatten().tolist() == [0, 2, 4, 1, 3, 5]


def test_shortcut_pool_is_that_of_the_reference():
    """For even T: average pool of 2x3x3, stride 2, one pixel of zero padding in space, for any H and W."""
    block = ShuffleBlock(12, 24, downsample=True).eval()
    nn.init.zeros_(block.conv3.weight)
    for size in (7, 8):
        x = torch.rand(1, 12, 4, size, size)
        expected = nn.functional.avg_pool3d(x, (2, 3, 3), stride=2, padding=(0, 1, 1))
        torch.testing.assert_close(block(x)[:, 12:], expected)


@pytest.mark.parametrize("name", ["mobilenet", "shufflenet"])
def test_features_without_the_linear_layer_are_the_pooled_map(name):
    model = registry.build(name, width=SMALL, embedding=0).eval()
    x = torch.randn(2, 3, 8, 32, 32)
    assert model.feature_dim == model.map_channels
    torch.testing.assert_close(model(x), model.feature_map(x).mean(dim=(2, 3, 4)))


def maps(name: str, *children: str) -> list[tuple[int, ...]]:
    """Shapes (C, T, H, W) that the named modules of the full network make of a clip of 16x112x112."""
    with torch.device("meta"):
        model = registry.build(name).eval()
        shapes = []
        for child in children:
            hook = lambda _m, _i, out: shapes.append(tuple(out.shape[1:]))  # noqa: E731
            model.get_submodule(child).register_forward_hook(hook)
        model(torch.empty(1, 3, 16, 112, 112))
    return shapes


def test_maps_of_c3d():
    expected = [(64, 16, 112, 112), (128, 16, 56, 56), (256, 8, 28, 28), (512, 4, 14, 14), (512, 2, 7, 7)]
    assert maps("c3d", *(f"layers.conv{stage}" for stage in ("1a", "2a", "3b", "4b", "5b"))) == expected


def test_maps_of_r3d():
    expected = [(64, 16, 56, 56), (64, 16, 56, 56), (128, 8, 28, 28), (256, 4, 14, 14), (512, 2, 7, 7)]
    assert maps("r3d", *(f"conv{stage}" for stage in range(1, 6))) == expected


def test_maps_of_squeezenet():
    expected = [(64, 16, 56, 56), (128, 8, 28, 28), (256, 4, 14, 14), (384, 2, 7, 7), (512, 1, 4, 4)]
    assert maps("squeezenet", "stem", *(f"stage{stage}" for stage in range(1, 5))) == expected


def test_maps_of_mobilenet():
    """The stem, the last block of each of the seven stages, and the 1x1x1 convolution."""
    expected = [(32, 16, 56, 56), (16, 16, 56, 56), (24, 8, 28, 28), (32, 4, 14, 14), (64, 2, 7, 7), (96, 2, 7, 7)]
    expected += [(160, 1, 4, 4), (320, 1, 4, 4), (1280, 1, 4, 4)]
    assert maps("mobilenet", *(f"layers.{number}" for number in (0, 1, 3, 6, 10, 13, 16, 17, 18))) == expected


def test_the_pools_of_c3d_round_up():
    """Even sides as in the reference; of an odd one the last frame, row or column is pooled by itself."""
    pool = max_pool(in_time=2)
    x = torch.randn(1, 2, 4, 6, 6)
    assert torch.equal(pool(x), nn.functional.max_pool3d(x, 2))
    odd = pool(x[:, :, :3, :5, :5])
    assert odd.shape == (1, 2, 2, 3, 3)
    assert torch.equal(odd[..., 1, 2, 2], x[..., 2, 4, 4])
    assert pool(x[:, :, :1, :1, :1]).shape == (1, 2, 1, 1, 1)


def test_fire_concatenates_and_adds_its_input():
    """With weights of 1, 2 and 3: squeezed = sum of the input, expanded = 2 and 3 * 27 times that (inside)."""
    fire = Fire(2, 1, 1, bypass=True).eval()
    for part, weight in ((fire.squeeze, 1.0), (fire.expand1, 2.0), (fire.expand3, 3.0)):
        nn.init.constant_(part[0].weight, weight)
        nn.init.zeros_(part[0].bias)
    x = torch.stack([torch.full((3, 3, 3), 0.5), torch.full((3, 3, 3), 1.0)])[None]
    out = fire(x)[0, :, 1, 1, 1]
    torch.testing.assert_close(out, torch.tensor([0.5 + 2 * 1.5, 1.0 + 3 * 27 * 1.5]), rtol=1e-3, atol=0)
    fire.bypass = False
    torch.testing.assert_close(fire(x)[0, :, 1, 1, 1], torch.tensor([3.0, 121.5]), rtol=1e-3, atol=0)


def test_only_the_second_fire_module_of_a_pair_adds_its_input():
    fires = [m.bypass for m in registry.build("squeezenet", width=SMALL).modules() if isinstance(m, Fire)]
    assert fires == [False, True] * 4


def test_blocks_of_mobilenet():
    """17 blocks, of which those that keep stride and channels (10 at full width) add their input."""
    with torch.device("meta"):
        model = registry.build("mobilenet")
    blocks = [m for m in model.modules() if isinstance(m, InvertedResidual)]
    assert [m.bypass for m in blocks] == [
        *(False, False, True, False, True, True, False, True, True, True),
        *(False, True, True, False, True, True, False),
    ]
    depthwise = [m.layers[-5] for m in blocks]
    assert all(conv.groups == conv.in_channels == conv.out_channels for conv in depthwise)
    assert [conv.in_channels for conv in depthwise[:4]] == [32, 16 * 6, 24 * 6, 24 * 6]


def test_first_weights_of_mobilenet():
    """Convolutions as in the reference; a residual branch starts at the part of its size that is asked for."""
    model = registry.build("mobilenet", width=0.25, residual_start=0.2)
    last = model.layers[-1][0]
    assert last.weight.std().item() == pytest.approx((2 / last.out_channels) ** 0.5, rel=0.05)
    block = next(m for m in model.modules() if isinstance(m, InvertedResidual) and m.bypass)
    assert block.layers[-1].weight.eq(0.2).all()
    x = torch.randn(1, block.layers[0].in_channels, 2, 4, 4)
    block.eval()
    torch.testing.assert_close(block(x), x + block.layers(x))
    assert not model.layers[2].bypass and model.layers[2].layers[-1].weight.eq(1).all()
