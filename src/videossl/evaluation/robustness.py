"""Robustness of finetuned networks to noise in test videos (paper, section 4.4, Tables 4 and 12).

A_c is the accuracy on clean videos, A_p on the same videos with noise, as fractions:

    relative decrease = (A_c - A_p) / A_c
    gamma_r = 1 - (A_c - A_p) / A_c       gamma_a = 1 - (A_c - A_p)     (Schiappa et al. 2023; Taori et al. 2020)

If a noisy test set is a sample of the test videos, the paper seems to compare with the clean accuracy on all of them.
We use the clean accuracy on the same videos, stored in the same way (:mod:`videossl.data.noisy`), so that only the
noise differs. A_c can therefore differ slightly from the test accuracy of the finetuning.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from videossl.analysis.statistics import ratio_interval, wilson_interval
from videossl.common.errors import UserError
from videossl.common.results import write_metrics, write_predictions
from videossl.common.specification import Specification
from videossl.data.classes import read_gaps
from videossl.data.manifest import open_store, read_manifest
from videossl.data.settings import MEAN, NOISELESS
from videossl.evaluation.accuracy import predict, report_gaps
from videossl.evaluation.evaluate import video_means
from videossl.evaluation.model import load_classifier
from videossl.training.record import write_run
from videossl.training.run_folder import exclusive
from videossl.training.session import Compute, ready_for_tests

Condition = tuple[str, int]
"""Kind of noise, and severity."""
CLEAN: Condition = ("", 0)
"""The condition without noise, as written in metrics and predictions."""
DRAWN = ["noise", "severity", "video"]


def robustness(
    spec: Specification,
    identity: dict[str, Any],
    *,
    weights: Path,
    noiseless: Path,
    noisy: Mapping[Condition, Path],
    folder: Path,
    compute: Compute,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Test a finetuned network on every noisy test set; writes metrics, predictions and `run.json` to `folder`.

    Args:
        spec: how the noisy sets were made.
        identity: the cell's identity columns.
        weights: `weights.pt` of the finetuning.
        noiseless: manifest of the test videos without noise, stored in the same way as the noisy ones.
        noisy: manifest of each noisy test set; its frame store is in the same folder.
        folder: the run folder.
        compute: device, threads, loader workers.
        groups: kinds of noise by the name under which their mean is scored; None: all kinds, under MEAN.
    """
    device, signals = compute.start()
    start = time.monotonic()
    with exclusive(folder, signals):
        model, own = load_classifier(weights)
        model.to(device)
        ready_for_tests(model, compute, device)
        parts = []
        sets = {CLEAN: noiseless, **noisy}
        for number, ((noise, severity), manifest) in enumerate(sets.items(), start=1):
            videos = read_manifest(manifest)
            videos = videos[videos["status"] == "ok"].reset_index(drop=True)
            what = f"{noise or 'no noise'} {severity or ''} (set {number} of {len(sets)})"
            logits = video_means(own, model, open_store(manifest, videos), videos, compute, device, signals, what)
            found = predict(videos, videos["split"].iloc[0], logits, own.test_clips)
            parts.append(found.assign(noise=noise, severity=severity))
        predictions = pd.concat(parts, ignore_index=True)
        write_predictions(folder / "predictions.parquet", identity, predictions)
        # Counted over the whole test set; a noisy set may be a sample of it.
        rows = scores(parts[0], predictions[predictions["noise"] != ""], parts[0]["label"].nunique(), groups)
        gaps = read_gaps(weights.with_name("run.json"))
        write_metrics(folder / "metrics.parquet", identity, rows)
        write_run(
            folder / "run.json",
            spec=spec,
            identity=identity,
            device=device,
            seconds=time.monotonic() - start,
            samples={
                f"{noise or NOISELESS}_{severity}": len(part)
                for (noise, severity), part in zip(sets, parts, strict=True)
            },
            classes=gaps.as_json(),
        )
    report_gaps(gaps)


def scores(
    clean: pd.DataFrame, noisy: pd.DataFrame, classes: int, groups: Mapping[str, Sequence[str]] | None = None
) -> list[dict[str, Any]]:
    """Metrics rows for every noise and severity, and for three kinds of means.

    The means are over the noises of each group at each severity, over severities of each noise
    (severity 0), and over both.

    Args:
        clean: predictions of all test videos.
        noisy: predictions with columns noise and severity. Raises UserError for videos that `clean` does not have.
        classes: number of tested classes, which determines the chance level.
        groups: kinds of noise by the name of their mean; None: all kinds, under MEAN.
    """
    known = clean.set_index("video")["correct"]
    if missing := sorted(set(noisy["video"]) - set(known.index)):
        raise UserError(
            f"{len(missing)} noisy test videos are not in the test set without noise, such as {', '.join(missing[:3])}:"
            " the two are from different runs. Remove the dataset's folder `noisy` below `results_dir`/data and run the"
            " same snakemake command again."
        )
    pairs = noisy[[*DRAWN, "split"]].assign(
        noisy=noisy["correct"].astype(float), clean=noisy["video"].map(known).astype(float)
    )
    kinds, levels = list(dict.fromkeys(pairs["noise"])), sorted(set(pairs["severity"]))
    rows = []
    members = {**{kind: [kind] for kind in kinds}, **({MEAN: kinds} if groups is None else groups)}
    for noise, meant in members.items():
        for severity in [*levels, 0]:
            part = pairs[pairs["noise"].isin(meant) & ((pairs["severity"] == severity) | (severity == 0))]
            if part.empty:  # this noise was not generated at this severity
                continue
            condition = {"noise": noise, "severity": severity, "split": part["split"].iloc[0]}
            rows += [{**condition, **row} for row in _condition_scores(part, 1 / classes)]
    return rows


def _condition_scores(pairs: pd.DataFrame, chance: float) -> list[dict[str, Any]]:
    """Accuracies and robustness scores of one condition, or of the mean of several with equal weights."""
    sizes = pairs.groupby(["noise", "severity"])["video"].transform("size")
    weighted = pairs.assign(noisy=pairs["noisy"] / sizes, clean=pairs["clean"] / sizes)
    conditions = len(pairs[["noise", "severity"]].drop_duplicates())
    # One row per video, which may be in several conditions: the interval is computed by resampling videos.
    by_video = weighted.groupby("video")[["noisy", "clean"]].sum() / conditions
    a_p, a_c, n = by_video["noisy"].sum(), by_video["clean"].sum(), len(by_video)
    top1 = {"metric": "top1", "value": a_p, "n": n, "chance": chance}
    if conditions == 1:
        top1["ci_low"], top1["ci_high"] = wilson_interval(int(pairs["noisy"].sum()), n)
    rows = [
        top1,
        {"metric": "clean_top1", "value": a_c, "n": n, "chance": chance},
        {"metric": "gamma_a", "value": 1 - (a_c - a_p), "n": n},
    ]
    if a_c > 0:  # for a_c = 0 the ratio is undefined
        ratio, low, high = ratio_interval(by_video["noisy"].to_numpy(), by_video["clean"].to_numpy())
        interval = {} if np.isnan(low) else {"ci_low": low, "ci_high": high}
        rows.append({"metric": "gamma_r", "value": ratio, "n": n, **interval})
        interval = {} if np.isnan(low) else {"ci_low": 1 - high, "ci_high": 1 - low}
        rows.append({"metric": "relative_decrease", "value": 1 - ratio, "n": n, **interval})
    return rows
