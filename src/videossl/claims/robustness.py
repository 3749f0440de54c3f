"""Section 4.4: relative decrease of the accuracy on UCF101 by noise of severity 1."""

from __future__ import annotations

from videossl.claims.base import Finding, Measured, cells, claim, every, exceeds, mean, some
from videossl.study.titles import name_of

NON_CONTRASTIVE, CONTRASTIVE = ["rotnet", "vcop", "prp"], ["cvrl", "tdl", "rspnet"]
TASKS = [*NON_CONTRASTIVE, *CONTRASTIVE]
NETS = ["shufflenet", "r2plus1d"]
DECREASE = list(
    cells(
        "robustness", task=TASKS, backbone=NETS, protocol="robustness", noise="mean", severity=1,
        metric="relative_decrease",
    )
)  # fmt: skip


@claim(
    "4.4",
    "Contrastive tasks exhibit a larger relative drop in performance compared to non-contrastive tasks across both R21D"
    " and ShuffleNet backbones.",
    DECREASE,
)
def contrastive_tasks_lose_more_under_noise(m: Measured) -> Finding:
    def drop(tasks: list[str], net: str):
        return mean(m(task=task, backbone=net) for task in tasks)

    return every(
        exceeds(
            f"{name_of(net)}, contrastive less non-contrastive", drop(CONTRASTIVE, net) - drop(NON_CONTRASTIVE, net)
        )
        for net in NETS
    )


@claim("4.4", "RotNet-R21D demonstrates the highest robustness (10.7 % relative decrease).", DECREASE)
def rotnet_with_r2plus1d_is_most_robust(m: Measured) -> Finding:
    best = ("rotnet", "r2plus1d")
    return every(
        exceeds(
            f"{name_of(task)} with {name_of(net)} less RotNet with R(2+1)D",
            m(task=task, backbone=net) - m(task=best[0], backbone=best[1]),
        )
        for task in TASKS
        for net in NETS
        if (task, net) != best
    )


@claim("4.4", "PRP-R21D shows the highest vulnerability, experiencing a 70.1 % drop in performance.", DECREASE)
def prp_with_r2plus1d_is_most_vulnerable(m: Measured) -> Finding:
    worst = ("prp", "r2plus1d")
    return every(
        exceeds(
            f"PRP with R(2+1)D less {name_of(task)} with {name_of(net)}",
            m(task=worst[0], backbone=worst[1]) - m(task=task, backbone=net),
        )
        for task in TASKS
        for net in NETS
        if (task, net) != worst
    )


@claim("5.1", "In certain scenarios, smaller networks demonstrate higher robustness than larger networks.", DECREASE)
def small_networks_can_be_more_robust(m: Measured) -> Finding:
    return some(
        exceeds(
            f"{name_of(task)}, R(2+1)D less ShuffleNet",
            m(task=task, backbone="r2plus1d") - m(task=task, backbone="shufflenet"),
        )
        for task in TASKS
    )


@claim("5 (ii)", "The features learned by smaller models are more robust to noise.", DECREASE)
def small_networks_are_more_robust_on_average(m: Measured) -> Finding:
    large, small = (mean(m(task=task, backbone=net) for task in TASKS) for net in ("r2plus1d", "shufflenet"))
    return exceeds("mean relative decrease, R(2+1)D less ShuffleNet", large - small)
