"""Section 5: the distilled student beside published results.

The student is an R(2+1)D, pretrained with RSPNet on 30k videos and taught by a ShuffleNet and an R(2+1)D.
"""

from __future__ import annotations

from videossl.claims.ask import BEST_PUBLISHED, cells
from videossl.claims.claim import Measured, claim
from videossl.claims.distillation import TEACHERS
from videossl.claims.finding import LARGE, Finding, every, exceeds, near
from videossl.claims.quantity import PERCENT, Quantity, best
from videossl.claims.words import lead

TABLE = "state_of_the_art"
_KINDS = {"best_single_modal": "single-modal", "best_multi_modal": "multi-modal"}
_STUDENT = list(cells(TABLE, subset="30k", protocol="distill", teachers=TEACHERS))
_BEST = list(cells(TABLE, metric=list(BEST_PUBLISHED)))


def _lead(m: Measured, kind: str) -> Quantity:
    return m(metric="top1") - m(metric=kind)


@claim(
    "5, action classification",
    "Our model, obtained through knowledge distillation, surpasses prior state-of-the-art methods on UCF101.",
    _STUDENT,
    _BEST,
    measure="The student is above the best published result.",
    real_videos=True,
)
def the_student_surpasses_published_results(m: Measured) -> Finding:
    published = best(m(metric=kind) for kind in _KINDS)
    return exceeds(lead("the student", "the best published result"), m(metric="top1") - published)


@claim(
    "5, action classification",
    "Despite being trained on only 30k videos, the model outperforms both single- and multi-modal approaches on UCF101"
    " by a substantial margin.",
    _STUDENT,
    _BEST,
    measure="The student leads the best published result of each kind by more than five points.",
    real_videos=True,
)
def the_student_is_far_above_published_results(m: Measured) -> Finding:
    return every(
        exceeds(lead("the student", f"the best published {name} result"), _lead(m, kind), LARGE)
        for kind, name in _KINDS.items()
    )


@claim(
    "5, action classification",
    "On HMDB51, the model achieves competitive performance with a classification accuracy of 51.5 %.",
    cells(TABLE, subset="30k", protocol="distill", teachers=TEACHERS, target="hmdb51"),
    measure="Only the size is tested.",
    real_videos=True,
)
def the_student_reaches_half_on_hmdb51(m: Measured) -> Finding:
    return near("the accuracy of the student on HMDB51", m().in_unit(PERCENT), 0.515)
