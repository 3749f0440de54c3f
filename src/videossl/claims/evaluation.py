"""Section 5 and appendix D: clip retrieval, and linear probing compared with finetuning."""

from __future__ import annotations

from videossl.claims.ask import Ask, cells
from videossl.claims.claim import Measured, claim
from videossl.claims.finding import Finding, conjunction, every, exceeds, near
from videossl.claims.quantity import Quantity, absolute, mean
from videossl.claims.words import NETS, NON_CONTRASTIVE, lead, way
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
            lead("rspnet", task, way(s, t)), m(task="rspnet", source=s, target=t) - m(task=task, source=s, target=t)
        )
        for s in SOURCES
        for t in TARGETS
        for task in OTHERS
    )


@claim(
    "5, clip retrieval",
    "Contrastive learning excels at capturing appearance features during pretraining, which is advantageous since both"
    " downstream datasets are appearance-centric.",
    _SOURCES,
    measure="After pretraining on the appearance dataset (K400), CVRL and RSPNet are above RotNet and VCOP on average;"
    " after pretraining on the temporal one (SSv2), that lead is smaller.",
)
def contrastive_retrieval_captures_appearance(m: Measured) -> Finding:
    def ahead(source: str, target: str) -> Quantity:
        contrastive, others = (
            mean(m(task=task, source=source, target=target) for task in tasks)
            for tasks in (("cvrl", "rspnet"), ("rotnet", "vcop"))
        )
        return contrastive - others

    first, second = "the contrastive tasks", "the non-contrastive tasks"
    return conjunction(
        {
            "lead": every(exceeds(lead(first, second, way("k400", t)), ahead("k400", t)) for t in TARGETS),
            "from appearance": every(
                exceeds(
                    f"that lead after pretraining on {name_of('k400')} minus the lead after pretraining on"
                    f" {name_of('ssv2')}, on {name_of(t)},",
                    ahead("k400", t) - ahead("ssv2", t),
                )
                for t in TARGETS
            ),
        }
    )


@claim(
    "5, clip retrieval",
    "Temporal tasks exhibit comparable performance regardless of the source dataset used for pretraining.",
    _SOURCES,
    measure="VCOP's recall changes less with the source than the other tasks' on average.",
)
def temporal_retrieval_depends_least_on_the_source(m: Measured) -> Finding:
    def change(task: str, target: str) -> Quantity:
        return absolute(m(task=task, source="k400", target=target) - m(task=task, source="ssv2", target=target))

    others = [task for task in TASKS if task != "vcop"]
    return every(
        exceeds(
            f"the mean change of the other tasks with the source minus the change of VCOP, on {name_of(t)},",
            mean(change(task, t) for task in others) - change("vcop", t),
        )
        for t in TARGETS
    )


def _nets(backbones: list[str]) -> list[Ask]:
    return list(cells("retrieval", backbone=backbones, target=TARGETS, protocol="retrieval", metric=RECALLS))


def _first_is_best(m: Measured, nets: list[str]) -> Finding:
    first, *others = nets
    return every(
        exceeds(
            lead(first, net, f"{name_of(metric)} on {name_of(t)}"),
            m(backbone=first, target=t, metric=metric) - m(backbone=net, target=t, metric=metric),
        )
        for net in others
        for t in TARGETS
        for metric in RECALLS
    )


SMALL, MEDIUM = ["shufflenet", "mobilenet", "squeezenet"], ["r2plus1d", "c3d", "r3d"]


@claim("D.7", "In clip retrieval, amongst small capacity networks, ShuffleNet outperforms others.", _nets(SMALL))
def shufflenet_is_the_best_small_network_in_retrieval(m: Measured) -> Finding:
    return _first_is_best(m, SMALL)


@claim("D.7", "In clip retrieval, in medium capacity, R21D outperforms.", _nets(MEDIUM))
def r2plus1d_is_the_best_medium_network_in_retrieval(m: Measured) -> Finding:
    return _first_is_best(m, MEDIUM)


@claim(
    "D.1",
    "Finetuning outperforms linear probing by a margin of approximately 20 % and 40 % on ShuffleNet and R21D.",
    cells("probe_vs_finetune", task=NON_CONTRASTIVE, backbone=NETS, protocol=["finetune", "linear_probe"]),
    measure="The sizes are points, on average over the tasks.",
)
def finetuning_beats_linear_probing(m: Measured) -> Finding:
    def more(task: str, net: str) -> Quantity:
        axes = {"task": task, "backbone": net}
        return m(**axes, protocol="finetune") - m(**axes, protocol="linear_probe")

    average = {net: mean(more(task, net) for task in NON_CONTRASTIVE) for net in NETS}
    order = [
        exceeds(lead("finetuning", "the probe", f"{name_of(task)} with {name_of(net)}"), more(task, net))
        for task in NON_CONTRASTIVE
        for net in NETS
    ]
    order.append(
        exceeds(
            f"that lead with {name_of('r2plus1d')} minus the lead with {name_of('shufflenet')}, on average over tasks,",
            average["r2plus1d"] - average["shufflenet"],
        )
    )
    sizes = [
        near(lead("finetuning", "the probe", f"{name_of(net)}, mean over tasks"), average[net], stated)
        for net, stated in (("shufflenet", 0.20), ("r2plus1d", 0.40))
    ]
    return conjunction({"order": every(order), "sizes": every(sizes)})
