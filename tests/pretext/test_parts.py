"""Losses and measures that several pretext tasks share."""

import math

import pytest
import torch

from videossl.common.distributed import all_gather
from videossl.common.ranks import rank_and_processes
from videossl.pretext.parts.losses import info_nce
from videossl.pretext.parts.retrieval import retrieval_row


def test_info_nce_by_hand():
    """q.k = 0.6, q.queue = 0.8, 0; tau = 0.2: logits 3, 4, 0; loss ln(e^3 + e^4 + 1) - 3 = 1.3266."""
    query = torch.tensor([[1.0, 0.0]])
    key = torch.tensor([[0.6, 0.8]])
    queue = torch.tensor([[0.8, 0.0], [0.6, 1.0]])  # two columns: (0.8, 0.6) and (0, 1)
    loss = info_nce(query, key, queue, temperature=0.2)
    assert loss.item() == pytest.approx(math.log(math.exp(3) + math.exp(4) + 1) - 3)
    assert loss.item() == pytest.approx(1.3266, abs=1e-4)


def test_own_negatives_concern_their_query_alone():
    """As above, with q.own = -1 for the first query and 1 for the second: a further logit of -5 and 5."""
    query = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    key = torch.tensor([[0.6, 0.8], [0.6, 0.8]])
    queue = torch.tensor([[0.8, 0.0], [0.6, 1.0]])
    own = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    losses = [math.log(math.exp(3) + math.exp(4) + 1 + math.exp(further)) - 3 for further in (-5, 5)]
    assert info_nce(query, key, queue, 0.2, own=own).item() == pytest.approx(sum(losses) / 2)


def test_own_negatives_get_a_gradient_and_are_pushed_away():
    own = torch.tensor([[0.0, 1.0]], requires_grad=True)
    info_nce(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0]]), torch.zeros(2, 1), 1.0, own=own).backward()
    assert own.grad[0, 0] > 0 and own.grad[0, 1] == 0  # descent lowers the part along the query


def test_retrieval_by_hand():
    """Query 0 finds its own, 1 finds candidate 2, 2 finds candidate 3, which is nobody's own: 1/3."""
    query = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    candidates = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-1.0, 0.0]])
    row = retrieval_row("some_top1", query, candidates)
    assert row == {"metric": "some_top1", "value": 1 / 3, "n": 3, "chance": 1 / 4}


def test_one_process_gathers_its_own():
    rows = torch.randn(3, 2)
    assert rank_and_processes() == (0, 1)
    assert all_gather(rows) is rows
