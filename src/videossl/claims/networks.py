"""Appendix D.1: which networks of equal capacity are best (pretrained on Kinetics-700, RSPNet on Kinetics-400)."""

from __future__ import annotations

from videossl.claims.ask import Ask, cells
from videossl.claims.claim import Measured, claim
from videossl.claims.evaluation import MEDIUM, SMALL
from videossl.claims.finding import Finding, exceeds, most
from videossl.claims.quantity import best
from videossl.claims.words import lead
from videossl.study.titles import name_of

TASKS = {"rotnet": "k700", "vcop": "k700", "prp": "k700", "rspnet": "k400"}
"""The source of each task in the paper's table of networks."""


def _nets(backbones: list[str]) -> list[Ask]:
    return [
        ask for task, source in TASKS.items() for ask in cells("networks", task=task, source=source, backbone=backbones)
    ]


def _first_is_mostly_best(m: Measured, nets: list[str]) -> Finding:
    """Whether the first network is above all others for more than half of the tasks."""
    first, *others = nets
    return most(
        exceeds(
            lead(first, "the best other network", name_of(task)),
            m(task=task, backbone=first) - best(m(task=task, backbone=net) for net in others),
        )
        for task in TASKS
    )


_MEASURE = "For more than half of the tasks it is above each of the others."


@claim(
    "D.1",
    "ShuffleNet performs the best across small capacity networks in most of the pretext tasks.",
    _nets(SMALL),
    measure=_MEASURE,
)
def shufflenet_is_mostly_the_best_small_network(m: Measured) -> Finding:
    return _first_is_mostly_best(m, SMALL)


@claim(
    "D.1",
    "R21D performs the best across medium capacity networks in most of the pretext tasks.",
    _nets(MEDIUM),
    measure=_MEASURE,
)
def r2plus1d_is_mostly_the_best_medium_network(m: Measured) -> Finding:
    return _first_is_mostly_best(m, MEDIUM)
