import numpy as np
import pytest
import torch

from videossl.analysis.complexity import count_parameters
from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.pretext import registry as tasks
from videossl.pretext.parts.tubes import keep_visible, of_tubes, to_tubes
from videossl.pretext.videomae import draw_mask, tube_targets

FRAMES, TUBE = 4, (2, 8, 8)
NO_CHOICES = torch.zeros(1, dtype=torch.long)  # VideoMAE reads none
BACKBONES = ["vit", "r2plus1d", "shufflenet"]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def videomae(backbone="vit", frames=FRAMES, **options):
    own = {"depth": 2, "tube": list(TUBE)} if backbone == "vit" else {}
    network = backbones.build(backbone, width=0.05, **own)
    given = {"tube": list(TUBE), "mask_ratio": 0.75, "decoder_depth": 2, **options}
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return tasks.build("videomae", network, given, frames=frames, mean=mean, std=std)


def clips(videos: int, size: int = 32) -> torch.Tensor:
    return torch.randn(videos, 1, 3, FRAMES, size, size, generator=torch.Generator().manual_seed(1))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_tubes_are_numbered_row_by_row_and_frame_by_frame():
    x = torch.randn(2, 3, 4, 16, 24)
    tubes = to_tubes(x, TUBE)
    assert tubes.shape == (2, 2 * 2 * 3, 2 * 8 * 8, 3)
    for number, (t, row, column) in enumerate(np.ndindex(2, 2, 3)):
        part = x[:, :, 2 * t : 2 * t + 2, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        assert torch.equal(tubes[:, number], part.flatten(2).transpose(1, 2))


def test_targets_by_hand():
    """Two tubes of 2x1x1 pixels. Red 0.2, 0.6: mean 0.4, unbiased deviation 0.4 / sqrt(2): -+1 / sqrt(2)."""
    red = torch.tensor([[0.2, 0.5], [0.6, 0.5]]).view(2, 1, 2)  # frame, row, column; the second tube is plain
    green = torch.tensor([[0.9, 0.1], [0.1, 0.3]]).view(2, 1, 2)
    pixels = torch.stack([red, green, torch.zeros(2, 1, 2)])[None]
    half = 0.5**0.5
    expected = [[-half, half, 0, half, -half, 0], [0, -half, 0, 0, half, 0]]  # pixel by pixel, red, green, blue
    torch.testing.assert_close(tube_targets(pixels, (2, 1, 1))[0], torch.tensor(expected), atol=1e-4, rtol=0)


def test_targets_have_mean_0_and_unbiased_variance_1_in_each_tube_and_colour():
    targets = tube_targets(0.3 + 0.1 * torch.randn(2, 3, 4, 16, 16), TUBE).unflatten(2, (128, 3))
    torch.testing.assert_close(targets.mean(dim=2), torch.zeros(2, 8, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(targets.var(dim=2, unbiased=True), torch.ones(2, 8, 3), atol=1e-4, rtol=0)


def test_targets_are_of_unnormalised_pixels():
    """The 1e-6 beside the deviation makes a difference where a tube is almost plain."""
    task = videomae()
    almost = 0.5 + 1e-6 * torch.randn(1, 1, 3, FRAMES, 32, 32, dtype=torch.float64)
    task.double()
    normalised = (almost - task.mean) / task.std
    _, hidden, target = task.draw(normalised[:, 0], generator())
    expected = of_tubes(tube_targets(almost[:, 0], TUBE), hidden)
    torch.testing.assert_close(target, expected, rtol=1e-3, atol=1e-6)
    assert target.square().mean() < 0.5


@pytest.mark.parametrize(("ratio", "hidden"), [(0.9, 44), (0.75, 36), (0.01, 1), (0.999, 48)])
def test_the_mask_is_one_of_places_for_all_frames(ratio, hidden):
    """Of 7x7 places: 0.9 x 49 = 44.1, 36.75 rounded down; but one at least, and one stays visible."""
    shown, gone = draw_mask(5, (8, 7, 7), ratio, generator())
    assert gone.shape == (5, 8 * hidden) and shown.shape == (5, 8 * (49 - hidden))
    assert torch.equal(torch.cat([shown, gone], dim=1).sort(dim=1).values, torch.arange(8 * 49).expand(5, -1))
    for part in (shown, gone):
        layers = part.unflatten(1, (8, -1))
        assert torch.equal(layers, layers[:, :1] + 49 * torch.arange(8).view(1, 8, 1))
        assert (part.diff(dim=1) > 0).all()


def test_each_video_and_each_seed_has_its_own_mask():
    first, second = (draw_mask(50, (2, 4, 4), 0.75, generator(seed))[1] for seed in (0, 1))
    assert len({tuple(row.tolist()) for row in first}) > 45
    assert not torch.equal(first, second)
    assert torch.equal(first, draw_mask(50, (2, 4, 4), 0.75, generator(0))[1])
    share = torch.zeros(16).scatter_add(0, first[:, :12].flatten(), torch.ones(600)) / 50
    assert share.min() > 0.5 and share.max() < 0.95


def test_the_visible_tubes_are_kept_and_nothing_else():
    x = torch.randn(2, 3, 4, 16, 16)
    visible = torch.tensor([[0, 5], [3, 7]])
    tubes, kept = to_tubes(keep_visible(x, visible, (2, 2, 2)), TUBE), to_tubes(x, TUBE)
    for video in range(2):
        for number in range(8):
            gone = number not in visible[video].tolist()
            assert torch.equal(tubes[video, number], torch.zeros(128, 3) if gone else kept[video, number])


@pytest.mark.parametrize("backbone", BACKBONES)
def test_hidden_pixels_do_not_influence_the_prediction(backbone):
    task = videomae(backbone).eval()
    batch = clips(2)[:, 0]
    visible, hidden = draw_mask(2, (2, 4, 4), 0.75, generator())
    predicted = task.predict(batch, visible, hidden)
    assert predicted.shape == (2, 24, 3 * 128)
    only_visible = keep_visible(batch, visible, (2, 4, 4))
    everything_else = batch - only_visible
    assert torch.equal(task.predict(only_visible + 7 * everything_else, visible, hidden), predicted)
    assert not torch.equal(task.predict(2 * only_visible, visible, hidden), predicted)


def test_a_vit_encodes_visible_tubes_alone(monkeypatch):
    task = videomae(mask_ratio=0.9)
    seen = []
    monkeypatch.setattr(task.backbone, "encode", lambda tokens: seen.append(tokens.shape) or tokens)
    task(clips(3), NO_CHOICES, generator())
    assert seen == [(3, 2 * 2, task.backbone.feature_dim)]  # of 16 places int(14.4) are hidden


def test_visible_tubes_come_first_in_the_decoder(monkeypatch):
    """Visible tokens and mask tokens with the positions of their tubes; what is read are the last ones."""
    task = videomae()
    decoder = task.decoder
    dim = len(decoder.mask_token)
    given = []
    decoder.blocks.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    tokens = torch.randn(1, 2, task.backbone.feature_dim)
    answer = decoder(tokens, torch.tensor([[1, 3]]), torch.tensor([[0, 2]]), (1, 2, 2))
    angle = torch.tensor([1.0, 3.0, 0.0, 2.0])[:, None] / 10000 ** (2 * torch.arange(dim // 2) / dim)
    table = torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)
    expected = torch.cat([decoder.embed(tokens)[0], decoder.mask_token.expand(2, -1)]) + table
    torch.testing.assert_close(given[0][0], expected)
    torch.testing.assert_close(answer, decoder.head(decoder.norm(decoder.blocks(expected[None])[:, 2:])))
    assert decoder.embed.bias is None


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_loss_is_the_mean_squared_error_of_hidden_tubes(backbone, monkeypatch):
    """Recomputed tube by tube for a prediction that is given."""
    task = videomae(backbone)
    batch = clips(2)
    _, hidden = draw_mask(2, (2, 4, 4), 0.75, generator(5))
    answer = torch.randn(2, 24, 384)
    monkeypatch.setattr(task, "predict", lambda *_: answer)
    loss, scalars = task(batch, NO_CHOICES, generator(5))
    pixels = batch[:, 0] * task.std + task.mean
    errors, squares = [], []
    for video in range(2):
        for place, number in enumerate(hidden[video].tolist()):
            t, row, column = number // 16, number // 4 % 4, number % 4
            tube = pixels[video, :, 2 * t : 2 * t + 2, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8].flatten(1)
            target = ((tube - tube.mean(1, keepdim=True)) / (tube.std(1, keepdim=True) + 1e-6)).T.flatten()
            errors.append((answer[video, place] - target).square().mean())
            squares.append(target.square().mean())
    torch.testing.assert_close(loss, torch.stack(errors).mean())
    expected = 1 - torch.stack(errors).mean() / torch.stack(squares).mean()
    torch.testing.assert_close(scalars["explained_variance"], expected)


def test_held_out_metrics_by_hand():
    """Of variances 1 + 0.5 errors of 0.5 + 0.1 leave 1 - 0.6 / 1.5 = 0.6 explained, half of (0.9 - 0.6) / 1.5 by
    the clip."""
    outputs = {"error": [0.5, 0.1], "error_elsewhere": [0.6, 0.3], "variance": [1.0, 0.5]}
    whole, by_clip = videomae().summarise({name: torch.tensor(values) for name, values in outputs.items()})
    assert (whole["metric"], by_clip["metric"]) == ("masked_explained_variance", "masked_explained_by_clip")
    assert whole["value"] == pytest.approx(0.6) and whole["ci_low"] < 0.6 < whole["ci_high"]
    assert by_clip["value"] == pytest.approx(0.1) and by_clip["ci_low"] < 0.1 < by_clip["ci_high"]
    assert whole["n"] == by_clip["n"] == 2 and whole["chance"] == by_clip["chance"] == 0


def test_held_out_outputs_by_definition(monkeypatch):
    """A prediction that is right for the first video's visible tubes, and zero for the second's."""
    task = videomae().eval()
    batch = clips(2)
    _, hidden = draw_mask(2, (2, 4, 4), 0.75, generator(5))
    targets = of_tubes(tube_targets(task.pixels(batch[:, 0]), TUBE), hidden)

    def predict(seen, visible, numbers):
        assert torch.equal(numbers, hidden)
        is_main_process = (seen == batch[0, 0]).flatten(1).all(dim=1)
        return torch.where(is_main_process.view(2, 1, 1), targets[0], torch.zeros(()))

    monkeypatch.setattr(task, "predict", predict)
    outputs = task.evaluate_batch(batch, NO_CHOICES, generator(5))
    variance = 127 / 128  # mean square of values with the unbiased variance 1
    torch.testing.assert_close(outputs["variance"], torch.full((2,), variance), atol=1e-4, rtol=0)
    torch.testing.assert_close(outputs["error"], torch.tensor([0.0, variance]), atol=1e-4, rtol=0)
    elsewhere = torch.stack([targets[0].square().mean(), (targets[0] - targets[1]).square().mean()])
    torch.testing.assert_close(outputs["error_elsewhere"], elsewhere)


def test_pretraining_model_of_videomae_b_has_94_21_million_parameters():
    with torch.device("meta"):
        base = tasks.build("videomae", backbones.build("vit"), {}, frames=16)
        small = tasks.build("videomae", backbones.build("vit", dim=384), {}, frames=16)
    assert round(count_parameters(base) / 1e6, 2) == 94.21
    assert len(base.decoder.mask_token) == 384 and base.decoder.blocks[0].attention.heads == 6
    assert len(small.decoder.mask_token) == 192 and small.decoder.blocks[0].attention.heads == 3
    assert base.decoder.head.out_features == 3 * 2 * 16 * 16 and len(base.decoder.blocks) == 4


def test_the_decoder_can_tell_the_tubes_of_a_single_map_pixel_apart():
    """The map of this clip is 1x1x1; without positions all inner tubes would get one answer."""
    task = videomae("shufflenet").eval()
    feature_map = task.backbone.feature_map(clips(1)[:, 0])
    assert feature_map.shape[2:] == (1, 1, 1)
    answers = task.decoder(feature_map, task.backbone.embed(feature_map), (8, 8, 8)).unflatten(1, (8, 8, 8))
    inner = answers[0, 3:5, 3:5, 3:5].flatten(0, 2)
    assert len({tuple(row.tolist()) for row in inner.round(decimals=5)}) == 8


def test_sampler_takes_every_fourth_frame():
    (indices,) = videomae().sampler(100, np.random.default_rng(0)).clips
    assert np.diff(indices).tolist() == [4, 4, 4]
    (indices,) = videomae(stride=2).sampler(100, np.random.default_rng(0)).clips
    assert np.diff(indices).tolist() == [2, 2, 2]


def test_a_vit_must_have_the_tube_of_the_task():
    with pytest.raises(UserError, match=r"option 'tube' of pretext task 'videomae' .*option 'tube' of the backbone"):
        videomae(tube=[2, 16, 16])


@pytest.mark.parametrize("size", [20, 8])
def test_clips_that_cannot_be_cut_are_refused(size):
    """Tubes that are not whole; a single one a frame."""
    with pytest.raises(UserError, match="option 'tube' of pretext task 'videomae'"):
        videomae("r2plus1d")(clips(1, size), NO_CHOICES, generator())


@pytest.mark.parametrize(
    "options",
    [
        {"tube": [2, 8]},
        {"tube": [1, 1, 1]},
        {"tube": [3, 8, 8]},
        {"mask_ratio": 0.0},
        {"mask_ratio": 1.0},
        {"decoder_depth": 0},
        {"decoder_width": 7},
        {"stride": 0},
        {"stride": 2.0},
    ],
)
def test_bad_values_are_refused(options):
    with pytest.raises(UserError, match=next(iter(options))):
        videomae("r2plus1d", **options)
