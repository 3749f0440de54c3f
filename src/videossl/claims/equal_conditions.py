"""Section 3.4 of the 2023 supplement: tasks under equal conditions, and as their own papers report them.

Section 1 (3): temporal tasks are harder than the others.
"""

from __future__ import annotations

from collections.abc import Iterator

from videossl.claims.ask import QUOTED_BACKBONE, cells
from videossl.claims.claim import Measured, claim
from videossl.claims.finding import LARGE, MINIMAL, Finding, below, conjunction, every, exceeds, most, opposite
from videossl.claims.quantity import Quantity, absolute, best, mean
from videossl.claims.words import CONTRASTIVE, NETS, NON_CONTRASTIVE, SPATIAL, SPATIO_TEMPORAL, TASKS, TEMPORAL, lead
from videossl.study.titles import name_of

_EQUAL = list(cells("reported", task=TASKS, backbone=NETS))
_REPORTED = list(cells("reported", task=TASKS, backbone=QUOTED_BACKBONE))
_REPORTED_VALUES = "in reported values"


def _average(m: Measured, tasks: list[str], net: str) -> Quantity:
    return mean(m(task=task, backbone=net) for task in tasks)


def _contrastive_lead(m: Measured, net: str, where: str) -> Iterator[Finding]:
    """For each contrastive task, whether it is above the best non-contrastive one."""
    strongest = best(m(task=task, backbone=net) for task in NON_CONTRASTIVE)
    for task in CONTRASTIVE:
        yield exceeds(lead(task, "the best non-contrastive task", where), m(task=task, backbone=net) - strongest)


@claim(
    "Supplement 2023, 3.4",
    "Most of the contrastive tasks outperform non-contrastive tasks in reported values, trained under different"
    " constraints; that is not the case under the same constraints.",
    _EQUAL,
    _REPORTED,
    measure="A contrastive task outperforms if it is above every non-contrastive one; most means more than half.",
)
def contrastive_tasks_lead_only_in_reported_values(m: Measured) -> Finding:
    same = {
        f"not so under equal conditions with {name_of(net)}": opposite(most(_contrastive_lead(m, net, name_of(net))))
        for net in NETS
    }
    return conjunction({"reported": most(_contrastive_lead(m, QUOTED_BACKBONE, _REPORTED_VALUES))} | same)


@claim(
    "Supplement 2023, 3.4",
    "Spatial and spatio-temporal tasks have a similar performance in reported values, but spatio-temporal ones"
    " outperform spatial ones by a large margin under similar constraints.",
    _EQUAL,
    _REPORTED,
    measure="Means over the two tasks of each category. Similar: less than two points apart; large: more than five.",
)
def spatio_temporal_is_far_above_spatial_under_equal_conditions(m: Measured) -> Finding:
    def ahead(net: str) -> Quantity:
        return _average(m, SPATIO_TEMPORAL, net) - _average(m, SPATIAL, net)

    first, second = "spatio-temporal tasks", "spatial tasks"
    reported = absolute(ahead(QUOTED_BACKBONE))
    similar = below(f"the distance of {first} from {second} ({_REPORTED_VALUES})", reported, MINIMAL)
    far = every(exceeds(lead(first, second, name_of(net)), ahead(net), LARGE) for net in NETS)
    return conjunction({"reported": similar, "equal conditions": far})


@claim(
    "1 (3)",
    "Temporal pretext tasks are more challenging than spatial or spatio-temporal ones.",
    _EQUAL,
    measure="Networks of temporal tasks have a lower accuracy on average over the two tasks of each category.",
)
def temporal_tasks_are_harder(m: Measured) -> Finding:
    others = {"spatial tasks": SPATIAL, "spatio-temporal tasks": SPATIO_TEMPORAL}
    return every(
        exceeds(lead(name, "temporal tasks", name_of(net)), _average(m, tasks, net) - _average(m, TEMPORAL, net))
        for net in NETS
        for name, tasks in others.items()
    )
