"""Robustness scores by hand, and the job from a finetuned network to its files."""

import numpy as np
import pandas as pd
import pytest
from data.test_noisy import write
from tiny import CPU, finetune_arguments, make_study, spec_of

from videossl.common.errors import UserError
from videossl.common.files import write_parquet
from videossl.common.results import read_metrics, read_predictions
from videossl.evaluation.finetune import finetune
from videossl.evaluation.robustness import robustness, scores

pytestmark = pytest.mark.usefixtures("own_signals")


def clean_predictions(correct: list[bool]) -> pd.DataFrame:
    return pd.DataFrame({"video": [f"v{n}" for n in range(len(correct))], "correct": correct})


def noisy_predictions(**conditions: list[tuple[str, bool]]) -> pd.DataFrame:
    """Named noise_severity: (video, correct)."""
    rows = []
    for name, videos in conditions.items():
        noise, severity = name.split("_")
        rows += [
            {"noise": noise, "severity": int(severity), "video": video, "correct": correct, "split": "test"}
            for video, correct in videos
        ]
    return pd.DataFrame(rows)


def test_scores_by_hand():
    """Ten videos, eight right when clean. Gaussian at 1: six of all ten. Shot at 1: of four videos, of which three are
    right when clean, one."""
    clean = clean_predictions([True] * 8 + [False] * 2)
    gaussian = [(f"v{n}", n < 6) for n in range(10)]
    shot = [("v0", True), ("v1", False), ("v2", False), ("v9", False)]
    rows = {
        (r["noise"], r["severity"], r["metric"]): r
        for r in scores(clean, noisy_predictions(gaussian_1=gaussian, shot_1=shot), 5)
    }

    def value(*key):
        return pytest.approx(rows[key]["value"])

    assert value("gaussian", 1, "top1") == 0.6 and value("gaussian", 1, "clean_top1") == 0.8
    assert value("gaussian", 1, "relative_decrease") == 0.25
    assert value("gaussian", 1, "gamma_r") == 0.75
    assert value("gaussian", 1, "gamma_a") == 0.8
    assert value("shot", 1, "relative_decrease") == 1 - 0.25 / 0.75
    # each noise counts the same in the mean, however many videos it has
    assert value("mean", 1, "top1") == (0.6 + 0.25) / 2
    assert value("mean", 1, "clean_top1") == (0.8 + 0.75) / 2
    assert value("mean", 1, "relative_decrease") == 1 - (0.6 + 0.25) / (0.8 + 0.75)
    # one severity: its mean is the same
    assert value("mean", 0, "gamma_a") == rows["mean", 1, "gamma_a"]["value"]
    assert rows["gaussian", 1, "top1"]["n"] == 10 and rows["mean", 1, "top1"]["n"] == 10
    assert rows["shot", 1, "top1"]["chance"] == rows["mean", 0, "top1"]["chance"] == 0.2
    for row in rows.values():
        if "ci_low" in row:
            assert row["ci_low"] <= row["value"] <= row["ci_high"]


def test_the_means_over_noises_follow_from_the_rows_of_each_noise():
    """What a reader of the table of noises can compute is what the table of robustness shows."""
    clean = clean_predictions([number % 4 > 0 for number in range(40)])
    noisy = {
        "gaussian_1": [(f"v{n}", n % 2 > 0) for n in range(40)],
        "shot_1": [(f"v{n}", n % 5 > 0) for n in range(0, 40, 3)],
        "impulse_1": [(f"v{n}", n % 3 == 0) for n in range(1, 40, 2)],
        "speckle_1": [(f"v{n}", n % 7 > 2) for n in range(0, 30)],
    }
    rows = {
        (r["noise"], r["metric"]): r["value"]
        for r in scores(clean, noisy_predictions(**noisy), 5)
        if r["severity"] == 1
    }
    without, under = (sum(rows[key.split("_")[0], metric] for key in noisy) / 4 for metric in ("clean_top1", "top1"))
    assert rows["mean", "relative_decrease"] == pytest.approx((without - under) / without)
    assert (rows["mean", "clean_top1"], rows["mean", "top1"]) == (pytest.approx(without), pytest.approx(under))


def test_mean_over_severities():
    clean = clean_predictions([True, True, False, True])
    one = [(f"v{n}", n < 2) for n in range(4)]
    two = [(f"v{n}", n < 1) for n in range(4)]
    rows = {
        (r["noise"], r["severity"], r["metric"]): r["value"]
        for r in scores(clean, noisy_predictions(shot_1=one, shot_2=two), 5)
    }
    assert rows["shot", 0, "relative_decrease"] == pytest.approx(1 - (0.5 + 0.25) / 1.5)
    assert rows["shot", 0, "relative_decrease"] == rows["mean", 0, "relative_decrease"]


def test_where_nothing_was_right_there_is_no_ratio():
    rows = scores(clean_predictions([False] * 3), noisy_predictions(shot_1=[("v0", False), ("v1", True)]), 5)
    assert {row["metric"] for row in rows} == {"top1", "clean_top1", "gamma_a"}


def test_other_videos_are_refused():
    with pytest.raises(UserError, match="not in the test set without noise, such as v7"):
        scores(clean_predictions([True]), noisy_predictions(shot_1=[("v7", True)]), 5)


def test_from_a_finetuned_network_to_files(target, tmp_path):
    study = make_study(tmp_path / "study")
    spec, identity = finetune_arguments(study)
    folder = tmp_path / "finetuned"
    finetune(spec, identity, manifest=target.manifest, weights=None, folder=folder, compute=CPU)
    noisy = {}
    for noise, severities in (("none", [0]), ("gaussian", [1, 5]), ("shot", [1])):
        for level, manifest in write(target, tmp_path / "noisy", noise, severities).items():
            path = tmp_path / "noisy" / noise / str(level) / "manifest.parquet"
            write_parquet(path, __import__("pyarrow").Table.from_pandas(manifest))
            noisy[noise, level] = path
    output = tmp_path / "robustness"
    (cell,) = (c for c in study.evaluations if c.task == "rspnet")
    robustness(
        spec_of(study, cell),
        identity | {"stage": "robustness", "protocol": "robustness"},
        weights=folder / "weights.pt",
        noiseless=noisy.pop(("none", 0)),
        noisy=noisy,
        folder=output,
        compute=CPU,
    )
    predictions = read_predictions(output / "predictions.parquet")
    assert predictions.groupby(["noise", "severity"]).size().to_dict() == {
        ("", 0): 10,
        ("gaussian", 1): 10,
        ("gaussian", 5): 10,
        ("shot", 1): 4,
    }
    metrics = read_metrics(output / "metrics.parquet")
    top1 = metrics[(metrics["metric"] == "top1") & (metrics["noise"] == "gaussian") & (metrics["severity"] == 5)]
    part = predictions[(predictions["noise"] == "gaussian") & (predictions["severity"] == 5)]
    assert top1["value"].item() == pytest.approx(np.mean(part["correct"]))
    clean = metrics[(metrics["metric"] == "clean_top1") & (metrics["noise"] == "gaussian") & (metrics["severity"] == 5)]
    assert clean["value"].item() == pytest.approx(np.mean(predictions[predictions["noise"] == ""]["correct"]))
