"""Section 5 and appendix D: clip retrieval, and linear probing compared with finetuning."""

from __future__ import annotations

from videossl.claims.base import Combination, Finding, Measured, absolute, cells, claim, every, exceeds, mean
from videossl.study.titles import name_of

TASKS, OTHERS = ["rotnet", "vcop", "cvrl", "rspnet"], ["rotnet", "vcop", "cvrl"]
SOURCES, TARGETS = ["k400", "ssv2"], ["ucf101", "hmdb51"]
_SOURCES = list(
    cells(
        "retrieval_sources", task=TASKS, source=SOURCES, target=TARGETS, subset="30k", protocol="retrieval",
        metric="recall_at_5",
    )
)  # fmt: skip
RECALLS = ["recall_at_1", "recall_at_5"]


@claim(
    "5, clip retrieval",
    "The spatio-temporal pretext task consistently outperforms other categories, independent of the source.",
    _SOURCES,
)
def spatio_temporal_is_best_in_retrieval(m: Measured) -> Finding:
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
    "5, clip retrieval",
    "Temporal tasks exhibit comparable performance regardless of the source dataset used for pretraining.",
    _SOURCES,
)
def temporal_retrieval_depends_least_on_the_source(m: Measured) -> Finding:
    def change(task: str, target: str) -> Combination:
        return absolute(m(task=task, source="k400", target=target) - m(task=task, source="ssv2", target=target))

    others = [task for task in TASKS if task != "vcop"]
    return every(
        exceeds(
            f"change of source, mean of the others less VCOP's on {name_of(t)}",
            mean(change(task, t) for task in others) - change("vcop", t),
        )
        for t in TARGETS
    )


def _nets(backbones: list[str]) -> list:
    return list(cells("retrieval", backbone=backbones, target=TARGETS, protocol="retrieval", metric=RECALLS))


def _first_is_best(m: Measured, nets: list[str]) -> Finding:
    first, *others = nets
    return every(
        exceeds(
            f"{name_of(first)} less {name_of(net)}, {name_of(metric)} on {name_of(t)}",
            m(backbone=first, target=t, metric=metric) - m(backbone=net, target=t, metric=metric),
        )
        for net in others
        for t in TARGETS
        for metric in RECALLS
    )


_SMALL, _MEDIUM = ["shufflenet", "mobilenet", "squeezenet"], ["r2plus1d", "c3d", "r3d"]


@claim("D.7", "In clip retrieval, amongst small capacity networks, ShuffleNet outperforms others.", _nets(_SMALL))
def shufflenet_is_the_best_small_network_in_retrieval(m: Measured) -> Finding:
    return _first_is_best(m, _SMALL)


@claim("D.7", "In clip retrieval, in medium capacity, R21D outperforms.", _nets(_MEDIUM))
def r2plus1d_is_the_best_medium_network_in_retrieval(m: Measured) -> Finding:
    return _first_is_best(m, _MEDIUM)


@claim(
    "D.1",
    "Finetuning outperforms linear probing by a margin of approximately 20 % and 40 % on ShuffleNet and R21D.",
    cells(
        "probe_vs_finetune", task=["rotnet", "vcop", "prp"], backbone=["shufflenet", "r2plus1d"],
        protocol=["finetune", "linear_probe"],
    ),
)  # fmt: skip
def finetuning_beats_linear_probing(m: Measured) -> Finding:
    def more(task: str, net: str) -> Combination:
        axes = {"task": task, "backbone": net}
        return m(**axes, protocol="finetune") - m(**axes, protocol="linear_probe")

    tasks, nets = ("rotnet", "vcop", "prp"), ("shufflenet", "r2plus1d")
    small, large = (mean(more(task, net) for task in tasks) for net in nets)
    each = [
        exceeds(f"{name_of(task)} with {name_of(net)}, finetuning less probe", more(task, net))
        for task in tasks
        for net in nets
    ]
    return every([*each, exceeds("that margin, mean over tasks, R(2+1)D less ShuffleNet", large - small)])
