"""Retrieval against scikit-learn's nearest neighbours and by hand."""

import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from videossl.analysis import retrieval
from videossl.analysis.retrieval import first_match, recall
from videossl.common.errors import UserError


def test_by_hand():
    gallery = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 2.0]])
    labels = torch.tensor([0, 1, 1])
    queries = torch.tensor([[5.0, 0.0], [1.0, 0.01], [0.0, 0.1]])
    ranks, nearest = first_match(queries, torch.tensor([1, 0, 0]), gallery, labels, depth=2)
    assert ranks.tolist() == [1, 0, 2] and nearest.tolist() == [0, 0, 2]
    assert recall(ranks, (1, 2)) == pytest.approx({1: 1 / 3, 2: 2 / 3})


@pytest.mark.parametrize("chunk", [7, 1024])
def test_against_scikit_learn(monkeypatch, chunk):
    monkeypatch.setattr(retrieval, "CHUNK", chunk)
    generator = torch.Generator().manual_seed(0)
    gallery, queries = (torch.randn(n, 8, generator=generator) for n in (120, 40))
    labels, query_labels = (torch.randint(0, 12, (n,), generator=generator) for n in (120, 40))
    ranks, nearest = first_match(queries, query_labels, gallery, labels, depth=50)

    reference = NearestNeighbors(n_neighbors=50, metric="cosine", algorithm="brute").fit(gallery.numpy())
    neighbours = torch.from_numpy(reference.kneighbors(queries.numpy(), return_distance=False))
    assert torch.equal(nearest, neighbours[:, 0])
    for k, value in recall(ranks, (1, 5, 10, 20, 50)).items():
        hits = (labels[neighbours[:, :k]] == query_labels[:, None]).any(dim=1)
        assert value == pytest.approx(hits.double().mean().item())


def test_a_small_gallery_is_searched_whole():
    """A query of a class without training videos is never a hit, however large k is."""
    ranks, _ = first_match(torch.eye(2), torch.tensor([0, 9]), torch.eye(2), torch.tensor([1, 0]), depth=50)
    assert ranks.tolist() == [1, 50]
    assert recall(ranks, (2, 50)) == {2: 0.5, 50: 0.5}


def test_an_empty_gallery_is_refused():
    with pytest.raises(UserError, match="empty"):
        first_match(torch.eye(2), torch.zeros(2), torch.empty(0, 2), torch.empty(0), depth=5)
