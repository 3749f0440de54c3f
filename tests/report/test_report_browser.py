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
    assert run["headings"][:4] == ["Metrics", "Training", "Predictions", "Recipe abc123abc123"]
    assert NASTY in run["log"]
    assert run["markup"] == 0


def test_missing_runs_claims_and_the_list_of_runs_open(found):
    assert found["failed"].startswith("failed: loss is NaN at step 7")
    assert found["pending"].startswith("pending")
    assert found["claim"] > 1
    assert found["claimTitle"].startswith("Except for TDL, all pretext tasks exhibit")
    assert found["claimNumber"] == "PRP, R(2+1)D, K400 50k, 200 epochs, UCF101, finetuning, top-1 accuracy"
    assert found["fromClaimToRun"] == "Metrics"
    assert found["runsOpen"]
    assert found["filtered"] == 2
