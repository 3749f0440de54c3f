"""Planning with a source that combines datasets: what is stored, known and refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tiny import CONFIG, GENERATED, GRID, make_study, table

from videossl.common.errors import UserError
from videossl.monitor.before_run import missing_datasets
from videossl.report.scale import reduced_note
from videossl.stages import data
from videossl.stages.parts import files
from videossl.study.contradictions import check_contradictions
from videossl.study.inventory import ASSUMED, assumptions, longest_video, videos_of
from videossl.study.inventory import GENERATED as COUNTED
from videossl.study.storage import storage
from videossl.study.study import Study

BOTH = {"title": "Both", "combine": ["k400", "ssv2"]}
SSV2 = {"title": "SSv2", "reader": "ssv2", "generated": GENERATED | {"design": "ssv2", "frames": [20, 50]}}


def datasets(**more: Any) -> dict[str, Any]:
    return copy.deepcopy(CONFIG["datasets"]) | {"ssv2": SSV2, "both": BOTH} | more


def study_of(tmp_path, entries: dict[str, Any] | None = None, **config: Any) -> Study:
    entries = entries or {"main": table(GRID | {"source": "both"})}
    return make_study(tmp_path, entries, **{"datasets": datasets()} | config)


def test_its_parts_are_stored_as_a_whole_and_it_stores_nothing(tmp_path):
    study = study_of(tmp_path)
    assert study.datasets == ["k400", "ssv2", "both", "ucf101"]
    assert data.read_of(study, "both") == data.Stored(False, ("50k",), ("heldout",))
    for part in ("k400", "ssv2"):
        assert data.read_of(study, part) == data.Stored(True, (), ())
    assert [one.dataset for one in storage(study)] == ["k400", "ssv2", "ucf101"]
    manifests = tuple(files.manifest(study, part) for part in ("k400", "ssv2"))
    jobs = list(data.data_jobs(study, "both"))
    assert [job.inputs for job in jobs] == [manifests, manifests]
    assert [job.outputs[1] for job in jobs] == [files.subset(study, "both", "50k"), files.heldout(study, "both")]
    made = {path for part in study.datasets for job in data.data_jobs(study, part) for path in job.outputs}
    assert set(manifests) <= made
    assert files.manifest(study, "both") not in made and files.listing(study, "both") not in made


def test_a_part_that_nothing_reads_is_not_stored(tmp_path):
    study = study_of(tmp_path, {"main": table(GRID)})
    assert "ssv2" not in study.datasets and not data.read_of(study, "k400").whole


def test_a_whole_combination_is_a_subset_too(tmp_path):
    study = study_of(tmp_path, subsets={"10k": 4, "30k": 8, "50k": "all"})
    assert not data.read_of(study, "both").whole and data.read_of(study, "ssv2").whole
    assert data.subset_inputs(study, "both", "50k") == [files.manifest(study, part) for part in ("k400", "ssv2")]


def test_specifications_of_other_datasets_are_as_without_it(tmp_path):
    config = study_of(tmp_path).config
    assert data.subset_of_spec(config, "k400", "50k") == data.subset_spec(config, "50k")
    assert data.sample_of_spec(config, "k400", "heldout") == data.sample_spec(config, "heldout")
    assert data.subset_of_spec(config, "both", "50k").values == data.subset_spec(config, "50k").values | {
        "combine": ["k400", "ssv2"]
    }


def test_numbers_are_sums_and_known_as_well_as_the_least_known(tmp_path):
    config = study_of(tmp_path).config
    found = videos_of(config, "both")
    assert (dict(found.splits), found.source) == ({"train": 24, "val": 12}, COUNTED)
    assert longest_video(config, "both") == 50
    other = datasets(both=BOTH | {"combine": ["k400", "hmdb51"]})
    config = study_of(tmp_path, datasets=other).config
    assert videos_of(config, "both").source == ASSUMED and longest_video(config, "both") is None
    (said,) = assumptions(config, ["both"])
    assert "of `hmdb51`" in said


def test_generated_parts_are_told_and_real_ones_must_be_there(tmp_path):
    assert "generated videos for Kinetics-400 and SSv2" in reduced_note(study_of(tmp_path), "main")
    study = study_of(tmp_path, datasets=datasets(both=BOTH | {"combine": ["k400", "hmdb51"]}))
    assert list(missing_datasets(study, study.datasets)) == ["hmdb51", "ucf101"]


def test_a_subset_that_is_larger_than_the_generated_parts_is_refused(tmp_path):
    study = study_of(tmp_path, subsets={"10k": 4, "30k": 8, "50k": 25})
    with pytest.raises(
        UserError, match=r"subsets.50k` is 25, and .*k400.* and .*ssv2.* have 24 training videos \(3 classes"
    ):
        check_contradictions(study)


def test_it_is_refused_as_a_target(tmp_path):
    with pytest.raises(
        UserError, match="`target` names both, which combines the training videos of k400, ssv2"
    ) as error:
        study_of(tmp_path, {"main": table(GRID | {"target": "both"})})
    assert "source for pretraining only" in str(error.value) and "experiments.yaml: main" in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"both": BOTH | {"combine": ["k400", "k500"]}}, "combine names 'k500', which is no dataset. Valid: k400"),
        ({"all": {"title": "A", "combine": ["both", "hmdb51"]}}, "names 'both', which is a combination itself"),
        ({"both": BOTH | {"combine": ["k400"]}}, "at least 2 items"),
        ({"both": BOTH | {"combine": ["k400", "k400"]}}, "each value once"),
        ({"both": BOTH | {"root": "a", "validation": 0.2}}, "has no `root` and no `validation`"),
        ({"both": BOTH | {"reader": "ssv2", "generated": GENERATED}}, "has no `generated` and no `reader`"),
        ({"both": {"title": "B"}}, "`reader` is missing"),
        ({"both": BOTH | {"combine": ["ucf101", "hmdb51"]}}, "ucf101 and hmdb51, which have the same `root`"),
    ],
)  # fmt: skip
def test_what_cannot_be_combined_is_refused(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        study_of(tmp_path, datasets=datasets(**changes))
