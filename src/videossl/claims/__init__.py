"""What the paper says that its numbers show, sentence by sentence, and whether a set of numbers shows it.

Every claim of sections 4 and 5 that rests on numbers of the study is one small function in one of these modules, a
module a section. The one on foundation models (5.3) and what the paper reads off CKA maps are not here.
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
