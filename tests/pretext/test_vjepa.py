import numpy as np
import pytest
import torch

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.pretext import registry as tasks
from videossl.pretext.parts.tubes import keep_visible
from videossl.pretext.vjepa import block_size, draw_blocks, draw_mask

FRAMES, TUBE, GRID = 4, [2, 8, 8], (2, 4, 4)
NO_CHOICES = torch.zeros(1, dtype=torch.long)  # V-JEPA reads none
BACKBONES = ["vit", "r2plus1d", "shufflenet"]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def vjepa(backbone: str = "vit", **options):
    own = {"depth": 1, "tube": TUBE} if backbone == "vit" else {}
    network = backbones.build(backbone, width=0.05, **own)
    return tasks.build("vjepa", network, {"tube": TUBE, "predictor_depth": 1, **options}, frames=FRAMES)


def clips(videos: int) -> torch.Tensor:
    return torch.randn(videos, 1, 3, FRAMES, 32, 32, generator=generator(1))


def test_the_size_of_a_block():
    """int(0.15 * 196) = 29 places of 14 x 14; at aspect 1 that is 5 x 5, at 1.5 sqrt(43.5) x sqrt(19.3)."""
    assert block_size((8, 14, 14), 0.15, [1.0, 1.0], generator()) == (5, 5)
    assert block_size((8, 14, 14), 0.15, [1.5, 1.5], generator()) == (7, 4)
    assert block_size((8, 14, 14), 0.7, [0.75, 0.75], generator()) == (10, 14)
    found = {block_size((8, 14, 14), 0.15, [0.75, 1.5], generator(seed)) for seed in range(100)}
    assert found == {(5, 6), (5, 5), (6, 5), (6, 4), (7, 4)}
    assert block_size((2, 2, 2), 0.99, [1.0, 1.0], generator()) == (2, 1)  # not the whole frame
    assert block_size((2, 3, 1), 0.99, [1.0, 1.0], generator()) == (1, 1)


def test_blocks_are_whole_and_anywhere():
    drawn = draw_blocks(400, (2, 5, 4), (3, 2), 1, generator()).view(400, 5, 4)
    corners = set()
    for block in drawn.numpy():
        rows, columns = np.nonzero(block)
        assert block.sum() == 6 and block[rows.min() :, columns.min() :][:3, :2].all()
        corners.add((rows.min(), columns.min()))
    assert corners == {(row, column) for row in range(3) for column in range(3)}


@pytest.mark.parametrize("grid", [(8, 14, 14), (8, 7, 7), (4, 3, 3), (1, 2, 1)])
@pytest.mark.parametrize(("blocks", "scale"), [(8, 0.15), (2, 0.7), (50, 0.6)])
def test_context_and_hidden_tubes_never_overlap(grid, blocks, scale):
    t, h, w = grid
    visible, hidden = draw_mask(16, grid, blocks, scale, [0.75, 1.5], generator())
    assert len(visible) == len(hidden) == 16 and visible.shape[1] >= t and hidden.shape[1] >= t
    for seen, gone in zip(visible.tolist(), hidden.tolist(), strict=True):
        assert seen == sorted(set(seen)) and gone == sorted(set(gone)) and not set(seen) & set(gone)
        assert set(seen) | set(gone) <= set(range(t * h * w))
        for numbers in (seen, gone):  # the same places in all frames
            layers = [{n % (h * w) for n in numbers if n // (h * w) == layer} for layer in range(t)]
            assert all(layer == layers[0] for layer in layers)


def test_a_single_block_hides_exactly_its_places():
    """Every video has equally many, so nothing is left out: together they are all tubes."""
    visible, hidden = draw_mask(10, (3, 6, 6), 1, 0.25, [1.0, 1.0], generator())
    assert hidden.shape == (10, 3 * 9) and visible.shape == (10, 3 * 27)
    assert (torch.cat([visible, hidden], dim=1).sort(dim=1).values == torch.arange(108)).all()


def test_masks_differ_between_videos_and_follow_the_generator():
    first, second = (draw_mask(30, (2, 7, 7), 8, 0.15, [0.75, 1.5], generator(seed))[1] for seed in (0, 0))
    assert torch.equal(first, second) and len({tuple(row.tolist()) for row in first}) > 25


def test_the_reference_hides_about_nine_tenths_with_two_blocks():
    """The paper says that about 90 % is hidden; short-range masks hide less."""
    shown = {
        blocks: np.mean(
            [draw_mask(1, (8, 14, 14), blocks, scale, [0.75, 1.5], generator(s))[0].shape[1] for s in range(60)]
        )
        for blocks, scale in ((8, 0.15), (2, 0.7))
    }
    assert 0.05 < shown[2] / 1568 < 0.25 < shown[8] / 1568 < 0.5


@pytest.mark.parametrize("backbone", BACKBONES)
def test_hidden_tubes_do_not_influence_the_prediction(backbone):
    task = vjepa(backbone).eval()
    batch = clips(2)[:, 0]
    visible, hidden = draw_mask(2, GRID, 2, 0.3, [1.0, 1.0], generator())
    predicted = task.predict(batch, visible, hidden)
    assert predicted.shape == (*hidden.shape, task.backbone.map_channels)
    seen = keep_visible(batch, visible, GRID)
    assert torch.equal(task.predict(seen + 7 * (batch - seen), visible, hidden), predicted)
    assert not torch.equal(task.predict(2 * seen, visible, hidden), predicted)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_targets_are_the_features_of_the_whole_clip_standardised_over_channels(backbone):
    task = vjepa(backbone).eval()
    batch = clips(2)[:, 0]
    targets = task.targets(batch)
    feature_map = task.target.encoder.feature_map(batch)
    torch.testing.assert_close(targets.mean(dim=2), torch.zeros(2, 32), atol=1e-5, rtol=0)
    if backbone == "vit":
        tokens = feature_map.flatten(2).mT
        spread = tokens.std(dim=2, correction=0, keepdim=True)
        torch.testing.assert_close(targets, (tokens - tokens.mean(dim=2, keepdim=True)) / spread, atol=1e-3, rtol=1e-3)
    else:  # a map of 1 x 2 x 2 or 1 x 1 x 1, for a grid of 2 x 4 x 4
        assert feature_map.shape[2:].numel() < 32 and targets.shape == (2, 32, task.backbone.map_channels)


def test_the_loss_by_hand(monkeypatch):
    """Mean absolute errors: 2 and 1 over the two masks, though the second hides twice as much."""
    task = vjepa().train()
    target = torch.arange(32.0).view(1, 32, 1).expand(2, 32, 3)
    first, second = torch.tensor([[0, 5], [7, 8]]), torch.tensor([[1, 2, 3, 4], [9, 10, 11, 12]])
    monkeypatch.setattr(task, "targets", lambda x: target)
    monkeypatch.setattr(task, "draw", lambda x, g: [(first, first), (second, second)])
    shift = {2: 2.0, 4: -1.0}
    monkeypatch.setattr(
        task, "predict", lambda x, seen, hidden: hidden.unsqueeze(2).expand(-1, -1, 3) + shift[hidden.shape[1]]
    )
    loss, _ = task(clips(2), NO_CHOICES, generator())
    assert loss.item() == pytest.approx((2 + 1) / 2)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_target_network_follows_is_kept_and_gets_no_gradient(backbone):
    task = vjepa(backbone, momentum=0.8).train()
    start = {name: value.clone() for name, value in task.target.encoder.named_parameters()}
    with torch.no_grad():
        for value in task.backbone.parameters():
            value.add_(1)
    task.on_step_start(done=0.5)  # 0.9: it rises evenly to 1
    for name, value in task.target.encoder.named_parameters():
        torch.testing.assert_close(value, start[name] + 0.1)
    assert task.pretrained is task.target.encoder
    assert task.pretrained.state_dict().keys() == task.backbone.state_dict().keys()
    loss, scalars = task(clips(3), NO_CHOICES, generator())
    loss.backward()
    assert all(p.grad is None and not p.requires_grad for p in task.target.parameters())
    assert all(p.grad is not None for p in [*task.backbone.parameters(), *task.predictor.parameters()])
    assert 0 < scalars["spread"] < 1.001


def test_explained_variance_by_hand():
    """Two videos with two channels. Features of the first are (1, 3), of the second (3, 1), without any spread between
    tubes: the mean is (2, 2), and the variance of each video 1. Errors are 0.25 and 0.75; elsewhere 2 and 1.5."""
    outputs = {
        "error": torch.tensor([0.25, 0.75]),
        "error_elsewhere": torch.tensor([2.0, 1.5]),
        "square": torch.tensor([5.0, 5.0]),
        "mean": torch.tensor([[1.0, 3.0], [3.0, 1.0]]),
    }
    explained, by_clip = vjepa().summarise(outputs)
    assert (explained["metric"], by_clip["metric"]) == ("latent_explained_variance", "latent_explained_by_clip")
    assert explained["value"] == pytest.approx(0.5) and by_clip["value"] == pytest.approx(0.625)
    assert explained["chance"] == by_clip["chance"] == 0.0 and explained["n"] == 2


def test_a_network_that_ignores_the_clip_explains_nothing_by_it():
    task = vjepa("r2plus1d").eval()
    task.predict = lambda x, seen, hidden: torch.zeros(*hidden.shape, task.backbone.map_channels)
    outputs = task.evaluate_batch(clips(4), NO_CHOICES, generator())
    assert torch.equal(outputs["error"], outputs["error_elsewhere"])
    assert task.summarise(outputs)[1]["value"] == 0


def test_held_out_errors_are_those_of_the_same_masks():
    task = vjepa().eval()
    batch = clips(4)
    outputs = task.evaluate_batch(batch, NO_CHOICES, generator(3))
    target = task.targets(batch[:, 0])
    errors = []
    for visible, hidden in task.draw(batch[:, 0], generator(3)):
        wanted = torch.take_along_dim(target, hidden.unsqueeze(2), dim=1)
        errors.append((task.predict(batch[:, 0], visible, hidden) - wanted).square().mean(dim=(1, 2)))
    torch.testing.assert_close(outputs["error"], ((errors[0] + errors[1]) / 2).detach())


def test_a_vit_brings_its_own_tubes():
    assert vjepa(tube=[1, 2, 2]).tube == tuple(TUBE)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tube": [3, 8, 8]}, "'tube' of pretext task 'vjepa'"),
        ({"tube": [2, 8]}, "'tube'"),
        ({"predictor_width": 7}, "'predictor_width'.*even"),
        ({"aspect": [1.5, 0.75]}, "'aspect'"),
        ({"long_scale": 1.0}, "'long_scale'"),
        ({"momentum": 1.0}, "'momentum'"),
    ],
)
def test_bad_values_are_refused(options, said):
    with pytest.raises(UserError, match=said):
        vjepa("r2plus1d", **options)
