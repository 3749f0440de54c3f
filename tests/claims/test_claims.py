"""The paper's claims on the paper's own numbers and on measured ones, and their table."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from report_cells import PAPER_VALUES, identity
from run_records import run_record

from videossl.claims import CLAIMS, Ask, Claim, Number, cells_of_claims, judge, judge_paper
from videossl.claims.ask import QUOTED_BACKBONE, pretraining
from videossl.claims.claim import Measured
from videossl.claims.finding import exceeds
from videossl.common.files import write_parquet
from videossl.common.results import write_metrics, write_predictions
from videossl.common.strict import merge
from videossl.report.claim_numbers import measured_numbers, numbers_of, paper_numbers, reasons_of
from videossl.report.claims import frame, verdicts, write_claims
from videossl.report.paper import read_paper_values
from videossl.report.published import read_published
from videossl.report.render import TABLE_SUFFIXES
from videossl.report.request import request_of
from videossl.study import titles
from videossl.study.config import Config
from videossl.study.config.reading import read_yaml
from videossl.study.study import Study, load_study

REPOSITORY = Path(__file__).parents[2]
PUBLISHED = REPOSITORY / "config/state_of_the_art.csv"
LEFT_OUT = {"leave_out": {"epochs": [100, 150], "subset": ["10k"]}}
A, B = Ask("t", task="rotnet"), Ask("t", task="prp")


def arguments(metrics: list[Path], **changes: Any) -> dict[str, Any]:
    """Arguments of a request of the claims."""
    return {
        "metrics": [str(path) for path in metrics],
        "default_complexities": {},
        "reduced": "",
        "paper_values": str(PAPER_VALUES),
        "published": str(PUBLISHED),
        "pending": [],
    } | changes


@pytest.fixture(scope="module")
def paper():
    return paper_numbers(read_paper_values(PAPER_VALUES), read_published(PUBLISHED))


def test_evidence_names_things_as_tables_do(paper):
    """Not by the keys of the configuration."""
    keys = {*titles.shipped_tasks(), *titles.networks(), *titles.DATASETS, *titles.METRICS}
    for claim in CLAIMS.values():
        for finding in (judge_paper(claim, paper), judge(claim, {}).finding):
            words = set(re.split(r"[\s,:;()]+", finding.evidence))
            assert not words & {key for key in keys if titles.name_of(key) != key}, claim.name


def test_evidence_is_plain(paper):
    """A difference is called lead, gain, loss or minus."""
    for claim in CLAIMS.values():
        evidence = judge_paper(claim, paper).evidence
        assert not re.search(r"\bless (?!than)|go the other way|too close to call", evidence), evidence


def test_a_claim_without_all_numbers_is_undecided():
    claim = Claim("c", "1", "A is more than B", ((A, B),), lambda m: exceeds("x", m(task="rotnet") - m(task="prp")))
    judged = judge(claim, {A: Number(0.5)})
    assert (judged.finding.verdict, judged.missing) == ("undecided", (B,))
    judged = judge(claim, {A: Number(0.5), B: Number(0.2)})
    assert (judged.finding.verdict, judged.missing) == ("supported", ())
    with pytest.raises(ValueError, match="2 of the claim's numbers"):
        Measured({A: Number(0.5), B: Number(0.2)})(subset="50k")


def test_the_paper_has_a_number_for_everything_that_is_asked(paper):
    """Where it has not, the claim says why."""
    for claim in CLAIMS.values():
        lacking = [[ask for ask in asks if ask not in paper] for asks in claim.choices]
        assert claim.parts or [] in lacking or claim.unprinted, claim.name
        assert not (claim.unprinted and [] in lacking), claim.name


def test_what_the_paper_does_not_print_is_undecided_with_the_reason(paper):
    unprinted = [claim for claim in CLAIMS.values() if claim.unprinted]
    assert len(unprinted) == 11
    for claim in unprinted:
        finding = judge_paper(claim, paper)
        assert finding.verdict == "undecided"
        assert finding.evidence.endswith(f"missing: {claim.unprinted}")


def test_what_the_papers_own_numbers_show(paper):
    found = {name: judge_paper(claim, paper) for name, claim in CLAIMS.items()}
    printed = {name: finding for name, finding in found.items() if not CLAIMS[name].unprinted}
    assert {name: one.verdict for name, one in printed.items() if one.verdict != "supported"} == {
        "spatio_temporal_tasks_gain_most_from_data": "contradicted",  # by 18 points, not by about 13
        "gains_are_marginal_after_100_epochs": "undecided",
        "nothing_helps_temporal_tasks": "undecided",
        "more_data_does_not_help_a_small_network": "contradicted",
        "spatio_temporal_is_best_on_every_dataset": "contradicted",
        "sources_that_suit_a_task_are_better_for_it": "contradicted",
        "temporal_tasks_are_good_on_temporal_targets": "contradicted",
        "prp_with_r2plus1d_is_most_vulnerable": "contradicted",
        "contrastive_tasks_lead_only_in_reported_values": "contradicted",
        "spatio_temporal_is_far_above_spatial_under_equal_conditions": "undecided",
        "shufflenet_is_mostly_the_best_small_network": "undecided",
        "r2plus1d_is_mostly_the_best_medium_network": "undecided",
        "r2plus1d_is_the_best_medium_network_in_retrieval": "contradicted",
        "the_student_surpasses_published_results": "undecided",  # 97.3 beside 97.0
        "the_student_is_far_above_published_results": "contradicted",
        "recommendation_on_data_distribution": "contradicted",
        "recommendation_on_model_capacity": "contradicted",
    }

    def says(name: str, evidence: str) -> bool:
        return evidence in found[name].evidence

    # (40.9-37.3 + 52.8-52.3 + 45.0-34.8) / 3 - (60.5-58.5 + 30.2-31.3 + 77.4-76.1) / 3
    assert says("contrastive_tasks_converge_faster", "from 100 to 200 epochs, is +4.0 points")
    # mean of 70.1 - 22.8, 78.4 - 51.9, ...: 45.6 - 33.9
    assert found["small_networks_are_more_robust_on_average"].distance == pytest.approx(0.117, abs=1e-3)
    assert says("students_of_two_tasks_beat_the_spatio_temporal_task", "over RSPNet (ShuffleNet) is +1.5 points")
    assert says("prp_with_r2plus1d_is_most_vulnerable", "minus that of CVRL with R(2+1)D is -8.3 points")
    # Relative decreases: (56.9 - 34.7) / 56.9, (8.2 - 5.6) / 8.2, (59.7 - 50.4) / 59.7, (10.4 - 9.3) / 10.4
    cvrl, vcop = "a_spatial_task_drops_on_a_temporal_source", "a_temporal_task_suffers_less_from_a_change_of_source"
    assert says(cvrl, "is 39.0 % (the paper says about 40 %)") and says(cvrl, "is 31.7 % (the paper says about 30 %)")
    assert says(vcop, "is 15.6 % (the paper says about 15 %)") and says(vcop, "is 10.6 % (the paper says about 10 %)")
    # (28.7 + 7.1) / 2 with PRP from 17.5 to 46.2 and RSPNet from 70.9 to 78.0
    assert says("spatio_temporal_tasks_gain_most_from_data", "is +17.9 points (the paper says about 13 points)")
    assert says("the_student_is_far_above_published_results", "multi-modal result is +2.1 points")
    assert says("distillation_needs_a_tenth_of_the_data", "R(2+1)D of 100k videos (UCF101) is +4.5 points")


def test_students_of_two_tasks_follow_the_backbone_of_the_papers_values():
    """R(2+1)D students of CVRL and TDL would be below RSPNet, ShuffleNet students are above."""
    claim = CLAIMS["students_of_two_tasks_beat_the_spatio_temporal_task"]
    values = read_paper_values(PAPER_VALUES)
    found = []
    for net in ("shufflenet", "r2plus1d"):
        values.loc[values["table"] == "distill_tasks", "backbone"] = net
        found.append(judge_paper(claim, paper_numbers(values)).verdict)
    assert found == ["supported", "contradicted"]


def test_published_results_are_those_of_others(paper):
    """Best of each kind: MVD and GDT; not the paper's own student, which is the measured network's counterpart."""
    best = [paper[Ask("state_of_the_art", metric=f"best_{kind}_modal")].value for kind in ("single", "multi")]
    assert best == [0.970, 0.952]
    student = {"subset": "30k", "protocol": "distill", "teachers": "shufflenet+r2plus1d"}
    assert [paper[Ask("state_of_the_art", target=t, **student)].value for t in ("ucf101", "hmdb51")] == [0.973, 0.515]
    assert not [ask for ask in paper_numbers(read_paper_values(PAPER_VALUES)) if ask.table == "state_of_the_art"]


def test_numbers_from_the_literature_are_the_same_for_measured_claims(paper):
    numbers = numbers_of(arguments([]))
    assert {ask for ask in numbers.measured} == {ask for ask in paper if ask.is_quoted}
    assert numbers.measured[Ask("reported", task="cvrl", backbone=QUOTED_BACKBONE)].value == 0.944


def test_a_claim_turns_with_its_numbers(paper):
    """With all differences mirrored every finding is another, but those of sizes whatever their sign."""
    mirrored = {ask: Number(1 - number.value) for ask, number in paper.items()}
    judged = {name: (judge_paper(claim, paper), judge_paper(claim, mirrored)) for name, claim in CLAIMS.items()}
    kept = {name for name, (one, other) in judged.items() if one == other and not CLAIMS[name].unprinted}
    assert kept == {"temporal_retrieval_depends_least_on_the_source"}


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
    found = {verdict.claim.name: verdict for verdict in verdicts(numbers_of(arguments(paths)))}
    verdict = found["contrastive_tasks_converge_faster"]
    assert (verdict.finding.verdict, verdict.missing) == ("contradicted", ())  # faster, by other sizes
    assert verdict.finding.evidence.startswith(
        "order: supported (the mean gain of non-contrastive tasks minus that of contrastive tasks, from 100 to 200"
        " epochs, is +15.0 points (95 % interval "
    )
    other = found["gains_are_marginal_after_100_epochs"]
    assert (other.finding.verdict, len(other.missing)) == ("undecided", 6)
    table = frame(list(found.values())).set_index("claim")
    assert table.loc["gains_are_marginal_after_100_epochs", "numbers_used"] == 12
    lacking = "RotNet, R(2+1)D, K400 50k, 50 epochs, UCF101, finetuning, top-1 accuracy"
    assert lacking in table.loc["gains_are_marginal_after_100_epochs", "missing"]

    for name in ("a", "b"):
        write_claims(
            arguments(paths, reduced="generated & small"), [tmp_path / f"{name}{suffix}" for suffix in TABLE_SUFFIXES]
        )
    for suffix in TABLE_SUFFIXES:
        path = tmp_path / f"a{suffix}"
        assert path.read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
        text = pq.read_table(path).to_pandas().to_csv() if suffix == ".parquet" else path.read_text()
        assert "minus that of contrastive tasks" in text and "contradicted" in text
        assert "The sizes are relative decreases" in text  # how a claim is measured
        if suffix in (".md", ".tex", ".html"):
            assert "reduced scale: generated" in text
    page = (tmp_path / "a.html").read_text()
    assert "generated &amp; small" in page
    assert page.count("<tr>") == 1 + len(CLAIMS)
    latex = (tmp_path / "a.tex").read_text()
    assert latex.count("{") == latex.count("}")
    assert all(line.count(" & ") == 5 for line in latex.splitlines() if line.startswith("  {}"))


def test_without_any_number_all_is_undecided(tmp_path):
    write_claims(arguments([]), [tmp_path / "claims.csv"])
    table = pd.read_csv(tmp_path / "claims.csv")
    assert set(table["verdict"]) == {"undecided"} and (table["numbers_used"] == 0).all()


def pretrained(root: Path, seconds: float, videos: int, *, device: str = "", hours: float = 0.0, **axes: Any) -> Path:
    """A pretraining's metrics and record."""
    columns = identity(stage="pretrain", target="", protocol="", **axes)
    folder = root / "-".join(map(str, columns.values()))
    folder.mkdir(parents=True)
    write_metrics(folder / "metrics.parquet", columns, [{"split": "val", "metric": "loss", "value": 1.0, "n": 1}])
    record = run_record(
        wall_seconds=seconds, gpu_hours=hours, samples={"train": videos, "heldout": 5}, device_name=device
    )
    (folder / "run.json").write_text(record)
    return folder / "metrics.parquet"


def test_times_and_videos_are_those_of_the_records(tmp_path):
    paths = [pretrained(tmp_path, 100.0, 50, subset="10k", device="CPU", seed=seed) for seed in (0, 1)]
    paths.append(pretrained(tmp_path, 200.0, 500, subset="100k", device="A100", hours=0.1))
    numbers = measured_numbers(paths, {})

    def of(metric: str, subset: str) -> Number:
        (ask,) = pretraining(metric, subset=subset)
        return numbers[ask]

    assert (of("gpu_seconds", "10k").value, of("gpu_seconds", "10k").device) == (100.0, "CPU")  # no GPU: wall time
    assert (of("gpu_seconds", "100k").value, of("gpu_seconds", "100k").device) == (360.0, "A100")
    assert (of("pretraining_videos", "10k").value, of("pretraining_videos", "100k").value) == (50, 500)


def test_a_saving_is_judged_on_records(tmp_path):
    nets = ("shufflenet", "r2plus1d")

    def verdict(seconds: float) -> tuple[str, str]:
        root = tmp_path / str(seconds)
        paths = [pretrained(root, 10.0, 50, subset="10k", backbone=net) for net in nets]
        paths += [pretrained(root, seconds, 500, subset="100k", backbone=net) for net in nets]
        finding = judge(CLAIMS["less_data_takes_a_tenth_of_the_time"], measured_numbers(paths, {})).finding
        return finding.verdict, finding.evidence

    assert verdict(100.0)[0] == "supported"
    assert verdict(20.0)[0] == "contradicted"
    assert "with ShuffleNet is 2.0 times (the paper says about 10 times)" in verdict(20.0 + 1e-9)[1]


def mapped(root: Path, matrix: np.ndarray, **axes: Any) -> Path:
    """A comparison of layers with its map."""
    columns = identity(stage="cka", protocol="cka", against="itself", **axes)
    folder = root / "-".join(map(str, columns.values()))
    folder.mkdir(parents=True)
    write_metrics(folder / "metrics.parquet", columns, [{"split": "test", "metric": "mean_cka", "value": 0.5, "n": 8}])
    row, column = (index.ravel() for index in np.indices(matrix.shape))
    names = [f"layer{number:02d}" for number in range(len(matrix))]
    table = {"row": row, "column": column, "row_layer": [names[one] for one in row]}
    table |= {"column_layer": [names[one] for one in column], "cka": matrix.ravel()}
    write_parquet(folder / "cka.parquet", pa.table(table))
    return folder / "metrics.parquet"


def blocks_of(sizes: list[int], apart: float) -> np.ndarray:
    """A map with blocks of alike layers that are `apart` alike to other blocks."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return np.where(labels[:, None] == labels[None], 1.0, apart)


def test_maps_are_judged_by_their_blocks(tmp_path):
    grid, blocks = blocks_of([1] * 20, 0.3), blocks_of([10, 10], 0.5)
    claim = CLAIMS["vcop_has_more_blocks_than_contrastive_tasks"]
    axes = {"backbone": "r2plus1d"}
    paths = [mapped(tmp_path, grid, task=task, **axes) for task in ("cvrl", "rspnet")]
    numbers = measured_numbers([*paths, mapped(tmp_path, blocks, task="vcop", **axes)], {})
    finding = judge(claim, numbers).finding
    assert finding.verdict == "supported"
    assert "the number of blocks of CVRL minus that of VCOP is +18 blocks" in finding.evidence
    other = measured_numbers([*paths, mapped(tmp_path / "other", grid, task="vcop", **axes)], {})
    assert judge(claim, other).finding.verdict == "undecided"


def test_a_map_without_defined_layers_is_missing(tmp_path):
    path = mapped(tmp_path, np.full((6, 6), np.nan), task="vcop")
    assert measured_numbers([path], {}) == {}


def test_a_severity_that_was_not_tested_is_missing(tmp_path):
    columns = identity(stage="robustness", protocol="robustness", task="tdl")
    row = {"split": "test", "metric": "relative_decrease", "value": 0.2, "n": 9, "noise": "mean"}
    write_metrics(tmp_path / "metrics.parquet", columns, [{**row, "severity": level} for level in (1, 2)])
    numbers = measured_numbers([tmp_path / "metrics.parquet"], {})
    assert {ask.severity for ask in numbers if ask.table == "noise_severity"} == {1, 2}


def test_an_interval_without_width_is_that_of_one_video(tmp_path):
    columns = identity(stage="robustness", protocol="robustness", task="tdl")
    row = {"split": "test", "metric": "relative_decrease", "value": 0.0, "n": 10, "noise": "mean", "severity": 1}
    write_metrics(tmp_path / "metrics.parquet", columns, [{**row, "ci_low": 0.0, "ci_high": 0.0}])
    assert {number.error for number in measured_numbers([tmp_path / "metrics.parquet"], {}).values()} == {0.1}


def test_only_generated_or_reduced_numbers_are_not_compared_with_published_results(tmp_path):
    """An unfinished study has a mark, too, and its numbers are real."""
    student = {"stage": "distill", "protocol": "distill", "subset": "30k", "teachers": "shufflenet+r2plus1d"}
    paths = [measure(tmp_path, 199, **student)]
    found = []
    for generated in (False, True):
        given = arguments(paths, reduced="INCOMPLETE, 1 of 2 cells", generated=generated)
        judged = {verdict.claim.name: verdict.finding for verdict in verdicts(numbers_of(given))}
        found.append(judged["the_student_surpasses_published_results"].verdict)
    assert found == ["supported", "undecided"]


def test_models_without_weights_are_missing_with_the_reason(monkeypatch, tmp_path):
    """At the paper's scale nothing but the user provides them."""
    monkeypatch.chdir(REPOSITORY)
    study = load_study(["config/config.yaml", "config/paper.yaml"])
    given = request_of(study, "claims").arguments
    assert not [path for path in given["metrics"] if "/zero_shot/" in path]
    claim = CLAIMS["larger_datasets_do_not_make_better_models"]
    finding = judge(claim, {}, reasons_of(given["pending"])).finding
    assert finding.verdict == "undecided"
    assert finding.evidence.startswith("15 of 15 numbers are missing: ") and "weights" in finding.evidence
    assert json.loads(json.dumps(given)) == given  # it is written to a file


def lacking(study):
    """The numbers that some claim cannot be judged without, and that no cell of the study has."""
    cells = [
        cell.identity | {"default_complexity": cell.default_complexity} for cell in cells_of_claims(study.all_cells)
    ]

    def lacks(ask: Ask) -> bool:
        return not ask.is_quoted and sum(ask.is_of(cell) for cell in cells) != 1

    found = {
        claim.name: [[ask for ask in asks if lacks(ask)] for asks in claim.choices]
        for claim in CLAIMS.values()
        if not claim.parts
    }
    return {name: choices for name, choices in found.items() if [] not in choices}


def test_the_study_has_every_cell_that_a_claim_needs(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    assert lacking(load_study(["config/config.yaml", "config/paper.yaml"])) == {}


def test_what_a_scale_leaves_out_is_missing_with_that_reason(monkeypatch):
    """And nothing else is missing. A subset that an entry names alone is run, so it is no reason."""
    monkeypatch.chdir(REPOSITORY)
    study = Study(Config.parse(merge(read_yaml("config/config.yaml"), LEFT_OUT), "the test"))
    pending = request_of(study, "claims").arguments["pending"]
    reasons = reasons_of(pending)
    asks = {ask for choices in lacking(study).values() for asks in choices for ask in asks}
    assert asks and asks == {ask for ask, reason in reasons.items() if reason.startswith("not run at this scale: ")}
    finding = judge(CLAIMS["blocks_grow_until_100_epochs"], {}, reasons).finding
    assert finding.verdict == "undecided"
    assert "missing: not run at this scale: epochs 100; " in finding.evidence
    finding = judge(CLAIMS["more_data_helps_all_tasks_but_tdl"], {}, reasons).finding
    assert "missing: not run at this scale: subset 10k; " in finding.evidence
