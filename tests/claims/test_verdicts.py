"""Each claim is supported, contradicted or left undecided by the numbers that it is given."""

from __future__ import annotations

import pytest
from claim_cases import CASES, Rules, numbers, rule

from videossl.claims import CLAIMS, Number, judge

SINGLE = [name for name, claim in CLAIMS.items() if not claim.parts]
RECOMMENDATIONS = [name for name, claim in CLAIMS.items() if claim.parts]


def verdict(name: str, rules: Rules) -> str:
    return judge(CLAIMS[name], numbers(CLAIMS[name], rules)).finding.verdict


def test_every_claim_has_a_case():
    assert sorted(CASES) == sorted(CLAIMS)


@pytest.mark.parametrize("name", CLAIMS)
def test_numbers_decide_a_claim(name):
    case = CASES[name]
    found = [verdict(name, rules) for rules in (case.supports, case.contradicts, case.undecided)]
    assert found == ["supported", "contradicted", "undecided"]


@pytest.mark.parametrize("name", SINGLE)
def test_a_claim_without_one_of_its_numbers_is_undecided_and_says_which(name):
    claim = CLAIMS[name]
    lost = {asks[0] for asks in claim.choices}  # of every set
    some = {ask: number for ask, number in numbers(claim, CASES[name].supports).items() if ask not in lost}
    judged = judge(claim, some)
    assert (judged.finding.verdict, set(judged.missing) <= lost) == ("undecided", True)
    assert f"1 of {len(judged.asks)} numbers is missing: {judged.missing[0]}" == judged.finding.evidence
    told = judge(claim, some, dict.fromkeys(judged.missing, "its weights are not there")).finding.evidence
    assert told.endswith("missing: its weights are not there")


@pytest.mark.parametrize("name", RECOMMENDATIONS)
def test_a_recommendation_without_numbers_is_undecided(name):
    claim = CLAIMS[name]
    judged = judge(claim, {})
    assert judged.finding.verdict == "undecided"
    assert set(judged.missing) == set(judged.asks)
    assert set(claim.asks) == {ask for part in claim.parts for ask in part.asks}


def test_a_recommendation_is_the_conjunction_of_its_findings():
    """One contradicted finding contradicts it even if numbers of another are missing; else these leave it undecided."""
    claim, case = CLAIMS["recommendation_on_training_speed"], CASES["recommendation_on_training_speed"]
    faster, _ = claim.parts
    found = [
        judge(claim, {ask: number for ask, number in numbers(claim, rules).items() if ask != faster.asks[0]}).finding
        for rules in (case.contradicts, case.supports)
    ]
    assert [finding.verdict for finding in found] == ["contradicted", "undecided"]
    assert f"1 of {len(faster.asks)} numbers is missing" in found[1].evidence


def test_a_recommendation_quotes_what_is_not_supported():
    claim, case = CLAIMS["recommendation_on_training_speed"], CASES["recommendation_on_training_speed"]
    evidence = judge(claim, numbers(claim, case.contradicts)).finding.evidence
    assert evidence.startswith('1 of 2 findings is supported; contradicted: "Contrastive tasks exhibit a larger')


def test_only_real_videos_are_compared_with_published_results():
    compared = [name for name, claim in CLAIMS.items() if claim.real_videos]
    assert compared == [
        "the_student_surpasses_published_results",
        "the_student_is_far_above_published_results",
        "the_student_reaches_half_on_hmdb51",
    ]
    for name in compared:
        given = numbers(CLAIMS[name], CASES[name].supports)
        finding = judge(CLAIMS[name], given, generated=True).finding
        assert finding.verdict == "undecided" and "reduced scale" in finding.evidence


def test_times_of_different_devices_are_not_compared():
    claim = CLAIMS["less_data_takes_a_tenth_of_the_time"]
    given = numbers(claim, CASES[claim.name].supports)
    timed = [ask for ask in given if ask.metric == "gpu_seconds"]
    given |= {ask: Number(given[ask].value, device="A100") for ask in timed}
    assert judge(claim, given).finding.verdict == "supported"
    given[timed[0]] = Number(given[timed[0]].value, device="V100")
    finding = judge(claim, given).finding
    assert (finding.verdict, "A100, V100" in finding.evidence) == ("undecided", True)


def test_a_ratio_to_nothing_is_undecided():
    claim = CLAIMS["a_spatial_task_drops_on_a_temporal_source"]
    finding = judge(claim, numbers(claim, [rule(0.0)])).finding
    assert finding.verdict == "undecided"
    assert finding.evidence.startswith("A ratio is not defined, because CVRL")


@pytest.mark.parametrize("net", ["shufflenet", "r2plus1d"])
def test_students_of_two_tasks_are_compared_with_tasks_of_their_own_network(net):
    """Whichever it is: the tasks of other networks do not count."""
    name = "students_of_two_tasks_beat_the_spatio_temporal_task"
    claim = CLAIMS[name]
    rules = [rule(0.9), rule(0.4, backbone=net), rule(0.5, backbone=net, protocol="distill")]
    given = numbers(claim, rules)
    students = {ask for ask in given if ask.protocol == "distill" and ask.backbone != net}
    judged = judge(claim, {ask: number for ask, number in given.items() if ask not in students})
    assert judged.finding.verdict == "supported"
    assert {ask.backbone for ask in judged.asks} == {net}


def test_severities_that_were_not_tested_do_not_count():
    """The paper prints three of five."""
    claim = CLAIMS["contrastive_tasks_lose_more_at_every_severity"]
    given = numbers(claim, CASES[claim.name].supports)
    assert len(judge(claim, given).asks) == 30
    judged = judge(claim, {ask: number for ask, number in given.items() if ask.severity <= 3})
    assert (judged.finding.verdict, len(judged.asks)) == ("supported", 18)
