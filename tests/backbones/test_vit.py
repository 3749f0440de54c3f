import math

import pytest
import torch

from videossl.analysis.complexity import count_gflops, count_parameters
from videossl.backbones import registry
from videossl.backbones.vit import Attention, Block, Positions
from videossl.common.errors import UserError


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def vit(**options):
    return registry.build("vit", **{"width": 0.05, "depth": 2, "tube": [2, 8, 8], **options}).eval()


@pytest.mark.parametrize(("dim", "millions", "exact"), [(768, 86.23, 86_227_200), (384, 21.88, 21_879_936)])
def test_parameters_of_vit_b_and_vit_s(dim, millions, exact):
    """The encoders of VideoMAE-B and -S. By hand: tubes, then 12 blocks, then the last norm."""
    with torch.device("meta"):
        model = registry.build("vit", dim=dim)
    block = 2 * 2 * dim + (3 * dim * dim + 2 * dim) + (dim * dim + dim) + (8 * dim * dim + 5 * dim)
    assert count_parameters(model) == exact == (3 * 2 * 16 * 16 * dim + dim) + 12 * block + 2 * dim
    assert round(exact / 1e6, 2) == millions
    assert {m.heads for m in model.modules() if isinstance(m, Attention)} == {dim // 64}


def test_map_and_cost_at_full_width():
    with torch.device("meta"):
        model = registry.build("vit")
        assert model.feature_map(torch.empty(1, 3, 16, 112, 112)).shape == (1, 768, 8, 7, 7)
    assert model.feature_dim == 768
    tokens, dim = 8 * 7 * 7, 768
    layers = tokens * (3 * 2 * 16 * 16 * dim + 12 * 12 * dim * dim) + 12 * 2 * tokens * tokens * dim
    assert count_gflops(model) * 1e9 == pytest.approx(2 * layers, rel=1e-3)  # biases and the pool are the rest


def test_width_scales_the_channels_and_depth_is_the_blocks():
    model = vit(width=0.125, depth=3)
    assert (model.feature_dim, len(model.blocks)) == (96, 3)
    assert vit(width=0.125, dim=384).feature_dim == 48


def test_positions_by_formula():
    table = Positions(8)(300, torch.zeros(1))
    assert table.shape == (300, 8) and table.dtype == torch.float32
    for p in (0, 1, 2, 77, 299):
        for i in range(4):
            angle = p / 10000 ** (2 * i / 8)
            assert table[p, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert table[p, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_a_token_is_the_linear_image_of_its_tube_plus_its_position():
    model = vit()
    x = torch.randn(2, 3, 4, 16, 24)
    tokens = model.tokens(x)
    assert tokens.shape == (2, model.feature_dim, 2, 2, 3)
    t, row, column = 1, 0, 2
    tube = x[1, :, 2:4, 0:8, 16:24]
    image = model.patches.weight.flatten(1) @ tube.flatten() + model.patches.bias
    place = Positions(model.feature_dim)(12, x)[t * 6 + row * 3 + column]
    torch.testing.assert_close(tokens[1, :, t, row, column], image + place)


def test_the_map_is_the_normalised_tokens_and_the_features_their_mean():
    model = vit()
    x = torch.randn(2, 3, 4, 16, 24)
    tokens = model.encode(model.tokens(x).flatten(2).transpose(1, 2))
    feature_map = model.feature_map(x)
    torch.testing.assert_close(feature_map.flatten(2).transpose(1, 2), tokens)
    torch.testing.assert_close(model(x), tokens.mean(dim=1))
    torch.testing.assert_close(tokens.mean(dim=2), torch.zeros(2, 12), atol=1e-5, rtol=0)
    torch.testing.assert_close(tokens.var(dim=2, unbiased=False), torch.ones(2, 12), atol=1e-3, rtol=0)


@pytest.mark.parametrize("shape", [(2, 16, 16), (8, 32, 32), (4, 16, 48)])
def test_any_clip_of_whole_tubes(shape):
    grid = tuple(side // part for side, part in zip(shape, (2, 8, 8), strict=True))
    assert vit().feature_map(torch.randn(1, 3, *shape)).shape[2:] == grid


def test_a_clip_of_broken_tubes_is_padded_with_zeros():
    model = vit()
    x = torch.randn(1, 3, 5, 17, 24)
    padded = torch.zeros(1, 3, 6, 24, 24)
    padded[:, :, :5, :17] = x
    torch.testing.assert_close(model.feature_map(x), model.feature_map(padded))


def test_attention_by_hand():
    """Softmax of q.k / sqrt(channels of a head), head by head, with biases on queries and values alone."""
    module = Attention(128)  # two heads
    with torch.no_grad():
        module.q_bias.normal_(), module.v_bias.normal_()
    x = torch.randn(1, 5, 128)
    q, k, v = (x[0] @ module.qkv.weight.T).split(128, dim=1)
    q, v = q + module.q_bias, v + module.v_bias
    heads = []
    for part in (slice(0, 64), slice(64, 128)):
        weights = (q[:, part] @ k[:, part].T / 8).softmax(dim=1)
        heads.append(weights @ v[:, part])
    torch.testing.assert_close(module(x)[0], module.proj(torch.cat(heads, dim=1)))


def test_a_block_normalises_first_and_adds():
    block = Block(16)
    x = 3 + 2 * torch.randn(2, 5, 16)
    y = x + block.attention(torch.nn.functional.layer_norm(x, (16,), eps=1e-6))
    expected = y + block.mlp(torch.nn.functional.layer_norm(y, (16,), eps=1e-6))
    torch.testing.assert_close(block(x), expected)


def test_visible_tubes_are_encoded_as_if_there_were_no_others():
    """Pixels of the other tubes change nothing; those of a visible one do; its position is that in the whole clip."""
    model = vit()
    x = torch.randn(2, 3, 4, 16, 16)  # 2 x 2 x 2 tubes
    visible = torch.tensor([[0, 3], [6, 7]])
    tokens = model.encode_visible(x, visible)
    assert tokens.shape == (2, 2, model.feature_dim)
    all_tokens = model.tokens(x).flatten(2).transpose(1, 2)
    expected = model.encode(torch.stack([all_tokens[0, [0, 3]], all_tokens[1, [6, 7]]]))
    torch.testing.assert_close(tokens, expected)

    changed = x.clone()
    changed[0, :, :2, :8, 8:] = 100  # tube 1 of the first video
    changed[1, :, :2] = 100  # tubes 0 to 3 of the second
    assert torch.equal(model.encode_visible(changed, visible), tokens)
    changed[0, :, :2, 8:, 8:] += 1  # tube 3 of the first
    assert not torch.equal(model.encode_visible(changed, visible)[0], tokens[0])


def test_all_tubes_visible_is_the_whole_clip():
    model = vit()
    x = torch.randn(2, 3, 4, 16, 16)
    tokens = model.encode_visible(x, torch.arange(8).expand(2, 8))
    torch.testing.assert_close(tokens, model.feature_map(x).flatten(2).transpose(1, 2))


@pytest.mark.parametrize(
    "options", [{"dim": 0}, {"depth": 0}, {"tube": [2, 8]}, {"tube": [2, 0, 8]}, {"tube": [2, 8.0, 8]}, {"tube": 8}]
)
def test_bad_values_are_refused(options):
    with pytest.raises(UserError, match=next(iter(options))):
        vit(**options)
