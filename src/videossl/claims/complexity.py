"""Section 4.2: complexity of the pretext task. Section 5 (iii): tasks for which nothing helps."""

from __future__ import annotations

from videossl.claims.ask import cells
from videossl.claims.claim import Measured, claim
from videossl.claims.finding import MINIMAL, Finding, below, every, exceeds, some
from videossl.claims.quantity import Quantity, mean
from videossl.claims.words import NETS, TEMPORAL, gain
from videossl.study.titles import name_of

TASKS = ["rotnet", "vcop", "prp"]
LEVELS = ["C1", "C2", "C3"]
_ENDS = ("C1", "C3")


def _gain(m: Measured, task: str, net: str) -> Quantity:
    """Gain from the easiest to the hardest variant."""
    at = {level: m(task=task, backbone=net, complexity=level) for level in _ENDS}
    return at["C3"] - at["C1"]


def _with(task: str, net: str) -> str:
    return f"{name_of(task)} with {name_of(net)}"


@claim(
    "4.2",
    "An increase in pretext task complexity does not always translate to better spatio-temporal feature learning.",
    cells("complexity", task=TASKS, backbone=NETS, complexity=LEVELS),
)
def complexity_does_not_always_help(m: Measured) -> Finding:
    return some(
        exceeds(f"the loss of {_with(task, net)} from C1 to C3", _gain(m, task, net) * -1.0)
        for task in TASKS
        for net in NETS
    )


@claim(
    "4.2",
    "ShuffleNet exhibits minimal improvement or even performance degradation with increased task complexity.",
    cells("complexity", task=TASKS, backbone="shufflenet", complexity=["C1", "C3"]),
    measure="Each task gains less than two points from C1 to C3.",
)
def complexity_does_not_help_a_small_network(m: Measured) -> Finding:
    return every(below(gain(task, *_ENDS), _gain(m, task, "shufflenet"), MINIMAL) for task in TASKS)


@claim(
    "4.2",
    "Performance gains from increased complexity are more evident in larger models, particularly for spatio-temporal"
    " tasks.",
    cells("complexity", task=TASKS, backbone=NETS, complexity=["C1", "C3"]),
)
def complexity_helps_the_larger_network_more(m: Measured) -> Finding:
    more = {task: _gain(m, task, "r2plus1d") - _gain(m, task, "shufflenet") for task in TASKS}
    what = f"the gain with {name_of('r2plus1d')} minus that with {name_of('shufflenet')}, from C1 to C3,"
    return every(
        [
            exceeds(f"{what} on average over the tasks", mean(more.values())),
            exceeds(f"{what} for {name_of('prp')}", more["prp"]),
        ]
    )


@claim(
    "5 (iii)",
    "Temporal tasks are inherently more challenging: gains remain minimal even with increased training time, dataset"
    " size, or task complexity.",
    cells("training_time", task=TEMPORAL, epochs=[50, 200]),
    cells("subset_size", task=TEMPORAL, subset=["10k", "50k"]),
    cells("complexity", task="vcop", backbone=NETS, complexity=["C1", "C3"]),
    measure="Each mean gain is less than two points.",
)
def nothing_helps_temporal_tasks(m: Measured) -> Finding:
    time, size = "training_time", "subset_size"
    longer = mean(m(table=time, task=t, epochs=200) - m(table=time, task=t, epochs=50) for t in TEMPORAL)
    more = mean(m(table=size, task=t, subset="50k") - m(table=size, task=t, subset="10k") for t in TEMPORAL)
    harder = mean(_gain(m, "vcop", net) for net in NETS)
    both = f"{name_of('vcop')} and {name_of('tdl')} (mean)"
    return every(
        [
            below(gain(both, "50", "200 epochs"), longer, MINIMAL),
            below(gain(both, "10k", "50k videos"), more, MINIMAL),
            below(gain(f"{name_of('vcop')} (mean over networks)", *_ENDS), harder, MINIMAL),
        ]
    )
