"""Section 4.4: relative decrease of the accuracy on UCF101 by noise."""

from __future__ import annotations

from videossl.claims.ask import Ask, cells
from videossl.claims.claim import Measured, claim
from videossl.claims.finding import Finding, conjunction, every, exceeds, near, some
from videossl.claims.quantity import PERCENT, Quantity, mean
from videossl.claims.words import CONTRASTIVE, NETS, NON_CONTRASTIVE, TASKS
from videossl.study.titles import name_of

_NOISY = {"protocol": "robustness", "noise": "mean", "metric": "relative_decrease"}
DECREASE = list(cells("robustness", task=TASKS, backbone=NETS, severity=1, **_NOISY))
SEVERITIES = ([1, 2, 3, 4, 5], [1, 2, 3])
"""All severities, and those for which the paper prints numbers."""


def _severities(levels: list[int]) -> list[Ask]:
    return list(cells("noise_severity", task=TASKS, severity=levels, **_NOISY))


def _drop(m: Measured, task: str, net: str) -> Quantity:
    return m(task=task, backbone=net)


def _mean_drop(m: Measured, tasks: list[str], **axes: object) -> Quantity:
    return mean(m(task=task, **axes) for task in tasks)


def _with(task: str, net: str) -> str:
    return f"{name_of(task)} with {name_of(net)}"


_MORE = "the mean relative decrease of contrastive tasks minus that of non-contrastive tasks"


@claim(
    "4.4",
    "Contrastive tasks exhibit a larger relative drop in performance compared to non-contrastive tasks across both R21D"
    " and ShuffleNet backbones.",
    DECREASE,
)
def contrastive_tasks_lose_more_under_noise(m: Measured) -> Finding:
    return every(
        exceeds(
            f"{_MORE} with {name_of(net)}",
            _mean_drop(m, CONTRASTIVE, backbone=net) - _mean_drop(m, NON_CONTRASTIVE, backbone=net),
        )
        for net in NETS
    )


@claim(
    "Supplement 2023, 4.4",
    "Non-contrastive tasks are more robust than contrastive on average even at different severity levels.",
    one_of=[_severities(levels) for levels in SEVERITIES],
    measure="At every severity that was tested.",
)
def contrastive_tasks_lose_more_at_every_severity(m: Measured) -> Finding:
    return every(
        exceeds(
            f"{_MORE} at severity {level}",
            _mean_drop(m, CONTRASTIVE, severity=level) - _mean_drop(m, NON_CONTRASTIVE, severity=level),
        )
        for level in m.values("severity")
    )


@claim("4.4", "RotNet-R21D demonstrates the highest robustness (10.7 % relative decrease).", DECREASE)
def rotnet_with_r2plus1d_is_most_robust(m: Measured) -> Finding:
    best = ("rotnet", "r2plus1d")
    order = every(
        exceeds(
            f"the relative decrease of {_with(*other)} minus that of {_with(*best)}", _drop(m, *other) - _drop(m, *best)
        )
        for other in _all_networks()
        if other != best
    )
    what = f"the relative decrease of {_with(*best)}"
    return conjunction({"order": order, "size": near(what, _drop(m, *best).in_unit(PERCENT), 0.107)})


@claim("4.4", "PRP-R21D shows the highest vulnerability, experiencing a 70.1 % drop in performance.", DECREASE)
def prp_with_r2plus1d_is_most_vulnerable(m: Measured) -> Finding:
    worst = ("prp", "r2plus1d")
    order = every(
        exceeds(
            f"the relative decrease of {_with(*worst)} minus that of {_with(*other)}",
            _drop(m, *worst) - _drop(m, *other),
        )
        for other in _all_networks()
        if other != worst
    )
    what = f"the relative decrease of {_with(*worst)}"
    return conjunction({"order": order, "size": near(what, _drop(m, *worst).in_unit(PERCENT), 0.701)})


def _all_networks() -> list[tuple[str, str]]:
    return [(task, net) for task in TASKS for net in NETS]


def _large_less_small(what: str) -> str:
    return f"the relative decrease with {name_of('r2plus1d')} minus that with {name_of('shufflenet')}{what}"


@claim("5.1", "In certain scenarios, smaller networks demonstrate higher robustness than larger networks.", DECREASE)
def small_networks_can_be_more_robust(m: Measured) -> Finding:
    return some(
        exceeds(_large_less_small(f" for {name_of(task)}"), _drop(m, task, "r2plus1d") - _drop(m, task, "shufflenet"))
        for task in TASKS
    )


@claim("5 (ii)", "The features learned by smaller models are more robust to noise.", DECREASE)
def small_networks_are_more_robust_on_average(m: Measured) -> Finding:
    large, small = (_mean_drop(m, TASKS, backbone=net) for net in ("r2plus1d", "shufflenet"))
    return exceeds(_large_less_small(", on average over tasks,"), large - small)
