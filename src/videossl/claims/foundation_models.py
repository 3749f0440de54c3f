"""Section 5.3: contrastive video-language models (video foundation models)."""

from __future__ import annotations

from videossl.claims.ask import Ask, cells
from videossl.claims.claim import Measured, claim
from videossl.claims.finding import Finding, every, exceeds, provided
from videossl.claims.quantity import Quantity, mean
from videossl.claims.words import lead
from videossl.study.titles import name_of

SMALL_DATA = {"xclip": ("k400", "240k"), "vificlip": ("k400", "240k"), "ezclip": ("k400", "240k")}
"""The models trained on Kinetics-400, with their source and subset in the study's cells."""
LARGE_DATA = {"viclip": ("internvid10m", "10m"), "languagebind": ("vidal10m", "10m")}
"""The models trained on much larger datasets."""
MODELS = SMALL_DATA | LARGE_DATA
_NOT_AT_HAND = "the paper's table of zero-shot accuracies is not among the documents at hand"


def _models(**axes: object) -> list[Ask]:
    """One number, or several, of each model."""
    return [
        ask
        for model, (source, subset) in MODELS.items()
        for ask in cells(
            "vifm_zero_shot",
            **{"task": "videolanguage", "backbone": model, "source": source, "subset": subset, "epochs": 0, **axes},
        )
    ]


_ZERO_SHOT = _models(protocol="zero_shot")
_PROPERTIES = _models(protocol="", target="", metric=["training_videos", "frames"])


@claim(
    "5.3",
    "ViCLIP and LanguageBind, despite being pretrained on significantly larger datasets, underperform compared to"
    " models trained on the smaller Kinetics-400 dataset.",
    _ZERO_SHOT,
    _PROPERTIES,
    measure="Zero-shot accuracy on UCF101; each is below the mean of the models trained on Kinetics-400.",
    unprinted=_NOT_AT_HAND,
)
def larger_datasets_do_not_make_better_models(m: Measured) -> Finding:
    def videos(model: str) -> Quantity:
        return m(metric="training_videos", backbone=model)

    larger = every(
        exceeds(
            f"the number of training videos of {name_of(model)} minus that of {name_of(other)}",
            videos(model) - videos(other),
        )
        for model in LARGE_DATA
        for other in SMALL_DATA
    )
    average = mean(m(metric="top1", backbone=model) for model in SMALL_DATA)
    lower = every(
        exceeds(lead("the models of Kinetics-400 (mean)", model), average - m(metric="top1", backbone=model))
        for model in LARGE_DATA
    )
    return provided(larger, lower)


@claim(
    "5.3",
    "Simply increasing the number of frames during training yields better performance than relying solely on larger"
    " pretraining datasets.",
    _ZERO_SHOT,
    _PROPERTIES,
    measure="Zero-shot accuracy on UCF101; the models with the most frames are above those with the most training"
    " videos on average. Frames are those of the test.",
    unprinted=_NOT_AT_HAND,
)
def more_frames_help_more_than_more_data(m: Measured) -> Finding:
    frames, videos = (_with_most(m, metric) for metric in ("frames", "training_videos"))
    first, second = (mean(m(metric="top1", backbone=model) for model in models) for models in (frames, videos))
    what = lead(
        f"the models with the most frames ({', '.join(map(name_of, frames))})",
        f"those with the most training videos ({', '.join(map(name_of, videos))})",
    )
    return exceeds(what, first - second)


def _with_most(m: Measured, metric: str) -> list[str]:
    """The models with the largest value of a metric."""
    values = {model: m(metric=metric, backbone=model).value for model in MODELS}
    return [model for model, value in values.items() if value == max(values.values())]


def _pairs() -> list[str]:
    """The teachers of all pairs of models, in the order of the study's cells."""
    names = ["xclip", "vificlip", "ezclip", "viclip", "languagebind"]
    return [f"{first}+{second}" for place, first in enumerate(names) for second in names[place + 1 :]]


@claim(
    "5.3",
    "Performance improvements are observed with knowledge distillation from different video foundation models.",
    cells("vifm_distill_pairs"),
    cells("vifm_distill_pairs", protocol="distill", teachers=_pairs()),
    measure="On UCF101 the student of every pair of models is above the same network without teachers.",
    unprinted="the paper prints no accuracy of its student without teachers",
)
def students_of_foundation_models_improve(m: Measured) -> Finding:
    alone = m(protocol="finetune")
    return every(
        exceeds(
            lead(f"the student of {' and '.join(map(name_of, pair.split('+')))}", "the same network without teachers"),
            m(teachers=pair) - alone,
        )
        for pair in _pairs()
    )
