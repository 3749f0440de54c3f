"""The paper's claims, sentence by sentence, and whether a set of numbers supports them.

Every claim of sections 4 and 5 that rests on numbers of the study is one small function in a module of its section.
Claims on foundation models (5.3), and what the paper reads from CKA maps, are not included.
"""

from videossl.claims import complexity, dataset_size, distillation, distribution, evaluation, robustness
from videossl.claims.base import CLAIMS, MARGIN, Ask, Claim, Finding, Number, cells_of_claims, judge

__all__ = [
    "CLAIMS",
    "MARGIN",
    "Ask",
    "Claim",
    "Finding",
    "Number",
    "cells_of_claims",
    "complexity",
    "dataset_size",
    "distillation",
    "distribution",
    "evaluation",
    "judge",
    "robustness",
]
