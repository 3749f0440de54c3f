"""Loss of multi-teacher distillation: cross-entropy plus one Kullback-Leibler (KL) term per teacher.

The paper (section 4.5) gives L = CE + sum over teachers of KL, without temperature or weights. By default we use this
sum with temperature 4 and the factor T^2 of Hinton et al. 2015; both are options. Another option is the weighting in
gradient space of AE-KD (Du et al. 2020, cited by the paper; AnTuo1998/AE-KD, helper/optimization.py).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from videossl.common.distributed import all_reduce_mean
from videossl.common.errors import UserError, unknown_name

WEIGHTINGS = ("sum", "mean", "aekd")


def divergence(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """KL(softmax(teacher / T) || softmax(student / T)) * T^2, mean over the batch: logits (B, C) -> scalar."""
    soft = F.log_softmax(student / temperature, dim=1)
    target = F.log_softmax(teacher / temperature, dim=1)
    return F.kl_div(soft, target, reduction="batchmean", log_target=True) * temperature**2


def gradients(student: Tensor, teachers: Tensor, temperature: float) -> Tensor:
    """Gradient of each teacher's KL term with respect to the student's logits, mean over the batch.

    student (B, C), teachers (M, B, C) -> (M, C). Closed form: T * (softmax(student / T) - softmax(teacher / T)).
    """
    soft, targets = F.softmax(student / temperature, dim=1), F.softmax(teachers / temperature, dim=2)
    return temperature * (soft - targets).mean(dim=1)


def agreement_weights(gradient: np.ndarray, most: float) -> np.ndarray:
    """Weights of AE-KD: argmin 1/2 ||sum_m a_m g_m||^2 with sum a = 1 and 0 <= a_m <= `most`.

    gradient (M, C) -> (M,). The result is the descent direction that all teachers agree on best. `most` = 1/M gives
    equal weights, `most` = 1 the minimum-norm point of multiple-gradient descent. Raises UserError if `most` is below
    1/M: no such weights add up to 1.
    """
    from scipy.optimize import LinearConstraint, minimize

    count = len(gradient)
    if not 1 / count <= most <= 1:
        raise UserError(
            f"option 'max_weight' must be between 1/{count} (the mean of {count} teachers) and 1, not {most}."
        )
    gram = gradient @ gradient.T
    scale = np.trace(gram)
    if count == 1 or scale == 0:  # one teacher, or all gradients are zero: any weights are optimal
        return np.full(count, 1 / count)
    gram = gram / scale  # scaled for the solver's tolerances
    found = minimize(
        lambda a: 0.5 * a @ gram @ a,
        np.full(count, 1 / count),
        jac=lambda a: gram @ a,
        bounds=[(0, most)] * count,
        constraints=LinearConstraint(np.ones((1, count)), 1, 1),
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 200},
    )
    weights = np.clip(found.x, 0, most)
    return weights / weights.sum()


def distillation_loss(
    student: Tensor,
    teachers: Tensor,
    labels: Tensor,
    *,
    temperature: float,
    weighting: str,
    max_weight: float,
) -> tuple[Tensor, dict[str, Tensor]]:
    """CE(student, labels) + sum_m a_m KL_m, and its parts for the log.

    Args:
        student: logits (B, C), with gradient.
        teachers: logits (M, B, C) of the same crops.
        labels: (B,).
        temperature: T of both softmaxes.
        weighting: `sum` (a = 1, the paper), `mean` (a = 1/M) or `aekd` (weights of :func:`agreement_weights`).
        max_weight: for aekd: the largest weight of one teacher (C in Du et al. 2020, where it is 0.6).
    """
    if weighting not in WEIGHTINGS:
        raise unknown_name("weighting of the teachers", weighting, WEIGHTINGS)
    student, teachers = student.float(), teachers.float()
    terms = torch.stack([divergence(student, teacher, temperature) for teacher in teachers])
    if weighting == "aekd":
        gradient = all_reduce_mean(gradients(student.detach(), teachers, temperature)).double().cpu().numpy()
        weights = torch.from_numpy(agreement_weights(gradient, max_weight)).to(terms)
    else:
        weights = torch.full_like(terms, 1.0 if weighting == "sum" else 1 / len(terms))
    hard, soft = F.cross_entropy(student, labels), (weights * terms).sum()
    return hard + soft, {"cross_entropy": hard.detach(), "divergence": soft.detach()}
