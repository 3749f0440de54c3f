"""Section 4.2: complexity of the pretext task. Section 5 (iii): tasks for which nothing helps."""

from __future__ import annotations

from videossl.claims.base import (
    MINIMAL,
    Combination,
    Finding,
    Measured,
    below,
    cells,
    claim,
    every,
    exceeds,
    mean,
    some,
)
from videossl.study.titles import name_of

TASKS = ["rotnet", "vcop", "prp"]
NETS = ["shufflenet", "r2plus1d"]
LEVELS = ["C1", "C2", "C3"]
TEMPORAL = ["vcop", "tdl"]


def _gain(m: Measured, task: str, net: str) -> Combination:
    """Gain from the easiest to the hardest variant."""
    at = {level: m(task=task, backbone=net, complexity=level) for level in ("C1", "C3")}
    return at["C3"] - at["C1"]


@claim(
    "4.2",
    "An increase in pretext task complexity does not always translate to better spatio-temporal feature learning.",
    cells("complexity", task=TASKS, backbone=NETS, complexity=LEVELS),
)
def complexity_does_not_always_help(m: Measured) -> Finding:
    return some(
        exceeds(f"{name_of(task)} with {name_of(net)}, C1 less C3", _gain(m, task, net) * -1.0)
        for task in TASKS
        for net in NETS
    )


@claim(
    "4.2",
    "ShuffleNet exhibits minimal improvement or even performance degradation with increased task complexity.",
    cells("complexity", task=TASKS, backbone="shufflenet", complexity=["C1", "C3"]),
)
def complexity_does_not_help_a_small_network(m: Measured) -> Finding:
    return every(below(f"{name_of(task)}, C3 less C1", _gain(m, task, "shufflenet"), MINIMAL) for task in TASKS)


@claim(
    "4.2",
    "Performance gains from increased complexity are more evident in larger models, particularly for spatio-temporal"
    " tasks.",
    cells("complexity", task=TASKS, backbone=NETS, complexity=["C1", "C3"]),
)
def complexity_helps_the_larger_network_more(m: Measured) -> Finding:
    more = {task: _gain(m, task, "r2plus1d") - _gain(m, task, "shufflenet") for task in TASKS}
    return every(
        [
            exceeds("gain from C1 to C3, R(2+1)D less ShuffleNet, mean over tasks", mean(more.values())),
            exceeds("the same of PRP", more["prp"]),
        ]
    )


@claim(
    "5 (iii)",
    "Temporal tasks are inherently more challenging: gains remain minimal even with increased training time, dataset"
    " size, or task complexity.",
    cells("training_time", task=TEMPORAL, epochs=[50, 200]),
    cells("subset_size", task=TEMPORAL, subset=["10k", "50k"]),
    cells("complexity", task="vcop", backbone=NETS, complexity=["C1", "C3"]),
)
def nothing_helps_temporal_tasks(m: Measured) -> Finding:
    time, size = "training_time", "subset_size"
    longer = mean(m(table=time, task=t, epochs=200) - m(table=time, task=t, epochs=50) for t in TEMPORAL)
    more = mean(m(table=size, task=t, subset="50k") - m(table=size, task=t, subset="10k") for t in TEMPORAL)
    harder = mean(_gain(m, "vcop", net) for net in NETS)
    return every(
        [
            below("VCOP and TDL from 50 to 200 epochs", longer, MINIMAL),
            below("VCOP and TDL from 10k to 50k videos", more, MINIMAL),
            below("VCOP from C1 to C3", harder, MINIMAL),
        ]
    )
