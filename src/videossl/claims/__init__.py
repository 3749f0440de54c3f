"""The paper's claims, sentence by sentence, and whether a set of numbers supports them.

Every claim of the paper that rests on numbers of the study is one small function in a module of its subject.
`ask` names the numbers, `quantity` calculates with them, `finding` compares, `claim` registers and judges.
"""

from videossl.claims import (
    cka_maps,
    complexity,
    dataset_size,
    distillation,
    distribution,
    equal_conditions,
    evaluation,
    foundation_models,
    networks,
    recommendations,
    robustness,
    savings,
    state_of_the_art,
)
from videossl.claims.ask import Ask
from videossl.claims.claim import CLAIMS, Claim, Judgement, cells_of_claims, judge, judge_paper
from videossl.claims.finding import CONTRADICTED, SUPPORTED, UNDECIDED, Finding
from videossl.claims.quantity import Number

__all__ = [
    "CLAIMS",
    "CONTRADICTED",
    "SUPPORTED",
    "UNDECIDED",
    "Ask",
    "Claim",
    "Finding",
    "Judgement",
    "Number",
    "cells_of_claims",
    "cka_maps",
    "complexity",
    "dataset_size",
    "distillation",
    "distribution",
    "equal_conditions",
    "evaluation",
    "foundation_models",
    "judge",
    "judge_paper",
    "networks",
    "recommendations",
    "robustness",
    "savings",
    "state_of_the_art",
]
