"""Section 4.3: kinds of source and target datasets (30k videos, R(2+1)D)."""

from __future__ import annotations

from videossl.claims.base import Combination, Finding, Measured, absolute, cells, claim, every, exceeds, mean
from videossl.study.titles import name_of

TASKS = ["rotnet", "vcop", "cvrl", "rspnet"]
OTHERS = ["rotnet", "vcop", "cvrl"]
SOURCES, TARGETS = ["k400", "ssv2"], ["ucf101", "diving48"]


def _drop(m: Measured, task: str, target: str) -> Combination:
    """What a task loses if it is pretrained on SSv2 instead of K400."""
    return m(task=task, source="k400", target=target) - m(task=task, source="ssv2", target=target)


def _all(**axes: object) -> list:
    return list(cells("data_distribution", subset="30k", **{"source": SOURCES, "target": TARGETS} | axes))


@claim(
    "4.3",
    "Spatio-temporal pretext tasks consistently outperform others on both downstream datasets, UCF101 and Diving48.",
    _all(task=TASKS),
)
def spatio_temporal_is_best_on_every_dataset(m: Measured) -> Finding:
    return every(
        exceeds(
            f"RSPNet less {name_of(task)}, {name_of(s)} to {name_of(t)}",
            m(task="rspnet", source=s, target=t) - m(task=task, source=s, target=t),
        )
        for s in SOURCES
        for t in TARGETS
        for task in OTHERS
    )


@claim(
    "4.3",
    "Spatial and temporal pretext tasks are more effective when the source dataset aligns with their respective"
    " learning objectives.",
    _all(task=OTHERS),
)
def sources_that_suit_a_task_are_better_for_it(m: Measured) -> Finding:
    spatial = [
        exceeds(f"{name_of(task)}, K400 less SSv2 on {name_of(t)}", _drop(m, task, t))
        for task in ("rotnet", "cvrl")
        for t in TARGETS
    ]
    temporal = [exceeds(f"VCOP, SSv2 less K400 on {name_of(t)}", _drop(m, "vcop", t) * -1.0) for t in TARGETS]
    return every([*spatial, *temporal])


@claim(
    "4.3",
    "Spatial tasks depend more on the source: CVRL drops by 40 % on UCF101 and 30 % on Diving48 when pretrained on SSv2"
    " instead of K400.",
    _all(task="cvrl"),
)
def a_spatial_task_drops_on_a_temporal_source(m: Measured) -> Finding:
    return every(exceeds(f"CVRL, K400 less SSv2 on {name_of(t)}", _drop(m, "cvrl", t)) for t in TARGETS)


@claim(
    "4.3",
    "In contrast, temporal pretext tasks experience smaller drops (15 % and 10 %) when pretrained on K400 instead of"
    " SSv2.",
    _all(task=["vcop", "cvrl"]),
)
def a_temporal_task_suffers_less_from_a_change_of_source(m: Measured) -> Finding:
    return every(
        exceeds(
            f"CVRL's change less VCOP's on {name_of(t)}", absolute(_drop(m, "cvrl", t)) - absolute(_drop(m, "vcop", t))
        )
        for t in TARGETS
    )


@claim(
    "4.3",
    "Spatio-temporal pretext tasks learn more generalizable features, making them less dependent on source and target"
    " data distributions.",
    _all(task=TASKS),
)
def spatio_temporal_depends_least_on_the_source(m: Measured) -> Finding:
    def less(target: str) -> Combination:
        others = mean(absolute(_drop(m, task, target)) for task in OTHERS)
        return others - absolute(_drop(m, "rspnet", target))

    return every(
        exceeds(f"change of source, mean of the others less RSPNet's on {name_of(t)}", less(t)) for t in TARGETS
    )


@claim(
    "4.3",
    "Temporal pretext tasks perform well when the target dataset has strong temporal dependencies.",
    _all(task=OTHERS, target="diving48"),
)
def temporal_tasks_are_good_on_temporal_targets(m: Measured) -> Finding:
    def more(source: str) -> Combination:
        return m(task="vcop", source=source) - mean(m(task=task, source=source) for task in ("rotnet", "cvrl"))

    return every(exceeds(f"VCOP less the spatial tasks' mean on Diving48, from {name_of(s)}", more(s)) for s in SOURCES)
