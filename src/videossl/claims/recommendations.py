"""Section 5.2: the paper's five recommendations, each as the conjunction of the findings that it rests on."""

from __future__ import annotations

from videossl.claims.claim import claim_of_findings
from videossl.claims.complexity import complexity_does_not_help_a_small_network
from videossl.claims.dataset_size import contrastive_tasks_converge_faster, more_data_does_not_help_a_small_network
from videossl.claims.distillation import (
    small_students_beat_their_teachers,
    students_of_two_datasets_beat_their_teachers,
    students_of_two_networks_beat_their_teachers,
    students_of_two_tasks_beat_their_teachers,
)
from videossl.claims.distribution import (
    sources_that_suit_a_task_are_better_for_it,
    spatio_temporal_depends_least_on_the_source,
    spatio_temporal_is_best_on_every_dataset,
)
from videossl.claims.robustness import (
    contrastive_tasks_lose_more_at_every_severity,
    contrastive_tasks_lose_more_under_noise,
)

claim_of_findings(
    "recommendation_on_training_speed",
    "5.2 (1)",
    "If pretraining time is a constraint, contrastive tasks can accelerate the learning process. However, they may be"
    " less robust to noise.",
    contrastive_tasks_converge_faster,
    contrastive_tasks_lose_more_under_noise,
)
claim_of_findings(
    "recommendation_on_data_distribution",
    "5.2 (2)",
    "When possible, a spatio-temporal pretext task should be preferred, as it generalizes well across data"
    " distributions. If this is not feasible, the pretext task should align with the characteristics of the pretraining"
    " dataset.",
    spatio_temporal_is_best_on_every_dataset,
    spatio_temporal_depends_least_on_the_source,
    sources_that_suit_a_task_are_better_for_it,
)
claim_of_findings(
    "recommendation_on_model_capacity",
    "5.2 (3)",
    "If the model has limited capacity, increasing the pretraining dataset size or using complex pretext tasks will not"
    " yield significant benefits.",
    more_data_does_not_help_a_small_network,
    complexity_does_not_help_a_small_network,
)
claim_of_findings(
    "recommendation_on_robustness",
    "5.2 (4)",
    "For applications requiring high robustness, non-contrastive pretext tasks should be favored over contrastive"
    " ones.",
    contrastive_tasks_lose_more_under_noise,
    contrastive_tasks_lose_more_at_every_severity,
)
claim_of_findings(
    "recommendation_on_performance",
    "5.2 (5)",
    "Pretext tasks learn complementary features across model architectures, pretraining datasets, task categories, and"
    " task complexities. This complementary knowledge can be distilled.",
    students_of_two_networks_beat_their_teachers,
    students_of_two_datasets_beat_their_teachers,
    students_of_two_tasks_beat_their_teachers,
    small_students_beat_their_teachers,
)
