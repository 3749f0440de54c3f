"""Section 4.1: size of the pretraining dataset and duration of pretraining."""

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

NON_CONTRASTIVE, CONTRASTIVE = ["rotnet", "vcop", "prp"], ["cvrl", "tdl", "rspnet"]
TASKS = [*NON_CONTRASTIVE, *CONTRASTIVE]
SPATIAL, TEMPORAL, SPATIO_TEMPORAL = ["rotnet", "cvrl"], ["vcop", "tdl"], ["prp", "rspnet"]
CNNS = ["shufflenet", "r2plus1d"]
SIZES = ["10k", "30k", "50k", "100k"]


def _data_gain(m: Measured, tasks: list[str]) -> Combination:
    """Mean gain from 10k to 50k videos."""
    return mean(m(task=task, subset="50k") - m(task=task, subset="10k") for task in tasks)


def _time_gain(m: Measured, tasks: list[str], before: int, after: int) -> Combination:
    """Mean gain from one milestone to a later one."""
    return mean(m(task=task, epochs=after) - m(task=task, epochs=before) for task in tasks)


@claim(
    "4.1",
    "Except for TDL, all pretext tasks exhibit performance improvements with an increase in pretraining dataset size.",
    cells("subset_size", task=TASKS, subset=["10k", "50k"]),
)
def more_data_helps_all_tasks_but_tdl(m: Measured) -> Finding:
    others = [task for task in TASKS if task != "tdl"]
    rises = [exceeds(f"{name_of(task)} from 10k to 50k", _data_gain(m, [task])) for task in others]
    return every([*rises, exceeds("the others' mean gain less TDL's", _data_gain(m, others) - _data_gain(m, ["tdl"]))])


@claim(
    "4.1",
    "Spatio-temporal tasks benefit the most from increased data (about 13 %), temporal tasks the least (3 %).",
    cells("subset_size", task=TASKS, subset=["10k", "50k"]),
)
def spatio_temporal_tasks_gain_most_from_data(m: Measured) -> Finding:
    both, space, time = (_data_gain(m, tasks) for tasks in (SPATIO_TEMPORAL, SPATIAL, TEMPORAL))
    return every(
        [
            exceeds("spatio-temporal gain less spatial", both - space),
            exceeds("spatio-temporal gain less temporal", both - time),
            exceeds("spatial gain less temporal", space - time),
        ]
    )


@claim(
    "4.1",
    "Performance gains become marginal (1.5 %) after 100 epochs.",
    cells("training_time", task=TASKS, epochs=[50, 100, 200]),
)
def gains_are_marginal_after_100_epochs(m: Measured) -> Finding:
    early, late = _time_gain(m, TASKS, 50, 100), _time_gain(m, TASKS, 100, 200)
    return every(
        [
            below("mean gain from 100 to 200 epochs", late, MINIMAL),
            exceeds("gain from 50 to 100 epochs less that from 100 to 200", early - late),
        ]
    )


@claim(
    "4.1",
    "Contrastive tasks converge faster than non-contrastive ones: beyond 100 epochs they improve by 1 % on average,"
    " the others by about 5 %.",
    cells("training_time", task=TASKS, epochs=[100, 200]),
)
def contrastive_tasks_converge_faster(m: Measured) -> Finding:
    slow, fast = (_time_gain(m, tasks, 100, 200) for tasks in (NON_CONTRASTIVE, CONTRASTIVE))
    return exceeds("gain from 100 to 200 epochs, non-contrastive less contrastive", slow - fast)


@claim(
    "5.1",
    "Beyond a certain threshold, additional data yields diminishing returns.",
    cells("training_time_by_backbone", backbone=CNNS, subset=SIZES),
)
def more_data_has_diminishing_returns(m: Measured) -> Finding:
    def early_less_late(net: str) -> Combination:
        small, middle, large = (m(backbone=net, subset=subset) for subset in ("10k", "30k", "100k"))
        return (middle - small) - (large - middle)

    return every(
        exceeds(f"{name_of(net)}, gain to 30k less gain from 30k to 100k", early_less_late(net)) for net in CNNS
    )


@claim(
    "D.2",
    "Performance increases for VideoSwin by a good margin, whereas for ShuffleNet and R21D it is relatively less beyond"
    " 50k.",
    cells("training_time_by_backbone", backbone=[*CNNS, "videoswin"], subset=["50k", "100k"]),
)
def large_networks_gain_from_more_data(m: Measured) -> Finding:
    gain = {net: m(backbone=net, subset="100k") - m(backbone=net, subset="50k") for net in [*CNNS, "videoswin"]}
    return every(
        exceeds(f"gain from 50k to 100k, VideoSwin less {name_of(net)}", gain["videoswin"] - gain[net]) for net in CNNS
    )


@claim(
    "D.2",
    "VideoSwin saturates at 150 epochs whereas the CNNs saturate earlier (100 epochs).",
    cells(
        "training_time_by_backbone",
        backbone=[*CNNS, "videoswin"],
        subset=SIZES,
        epochs=[100, 150, 200],
    ),
)
def large_networks_saturate_later(m: Measured) -> Finding:
    def gain(nets: list[str], before: int, after: int) -> Combination:
        return mean(
            m(backbone=net, subset=subset, epochs=after) - m(backbone=net, subset=subset, epochs=before)
            for net in nets
            for subset in SIZES
        )

    swin = gain(["videoswin"], 100, 150)
    return every(
        [
            exceeds("gain from 100 to 150 epochs, VideoSwin less CNNs", swin - gain(CNNS, 100, 150)),
            exceeds("VideoSwin, gain to 150 less gain from 150 to 200", swin - gain(["videoswin"], 150, 200)),
        ]
    )


@claim(
    "D.2",
    "The scale in subset size does not reciprocate to gain in performance for all pretext tasks on HMDB51.",
    cells("subset_size_hmdb51", task=TASKS, subset=["10k", "50k"], target="hmdb51"),
)
def more_data_does_not_help_every_task_on_hmdb51(m: Measured) -> Finding:
    return some(exceeds(f"{name_of(task)}, 10k less 50k", _data_gain(m, [task]) * -1.0) for task in TASKS)
