"""Section 4.5: what students learn from teachers that differ in one axis."""

from __future__ import annotations

from videossl.claims.base import Combination, Finding, Measured, about, cells, claim, every, exceeds, some
from videossl.study.titles import name_of

TASKS = ["rotnet", "vcop", "prp"]
LEVELS = ["C1", "C2", "C3"]
SIZES = ["10k", "30k", "50k", "100k"]
TARGETS = ["ucf101", "hmdb51"]
NETS = "shufflenet+r2plus1d"


def _best(parts: list[Combination]) -> Combination:
    return max(parts, key=lambda part: part.value)


def _by_complexity(backbone: str | list[str]) -> list:
    return [
        *cells("distill_complexity", task=TASKS, backbone=backbone, complexity=LEVELS),
        *cells(
            "distill_complexity",
            task=TASKS,
            backbone=backbone,
            complexity="C3",
            protocol="distill",
            teachers="C1+C2+C3",
        ),
    ]


def _gain_by_complexity(m: Measured, task: str, net: str) -> Combination:
    """Student minus the best of its teachers."""
    axes = {"task": task, "backbone": net}
    best = _best([m(**axes, complexity=level, protocol="finetune") for level in LEVELS])
    return m(**axes, protocol="distill") - best


@claim(
    "4.5",
    "Regardless of the pretext task category, smaller architectures often outperform their teacher models.",
    _by_complexity("shufflenet"),
)
def small_students_beat_their_teachers(m: Measured) -> Finding:
    return every(
        exceeds(f"{name_of(task)}, ShuffleNet student less best teacher", _gain_by_complexity(m, task, "shufflenet"))
        for task in TASKS
    )


@claim(
    "4.5",
    "Regardless of the pretext task category, smaller architectures benefit more from complementary information.",
    _by_complexity(["shufflenet", "r2plus1d"]),
)
def small_students_benefit_more(m: Measured) -> Finding:
    def more(task: str) -> Combination:
        return _gain_by_complexity(m, task, "shufflenet") - _gain_by_complexity(m, task, "r2plus1d")

    return every(exceeds(f"{name_of(task)}, student's gain, ShuffleNet less R(2+1)D", more(task)) for task in TASKS)


@claim("4.5", "Larger architectures show task-dependent improvements.", _by_complexity("r2plus1d"))
def the_gain_of_large_students_depends_on_the_task(m: Measured) -> Finding:
    gain = {task: _gain_by_complexity(m, task, "r2plus1d") for task in TASKS}
    # Some students gain, and some lose.
    return every(
        [
            about(
                "for some task the student exceeds the best teacher",
                some(exceeds(f"{name_of(task)}, R(2+1)D student less best teacher", gain[task]) for task in TASKS),
            ),
            about(
                "for some task it falls short of it",
                some(exceeds(f"{name_of(task)}, best teacher less student", gain[task] * -1.0) for task in TASKS),
            ),
        ]
    )


@claim(
    "4.5, D.6",
    "Knowledge distillation from multiple source datasets enhances feature learning: for each pretext task the student"
    " always outperforms the teachers.",
    cells("distill_datasets", task=["rotnet", "vcop", "cvrl", "rspnet"], source=["k400", "ssv2"], subset="30k"),
    cells(
        "distill_datasets", task=["rotnet", "vcop", "cvrl", "rspnet"], subset="30k", protocol="distill",
        teachers="k400+ssv2",
    ),
)  # fmt: skip
def students_of_two_datasets_beat_their_teachers(m: Measured) -> Finding:
    return every(
        exceeds(
            f"{name_of(task)}, student less the teacher of {name_of(source)}",
            m(task=task, protocol="distill") - m(task=task, source=source, protocol="finetune"),
        )
        for task in ("rotnet", "vcop", "cvrl", "rspnet")
        for source in ("k400", "ssv2")
    )


_BACKBONES = [
    *cells("distill_backbones", backbone=["shufflenet", "r2plus1d"], subset=SIZES, target=TARGETS),
    *cells("distill_backbones", backbone="shufflenet", subset=SIZES, target=TARGETS, protocol="distill", teachers=NETS),
]


@claim(
    "4.5", "Knowledge can be effectively distilled across different architectures for a given subset size.", _BACKBONES
)
def students_of_two_networks_beat_their_teachers(m: Measured) -> Finding:
    return every(
        exceeds(
            f"{subset} on {name_of(target)}, student less {name_of(net)}",
            m(subset=subset, target=target, protocol="distill")
            - m(subset=subset, target=target, protocol="finetune", backbone=net),
        )
        for subset in SIZES
        for target in TARGETS
        for net in ("shufflenet", "r2plus1d")
    )


@claim(
    "4.5",
    "Although teachers improve with the subset's size, the gain in complementary information diminishes beyond 30k.",
    _BACKBONES,
)
def the_students_gain_diminishes_beyond_30k(m: Measured) -> Finding:
    def gain(subset: str, target: str) -> Combination:
        teachers = [m(subset=subset, target=target, protocol="finetune", backbone=net) for net in NETS.split("+")]
        return m(subset=subset, target=target, protocol="distill") - _best(teachers)

    return every(
        exceeds(
            f"student less best teacher, 30k less {subset} on {name_of(target)}",
            gain("30k", target) - gain(subset, target),
        )
        for subset in ("50k", "100k")
        for target in TARGETS
    )


@claim(
    "5.1",
    "Knowledge distillation can outperform the original approach while utilizing much less of its data (the paper: 10 %"
    " of Kinetics-400; here: 30k against 100k).",
    _BACKBONES,
)
def a_student_of_30k_beats_networks_of_100k(m: Measured) -> Finding:
    return every(
        exceeds(
            f"student of 30k less R(2+1)D of 100k on {name_of(target)}",
            m(subset="30k", target=target, protocol="distill")
            - m(subset="100k", target=target, protocol="finetune", backbone="r2plus1d"),
        )
        for target in TARGETS
    )


_KINDS = {"non-contrastive": ("rotnet", "vcop", "prp"), "contrastive": ("cvrl", "tdl", "rspnet")}
"""Spatial, temporal and spatio-temporal task of each kind; the student learns from the first two."""


def _both(tasks: tuple[str, ...]) -> str:
    """The two teachers as text."""
    return " and ".join(name_of(task) for task in tasks[:2])


def _student(m: Measured, kind: str) -> Combination:
    return m(protocol="distill", task=_KINDS[kind][0])


_TWO_TASKS = [
    *cells("reported", task=[task for tasks in _KINDS.values() for task in tasks], backbone="shufflenet"),
    *cells("distill_tasks", task="rotnet", backbone="shufflenet", protocol="distill", teachers="rotnet+vcop"),
    *cells("distill_tasks", task="cvrl", backbone="shufflenet", protocol="distill", teachers="cvrl+tdl"),
]


@claim("4.5", "Pretext tasks from different categories learn orthogonal features: a student gains on both.", _TWO_TASKS)
def students_of_two_tasks_beat_their_teachers(m: Measured) -> Finding:
    return every(
        exceeds(
            f"student of {_both(tasks)} less {name_of(task)}", _student(m, kind) - m(task=task, protocol="finetune")
        )
        for kind, tasks in _KINDS.items()
        for task in tasks[:2]
    )


@claim(
    "4.5, D.6",
    "Student networks consistently outperform standalone spatio-temporal models in both contrastive and non-contrastive"
    " domains.",
    _TWO_TASKS,
)
def students_of_two_tasks_beat_the_spatio_temporal_task(m: Measured) -> Finding:
    return every(
        exceeds(
            f"student of {_both(tasks)} less {name_of(tasks[2])}",
            _student(m, kind) - m(task=tasks[2], protocol="finetune"),
        )
        for kind, tasks in _KINDS.items()
    )
