"""Sections 4.5 and 5.1: what distillation and smaller subsets save in videos and in training time.

Times are GPU times from the runs' records (without a GPU, wall times). The time of a student includes everything that
it needs: pretraining and finetuning of both teachers, pretraining of the student, and the distillation. In the study
one teacher is the student's own architecture, so the student starts from the pretraining of that teacher.
"""

from __future__ import annotations

from videossl.claims.ask import GPU_SECONDS, PRETRAINING_VIDEOS, Ask, cells, pretraining
from videossl.claims.claim import Measured, claim
from videossl.claims.distillation import TARGETS, TEACHERS
from videossl.claims.finding import Finding, below, conjunction, every, exceeds, near, provided
from videossl.claims.quantity import PERCENT, Quantity, share
from videossl.claims.words import NETS, lead
from videossl.study.titles import name_of

WHOLE = "100k"
"""The subset of the original approach, the largest of the study."""
HALF = 0.5
"""What "significantly" reduces the training time means here: to less than half."""
_NO_TIMES = "the paper prints no training times"


def _accuracies(subset: str) -> list[Ask]:
    """The student of a subset, and the original approach: R(2+1)D on the largest subset."""
    student = {"backbone": "shufflenet", "subset": subset, "protocol": "distill", "teachers": TEACHERS}
    return [
        *cells("distill_backbones", target=TARGETS, **student),
        *cells("distill_backbones", target=TARGETS, subset=WHOLE),
    ]


def _times(subset: str) -> list[Ask]:
    """Times of everything that the student of a subset needs, and of the original approach."""
    timed = {"metric": GPU_SECONDS}
    student = {"backbone": "shufflenet", "subset": subset, "protocol": "distill", "teachers": TEACHERS}
    return [
        *pretraining(GPU_SECONDS, backbone=NETS, subset=subset),
        *cells("", backbone=NETS, subset=subset, **timed),
        *cells("", **student, **timed),
        *pretraining(GPU_SECONDS, subset=WHOLE),
        *cells("", subset=WHOLE, **timed),
    ]


def _videos(subset: str) -> list[Ask]:
    return list(pretraining(PRETRAINING_VIDEOS, subset=[subset, WHOLE]))


def _is_better(m: Measured, subset: str) -> Finding:
    """Whether the student is above the original approach."""
    return every(
        exceeds(
            lead(f"the student of {subset} videos", f"R(2+1)D of {WHOLE} videos", name_of(target)),
            m(metric="top1", protocol="distill", target=target) - m(metric="top1", protocol="finetune", target=target),
        )
        for target in TARGETS
    )


def _share_of_time(m: Measured, subset: str) -> Quantity:
    """The student's time as a share of the time of the original approach."""
    time = {"metric": GPU_SECONDS}
    own = m(**time, subset=subset, protocol="distill")
    for net in NETS:
        for protocol in ("", "finetune"):
            own = own + m(**time, subset=subset, backbone=net, protocol=protocol)
    original = m(**time, subset=WHOLE, protocol="") + m(**time, subset=WHOLE, protocol="finetune")
    return share(own, original)


def _share_of_videos(m: Measured, subset: str) -> Quantity:
    videos = {"metric": PRETRAINING_VIDEOS}
    return share(m(**videos, subset=subset), m(**videos, subset=WHOLE))


def _is_a_tenth(m: Measured) -> Finding:
    """Whether the smallest subset has about a tenth of the videos of the largest."""
    return near(
        f"the number of videos of the 10k subset, as a share of those of {WHOLE},", _share_of_videos(m, "10k"), 0.1
    )


@claim(
    "4.5",
    "Knowledge distillation significantly reduces training time while improving performance.",
    _accuracies("30k"),
    _times("30k"),
    measure="A ShuffleNet student of 30k videos and everything that it needs take less than half of the time of R(2+1)D"
    " of 100k videos, and its accuracy is higher.",
    unprinted=_NO_TIMES,
)
def distillation_saves_training_time(m: Measured) -> Finding:
    time = below(
        "the time of the student and its teachers, as a share of that of R(2+1)D,", _share_of_time(m, "30k"), HALF
    )
    return conjunction({"accuracy": _is_better(m, "30k"), "time": time})


@claim(
    "5.1",
    "Knowledge distillation can outperform the original approach trained on 100 % of the data while utilizing only 10 %"
    " of it.",
    _accuracies("10k"),
    _videos("10k"),
    measure="A ShuffleNet student of 10k videos is compared with R(2+1)D of 100k videos.",
)
def distillation_needs_a_tenth_of_the_data(m: Measured) -> Finding:
    return provided(_is_a_tenth(m), _is_better(m, "10k"))


@claim(
    "5.1",
    "Distillation from 10 % of the data optimizes resource utilization by approximately 80 %.",
    _times("10k"),
    _videos("10k"),
    measure="The time that a ShuffleNet student of 10k videos, with everything that it needs, saves compared with"
    " R(2+1)D of 100k videos.",
    unprinted=_NO_TIMES,
)
def distillation_saves_four_fifths_of_the_time(m: Measured) -> Finding:
    part = _share_of_time(m, "10k")
    saved = Quantity(part.numbers, 1.0 - part.value, (part * -1.0).slopes, PERCENT)
    return provided(_is_a_tenth(m), near("the time saved", saved, 0.8))


@claim(
    "5.1",
    "Less data enables a substantial reduction in training data requirements while achieving nearly a 10x reduction in"
    " training time.",
    pretraining(GPU_SECONDS, backbone=NETS, subset=["10k", WHOLE]),
    _videos("10k"),
    measure="The time of RSPNet pretraining on 100k videos divided by that on 10k.",
    unprinted=_NO_TIMES,
)
def less_data_takes_a_tenth_of_the_time(m: Measured) -> Finding:
    def factor(net: str) -> Quantity:
        small, whole = (m(metric=GPU_SECONDS, backbone=net, subset=subset) for subset in ("10k", WHOLE))
        return whole / small

    what = f"the time of pretraining on {WHOLE} divided by that on 10k videos"
    return provided(_is_a_tenth(m), every(near(f"{what} with {name_of(net)}", factor(net), 10.0) for net in NETS))
