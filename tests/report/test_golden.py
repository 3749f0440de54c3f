"""The paper's own numbers, fed in as if they had been measured, come out of the tables as the paper prints them.

The expected tables are typed from the paper (those of figures: from the authors' website), not from paper_values.csv.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from report_cells import PAPER_VALUES, measured_as_in_paper, study_entry

from videossl.evaluation.robustness import scores
from videossl.report.collect import collect
from videossl.report.paper import read_paper_values
from videossl.report.tables import DASH, build_grid

REPOSITORY = Path(__file__).parents[2]

# One line a row: the labels, then the entries. "p" is pending, "-" no part of the experiment; the rows and columns of
# networks without pretraining, which the paper does not have, are left out.
TABLES = {
    "subset_size": """
        10k | 37.6 46.3 17.5 55.9 31.1 70.9
        30k | 36.2 50.4 42.7 56.9 30.9 76.4
        50k | 41.2 51.5 46.2 61.2 30.2 78.0""",
    "subset_size_hmdb51": """
        10k | 15.0 18.9 9.2 22.2 9.9 30.2
        30k | 11.7 19.3 11.5 25.0 10.1 37.3
        50k | 12.2 17.3 10.2 29.3 9.5 40.2""",
    "training_time": """
        50 | 35.4 52.2 24.1 55.7 32.1 75.0
        100 | 37.3 52.3 34.8 58.5 31.3 76.1
        150 | 40.7 51.3 46.7 60.2 31.5 76.5
        200 | 40.9 52.8 45.0 60.5 30.2 77.4""",
    "training_time_hmdb51": """
        50 | 15.6 19.6 6.8 22.8 8.1 28.9
        100 | 16.1 20.2 8.2 26.2 8.8 30.0
        150 | 12.4 17.6 7.9 27.5 9.2 32.5
        200 | 10.7 19.4 10.2 28.4 9.5 32.8""",
    "training_time_by_backbone": """
        ShuffleNet 50 | 59.1 66.3 68.1 68.9
        ShuffleNet 100 | 60.3 67.6 68.7 69.0
        ShuffleNet 150 | 61.8 66.7 69.4 69.7
        ShuffleNet 200 | 61.5 68.2 68.5 69.9
        R(2+1)D 50 | 66.8 71.1 75.0 77.2
        R(2+1)D 100 | 69.5 75.2 76.1 80.0
        R(2+1)D 150 | 69.5 76.6 76.5 78.8
        R(2+1)D 200 | 69.6 76.6 77.4 78.3
        VideoSwin-T 50 | p 40.4 44.9 52.0
        VideoSwin-T 100 | 37.2 44.3 49.6 58.5
        VideoSwin-T 150 | 37.9 46.2 50.7 61.3
        VideoSwin-T 200 | 36.8 46.3 52.5 61.5""",
    "complexity": """
        C1 | 20.1 48.3 41.6 56.8 24.2 38.9
        C2 | 20.2 58.3 41.8 54.8 18.1 44.4
        C3 | 16.6 41.2 40.6 55.6 21.9 46.2""",
    "robustness": """
        top-1 accuracy, ShuffleNet | 11.9 29.2 16.9 30.0 7.0 49.1 24.0
        top-1 accuracy, R(2+1)D | 36.8 41.7 13.8 13.2 23.3 24.3 25.5
        relative decrease of accuracy, ShuffleNet | 28.3 28.4 22.8 51.9 43.5 28.6 33.9
        relative decrease of accuracy, R(2+1)D | 10.7 19.0 70.1 78.4 26.7 68.8 45.6""",
    "noise_types": """
        ShuffleNet Gaussian top-1 accuracy without noise | 16.6 40.8 21.9 62.3 12.4 68.8
        ShuffleNet Impulse top-1 accuracy without noise | 16.6 40.8 21.9 62.3 12.4 68.8
        ShuffleNet Shot top-1 accuracy without noise | 16.6 40.8 21.9 62.3 12.4 68.8
        ShuffleNet Speckle top-1 accuracy without noise | 16.6 40.8 21.9 62.3 12.4 68.8
        ShuffleNet mean over noises top-1 accuracy without noise | 16.6 40.8 21.9 62.3 12.4 68.8
        ShuffleNet mean over noises top-1 accuracy | 11.9 29.2 16.9 30.0 7.0 49.1
        R(2+1)D Gaussian top-1 accuracy without noise | 41.2 51.5 46.2 61.2 31.7 78.0
        R(2+1)D Gaussian top-1 accuracy | 40.9 47.0 14.6 12.7 28.0 16.7
        R(2+1)D Impulse top-1 accuracy without noise | 41.2 51.5 46.2 61.2 31.7 78.0
        R(2+1)D Impulse top-1 accuracy | 38.1 30.5 5.4 3.5 18.8 8.5
        R(2+1)D Shot top-1 accuracy without noise | 41.2 51.5 46.2 61.2 31.7 78.0
        R(2+1)D Shot top-1 accuracy | 33.4 45.1 20.9 26.4 21.5 45.1
        R(2+1)D Speckle top-1 accuracy without noise | 41.2 51.5 46.2 61.2 31.7 78.0
        R(2+1)D Speckle top-1 accuracy | 34.7 43.9 14.4 13.1 24.7 27.0
        R(2+1)D mean over noises top-1 accuracy without noise | 41.2 51.5 46.2 61.2 31.7 78.0
        R(2+1)D mean over noises top-1 accuracy | 36.8 41.7 13.8 13.2 23.3 24.3""",
    "probe_vs_finetune": """
        ShuffleNet finetuning | 16.6 40.8 21.9
        ShuffleNet linear probe | 4.3 12.3 2.8
        R(2+1)D finetuning | 41.2 51.5 46.2
        R(2+1)D linear probe | 2.7 12.2 4.6""",
    "networks": """
        ShuffleNet | 4.59 1.08 42.2 41.6 41.1 68.8
        MobileNet | 3.06 1.12 38.0 40.0 37.4 63.1
        SqueezeNet | 1.89 1.84 41.3 41.4 39.2 62.9
        C3D | 27.66 77.22 57.7 54.5 58.1 67.6
        R3D | 14.36 39.84 51.1 50.7 52.1 62.1
        R(2+1)D | 14.37 42.96 46.9 56.8 58.9 78.0
        VideoSwin-T | p p - - - -
        ViT | p p - - - -
        ViViT | p p - - - -
        TimeSformer | p p - - - -
        MViT | p p - - - -""",
    "reported": """
        ShuffleNet | 16.6 40.8 21.9 62.3 12.4 68.8
        R(2+1)D | 41.2 51.5 46.2 61.2 31.7 78.0
        as in the original paper | - - - - - -""",
    "distill_complexity": """
        no teachers C1 | 20.1 48.3 41.6 56.8 24.2 38.9
        no teachers C2 | 20.2 58.3 41.8 54.8 18.1 44.4
        no teachers C3 | 16.6 41.2 40.6 55.6 21.9 46.2
        C1 + C2 + C3 C3 | 75.0 56.6 75.4 43.5 76.1 61.0""",
    "distill_datasets": """
        RotNet | 36.2 42.5 59.8
        VCOP | 50.4 59.7 67.6
        CVRL | 56.9 34.7 66.6
        RSPNet | 76.4 69.5 80.2""",
    "distill_tasks": """
        RotNet no teachers | 16.6 41.2
        RotNet RotNet + VCOP | 61.1 p
        VCOP no teachers | 40.8 51.5
        PRP no teachers | 21.9 46.2
        CVRL no teachers | 62.3 61.2
        CVRL CVRL + TDL | 70.3 p
        TDL no teachers | 12.4 30.2
        RSPNet no teachers | 68.8 78.0""",
    "distill_backbones": """
        10k | 61.9 70.9 83.0 24.4 30.2 45.3
        30k | 68.4 76.4 94.6 31.7 37.4 51.5
        50k | 68.8 78.0 91.2 35.4 40.2 48.3
        100k | 70.2 78.5 87.0 36.8 43.4 46.4""",
    "vifm_distill_pairs": """
        no teachers | 78.0
        X-CLIP + ViFi-CLIP | 83.2
        X-CLIP + EZ-CLIP | 88.7
        X-CLIP + ViCLIP | 88.2
        X-CLIP + LanguageBind | 87.6
        ViFi-CLIP + EZ-CLIP | 88.0
        ViFi-CLIP + ViCLIP | 86.6
        ViFi-CLIP + LanguageBind | 86.6
        EZ-CLIP + ViCLIP | 85.0
        EZ-CLIP + LanguageBind | 86.9
        ViCLIP + LanguageBind | 85.4""",
    "retrieval": """
        ShuffleNet RSPNet | 43.1 19.3 62.1 42.0
        MobileNet RSPNet | 37.4 16.2 55.6 36.5
        SqueezeNet RSPNet | 38.5 15.9 56.5 37.6
        C3D RSPNet | 43.2 19.9 61.6 43.4
        R3D RSPNet | 40.4 19.3 60.2 42.5
        R(2+1)D RSPNet | 42.7 18.2 62.8 40.1""",
    "retrieval_sources": """
        UCF101 K400 | 19.5 23.4 29.4 57.6
        UCF101 SSv2 | 30.0 26.4 18.1 40.5
        HMDB51 K400 | 14.3 19.2 19.4 38.4
        HMDB51 SSv2 | 20.4 21.6 15.3 28.5""",
    "data_distribution": """
        UCF101 K400 | 36.2 50.4 56.9 76.4
        UCF101 SSv2 | 42.5 59.7 34.7 69.5
        Diving48 K400 | 14.8 9.3 8.2 19.1
        Diving48 SSv2 | 21.3 10.4 5.6 15.9""",
}
QUOTED = "72.1 68.4 72.4 94.4 84.9 93.7"


@pytest.fixture(scope="module")
def study(paper_study):
    return paper_study


@pytest.fixture(scope="module")
def values():
    return read_paper_values(PAPER_VALUES)


def grid_of(study, name, values, root):
    """The grid of an entry whose cells have measured what the paper reports."""
    spec, cells = study_entry(study, name), measured_as_in_paper(study, name, values, root)
    return build_grid(collect(spec, cells, values))


def lines(grid, text):
    """A grid as the lines above: without networks that were not pretrained."""
    kept = [at for at, label in enumerate(grid.columns) if "no pretraining" not in label]
    return [
        (" ".join(DASH if part == "" else part for part in labels), [text(entries[at]) for at in kept])
        for labels, entries in grid.rows
        if "no pretraining" not in labels
    ]


def printed(name):
    """The expected lines of a table."""
    rows = [line.strip().split(" | ") for line in TABLES[name].strip().splitlines()]
    words = {"-": DASH, "p": "pending"}
    side = [" ".join(words.get(part, part) for part in label.replace(",", "").split()) for label, _ in rows]
    return [(label, [words.get(part, part) for part in row[1].split()]) for label, row in zip(side, rows, strict=True)]


@pytest.mark.parametrize("name", TABLES)
def test_the_papers_numbers_come_out_as_it_prints_them(study, values, tmp_path, name):
    grid = grid_of(study, name, values, tmp_path)
    assert lines(grid, lambda entry: entry.main) == printed(name)
    shown = [entry for entry in grid.entries if entry.status == "ok" and entry.paper]
    assert all(entry.paper_text.partition(", note")[0] == entry.main for entry in shown)


def test_quoted_values_stand_in_the_papers_place_and_nowhere_else(study, values, tmp_path):
    grid = grid_of(study, "reported", values, tmp_path)
    assert lines(grid, lambda entry: entry.paper_text)[-1] == ("as in the original paper", QUOTED.split())


def test_averages_of_table_4(study, values, tmp_path):
    grid = grid_of(study, "robustness", values, tmp_path)
    assert grid.columns[-1][-1] == "Mean over tasks"
    means = {labels: (entries[-1].main, entries[-1].paper_text) for labels, entries in grid.rows}
    assert means["relative decrease of accuracy", "R(2+1)D"] == ("45.6", "45.6")
    assert means["relative decrease of accuracy", "ShuffleNet"] == ("33.9", "33.9")


def predictions(accuracies):
    """Predictions with these accuracies, {noise: percent with one digit}, on 1000 videos."""
    parts = []
    for noise, percent in accuracies.items():
        right = round(10 * percent)
        parts.append(pd.DataFrame({
            "video": [f"v{index}" for index in range(1000)], "split": "test", "noise": noise,
            "severity": int(noise != ""), "correct": [index < right for index in range(1000)],
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_the_relative_decreases_of_table_4_follow_from_table_12(values):
    twelve = values[values["table"] == "noise_types"]
    found = {}
    for task, rows in twelve.groupby("task", sort=False):
        percent = {row.noise: 100 * row.value for row in rows.itertuples()}
        clean = predictions({"": percent.pop("")})
        result = pd.DataFrame(scores(clean, predictions(percent), 101))
        mean = result[(result["noise"] == "mean") & (result["severity"] == 1)].set_index("metric")["value"]
        found[task] = (round(100 * mean["top1"], 1), round(100 * mean["relative_decrease"], 1))
    four = values[(values["table"] == "robustness") & (values["backbone"] == "r2plus1d")]
    four = four[four["metric"] == "relative_decrease"].set_index("task")["value"].mul(100).round(1).to_dict()
    assert {task: four[task] for task in found} == {task: decrease for task, (_, decrease) in found.items()} | {
        "vcop": 19.0,  # the paper's, where its own accuracies give 19.2
        "cvrl": 78.4,  # and 77.2
    }
    assert (found["vcop"][1], found["cvrl"][1]) == (19.2, 77.2)
