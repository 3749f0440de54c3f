"""Settings of the evaluation protocols. Imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from videossl.common.ranges import Count, Few, Moderate, Once, Positive, PositiveShare
from videossl.common.strict import Strict


class Distillation(Strict):
    """Finetuning with teachers; all other settings as in `finetune`."""

    temperature: Moderate = Field(4.0, description="temperature of the softmax of teachers and student")
    weighting: Literal["sum", "mean", "aekd"] = Field(
        "sum",
        description="several teachers. sum: the sum of their loss terms; aekd: weights adapted in gradient space"
        " (Du et al. 2020)",
    )
    max_weight: PositiveShare = Field(0.6, description="aekd: largest weight of one teacher")


class LinearProbe(Strict):
    """Logistic regression on frozen features."""

    inverse_regularisation: Annotated[list[Positive], Once] = Field(
        [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0],
        min_length=1,
        description="candidates for scikit-learn's C; the best on validation videos is used",
    )
    max_iterations: Count = Field(2000, description="largest number of iterations of the solver")


class KNN(Strict):
    """Vote of the nearest training videos by frozen features (Wu et al. 2018)."""

    neighbours: Few = Field(20, description="number of training videos that vote; all if the target has fewer")
    temperature: Moderate = Field(
        0.07, description="a neighbour of cosine similarity s votes with the weight exp(s / temperature)"
    )


class Retrieval(Strict):
    """Retrieval: nearest neighbours of test videos among training videos."""

    ks: Annotated[list[Count], Once] = Field(
        [1, 5, 10, 20, 50],
        min_length=1,
        description="numbers k of neighbours for recall@k; all training videos if the target has fewer, so that such a"
        " recall is no better than chance",
    )


class CKA(Strict):
    """Comparison of the layers of two networks by CKA."""

    videos: Annotated[Count, Field(ge=4)] = Field(
        256, description="number of test videos for both networks, drawn by seed"
    )
    batch_size: Annotated[Count, Field(ge=4)] = Field(32, description="samples per mini-batch of the estimator")
