"""What decides a job's outcome, and nothing else, is in its spec."""

from __future__ import annotations

import copy
import random

import pytest
from tiny import CONFIG, GRID, ROTNET, RSPNET, make_study, pretrain_cell, spec_of, table

from videossl.common.errors import UserError
from videossl.common.files import canonical_json
from videossl.stages import data
from videossl.study.study import Study
from videossl.training.specs import PretrainSpec

ENTRIES = {
    "main": table(GRID | {"backbone": ["r2plus1d", "shufflenet"], "subset": ["10k", "50k"], "seed": [0, 1]}),
    "complexity": table(GRID | {"task": "rotnet", "complexity": ["C1", "C2", "C3"]}, rows="complexity"),
}


def all_specs(study: Study) -> dict[tuple[str, ...], str]:
    """The recipe parameter of every job of the study, by the job."""
    config, found = study.config, {}
    for cell in study.pretraining:
        found["pretrain", cell.task, cell.path] = spec_of(study, cell).json_text
    for cell in study.evaluations:
        found["finetune", cell.task, cell.path] = spec_of(study, cell).json_text
    for name, dataset in config.datasets.items():
        found["listing", name] = data.listing_spec(config, name).json_text
        found["store", name] = data.store_spec(config, name).json_text
        if dataset.generated:
            found["generate", name] = data.generate_spec(config, name).json_text
    for name in config.subsets:
        found["subset", name] = data.subset_spec(config, name).json_text
    return found


def changed(tmp_path, **changes) -> set[tuple[str, ...]]:
    """The jobs whose spec differs from the tiny study's under `changes`."""
    before = all_specs(make_study(tmp_path, ENTRIES))
    after = all_specs(make_study(tmp_path, ENTRIES, **changes))
    assert before.keys() == after.keys()
    return {job for job in before if before[job] != after[job]}


def jobs(tmp_path, *prefix: str, having: str = "") -> set[tuple[str, ...]]:
    found = all_specs(make_study(tmp_path, ENTRIES))
    return {job for job in found if job[: len(prefix)] == prefix and having in job[-1]}


def config_with(*keys: str, value: object) -> dict:
    """The top-level key `keys[0]` of the tiny configuration with the value below it replaced."""
    config = copy.deepcopy(CONFIG)
    place = config
    for key in keys[:-1]:
        place = place.setdefault(key, {})
    place[keys[-1]] = value
    return {keys[0]: config[keys[0]]}


def test_one_tasks_learning_rate_changes_exactly_its_pretraining(tmp_path):
    rspnet = {"optimizer": {"name": "sgd", "lr": 0.01}}
    assert changed(tmp_path, rspnet=rspnet) == jobs(tmp_path, "pretrain", "rspnet")
    assert len(jobs(tmp_path, "pretrain", "rspnet")) == 2 * 2 * 2 * 3  # backbones, subsets, seeds, milestones
    overrides = {"rspnet": {"optimizer": {"lr": 0.01}}}
    assert changed(tmp_path, recipe_overrides=overrides) == jobs(tmp_path, "pretrain", "rspnet")


def test_a_backbones_own_rate_changes_that_backbone_only(tmp_path):
    rotnet = {"optimizer": ROTNET["optimizer"] | {"lr": {"default": 0.1, "r2plus1d": 0.02}}}
    assert changed(tmp_path, rotnet=rotnet) == jobs(tmp_path, "pretrain", "rotnet", having="/r2plus1d/")
    rspnet = {"batch_size": {"default": 4, "shufflenet": 2}}
    assert changed(tmp_path, rspnet=rspnet) == jobs(tmp_path, "pretrain", "rspnet", having="/shufflenet/")


def test_one_variants_options_change_that_variant_only(tmp_path):
    rotnet = {"complexity": ROTNET["complexity"] | {"C1": {"rotations": 3}}}
    assert changed(tmp_path, rotnet=rotnet) == jobs(tmp_path, "pretrain", "rotnet", having="/rotnet-C1/")


def test_recipe_version_retrains_its_task(tmp_path):
    assert changed(tmp_path, rotnet={"recipe_version": 2}) == jobs(tmp_path, "pretrain", "rotnet")
    values = CONFIG["finetune"] | {"recipe_version": 2}
    assert changed(tmp_path, finetune=values) == jobs(tmp_path, "finetune")


@pytest.mark.parametrize(
    "change",
    [
        {"scale": {"name": "other", "reduced": False, "note": "other words"}},
        {
            "compute": {
                "device": "cpu",
                "threads": 8,
                "workers": 7,
                "gpus": 2,
                "checkpoint_minutes": 1,
                "stage": "$TMPDIR",
            }
        },
        {"results_dir": "elsewhere", "paper_values": "config/state_of_the_art.csv"},
        config_with("datasets", "k400", "title", value="Another title"),
        config_with("datasets", "ucf101", "root", value="/elsewhere/videos"),
        config_with("datasets", "ucf101", "annotations", value="/elsewhere/lists"),
        {"rotnet": {"title": "Rotation prediction", "category": "temporal", "objective": "contrastive"}},
    ],
    ids=["notes", "compute", "folders", "title", "root", "annotations", "labels"],
)
def test_what_decides_nothing_is_in_no_spec(tmp_path, change):
    assert changed(tmp_path, **change) == set()


@pytest.mark.parametrize(
    ("change", "affected"),
    [
        (config_with("backbones", "r2plus1d", "width", value=0.1), "/r2plus1d/"),
        ({"recipe_overrides": {"all": {"clip": {"size": 18}}}}, "pretrain/"),
        (config_with("epochs", 200, value=6), "pretrain/"),  # the schedule ends there
        (config_with("finetune", "test_clips", value=3), "finetune/"),
        (config_with("subsets", "30k", value=7), "30k"),
        ({"subset_seed": 1}, None),
    ],
    ids=["width", "clip", "longest", "test clips", "subset", "subset seed"],
)
def test_what_decides_is_in_the_specs_of_its_jobs(tmp_path, change, affected):
    found = changed(tmp_path, **change)
    if affected is None:  # splits and subsets; training depends on them through its inputs
        assert found == jobs(tmp_path, "listing") | jobs(tmp_path, "subset")
    else:
        assert found == {job for job in all_specs(make_study(tmp_path, ENTRIES)) if affected in job[-1]}


def test_a_milestone_in_the_middle_changes_itself_only(tmp_path):
    assert changed(tmp_path, epochs={50: 1, 100: 3, 200: 5}) == jobs(tmp_path, "pretrain", having="/epochs50")


def test_data_specs_follow_their_dataset(tmp_path):
    assert changed(tmp_path, **config_with("datasets", "k400", "shards", value=3)) == {("store", "k400")}
    generated = CONFIG["datasets"]["k400"]["generated"] | {"seed": 1}
    assert changed(tmp_path, **config_with("datasets", "k400", "generated", value=generated)) == {("generate", "k400")}
    options = config_with("datasets", "ucf101", "options", value={"split": 2})
    assert changed(tmp_path, **options) == {("listing", "ucf101")}


def shuffled(value: object, rng: random.Random) -> object:
    if not isinstance(value, dict):
        return value
    items = [(key, shuffled(entry, rng)) for key, entry in value.items()]
    return dict(rng.sample(items, len(items)))


def test_the_order_of_keys_means_nothing(tmp_path):
    rng = random.Random(0)
    config, rotnet, rspnet = (shuffled(value, rng) for value in (CONFIG, ROTNET, RSPNET))
    assert list(config) != list(CONFIG)
    assert changed(tmp_path, rotnet=rotnet, rspnet=rspnet, **config) == set()
    assert canonical_json({"b": 1, "a": {"d": [2], "c": None}}) == '{"a":{"c":null,"d":[2]},"b":1}'
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": float("nan")})


def test_finetuning_is_specified_apart_from_the_pretraining(tmp_path):
    """Same network, same seed: the same spec, whatever the weights come from; they are an input of the job."""
    study = make_study(tmp_path, ENTRIES)
    by_network: dict[tuple, set[str]] = {}
    for cell in study.evaluations:
        spec = spec_of(study, cell).json_text
        by_network.setdefault((cell.backbone, cell.seed), set()).add(spec)
    assert len(by_network) == 4 and all(len(found) == 1 for found in by_network.values())
    assert len(set.union(*by_network.values())) == 4


def test_a_spec_is_plain_and_has_a_short_name(tmp_path):
    study = make_study(tmp_path, ENTRIES)
    spec = spec_of(study, study.pretraining[0])
    assert (spec.stop, spec.epochs, spec.optimizer.lr, spec.batch_size) == (2, 5, 0.05, 4)
    assert spec.values["backbone"] == {"name": "r2plus1d", "options": {"width": 0.05}}
    assert len(spec.hash) == 12 and int(spec.hash, 16) >= 0
    reordered = PretrainSpec.parse(dict(reversed(spec.values.items())), "x")
    assert reordered.hash == spec.hash != PretrainSpec.parse(spec.values | {"seed": 9}, "x").hash


def recipes_of(folder, **changes):
    return make_study(folder, **changes).recipes


def test_the_optimiser_may_be_another_for_a_backbone(tmp_path):
    transformer = {"name": "adamw", "lr": 0.001, "weight_decay": 0.05, "decayed": "matrices"}
    optimizer = {"name": "sgd", "lr": 0.1, "by_backbone": {"shufflenet": transformer}}
    study = make_study(tmp_path, rspnet={"optimizer": optimizer})
    one, other = (
        spec_of(study, pretrain_cell("rspnet", backbone=name)).values["optimizer"]
        for name in ("r2plus1d", "shufflenet")
    )
    assert (one["name"], one["lr"], one["weight_decay"], one["decayed"]) == ("sgd", 0.1, 0.0, "all")
    assert other == one | transformer
    for wrong, message in (({"lr": -1}, "greater than 0"), ({"rate": 1}, "unknown keys")):
        with pytest.raises(UserError, match=message):
            recipes_of(tmp_path / message, rspnet={"optimizer": optimizer | {"by_backbone": {"vit": wrong}}})
    with pytest.raises(UserError, match="vitt"):
        recipes_of(tmp_path / "name", rspnet={"optimizer": optimizer | {"by_backbone": {"vitt": {}}}})


def test_batch_sizes_by_complexity_and_options_by_source(tmp_path):
    rotnet = {"complexity_batch_size": {"C2": 2}, "source_options": {"ssv2": {"stride": 4}}}
    recipe = make_study(tmp_path, rotnet=rotnet).recipes["rotnet"]
    assert [recipe.videos_a_step(variant, "r2plus1d") for variant in ("C1", "C2", "C3")] == [4, 2, 4]
    assert recipe.task_options("C1", "ssv2") == {"rotations": 2, "stride": 4}
    assert recipe.task_options("C1", "k400") == {"rotations": 2, "stride": 2}
    with pytest.raises(UserError, match="complexity_batch_size names"):
        recipes_of(tmp_path / "wrong", rotnet={"complexity_batch_size": {"C9": 2}})
