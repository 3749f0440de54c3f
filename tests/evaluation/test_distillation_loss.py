"""The distillation loss by hand, its gradient by autograd, and AE-KD's weights against another solver."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from videossl.common.errors import UserError
from videossl.evaluation.distillation_loss import agreement_weights, distillation_loss, divergence, gradients


def test_divergence_by_hand():
    """Two classes, T = 2: the teacher's soft labels are (0.8, 0.2), the student's (0.5, 0.5)."""
    teacher = torch.tensor([[2 * math.log(4.0), 0.0]])
    expected = 4 * (0.8 * math.log(0.8 / 0.5) + 0.2 * math.log(0.2 / 0.5))
    assert divergence(torch.zeros(1, 2), teacher, 2.0).item() == pytest.approx(expected, rel=1e-5)


def logits(*shape: int, seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("weighting", "factor"), [("sum", 1.0), ("mean", 1 / 3)])
def test_loss_is_cross_entropy_and_a_term_a_teacher(weighting, factor):
    student, teachers, labels = logits(4, 5), logits(3, 4, 5, seed=1), torch.tensor([0, 4, 2, 2])
    loss, parts = distillation_loss(student, teachers, labels, temperature=4.0, weighting=weighting, max_weight=0.6)
    terms = [
        16 * (F.softmax(t / 4, 1) * (F.softmax(t / 4, 1).log() - F.softmax(student / 4, 1).log())).sum(1).mean()
        for t in teachers
    ]
    torch.testing.assert_close(parts["divergence"], factor * sum(terms))
    torch.testing.assert_close(loss, F.cross_entropy(student, labels) + factor * sum(terms))


def test_gradients_are_autograds():
    student, teachers = logits(6, 4).requires_grad_(), logits(2, 6, 4, seed=1)
    expected = [
        torch.autograd.grad(divergence(student, teacher, 3.0), student)[0].sum(dim=0) for teacher in teachers
    ]  # of the batch's mean: the sum over the batch is the mean of the samples' gradients
    torch.testing.assert_close(gradients(student.detach(), teachers, 3.0), torch.stack(expected))


def best_by_active_sets(gram: np.ndarray, most: float) -> float:
    """The exact minimum of a^T G a / 2 with sum a = 1, 0 <= a <= most: every choice of which weights are at a bound."""
    count, best = len(gram), np.inf
    for bounds in product((0.0, most, None), repeat=count):
        free = [m for m in range(count) if bounds[m] is None]
        a = np.array([bound or 0.0 for bound in bounds])
        if free:  # stationary in the free weights, with a multiplier for the sum
            system = np.zeros((len(free) + 1, len(free) + 1))
            system[:-1, :-1], system[-1, :-1], system[:-1, -1] = gram[np.ix_(free, free)], 1, 1
            right = np.append(-(gram @ a)[free], 1 - a.sum())
            a[free] = np.linalg.lstsq(system, right, rcond=None)[0][:-1]
        if abs(a.sum() - 1) < 1e-9 and a.min() > -1e-12 and a.max() < most + 1e-12:
            best = min(best, 0.5 * a @ gram @ a)
    return best


@pytest.mark.parametrize("teachers", [2, 3, 5])
@pytest.mark.parametrize("most", [0.6, 1.0])
def test_agreement_weights_solve_the_quadratic_programme(teachers, most):
    for seed in range(8):
        gradient = np.random.default_rng(seed).normal(size=(teachers, 7)) + 0.5
        weights = agreement_weights(gradient, most)
        assert weights.sum() == pytest.approx(1) and weights.min() >= 0 and weights.max() <= most + 1e-9
        gram = gradient @ gradient.T
        assert 0.5 * weights @ gram @ weights == pytest.approx(best_by_active_sets(gram, most), rel=1e-6, abs=1e-9)


def test_agreement_weights_in_simple_cases():
    opposite = np.array([[1.0, 0.0], [-3.0, 0.0]])
    np.testing.assert_allclose(agreement_weights(opposite, 1.0), [0.75, 0.25], atol=1e-5)  # they cancel out
    np.testing.assert_allclose(agreement_weights(opposite, 0.6), [0.6, 0.4], atol=1e-5)  # as far as allowed
    np.testing.assert_allclose(agreement_weights(opposite, 0.5), [0.5, 0.5])  # the mean
    np.testing.assert_allclose(agreement_weights(np.zeros((3, 2)), 0.6), 1 / 3)
    with pytest.raises(UserError, match="between 1/2"):
        agreement_weights(opposite, 0.4)


def test_agreeing_teachers_get_their_weights_in_the_loss():
    student, labels = logits(4, 3), torch.tensor([0, 1, 2, 0])
    teachers = logits(2, 4, 3, seed=3)
    weights = agreement_weights(gradients(student, teachers, 4.0).double().numpy(), 0.6)
    _, parts = distillation_loss(student, teachers, labels, temperature=4.0, weighting="aekd", max_weight=0.6)
    expected = sum(w * divergence(student, t, 4.0) for w, t in zip(weights, teachers, strict=True))
    assert parts["divergence"].item() == pytest.approx(float(expected), rel=1e-5)
    with pytest.raises(UserError, match="Did you mean aekd"):
        distillation_loss(student, teachers, labels, temperature=4.0, weighting="ae-kd", max_weight=0.6)
