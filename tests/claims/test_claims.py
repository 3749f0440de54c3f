"""The paper's claims: the arithmetic of verdicts, the paper's own numbers, and measured ones."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from report_cells import PAPER_VALUES, identity

from videossl.claims import CLAIMS, Ask, Claim, Number, cells_of_claims, judge
from videossl.claims.base import Combination, Finding, Measured, absolute, below, every, exceeds, mean, some
from videossl.common.results import write_metrics, write_predictions
from videossl.report.claims import frame, measured_numbers, paper_numbers, verdicts, write_claims
from videossl.report.paper import read_paper_values
from videossl.report.render import TABLE_SUFFIXES
from videossl.study import titles
from videossl.study.study import load_study

REPOSITORY = Path(__file__).parents[2]
A, B = Ask("t", task="rotnet"), Ask("t", task="prp")
YES, NO, OPEN = Finding("supported", "y"), Finding("contradicted", "n"), Finding("undecided", "?")


def combination(numbers, **weights):
    asks = {"a": A, "b": B}
    return Combination(numbers, {asks[name]: float(weight) for name, weight in weights.items()})


def test_combinations_add_up():
    numbers = {A: Number(0.5), B: Number(0.2)}
    a, b = combination(numbers, a=1), combination(numbers, b=1)
    assert (a - b).value == pytest.approx(0.3)
    assert mean([a, b]).value == pytest.approx(0.35)
    assert ((a - b) - (b - a)).weights == {A: 2.0, B: -2.0}
    assert absolute(b - a).value == pytest.approx(0.3)
    assert (a - b).error is None


def test_without_intervals_the_sign_decides_beyond_the_margin():
    def verdict(a, b):
        return exceeds("x", combination({A: Number(a), B: Number(b)}, a=1, b=-1)).verdict

    assert verdict(0.52, 0.5) == "supported"
    assert verdict(0.505, 0.5) == verdict(0.5, 0.505) == verdict(0.5, 0.5) == "undecided"
    assert verdict(0.5, 0.52) == "contradicted"
    assert below("x", combination({A: Number(0.05)}, a=1), 0.02).verdict == "contradicted"
    assert below("x", combination({A: Number(-0.05)}, a=1), 0.02).verdict == "supported"


def test_independent_errors_add_in_squares():
    numbers = {A: Number(0.5, 0.03), B: Number(0.4, 0.04)}
    difference = combination(numbers, a=1, b=-1)
    assert difference.error == pytest.approx(0.05)
    found = exceeds("x", difference)  # 0.1 +- 0.098
    assert (found.verdict, found.evidence) == ("supported", "x: +10.0 points [+0.2, +19.8]")
    assert exceeds("x", combination({**numbers, A: Number(0.49, 0.03)}, a=1, b=-1)).verdict == "undecided"


def test_the_same_videos_are_compared_one_by_one():
    index = [f"v{i:02d}" for i in range(100)]
    first = pd.Series([i < 60 for i in range(100)], index=index)
    second = pd.Series([i < 50 for i in range(100)], index=index)  # right only where the first is
    numbers = {A: Number(0.6, 0.05, first), B: Number(0.5, 0.05, second)}
    difference = combination(numbers, a=1, b=-1)
    expected = np.sqrt(np.var([1] * 10 + [0] * 90, ddof=1) / 100)
    assert difference.error == pytest.approx(expected)
    assert exceeds("x", difference).verdict == "supported"
    other = {**numbers, B: Number(0.5, 0.05, second.rename(lambda name: f"other {name}"))}
    assert combination(other, a=1, b=-1).error == pytest.approx(np.hypot(0.05, 0.05))  # different videos
    same = {A: numbers[A], B: numbers[A]}
    assert exceeds("x", combination(same, a=1, b=-1)).verdict == "undecided"  # no difference at all


def test_all_and_some():
    assert every([YES, YES]).verdict == "supported"
    assert every([YES, OPEN]).verdict == "undecided"
    assert every([YES, OPEN, NO]).verdict == "contradicted"
    assert some([NO, YES]).verdict == "supported"
    assert some([NO, OPEN]).verdict == "undecided"
    assert some([NO, NO]).verdict == "contradicted"
    assert every([YES, NO, NO]).evidence == "2 of 3 comparisons go the other way: n; n"


def test_one_of_many_must_be_surer_than_one_alone():
    barely = exceeds("x", combination({A: Number(0.2, 0.1)}, a=1))  # two standard errors
    clearly = exceeds("x", combination({A: Number(0.4, 0.1)}, a=1))
    assert barely.verdict == "supported"
    assert some([barely, NO]).verdict == "undecided"
    assert some([clearly, NO]).verdict == "supported"
    assert every([barely, barely]).verdict == "supported"  # where all must hold nothing is widened
    against = replace(barely, verdict="contradicted", distance=-0.2)
    assert every([YES, against]).verdict == "undecided"


def test_the_evidence_says_that_only_the_widened_interval_leaves_it_open():
    barely = exceeds("x", combination({A: Number(0.2, 0.1)}, a=1))
    assert barely.evidence == "x: +20.0 points [+0.4, +39.6]"  # looks clear
    found = some([barely, NO])
    assert found.verdict == "undecided"
    assert found.evidence.endswith("+39.6] (alone it would be clear, as one of 2 it is not)")
    assert every([YES, OPEN]).evidence == "1 of 2 comparisons too close to call: ?"


def test_evidence_names_things_as_tables_do(paper):
    """Not by the keys of the configuration."""
    keys = {*titles.shipped_tasks(), *titles.networks(), *titles.DATASETS, *titles.METRICS}
    for claim in CLAIMS.values():
        finding, _ = judge(claim, paper)
        words = set(re.split(r"[\s,:;()]+", finding.evidence))
        assert not words & {key for key in keys if titles.name_of(key) != key}, claim.name


def test_a_claim_without_all_numbers_is_undecided():
    claim = Claim("c", "1", "A is more than B", (A, B), lambda m: exceeds("x", m(task="rotnet") - m(task="prp")))
    finding, missing = judge(claim, {A: Number(0.5)})
    assert (finding.verdict, missing) == ("undecided", [B])
    finding, missing = judge(claim, {A: Number(0.5), B: Number(0.2)})
    assert (finding.verdict, missing) == ("supported", [])
    with pytest.raises(ValueError, match="2 of the claim's numbers"):
        Measured({A: Number(0.5), B: Number(0.2)})(subset="50k")


@pytest.fixture(scope="module")
def paper():
    return paper_numbers(read_paper_values(PAPER_VALUES))


def test_the_paper_has_a_number_for_everything_that_is_asked(paper):
    assert {ask for claim in CLAIMS.values() for ask in claim.asks} == set(paper)


def test_what_the_papers_own_numbers_show(paper):
    found = {name: judge(claim, paper)[0] for name, claim in CLAIMS.items()}
    apart = {name: finding.verdict for name, finding in found.items() if finding.verdict != "supported"}
    assert apart == {
        "gains_are_marginal_after_100_epochs": "undecided",
        "nothing_helps_temporal_tasks": "undecided",
        "spatio_temporal_depends_least_on_the_source": "undecided",
        "spatio_temporal_is_best_on_every_dataset": "contradicted",
        "sources_that_suit_a_task_are_better_for_it": "contradicted",
        "temporal_tasks_are_good_on_temporal_targets": "contradicted",
        "prp_with_r2plus1d_is_most_vulnerable": "contradicted",
        "r2plus1d_is_the_best_medium_network_in_retrieval": "contradicted",
    }
    # (40.9-37.3 + 52.8-52.3 + 45.0-34.8) / 3 - (60.5-58.5 + 30.2-31.3 + 77.4-76.1) / 3
    assert found["contrastive_tasks_converge_faster"].distance == pytest.approx(0.0403, abs=1e-4)
    # mean of 70.1 - 22.8, 78.4 - 51.9, ...: 45.6 - 33.9
    assert found["small_networks_are_more_robust_on_average"].distance == pytest.approx(0.117, abs=1e-3)
    evidence = found["students_of_two_tasks_beat_the_spatio_temporal_task"].evidence  # ShuffleNet: 70.3 less 68.8
    assert "student of CVRL and TDL less RSPNet: +1.5 points" in evidence
    assert found["prp_with_r2plus1d_is_most_vulnerable"].evidence.endswith(
        "PRP with R(2+1)D less CVRL with R(2+1)D: -8.3 points"
    )


def test_a_claim_turns_with_its_numbers(paper):
    """With all differences mirrored every finding is another, but those of sizes whatever their sign."""
    mirrored = {ask: Number(1 - number.value) for ask, number in paper.items()}
    kept = {name for name, claim in CLAIMS.items() if judge(claim, mirrored)[0] == judge(claim, paper)[0]}
    assert kept == {
        "a_temporal_task_suffers_less_from_a_change_of_source",
        "spatio_temporal_depends_least_on_the_source",
        "temporal_retrieval_depends_least_on_the_source",
    }


def measure(root: Path, right: int, n: int = 200, **axes) -> Path:
    """A finetuning's metrics and predictions, with the first `right` of `n` videos right."""
    columns = identity(**axes)
    folder = root / "-".join(map(str, columns.values()))
    folder.mkdir(parents=True)
    correct = [index < right for index in range(n)]
    rows = [{"split": "test", "metric": "top1", "value": right / n, "n": n}]
    write_metrics(folder / "metrics.parquet", columns, rows)
    write_predictions(
        folder / "predictions.parquet",
        columns,
        [
            {
                **{"split": "test", "video": f"v{index:03d}", "clips": 1},
                **{"label": 1, "prediction": int(ok), "probability_label": 0.5},
            }
            for index, ok in enumerate(correct)
        ],
    )  # fmt: skip
    return folder / "metrics.parquet"


def test_measured_numbers_are_those_of_the_asked_cells(tmp_path):
    paths = [measure(tmp_path, 50 + seed, task="rotnet", complexity="C3", epochs=100, seed=seed) for seed in (0, 2)]
    paths += [measure(tmp_path, 90, task="rotnet", complexity="C1", epochs=100), tmp_path / "none/metrics.parquet"]
    numbers = measured_numbers(paths, {"rotnet": "C3"})
    (ask,) = numbers  # that of the training time: the default complexity, and not what has no metrics
    assert (ask.table, ask.task, ask.epochs, ask.complexity) == ("training_time", "rotnet", 100, None)
    number = numbers[ask]
    assert number.value == pytest.approx(51 / 200)
    assert number.correct["v050"] == 0.5 and number.correct.sum() == 51
    assert 0.03 < number.error < 0.033  # sqrt(0.255 * 0.745 / 200) = 0.031


def test_a_measured_claim_and_its_table(tmp_path):
    later = {"rotnet": 80, "vcop": 80, "prp": 80, "cvrl": 50, "tdl": 50, "rspnet": 50}
    paths = [measure(tmp_path, 50, task=task, epochs=100) for task in later]
    paths += [measure(tmp_path, right, task=task) for task, right in later.items()]
    values = read_paper_values(PAPER_VALUES)
    found = {verdict.claim.name: verdict for verdict in verdicts(measured_numbers(paths, {}), paper_numbers(values))}
    verdict = found["contrastive_tasks_converge_faster"]
    assert (verdict.finding.verdict, verdict.missing) == ("supported", ())
    assert verdict.finding.evidence.startswith(
        "gain from 100 to 200 epochs, non-contrastive less contrastive: +15.0 points ["
    )
    other = found["gains_are_marginal_after_100_epochs"]
    assert (other.finding.verdict, len(other.missing)) == ("undecided", 6)
    table = frame(list(found.values())).set_index("claim")
    assert table.loc["gains_are_marginal_after_100_epochs", "numbers_used"] == 12
    lacking = "RotNet, R(2+1)D, K400 50k, 50 epochs, UCF101, finetuning, top-1 accuracy"
    assert lacking in table.loc["gains_are_marginal_after_100_epochs", "missing"]

    for name in ("a", "b"):
        write_claims(paths, {}, values, [tmp_path / f"{name}{s}" for s in TABLE_SUFFIXES], reduced="generated & small")
    for suffix in TABLE_SUFFIXES:
        path = tmp_path / f"a{suffix}"
        assert path.read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
        text = pq.read_table(path).to_pandas().to_csv() if suffix == ".parquet" else path.read_text()
        assert "non-contrastive less contrastive" in text and "contradicted" in text
        if suffix in (".md", ".tex", ".html"):
            assert "reduced scale: generated" in text
    page = (tmp_path / "a.html").read_text()
    assert "generated &amp; small" in page
    assert page.count("<tr>") == 1 + len(CLAIMS)
    latex = (tmp_path / "a.tex").read_text()
    assert latex.count("{") == latex.count("}")
    assert all(line.count(" & ") == 5 for line in latex.splitlines() if line.startswith("  {}"))


def test_without_any_number_all_is_undecided(tmp_path):
    write_claims([], {}, read_paper_values(PAPER_VALUES), [tmp_path / "claims.csv"])
    table = pd.read_csv(tmp_path / "claims.csv")
    assert set(table["verdict"]) == {"undecided"} and (table["numbers_used"] == 0).all()


def test_the_study_has_every_cell_that_a_claim_needs(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    study = load_study(["config/config.yaml"])
    cells = [
        cell.identity | {"default_complexity": cell.default_complexity} for cell in cells_of_claims(study.all_cells)
    ]
    asks = {ask for claim in CLAIMS.values() for ask in claim.asks}
    assert [str(ask) for ask in asks if sum(ask.is_of(cell) for cell in cells) != 1] == []
