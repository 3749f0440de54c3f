"""Linear probing: a logistic regression on the features of a frozen backbone (paper, appendix B, Table 9)."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from videossl.common.progress import track
from videossl.common.results import write_metrics, write_predictions
from videossl.data.feature_file import Features, read_features
from videossl.evaluation.accuracy import accuracies, predict, report_gaps
from videossl.evaluation.specs import LinearProbeSpec
from videossl.evaluation.validation import best, require_validation
from videossl.training.record import write_run


def linear_probe(spec: LinearProbeSpec, identity: dict[str, Any], *, features: Path, folder: Path) -> None:
    """Select the regularisation on validation videos, refit on all training videos, test once.

    The paper states neither how its probe is trained nor how it is selected. Logistic regression solved to its optimum
    has no learning rate or number of epochs to tune. Its only hyperparameter, the strength of the regularisation, is
    selected among `spec.inverse_regularisation`.

    Writes metrics, predictions and `run.json` to `folder`.
    """
    start = time.monotonic()
    data = read_features(features)
    strength, tried = choose(data, spec.inverse_regularisation, spec.max_iterations)
    probe = fit(data.train, data.train_labels, strength, spec.max_iterations)
    logits = scores(probe, data.test, data.classes)
    videos = pd.DataFrame({"id": data.test_videos, "label": data.test_labels})
    predictions = predict(videos, data.test_split, logits, spec.features.test_clips)
    rows = accuracies(predictions, logits, data.test_split)
    chosen = [{"split": "val", "metric": "validation_top1", "value": tried[strength], "n": int(data.validation.sum())}]
    chosen.append({"split": "val", "metric": "inverse_regularisation", "value": strength, "n": len(tried)})
    write_predictions(folder / "predictions.parquet", identity, predictions)
    write_metrics(folder / "metrics.parquet", identity, [*rows, *chosen])
    write_run(
        folder / "run.json",
        spec=spec,
        identity=identity,
        device=None,
        seconds=time.monotonic() - start,
        samples={"train": len(data.train), "validation": int(data.validation.sum()), "test": len(data.test)},
        classes=data.gaps.as_json(),
    )
    report_gaps(data.gaps)
    print(
        f"C = {strength:g} (best of {len(tried)} on {data.validation.sum()} validation videos); top-1"
        f" {100 * rows[0]['value']:.1f} % on {len(data.test)} {data.test_split} videos",
        flush=True,
    )


def choose(data: Features, strengths: list[float], max_iterations: int) -> tuple[float, dict[float, float]]:
    """The inverse regularisation strength with the best validation accuracy, and the accuracy of each candidate.

    Ties are resolved in favour of the stronger regularisation.
    """
    held = data.validation
    require_validation(held, data.train_labels, "linear probing", "its regularisation")
    tried = {}
    for strength in track(sorted(strengths), "strengths of regularisation"):
        probe = fit(data.train[~held], data.train_labels[~held], strength, max_iterations)
        found = scores(probe, data.train[held], data.classes).argmax(axis=1)
        tried[strength] = float((found == data.train_labels[held]).mean())
    return best(tried), tried


def fit(features: np.ndarray, labels: np.ndarray, strength: float, max_iterations: int) -> Pipeline:
    """Multinomial logistic regression on standardised features; `strength` is scikit-learn's C."""
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=max_iterations))
    with warnings.catch_warnings():
        # With weak regularisation the solver may not converge fully; the validation accuracy shows whether it suffices.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return probe.fit(features, labels)


def scores(probe: Pipeline, features: np.ndarray, classes: int) -> np.ndarray:
    """Logits (N, classes). Classes without training videos get a finite, very low value instead of -inf."""
    found = np.atleast_2d(probe.decision_function(features).T).T
    if found.shape[1] == 1:  # for two classes scikit-learn returns one score, that of the second
        found = np.concatenate([-found, found], axis=1) / 2
    logits = np.full((len(features), classes), np.finfo(np.float32).min / 4, np.float32)
    logits[:, probe.classes_] = found
    return logits
