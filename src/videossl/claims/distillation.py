"""Section 4.5: what students learn from teachers that differ in one axis."""

from __future__ import annotations

from videossl.claims.ask import Ask, cells
from videossl.claims.claim import Measured, claim
from videossl.claims.finding import Finding, conjunction, every, exceeds, some
from videossl.claims.quantity import Quantity, best
from videossl.claims.words import NETS, lead
from videossl.study.titles import name_of

TASKS = ["rotnet", "vcop", "prp"]
LEVELS = ["C1", "C2", "C3"]
SIZES = ["10k", "30k", "50k", "100k"]
TARGETS = ["ucf101", "hmdb51"]
TEACHERS = "shufflenet+r2plus1d"


def _by_complexity(backbone: str | list[str]) -> list[Ask]:
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


def _gain_by_complexity(m: Measured, task: str, net: str) -> Quantity:
    """Student minus the best of its teachers."""
    axes = {"task": task, "backbone": net}
    teacher = best(m(**axes, complexity=level, protocol="finetune") for level in LEVELS)
    return m(**axes, protocol="distill") - teacher


def _lead_of_student(task: str, net: str) -> str:
    return lead("the student", "its best teacher", f"{name_of(task)} with {name_of(net)}")


@claim(
    "4.5",
    "Regardless of the pretext task category, smaller architectures often outperform their teacher models.",
    _by_complexity("shufflenet"),
)
def small_students_beat_their_teachers(m: Measured) -> Finding:
    net = "shufflenet"
    return every(exceeds(_lead_of_student(task, net), _gain_by_complexity(m, task, net)) for task in TASKS)


@claim(
    "4.5",
    "Regardless of the pretext task category, smaller architectures benefit more from complementary information.",
    _by_complexity(["shufflenet", "r2plus1d"]),
    measure="The student's lead over its best teacher is larger with ShuffleNet than with R(2+1)D.",
)
def small_students_benefit_more(m: Measured) -> Finding:
    def more(task: str) -> Quantity:
        return _gain_by_complexity(m, task, "shufflenet") - _gain_by_complexity(m, task, "r2plus1d")

    return every(
        exceeds(
            f"the lead of the student over its best teacher with {name_of('shufflenet')} minus the lead with"
            f" {name_of('r2plus1d')}, for {name_of(task)},",
            more(task),
        )
        for task in TASKS
    )


@claim(
    "4.5",
    "Larger architectures show task-dependent improvements.",
    _by_complexity("r2plus1d"),
    measure="For some task the R(2+1)D student is above its best teacher, for some task below.",
)
def the_gain_of_large_students_depends_on_the_task(m: Measured) -> Finding:
    net = "r2plus1d"
    gain = {task: _gain_by_complexity(m, task, net) for task in TASKS}
    return conjunction(
        {
            "some task gains": some(exceeds(_lead_of_student(task, net), gain[task]) for task in TASKS),
            "some task loses": some(
                exceeds(lead("the best teacher", "the student", name_of(task)), gain[task] * -1.0) for task in TASKS
            ),
        }
    )


_SOURCES = ["k400", "ssv2"]
_TWO_DATASETS = {"task": ["rotnet", "vcop", "cvrl", "rspnet"], "subset": "30k"}


@claim(
    "4.5, D.6",
    "Knowledge distillation from multiple source datasets enhances feature learning: for each pretext task the student"
    " always outperforms the teachers.",
    cells("distill_datasets", source=_SOURCES, **_TWO_DATASETS),
    cells("distill_datasets", protocol="distill", teachers="k400+ssv2", **_TWO_DATASETS),
)
def students_of_two_datasets_beat_their_teachers(m: Measured) -> Finding:
    return every(
        exceeds(
            lead("the student", f"the teacher from {name_of(source)}", name_of(task)),
            m(task=task, protocol="distill") - m(task=task, source=source, protocol="finetune"),
        )
        for task in m.values("task")
        for source in _SOURCES
    )


BY_SIZE = [
    *cells("distill_backbones", backbone=NETS, subset=SIZES, target=TARGETS),
    *cells(
        "distill_backbones", backbone="shufflenet", subset=SIZES, target=TARGETS, protocol="distill", teachers=TEACHERS
    ),
]
"""Students of two networks and their teachers, by subset and target."""


@claim("4.5", "Knowledge can be effectively distilled across different architectures for a given subset size.", BY_SIZE)
def students_of_two_networks_beat_their_teachers(m: Measured) -> Finding:
    return every(
        exceeds(
            lead("the student", net, f"{subset} videos, {name_of(target)}"),
            m(subset=subset, target=target, protocol="distill")
            - m(subset=subset, target=target, protocol="finetune", backbone=net),
        )
        for subset in SIZES
        for target in TARGETS
        for net in NETS
    )


@claim(
    "4.5",
    "Although teachers improve with the subset's size, the gain in complementary information diminishes beyond 30k.",
    BY_SIZE,
    measure="The student's lead over its best teacher is larger at 30k videos than at 50k and at 100k.",
)
def the_students_gain_diminishes_beyond_30k(m: Measured) -> Finding:
    def gain(subset: str, target: str) -> Quantity:
        teacher = best(m(subset=subset, target=target, protocol="finetune", backbone=net) for net in NETS)
        return m(subset=subset, target=target, protocol="distill") - teacher

    return every(
        exceeds(
            f"the lead of the student over its best teacher at 30k videos minus the lead at {subset}, on"
            f" {name_of(target)},",
            gain("30k", target) - gain(subset, target),
        )
        for subset in ("50k", "100k")
        for target in TARGETS
    )


_KINDS = {"non-contrastive": ("rotnet", "vcop", "prp"), "contrastive": ("cvrl", "tdl", "rspnet")}
"""Spatial, temporal and spatio-temporal task of each kind; the student learns from the first two."""


def _two_tasks(net: str) -> list[Ask]:
    """The tasks alone, and the students of the two pairs, with one network."""
    students = [
        cells("distill_tasks", task=tasks[0], backbone=net, protocol="distill", teachers="+".join(tasks[:2]))
        for tasks in _KINDS.values()
    ]
    alone = cells("reported", task=[task for tasks in _KINDS.values() for task in tasks], backbone=net)
    return [*alone, *(ask for asks in students for ask in asks)]


_TWO_TASKS = [_two_tasks(net) for net in NETS]
"""By network: the claims are judged on the first one that has students."""


def _lead_over(m: Measured, kind: str, task: str) -> tuple[str, Quantity]:
    """Name and size of the lead of a student of two tasks over a network of one task."""
    spatial, temporal, _ = _KINDS[kind]
    (net,) = m.values("backbone")
    student = f"the student of {name_of(spatial)} and {name_of(temporal)}"
    difference = m(protocol="distill", task=spatial) - m(task=task, protocol="finetune")
    return lead(student, task, name_of(net)), difference


@claim(
    "4.5",
    "Pretext tasks from different categories learn orthogonal features: a student gains on both.",
    one_of=_TWO_TASKS,
)
def students_of_two_tasks_beat_their_teachers(m: Measured) -> Finding:
    return every(exceeds(*_lead_over(m, kind, task)) for kind, tasks in _KINDS.items() for task in tasks[:2])


@claim(
    "4.5, D.6",
    "Student networks consistently outperform standalone spatio-temporal models in both contrastive and non-contrastive"
    " domains.",
    one_of=_TWO_TASKS,
)
def students_of_two_tasks_beat_the_spatio_temporal_task(m: Measured) -> Finding:
    return every(exceeds(*_lead_over(m, kind, tasks[2])) for kind, tasks in _KINDS.items())
