"""What predictions explain, for predictions whose parts are known."""

import pytest
import torch

from videossl.pretext.parts.explained import explained_rows


def test_the_part_by_the_clip_is_a_part_of_the_whole():
    """Targets are a place's own mean, a part that the clip tells, and noise, of variances 1, 2 and 3: the best
    prediction explains (1 + 2) / 6 of the variance, and 2 / 6 by the clip."""
    generator = torch.Generator().manual_seed(0)
    videos, places = 4000, 50

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    place, told = normal(places), 2**0.5 * normal(videos, places)
    place = (place - place.mean()) / place.std(correction=0)
    target = place + told + 3**0.5 * normal(videos, places)
    seen, elsewhere = place + told, place + told.roll(1, dims=0)
    errors = [(answer - target).square().mean(dim=1) for answer in (seen, elsewhere)]
    whole, by_clip = explained_rows("masked", *errors, target.square().mean(dim=1))
    assert whole["value"] == pytest.approx(3 / 6, abs=0.01)
    assert by_clip["value"] == pytest.approx(2 / 6, abs=0.01)


def test_a_network_that_ignores_the_clip_explains_nothing_by_it():
    error = torch.rand(5, generator=torch.Generator().manual_seed(1))
    _, by_clip = explained_rows("latent", error, error, torch.ones(5))
    assert by_clip["value"] == 0
