"""For each claim: numbers that support it, numbers that contradict it, and numbers that leave it undecided.

Numbers are given by rules, each a value and the axes of the numbers that have it; a later rule overrides earlier ones.
A claim whose numbers are all equal is mostly undecided (`EQUAL`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from videossl.claims import Ask, Claim, Number

Rule = tuple[float, dict[str, Any]]
Rules = Sequence[Rule]
EQUAL: Rules = ((0.4, {}),)
QUOTED = "as in the original paper"


@dataclass(frozen=True)
class Case:
    """Rules for the three verdicts. `undecided` must be complete numbers: missing ones are tested for all claims."""

    supports: Rules
    contradicts: Rules
    undecided: Rules = EQUAL


def rule(value: float, **axes: Any) -> Rule:
    """A value for all numbers with these axes; a list of values of an axis means any of them."""
    return value, axes


def numbers(claim: Claim, rules: Rules) -> dict[Ask, Number]:
    """Numbers of a claim by rules."""
    return {ask: Number(_value(ask, rules)) for ask in claim.asks}


def _value(ask: Ask, rules: Rules) -> float:
    return [value for value, axes in rules if _fits(ask, axes)][-1]


def _fits(ask: Ask, axes: Mapping[str, Any]) -> bool:
    return all(
        getattr(ask, axis) in (wanted if isinstance(wanted, list) else [wanted]) for axis, wanted in axes.items()
    )


NON_CONTRASTIVE, CONTRASTIVE = ["rotnet", "vcop", "prp"], ["cvrl", "tdl", "rspnet"]
SPATIAL, TEMPORAL, BOTH = ["rotnet", "cvrl"], ["vcop", "tdl"], ["prp", "rspnet"]
MORE, LARGEST = {"subset": "50k"}, {"subset": "100k"}

DATASET_SIZE = {
    "more_data_helps_all_tasks_but_tdl": Case(
        [rule(0.4), rule(0.5, **MORE), rule(0.4, task="tdl")],
        [rule(0.4), rule(0.3, **MORE)],
    ),
    "spatio_temporal_tasks_gain_most_from_data": Case(
        [rule(0.3), rule(0.43, task=BOTH, **MORE), rule(0.36, task=SPATIAL, **MORE), rule(0.33, task=TEMPORAL, **MORE)],
        # The order is as claimed, and the gain of 20 points is not about 13.
        [rule(0.3), rule(0.50, task=BOTH, **MORE), rule(0.36, task=SPATIAL, **MORE), rule(0.33, task=TEMPORAL, **MORE)],
        # Half a point beyond the tolerance of 3.25 points.
        [
            rule(0.3),
            rule(0.4675, task=BOTH, **MORE),
            rule(0.36, task=SPATIAL, **MORE),
            rule(0.33, task=TEMPORAL, **MORE),
        ],
    ),
    "gains_are_marginal_after_100_epochs": Case(
        [rule(0.3, epochs=50), rule(0.36, epochs=100), rule(0.37, epochs=200)],
        [rule(0.3, epochs=50), rule(0.31, epochs=100), rule(0.36, epochs=200)],
        [rule(0.3, epochs=50), rule(0.36, epochs=100), rule(0.388, epochs=200)],
    ),
    "contrastive_tasks_converge_faster": Case(
        [rule(0.4), rule(0.45, task=NON_CONTRASTIVE, epochs=200), rule(0.41, task=CONTRASTIVE, epochs=200)],
        # Faster, but by 10 points instead of about 5.
        [rule(0.4), rule(0.50, task=NON_CONTRASTIVE, epochs=200), rule(0.41, task=CONTRASTIVE, epochs=200)],
        [rule(0.4), rule(0.467, task=NON_CONTRASTIVE, epochs=200), rule(0.41, task=CONTRASTIVE, epochs=200)],
    ),
    "more_data_has_diminishing_returns": Case(
        [rule(0.4), rule(0.5, subset=["30k", "100k"])],
        [rule(0.4), rule(0.5, **LARGEST)],
    ),
    "more_data_does_not_help_a_small_network": Case(
        EQUAL,
        [rule(0.4), rule(0.45, **LARGEST)],
        [rule(0.4), rule(0.42, **LARGEST)],
    ),
    "large_networks_gain_from_more_data": Case(
        [rule(0.4), rule(0.5, backbone="videoswin", **LARGEST)],
        [rule(0.4), rule(0.3, backbone="videoswin", **LARGEST)],
    ),
    "large_networks_saturate_later": Case(
        [rule(0.4), rule(0.5, backbone="videoswin", epochs=[150, 200])],
        [rule(0.4), rule(0.5, backbone="videoswin", epochs=200)],
    ),
    "more_data_does_not_help_every_task_on_hmdb51": Case(
        [rule(0.4), rule(0.5, **MORE), rule(0.3, task="vcop", **MORE)],
        [rule(0.4), rule(0.5, **MORE)],
    ),
}

HARD, HARDER = {"complexity": "C3"}, {"complexity": ["C2", "C3"]}
COMPLEXITY = {
    "complexity_does_not_always_help": Case(
        [rule(0.4), rule(0.5, **HARD), rule(0.3, task="vcop", backbone="shufflenet", **HARD)],
        [rule(0.4), rule(0.5, **HARD)],
    ),
    "complexity_does_not_help_a_small_network": Case(
        EQUAL,
        [rule(0.4), rule(0.5, task="prp", **HARD)],
        [rule(0.4), rule(0.415, task="prp", **HARD)],
    ),
    "complexity_helps_the_larger_network_more": Case(
        [rule(0.4), rule(0.5, backbone="r2plus1d", **HARD)],
        [rule(0.4), rule(0.5, backbone="shufflenet", **HARD)],
    ),
    "nothing_helps_temporal_tasks": Case(
        EQUAL,
        [rule(0.4), rule(0.5, table="training_time", epochs=200)],
        [rule(0.4), rule(0.415, table="training_time", epochs=200)],
    ),
}

DIVING = {"target": "diving48"}
DISTRIBUTION = {
    "spatio_temporal_is_best_on_every_dataset": Case(
        [rule(0.4), rule(0.7, task="rspnet")],
        # Best everywhere, but by 5 points.
        [rule(0.4), rule(0.45, task="rspnet")],
        [rule(0.4), rule(0.545, task="rspnet")],
    ),
    "sources_that_suit_a_task_are_better_for_it": Case(
        [rule(0.5), rule(0.4, task=["rotnet", "cvrl"], source="ssv2"), rule(0.4, task="vcop", source="k400")],
        [rule(0.5), rule(0.6, task="rotnet", source="ssv2")],
    ),
    "a_spatial_task_drops_on_a_temporal_source": Case(
        # 20 points of 50 are a relative decrease of 40 %, 3 points of 10 one of 30 %.
        [rule(0.5), rule(0.3, source="ssv2"), rule(0.10, **DIVING), rule(0.07, source="ssv2", **DIVING)],
        # 40 and 30 points are relative decreases of 80 and 60 %.
        [rule(0.5), rule(0.1, source="ssv2"), rule(0.5, **DIVING), rule(0.2, source="ssv2", **DIVING)],
        # 50.5 % is half a percent beyond a quarter of 40 %.
        [rule(0.5), rule(0.2475, source="ssv2"), rule(0.10, **DIVING), rule(0.07, source="ssv2", **DIVING)],
    ),
    "a_temporal_task_suffers_less_from_a_change_of_source": Case(
        [
            *(rule(0.5), rule(0.3, task="cvrl", source="ssv2"), rule(0.425, task="vcop", source="k400")),
            rule(0.45, task="vcop", source="k400", **DIVING),
        ],
        [
            *(rule(0.5), rule(0.3, task="cvrl", source="ssv2"), rule(0.25, task="vcop", source="k400")),
            rule(0.45, task="vcop", source="k400", **DIVING),
        ],
        [
            *(rule(0.5), rule(0.422, task="cvrl", source="ssv2"), rule(0.425, task="vcop", source="k400")),
            rule(0.45, task="vcop", source="k400", **DIVING),
        ],
    ),
    "spatio_temporal_depends_least_on_the_source": Case(
        # All lose 5 points, which is relatively most for those with a low accuracy.
        [rule(0.2), rule(0.15, source="ssv2"), rule(0.8, task="rspnet"), rule(0.75, task="rspnet", source="ssv2")],
        [rule(0.8), rule(0.75, source="ssv2"), rule(0.2, task="rspnet"), rule(0.15, task="rspnet", source="ssv2")],
    ),
    "temporal_tasks_are_good_on_temporal_targets": Case(
        [rule(0.4), rule(0.5, task="vcop")],
        [rule(0.4), rule(0.3, task="vcop")],
    ),
}

R21D, SHUFFLE = {"backbone": "r2plus1d"}, {"backbone": "shufflenet"}
ROBUSTNESS = {
    "contrastive_tasks_lose_more_under_noise": Case(
        [rule(0.4), rule(0.5, task=CONTRASTIVE)],
        [rule(0.4), rule(0.3, task=CONTRASTIVE)],
    ),
    "contrastive_tasks_lose_more_at_every_severity": Case(
        [rule(0.4), rule(0.5, task=CONTRASTIVE)],
        [rule(0.4), rule(0.5, task=CONTRASTIVE), rule(0.3, task=CONTRASTIVE, severity=3)],
        [rule(0.4), rule(0.5, task=CONTRASTIVE), rule(0.4, task=CONTRASTIVE, severity=2)],
    ),
    "rotnet_with_r2plus1d_is_most_robust": Case(
        [rule(0.4), rule(0.107, task="rotnet", **R21D)],
        [rule(0.4), rule(0.2, task="rotnet", **R21D)],
        [rule(0.4), rule(0.14, task="rotnet", **R21D)],
    ),
    "prp_with_r2plus1d_is_most_vulnerable": Case(
        [rule(0.4), rule(0.7, task="prp", **R21D)],
        [rule(0.8), rule(0.7, task="prp", **R21D)],
        [rule(0.4), rule(0.705, task="prp", **R21D), rule(0.7, task="cvrl", **R21D)],
    ),
    "small_networks_can_be_more_robust": Case(
        [rule(0.4), rule(0.5, **SHUFFLE), rule(0.3, task="tdl", **SHUFFLE)],
        [rule(0.4), rule(0.5, **SHUFFLE)],
    ),
    "small_networks_are_more_robust_on_average": Case(
        [rule(0.4), rule(0.3, **SHUFFLE)],
        [rule(0.4), rule(0.5, **SHUFFLE)],
    ),
}

STUDENT = {"protocol": "distill"}
DISTILLATION = {
    "small_students_beat_their_teachers": Case(
        [rule(0.4), rule(0.5, **STUDENT)],
        [rule(0.4), rule(0.3, **STUDENT)],
    ),
    "small_students_benefit_more": Case(
        [rule(0.4), rule(0.5, **STUDENT, **SHUFFLE)],
        [rule(0.4), rule(0.5, **STUDENT, **R21D)],
    ),
    "the_gain_of_large_students_depends_on_the_task": Case(
        [rule(0.4), rule(0.5, task="prp", **STUDENT), rule(0.3, task="vcop", **STUDENT)],
        [rule(0.4), rule(0.5, **STUDENT)],
    ),
    "students_of_two_datasets_beat_their_teachers": Case(
        [rule(0.4), rule(0.5, **STUDENT)],
        [rule(0.4), rule(0.3, **STUDENT)],
    ),
    "students_of_two_networks_beat_their_teachers": Case(
        [rule(0.4), rule(0.5, **STUDENT)],
        [rule(0.4), rule(0.3, **STUDENT)],
    ),
    "the_students_gain_diminishes_beyond_30k": Case(
        [rule(0.4), rule(0.5, **STUDENT), rule(0.6, subset="30k", **STUDENT)],
        [rule(0.4), rule(0.5, **STUDENT), rule(0.6, subset="100k", **STUDENT)],
    ),
    "students_of_two_tasks_beat_their_teachers": Case(
        [rule(0.4), rule(0.5, **STUDENT)],
        [rule(0.4), rule(0.3, **STUDENT)],
    ),
    "students_of_two_tasks_beat_the_spatio_temporal_task": Case(
        [rule(0.4), rule(0.5, **STUDENT)],
        [rule(0.4), rule(0.5, **STUDENT), rule(0.6, task="rspnet")],
        [rule(0.4), rule(0.5, **STUDENT), rule(0.5, task="rspnet", protocol="finetune")],
    ),
}

TIME, VIDEOS = {"metric": "gpu_seconds"}, {"metric": "pretraining_videos"}
TENTH = [rule(10_000, subset="10k", **VIDEOS), rule(100_000, **LARGEST, **VIDEOS)]
SAVINGS = {
    # The student needs two pretrainings, two finetunings and the distillation: five jobs of 10 s, of 100 s or of 110 s.
    "distillation_saves_training_time": Case(
        [rule(0.4), rule(0.5, **STUDENT), rule(10, **TIME), rule(100, **LARGEST, **TIME)],
        [rule(0.4), rule(0.5, **STUDENT), rule(100, **TIME), rule(100, **LARGEST, **TIME)],
        [rule(0.4), rule(10, **TIME), rule(100, **LARGEST, **TIME)],
    ),
    "distillation_needs_a_tenth_of_the_data": Case(
        [rule(0.4), rule(0.5, **STUDENT), *TENTH],
        [rule(0.4), rule(0.3, **STUDENT), *TENTH],
        # A subset of half the videos does not test the claim.
        [rule(0.4), rule(0.5, **STUDENT), rule(50_000, **VIDEOS), rule(100_000, **LARGEST, **VIDEOS)],
    ),
    "distillation_saves_four_fifths_of_the_time": Case(
        [rule(8, **TIME), rule(100, **LARGEST, **TIME), *TENTH],
        [rule(30, **TIME), rule(100, **LARGEST, **TIME), *TENTH],
        [rule(8, **TIME), rule(100, **LARGEST, **TIME), rule(50_000, **VIDEOS), rule(100_000, **LARGEST, **VIDEOS)],
    ),
    "less_data_takes_a_tenth_of_the_time": Case(
        [rule(10, **TIME), rule(100, **LARGEST, **TIME), *TENTH],
        [rule(50, **TIME), rule(100, **LARGEST, **TIME), *TENTH],
        [rule(10, **TIME), rule(100, **LARGEST, **TIME), rule(50_000, **VIDEOS), rule(100_000, **LARGEST, **VIDEOS)],
    ),
}

PAPERS = {"backbone": QUOTED}
EQUAL_CONDITIONS = {
    "contrastive_tasks_lead_only_in_reported_values": Case(
        [rule(0.5), rule(0.4, task=CONTRASTIVE), rule(0.9, task=CONTRASTIVE, **PAPERS)],
        [rule(0.5), rule(0.9, task=CONTRASTIVE)],
    ),
    "spatio_temporal_is_far_above_spatial_under_equal_conditions": Case(
        [rule(0.4), rule(0.5, task=BOTH), rule(0.4, **PAPERS)],
        # Above, but by 2 points.
        [rule(0.4), rule(0.42, task=BOTH), rule(0.4, **PAPERS)],
        [rule(0.4), rule(0.455, task=BOTH), rule(0.4, **PAPERS)],
    ),
    "temporal_tasks_are_harder": Case(
        [rule(0.4), rule(0.3, task=TEMPORAL)],
        [rule(0.4), rule(0.5, task=TEMPORAL)],
    ),
}

FIRST, FIRST_MEDIUM = {"backbone": "shufflenet"}, {"backbone": "r2plus1d"}
NETWORKS = {
    "shufflenet_is_mostly_the_best_small_network": Case(
        [rule(0.4), rule(0.5, **FIRST), rule(0.3, task="rotnet", **FIRST)],
        [rule(0.4), rule(0.5, **FIRST), rule(0.3, task=["rotnet", "prp"], **FIRST)],
        [rule(0.4), rule(0.5, **FIRST), rule(0.4, task=["rotnet", "prp"], **FIRST)],
    ),
    "r2plus1d_is_mostly_the_best_medium_network": Case(
        [rule(0.4), rule(0.5, **FIRST_MEDIUM), rule(0.3, task="rotnet", **FIRST_MEDIUM)],
        [rule(0.4), rule(0.5, **FIRST_MEDIUM), rule(0.3, task=["rotnet", "prp"], **FIRST_MEDIUM)],
        [rule(0.4), rule(0.5, **FIRST_MEDIUM), rule(0.4, task=["rotnet", "prp"], **FIRST_MEDIUM)],
    ),
}

FROM_MOTION = {"source": "ssv2"}
EVALUATION = {
    "spatio_temporal_is_best_in_retrieval": Case(
        [rule(0.4), rule(0.5, task="rspnet")],
        [rule(0.4), rule(0.3, task="rspnet", **FROM_MOTION)],
    ),
    "contrastive_retrieval_captures_appearance": Case(
        [rule(0.4), rule(0.5, task=["cvrl", "rspnet"]), rule(0.4, **FROM_MOTION)],
        # Above from both sources: the lead does not come from appearance.
        [rule(0.4), rule(0.5, task=["cvrl", "rspnet"]), rule(0.6, task=["cvrl", "rspnet"], **FROM_MOTION)],
        [rule(0.4), rule(0.5, task=["cvrl", "rspnet"])],
    ),
    "temporal_retrieval_depends_least_on_the_source": Case(
        [rule(0.4), rule(0.5, **FROM_MOTION), rule(0.4, task="vcop")],
        [rule(0.4), rule(0.5, task="vcop", **FROM_MOTION)],
    ),
    "shufflenet_is_the_best_small_network_in_retrieval": Case(
        [rule(0.4), rule(0.5, **FIRST)],
        [rule(0.4), rule(0.3, **FIRST)],
    ),
    "r2plus1d_is_the_best_medium_network_in_retrieval": Case(
        [rule(0.4), rule(0.5, **FIRST_MEDIUM)],
        [rule(0.4), rule(0.3, **FIRST_MEDIUM)],
    ),
    "finetuning_beats_linear_probing": Case(
        [rule(0.1), rule(0.3, protocol="finetune", **SHUFFLE), rule(0.5, protocol="finetune", **R21D)],
        # In the claimed order, but 10 and 15 points instead of 20 and 40.
        [rule(0.1), rule(0.2, protocol="finetune", **SHUFFLE), rule(0.25, protocol="finetune", **R21D)],
        [rule(0.1), rule(0.355, protocol="finetune", **SHUFFLE), rule(0.5, protocol="finetune", **R21D)],
    ),
}

BEST = {"metric": ["best_single_modal", "best_multi_modal"]}
STATE_OF_THE_ART = {
    "the_student_surpasses_published_results": Case(
        [rule(0.97), rule(0.95, **BEST)],
        [rule(0.94), rule(0.95, **BEST)],
    ),
    "the_student_is_far_above_published_results": Case(
        [rule(0.97), rule(0.91, **BEST)],
        [rule(0.97), rule(0.95, **BEST)],
        [rule(0.97), rule(0.915, **BEST)],
    ),
    "the_student_reaches_half_on_hmdb51": Case([rule(0.5)], [rule(0.3)], [rule(0.38)]),
}

LARGE_DATA = ["viclip", "languagebind"]
MODEL_DATA = [
    *(rule(240_000, metric="training_videos"), rule(10_000_000, metric="training_videos", backbone=LARGE_DATA)),
    *(rule(32, metric="frames"), rule(8, metric="frames", backbone=LARGE_DATA)),
]
FOUNDATION_MODELS = {
    "larger_datasets_do_not_make_better_models": Case(
        [rule(0.7), rule(0.6, backbone=LARGE_DATA), *MODEL_DATA],
        [rule(0.7), rule(0.8, backbone=LARGE_DATA), *MODEL_DATA],
        # All were trained on as many videos: the claim is not tested.
        [rule(0.7), rule(0.6, backbone=LARGE_DATA), *MODEL_DATA, rule(1000, metric="training_videos")],
    ),
    "more_frames_help_more_than_more_data": Case(
        [rule(0.7), rule(0.6, backbone=LARGE_DATA), *MODEL_DATA],
        [rule(0.7), rule(0.8, backbone=LARGE_DATA), *MODEL_DATA],
        [rule(0.7), *MODEL_DATA],
    ),
    "students_of_foundation_models_improve": Case(
        [rule(0.7), rule(0.8, **STUDENT)],
        [rule(0.7), rule(0.8, **STUDENT), rule(0.6, teachers="xclip+viclip", **STUDENT)],
    ),
}

FAR, PARTS = {"metric": "off_diagonal_cka"}, {"metric": "cka_blocks"}
FLAT = [rule(0.4, **FAR), rule(6, **PARTS)]
CKA_MAPS = {
    "blocks_form_in_a_small_network_with_complexity": Case(
        [*FLAT, rule(0.6, **FAR, **HARD), rule(3, **PARTS, **HARD)],
        [*FLAT, rule(0.2, **FAR, **HARD), rule(9, **PARTS, **HARD)],
        [*FLAT, rule(0.6, **FAR, **HARD)],  # as many blocks
    ),
    "a_small_network_has_more_blocks": Case(
        [*FLAT, rule(0.6, **FAR, **SHUFFLE), rule(3, **PARTS, **SHUFFLE)],
        [*FLAT, rule(0.6, **FAR, **SHUFFLE), rule(9, **PARTS, **SHUFFLE)],
        FLAT,
    ),
    "vcop_has_more_blocks_than_contrastive_tasks": Case(
        [*FLAT, rule(0.6, task="vcop", **FAR), rule(3, task="vcop", **PARTS)],
        [*FLAT, rule(0.2, task="vcop", **FAR), rule(3, task="vcop", **PARTS)],
        FLAT,
    ),
    "blocks_grow_until_100_epochs": Case(
        [*FLAT, rule(0.6, epochs=[100, 200], **FAR), rule(3, epochs=200, **PARTS)],
        [*FLAT, rule(0.6, epochs=200, **FAR), rule(3, epochs=200, **PARTS)],  # grows after 100 epochs
        FLAT,
    ),
    "maps_are_alike_at_all_subset_sizes": Case(
        FLAT,
        [*FLAT, rule(0.6, subset="50k", **FAR)],
        [*FLAT, rule(0.49, subset="50k", **FAR)],
    ),
}

NOISE = {"metric": "relative_decrease"}
FASTER = [
    *(rule(0.4), rule(0.45, task=NON_CONTRASTIVE, epochs=200), rule(0.41, task=CONTRASTIVE, epochs=200)),
    rule(0.4, **NOISE),
]
LESS_ROBUST = rule(0.5, task=CONTRASTIVE, **NOISE)
SUITED = [
    *(rule(0.5), rule(0.4, task=["rotnet", "cvrl"], source="ssv2"), rule(0.4, task="vcop", source="k400")),
    rule(0.7, task="rspnet"),
]
RECOMMENDATIONS = {
    "recommendation_on_training_speed": Case(
        [*FASTER, LESS_ROBUST],
        [*FASTER, rule(0.3, task=CONTRASTIVE, **NOISE)],
        FASTER,
    ),
    "recommendation_on_data_distribution": Case(
        SUITED,
        [*SUITED, rule(0.6, task="rotnet", source="ssv2")],
        [*SUITED, rule(0.5, task="vcop", source="k400")],
    ),
    "recommendation_on_model_capacity": Case(
        EQUAL,
        [rule(0.4), rule(0.5, task="prp", **HARD)],
        [rule(0.4), rule(0.42, **LARGEST)],
    ),
    "recommendation_on_robustness": Case(
        [rule(0.4), LESS_ROBUST],
        [rule(0.4), LESS_ROBUST, rule(0.3, task=CONTRASTIVE, severity=3)],
    ),
    "recommendation_on_performance": Case(
        [rule(0.4), rule(0.5, **STUDENT)],
        [rule(0.4), rule(0.5, **STUDENT), rule(0.3, table="distill_datasets", **STUDENT)],
    ),
}

CASES: dict[str, Case] = {
    **DATASET_SIZE,
    **COMPLEXITY,
    **DISTRIBUTION,
    **ROBUSTNESS,
    **DISTILLATION,
    **SAVINGS,
    **EQUAL_CONDITIONS,
    **NETWORKS,
    **EVALUATION,
    **STATE_OF_THE_ART,
    **FOUNDATION_MODELS,
    **CKA_MAPS,
    **RECOMMENDATIONS,
}
"""By claim."""
