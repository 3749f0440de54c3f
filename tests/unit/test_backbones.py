import subprocess
import sys

import pytest
import torch
from torch import nn

from videossl.backbones import registry
from videossl.backbones.base import scale_channels
from videossl.backbones.shufflenet import ShuffleBlock, channel_shuffle
from videossl.errors import UserError
from videossl.registry import Registry

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
        "; b.names(); p.names(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unknown_name_is_explained():
    with pytest.raises(UserError, match=r"unknown backbone 'shuflenet'.*Did you mean shufflenet.*Valid: .*r2plus1d"):
        registry.build("shuflenet")


def test_unknown_option_lists_the_valid_ones():
    with pytest.raises(UserError, match=r"unknown option 'droput'.*'shufflenet'.*Valid: embedding, dropout"):
        registry.build("shufflenet", droput=0.1)


@pytest.mark.parametrize("options", [{"embedding": "512"}, {"embedding": True}, {"dropout": "0.2"}])
def test_an_option_of_the_wrong_type_is_refused(options):
    with pytest.raises(UserError, match="must be of type"):
        registry.build("shufflenet", width=SMALL, **options)


@pytest.mark.parametrize("options", [{"dropout": 1.0}, {"embedding": -1}])
def test_an_option_out_of_range_is_refused(options):
    with pytest.raises(UserError, match="dropout in"):
        registry.build("shufflenet", width=SMALL, **options)


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


@pytest.mark.parametrize(("name", "shape"), [("shufflenet", (1920, 1, 4, 4)), ("r2plus1d", (512, 2, 7, 7))])
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
    for module in model.modules():
        module.register_forward_hook(lambda _m, _i, out: captured.append((out, out.clone())))
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


def test_shufflenet_without_its_linear_layer():
    model = registry.build("shufflenet", width=SMALL, embedding=0).eval()
    x = torch.randn(2, 3, 8, 32, 32)
    assert model.feature_dim == model.map_channels
    torch.testing.assert_close(model(x), model.feature_map(x).mean(dim=(2, 3, 4)))
