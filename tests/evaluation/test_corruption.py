"""The test on corrupted videos: its jobs, and scores by group."""

from __future__ import annotations

import pandas as pd
import pytest
from tiny import CPU, GRID, finetune_arguments, make_study, spec_of, table

from videossl.common.errors import UserError
from videossl.common.results import read_metrics, read_predictions
from videossl.data.corrupted import write_corrupted
from videossl.data.settings import CORRUPTIONS
from videossl.evaluation.finetune import finetune
from videossl.evaluation.robustness import robustness, scores
from videossl.stages.corruption import GROUPS, KINDS
from videossl.stages.registry import stage

pytestmark = pytest.mark.usefixtures("own_signals")
CORRUPTED = {"protocol": "corruption", "task": "rspnet", "severity": [0, 2]}


def study_of(folder, noise="blur", **config):
    grid = GRID | CORRUPTED | {"noise": noise}
    return make_study(folder, {"a": table(grid, rows=["noise", "severity"], columns="task")}, **config)


def test_all_networks_share_the_sets_of_their_target(tmp_path):
    study = study_of(tmp_path, corrupted={"videos": 4, "seed": 7})
    made = study.of_stage("corrupted")
    assert [cell.complexity for cell in made] == list(KINDS) and len(study.of_stage("corruption")) == 2
    inputs = [stage("corruption").inputs(study, cell) for cell in study.of_stage("corruption")]
    assert inputs[0]["corrupted"] == inputs[1]["corrupted"] and len(inputs[0]["corrupted"]) == 12 * 5
    assert inputs[0]["weights"] != inputs[1]["weights"]
    outputs = {study.results / cell.path / name for cell in made for name in stage("corrupted").outputs}
    assert {*inputs[0]["corrupted"], *inputs[0]["clean"]} <= outputs
    spec = spec_of(study, made[0])
    assert (spec.kind, spec.videos, spec.seed, spec.severities) == ("defocus", 4, 7, [0, 1, 2, 3, 4, 5])
    tested = spec_of(study, study.of_stage("corruption")[0])
    assert tested.corrupted[0] == spec and tested.groups == GROUPS
    other = study_of(tmp_path, corrupted={"videos": 5})
    assert spec_of(other, other.of_stage("corruption")[0]).hash != tested.hash


@pytest.mark.parametrize(
    ("protocol", "noise"), [("corruption", "gaussian"), ("robustness", "blur"), ("corruption", "mean")]
)
def test_conditions_of_another_protocol_are_refused(tmp_path, protocol, noise):
    grid = GRID | CORRUPTED | {"noise": noise, "protocol": protocol}
    with pytest.raises(UserError, match=f"protocol '{protocol}' has no `noise` {noise}"):
        make_study(tmp_path, {"a": table(grid, rows=["noise", "severity"], columns="task")})


def predictions(**correct: list[bool]) -> pd.DataFrame:
    """Correct videos by "<kind><severity>"."""
    rows = [
        {"noise": name[:-1], "severity": int(name[-1]), "video": f"v{place}", "split": "test", "correct": ok}
        for name, values in correct.items()
        for place, ok in enumerate(values)
    ]
    return pd.DataFrame(rows)


def test_scores_of_groups_by_hand():
    clean = pd.DataFrame({"video": ["v0", "v1", "v2", "v3"], "correct": [True, True, True, False]})
    noisy = predictions(
        motion1=[True, False, False, False], motion2=[False] * 4,
        defocus1=[True, True, True, False], defocus2=[True, True, False, False],
        jpeg1=[True] * 4, jpeg2=[True, True, True, False],
    )  # fmt: skip
    groups = {"blur": ["defocus", "motion"], "digital": ["jpeg"], "corruptions": ["defocus", "motion", "jpeg"]}
    rows = pd.DataFrame(scores(clean, noisy, 4, groups)).set_index(["noise", "severity", "metric"])["value"]
    assert rows["blur", 1, "top1"] == pytest.approx((0.25 + 0.75) / 2)
    assert rows["blur", 0, "top1"] == pytest.approx((0.25 + 0 + 0.75 + 0.5) / 4)
    assert rows["blur", 0, "relative_decrease"] == pytest.approx(1 - rows["blur", 0, "top1"] / 0.75)
    assert rows["corruptions", 2, "gamma_a"] == pytest.approx(1 - (0.75 - (0 + 0.5 + 0.75) / 3))
    assert rows["digital", 0, "top1"] == rows["jpeg", 0, "top1"] and rows["motion", 2, "top1"] == 0
    assert "mean" not in rows.index.get_level_values("noise")
    assert "mean" in {row["noise"] for row in scores(clean, noisy, 4)}


def test_a_network_is_tested_on_every_set(target, tmp_path):
    study = study_of(tmp_path, corrupted={"videos": 3})
    spec, identity = finetune_arguments(study, epochs=1)
    finetune(spec, identity, manifest=target.manifest, weights=None, folder=tmp_path / "f", compute=CPU)
    kinds = ("reversed", "contrast")
    for cell in study.of_stage("corrupted"):
        if cell.complexity in kinds:
            write_corrupted(spec_of(study, cell), target.manifest, tmp_path / cell.complexity)
    (cell,) = [one for one in study.of_stage("corruption") if not one.is_scratch]
    robustness(
        spec_of(study, cell),
        cell.identity,
        weights=tmp_path / "f/weights.pt",
        noiseless=tmp_path / "reversed/severity0/manifest.parquet",
        noisy={
            (kind, level): tmp_path / f"{kind}/severity{level}/manifest.parquet" for kind in kinds for level in (1, 5)
        },
        folder=tmp_path / "run",
        compute=CPU,
        groups={group: [kind for kind in members if kind in kinds] for group, members in CORRUPTIONS.items()},
    )
    found = read_predictions(tmp_path / "run/predictions.parquet")
    assert found.groupby(["noise", "severity"]).size().tolist() == [3] * 5
    metrics = read_metrics(tmp_path / "run/metrics.parquet")
    assert set(metrics["noise"]) == {*kinds, "temporal", "digital"} and set(metrics["severity"]) == {0, 1, 5}
