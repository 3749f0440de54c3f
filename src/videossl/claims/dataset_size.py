"""Section 4.1: size of the pretraining dataset and duration of pretraining."""

from __future__ import annotations

from videossl.claims.ask import cells
from videossl.claims.claim import Measured, claim
from videossl.claims.finding import MINIMAL, Finding, below, conjunction, every, exceeds, near, some
from videossl.claims.quantity import Quantity, mean
from videossl.claims.words import CONTRASTIVE, NETS, NON_CONTRASTIVE, SPATIAL, SPATIO_TEMPORAL, TASKS, TEMPORAL, gain
from videossl.study.titles import name_of

SIZES = ["10k", "30k", "50k", "100k"]
_ENDS = ("10k", "50k videos")


def _data_gain(m: Measured, tasks: list[str]) -> Quantity:
    """Mean gain from 10k to 50k videos."""
    return mean(m(task=task, subset="50k") - m(task=task, subset="10k") for task in tasks)


def _time_gain(m: Measured, tasks: list[str], before: int, after: int) -> Quantity:
    """Mean gain from one milestone to a later one."""
    return mean(m(task=task, epochs=after) - m(task=task, epochs=before) for task in tasks)


@claim(
    "4.1",
    "Except for TDL, all pretext tasks exhibit performance improvements with an increase in pretraining dataset size.",
    cells("subset_size", task=TASKS, subset=["10k", "50k"]),
)
def more_data_helps_all_tasks_but_tdl(m: Measured) -> Finding:
    others = [task for task in TASKS if task != "tdl"]
    rises = [exceeds(gain(task, *_ENDS), _data_gain(m, [task])) for task in others]
    more = _data_gain(m, others) - _data_gain(m, ["tdl"])
    return every([*rises, exceeds("the mean gain of the other tasks minus the gain of TDL", more)])


@claim(
    "4.1",
    "Spatio-temporal tasks benefit the most from increased data (about 13 %), temporal tasks the least (3 %).",
    cells("subset_size", task=TASKS, subset=["10k", "50k"]),
)
def spatio_temporal_tasks_gain_most_from_data(m: Measured) -> Finding:
    both, space, time = (_data_gain(m, tasks) for tasks in (SPATIO_TEMPORAL, SPATIAL, TEMPORAL))
    order = every(
        [
            exceeds("the mean gain of spatio-temporal tasks minus that of spatial tasks", both - space),
            exceeds("the mean gain of spatio-temporal tasks minus that of temporal tasks", both - time),
            exceeds("the mean gain of spatial tasks minus that of temporal tasks", space - time),
        ]
    )
    sizes = [
        near(gain("spatio-temporal tasks (mean)", *_ENDS), both, 0.13),
        near(gain("temporal tasks (mean)", *_ENDS), time, 0.03),
    ]
    return conjunction({"order": order, "sizes": every(sizes)})


@claim(
    "4.1",
    "Performance gains become marginal (1.5 %) after 100 epochs.",
    cells("training_time", task=TASKS, epochs=[50, 100, 200]),
)
def gains_are_marginal_after_100_epochs(m: Measured) -> Finding:
    early, late = _time_gain(m, TASKS, 50, 100), _time_gain(m, TASKS, 100, 200)
    what = gain("all tasks (mean)", "100", "200 epochs")
    order = every(
        [
            below(what, late, MINIMAL),
            exceeds("the mean gain from 50 to 100 epochs minus that from 100 to 200 epochs", early - late),
        ]
    )
    return conjunction({"order": order, "size": near(what, late, 0.015)})


@claim(
    "4.1",
    "Contrastive tasks converge faster than non-contrastive ones: beyond 100 epochs they improve by 1 % on average,"
    " the others by about 5 %.",
    cells("training_time", task=TASKS, epochs=[100, 200]),
)
def contrastive_tasks_converge_faster(m: Measured) -> Finding:
    slow, fast = (_time_gain(m, tasks, 100, 200) for tasks in (NON_CONTRASTIVE, CONTRASTIVE))
    ends = ("100", "200 epochs")
    more = "the mean gain of non-contrastive tasks minus that of contrastive tasks, from 100 to 200 epochs,"
    sizes = [
        near(gain("contrastive tasks (mean)", *ends), fast, 0.01),
        near(gain("non-contrastive tasks (mean)", *ends), slow, 0.05),
    ]
    return conjunction({"order": exceeds(more, slow - fast), "sizes": every(sizes)})


@claim(
    "5.1",
    "Beyond a certain threshold, additional data yields diminishing returns.",
    cells("training_time_by_backbone", backbone=NETS, subset=SIZES),
    measure="RSPNet gains more from 10k to 30k videos than from 30k to 100k.",
)
def more_data_has_diminishing_returns(m: Measured) -> Finding:
    def early_less_late(net: str) -> Quantity:
        small, middle, large = (m(backbone=net, subset=subset) for subset in ("10k", "30k", "100k"))
        return (middle - small) - (large - middle)

    return every(
        exceeds(f"the gain of {name_of(net)} from 10k to 30k minus that from 30k to 100k videos", early_less_late(net))
        for net in NETS
    )


@claim(
    "5 (ii)",
    "Increasing the dataset size does not significantly improve the learning of spatio-temporal features in smaller"
    " models.",
    cells("training_time_by_backbone", backbone="shufflenet", subset=["10k", "100k"]),
    measure="ShuffleNet with RSPNet gains less than two points from the smallest subset to the largest.",
)
def more_data_does_not_help_a_small_network(m: Measured) -> Finding:
    return below(gain("shufflenet", "10k", "100k videos"), m(subset="100k") - m(subset="10k"), MINIMAL)


@claim(
    "D.2",
    "Performance increases for VideoSwin by a good margin, whereas for ShuffleNet and R21D it is relatively less beyond"
    " 50k.",
    cells("training_time_by_backbone", backbone=[*NETS, "videoswin"], subset=["50k", "100k"]),
)
def large_networks_gain_from_more_data(m: Measured) -> Finding:
    rise = {net: m(backbone=net, subset="100k") - m(backbone=net, subset="50k") for net in [*NETS, "videoswin"]}
    return every(
        exceeds(
            f"the gain of {name_of('videoswin')} minus that of {name_of(net)}, from 50k to 100k videos,",
            rise["videoswin"] - rise[net],
        )
        for net in NETS
    )


@claim(
    "D.2",
    "VideoSwin saturates at 150 epochs whereas the CNNs saturate earlier (100 epochs).",
    cells(
        "training_time_by_backbone",
        backbone=[*NETS, "videoswin"],
        subset=SIZES,
        epochs=[100, 150, 200],
    ),
)
def large_networks_saturate_later(m: Measured) -> Finding:
    def rise(nets: list[str], before: int, after: int) -> Quantity:
        return mean(
            m(backbone=net, subset=subset, epochs=after) - m(backbone=net, subset=subset, epochs=before)
            for net in nets
            for subset in SIZES
        )

    swin = rise(["videoswin"], 100, 150)
    name = name_of("videoswin")
    return every(
        [
            exceeds(
                f"the gain of {name} minus the mean gain of the CNNs, from 100 to 150 epochs,",
                swin - rise(NETS, 100, 150),
            ),
            exceeds(
                f"the gain of {name} from 100 to 150 epochs minus that from 150 to 200 epochs",
                swin - rise(["videoswin"], 150, 200),
            ),
        ]
    )


@claim(
    "D.2",
    "The scale in subset size does not reciprocate to gain in performance for all pretext tasks on HMDB51.",
    cells("subset_size_hmdb51", task=TASKS, subset=["10k", "50k"], target="hmdb51"),
)
def more_data_does_not_help_every_task_on_hmdb51(m: Measured) -> Finding:
    return some(
        exceeds(f"the loss of {name_of(task)} from 10k to 50k videos", _data_gain(m, [task]) * -1.0) for task in TASKS
    )
