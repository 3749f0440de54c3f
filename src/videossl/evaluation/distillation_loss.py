"""What a student learns from several teachers: cross-entropy and one Kullback-Leibler term a teacher.

The paper (section 4.5) gives L = CE + sum over teachers of KL and states neither temperature nor weights. Ours: the sum
as written, with temperature 4 and the factor T^2 of Hinton et al. 2015, both options; and as another option the
weighting in gradient space of AE-KD (Du et al. 2020, which the paper cites; AnTuo1998/AE-KD, helper/optimization.py).
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
    """KL(softmax(teacher / T) || softmax(student / T)) * T^2, mean over the batch: logits (B, C) -> ()."""
    soft = F.log_softmax(student / temperature, dim=1)
    target = F.log_softmax(teacher / temperature, dim=1)
    return F.kl_div(soft, target, reduction="batchmean", log_target=True) * temperature**2


def gradients(student: Tensor, teachers: Tensor, temperature: float) -> Tensor:
    """Gradient of each teacher's term by the student's logits, averaged over the batch.

    student (B, C), teachers (M, B, C) -> (M, C). In closed form: T * (softmax(student / T) - softmax(teacher / T)).
    """
    soft, targets = F.softmax(student / temperature, dim=1), F.softmax(teachers / temperature, dim=2)
    return temperature * (soft - targets).mean(dim=1)


def agreement_weights(gradient: np.ndarray, most: float) -> np.ndarray:
    """AE-KD's weights: argmin 1/2 ||sum_m a_m g_m||^2 with sum a = 1 and 0 <= a_m <= `most`.

    gradient (M, C) -> (M,). The descent direction that all teachers agree on best; `most` = 1/M is the plain mean,
    `most` = 1 the minimum-norm point of multiple-gradient descent. UserError if `most` is below 1/M: then no weights
    add up to 1.
    """
    from scipy.optimize import LinearConstraint, minimize

    count = len(gradient)
    if not 1 / count <= most <= 1:
        raise UserError(
            f"option 'max_weight' must be between 1/{count} (the mean of {count} teachers) and 1, not {most}."
        )
    gram = gradient @ gradient.T
    scale = np.trace(gram)
    if count == 1 or scale == 0:  # one teacher, or all agree with the student: any weights will do
        return np.full(count, 1 / count)
    gram = gram / scale  # so that the solver's tolerances fit
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
    """CE(student, labels) + sum_m a_m KL_m, and the parts to log.

    Args:
        student: logits (B, C), with gradient.
        teachers: logits (M, B, C) of the same crops.
        labels: (B,).
        temperature: T of both softmaxes.
        weighting: `sum` (a = 1, the paper), `mean` (a = 1/M) or `aekd` (weights that add up to 1, see above).
        max_weight: aekd: the largest weight of one teacher (C in Du et al. 2020; 0.6 there).
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
