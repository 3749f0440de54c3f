"""The report in Chromium, as wide as a laptop's window and as a phone's; skipped where there is no Chromium."""

from __future__ import annotations

import pytest
from report_browser import browser, inspect
from report_study import NASTY, make_page

pytestmark = pytest.mark.skipif(browser() is None, reason="needs Chromium")


@pytest.fixture(scope="module", params=[1280, 390])
def found(request, tmp_path_factory):
    page = make_page(tmp_path_factory.mktemp("page"))
    return inspect(page, request.param, page.parent)


def test_nothing_overlaps_or_leaves_the_screen_and_the_console_is_silent(found):
    assert found["errors"] == []
    assert not found["pageIsWiderThanTheScreen"]
    assert found["overlaps"] == found["spilled"] == found["outside"] == found["brokenArrows"] == []
    assert found["verdictsCut"] == []


def test_wide_tables_show_their_numbers_on_a_laptop(found):
    if found["width"] > 1000:
        assert not found["numbersAreCut"]
        assert not found["runsAreCut"]


def test_a_header_sorts_down_up_and_back(found):
    before, down, up, back = found["orders"]
    assert [found[f"direction{click}"] for click in range(3)] == ["descending", "ascending", None]
    numbers = [float(text) for text in before if text]
    assert len(numbers) > 1
    assert [float(text) for text in down if text] == sorted(numbers, reverse=True)
    assert [float(text) for text in up if text] == sorted(numbers)
    assert back == before


def test_a_number_opens_its_run_and_markup_in_logs_stays_text(found):
    run = found["run"]
    assert run["open"] and run["number"] and run["insideScreen"] and not run["tooWide"]
    assert run["curves"] == 2  # loss and learning rate
    assert run["headings"][:4] == ["Metrics", "Training", "Predictions", "Misclassified videos"]
    assert run["headings"][4] == "Recipe abc123abc123"
    assert NASTY in run["log"]
    assert run["markup"] == 0


def test_missing_runs_claims_and_the_list_of_runs_open(found):
    assert found["failed"].startswith("failed: loss is NaN at step 7")
    assert found["pending"].startswith("pending")
    assert found["claim"] > 1
    assert found["claimTitle"] and found["claimSentence"].startswith(found["claimTitle"])
    assert found["claimNumber"] == "PRP, R(2+1)D, K400 50k, 200 epochs, UCF101, finetuning, top-1 accuracy"
    assert found["fromClaimToRun"] == "Metrics"
    assert found["runsOpen"]


def test_runs_are_filtered_by_axis_and_their_curves_overlaid(found):
    assert found["ofTask"] == 4  # two finetunings, two pretrainings
    assert found["filtered"] == 2
    assert found["impossible"] == ["50k"]  # RotNet was pretrained on 10k alone
    assert found["overlay"]["plots"] == found["overlay"]["lines"] == 2  # loss and learning rate, of two runs
    assert found["overlay"]["legend"] == ["K400 10k, 100 epochs", "K400 10k, 50 epochs"]
    assert found["caption"].startswith("loss: K400 10k, 100 epochs 0.25 · K400 10k, 50 epochs 0.5 after epoch 4")
    assert found["captionAtStart"].endswith("K400 10k, 100 epochs 1 · K400 10k, 50 epochs 1 after epoch 1")


def test_tables_are_copied_in_three_formats(found):
    latex, csv, markdown = (found["copies"][name] for name in ("LaTeX", "CSV", "Markdown"))
    head, *rows = csv.splitlines()
    assert head.startswith("Subset,RotNet,RotNet: 95 % interval,PRP,")
    assert rows[1].startswith('10k,25.0,"[18.1, 33.4]",failed')
    assert markdown.splitlines()[1].startswith("| :-- | --: |")
    assert "| 10k | 25.0 [18.1, 33.4] | failed" in markdown
    assert latex.startswith("\\begin{tabular}{lrrrr}\n\\toprule\nSubset & RotNet & PRP")
    assert "10k & 25.0 {\\scriptsize [18.1, 33.4]} & " in latex
    assert "\\multicolumn{4}{c}{20.0" in latex  # the network without pretraining, shared by all columns


def test_the_contents_say_what_is_on_the_screen_and_the_page_turns_dark(found):
    assert found["here"] == "All runs"
    assert found["light"] == "rgb(255, 255, 255)"
    assert found["dark"] == "rgb(21, 24, 28)"
