"""Configuration: nothing misspelt passes, overlays merge as Snakemake merges them, committed files are valid."""

from __future__ import annotations

import copy
import random
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config
from tiny import CONFIG, GRID, ROTNET, RSPNET, make_study, table, write_files

from videossl.common.errors import UserError
from videossl.study.config import Config, load_config, load_recipe, merge, read_yaml
from videossl.study.config.schema import files
from videossl.study.study import Study, load_study

CONFIGS = Path(__file__).parents[2] / "config"
OVERLAYS = sorted(path.name for path in CONFIGS.glob("*.yaml") if path.stem not in ("config", "experiments"))
RECIPES = sorted(path.stem for path in (CONFIGS / "recipes").glob("*.yaml"))


def write(path: Path, values: dict) -> Path:
    path.write_text(yaml.safe_dump(values))
    return path


def message_of(call, *arguments, **named) -> str:
    with pytest.raises(UserError) as caught:
        call(*arguments, **named)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "key", "valid"),
    [
        ({"subset": {}}, "subset", "subsets"),
        ({"finetune": {"epoch": 3}}, "finetune.epoch", "epochs"),
        ({"finetune": {"optimizer": {"learning_rate": 1}}}, "finetune.optimizer.learning_rate", "weight_decay"),
        ({"datasets": {"k400": {"titel": "K"}}}, "datasets.k400.titel", "title"),
        ({"datasets": {"k400": {"generated": {"class": 3}}}}, "datasets.k400.generated.class", "classes"),
        ({"compute": {"gpu": 1}}, "compute.gpu", "gpus"),
    ],
)
def test_an_unknown_key_is_named_with_its_file_and_the_valid_ones(tmp_path, change, key, valid):
    base, overlay = write(tmp_path / "base.yaml", CONFIG), write(tmp_path / "mine.yaml", change)
    message = message_of(load_config, [base, overlay])
    assert str(base) in message and str(overlay) in message
    assert f"  {key}: unknown key '{key.rpartition('.')[2]}'" in message
    assert valid in message.partition("Valid: ")[2]


def test_all_problems_are_told_at_once(tmp_path):
    change = {"heldout_videos": -1, "store": {"quality": 101, "side": 3}, "scale": None}
    message = message_of(load_config, [write(tmp_path / "a.yaml", CONFIG), write(tmp_path / "b.yaml", change)])
    for key in ("heldout_videos:", "store.quality:", "store.side:", "scale:"):
        assert f"  {key}" in message
    assert "(given: 101)" in message


def test_missing_and_broken_files_are_told(tmp_path):
    assert "there is no file" in message_of(read_yaml, tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- a\n")
    assert "mapping" in message_of(read_yaml, tmp_path / "list.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1\n")
    assert "bad.yaml is not valid YAML" in message_of(read_yaml, tmp_path / "bad.yaml")


@pytest.mark.parametrize(
    ("axis", "value", "near"),
    [
        ("task", "rotnett", "Did you mean rotnet"),
        ("subset", "10kk", "Did you mean 10k"),
        ("backbone", "r2plus1", "Did you mean r2plus1d"),
        ("epochs", 250, "Did you mean 50 or 200?"),
        ("source", "k40", "Did you mean k400"),
        ("target", "ucf10", "Did you mean ucf101"),
    ],
)
def test_a_misspelt_value_of_an_axis_is_named_with_near_ones(tmp_path, axis, value, near):
    message = message_of(make_study, tmp_path, {"sizes": table(GRID | {axis: value})})
    assert f"unknown {axis} '{value}'" in message and near in message
    assert str(tmp_path / "experiments.yaml") in message and "sizes" in message


def test_misspelt_names_elsewhere(tmp_path):
    complexity = message_of(make_study, tmp_path, {"a": table(GRID | {"task": "rotnet", "complexity": "C4"})})
    assert "unknown complexity 'C4' in the recipe of rotnet" in complexity and "C1, C2, C3" in complexity
    assert "Did you mean rotnet" in message_of(make_study, tmp_path, recipe_overrides={"rotne": {}})
    assert "Did you mean r2plus1d" in message_of(make_study, tmp_path, backbones={"r2plus1": {"width": 1}})
    assert "Did you mean main" in message_of(make_study, tmp_path, only=["mian"])
    entry = message_of(make_study, tmp_path, {"sizes": table(GRID, row="subset")})
    assert str(tmp_path / "experiments.yaml") in entry and "unknown key 'row'" in entry and "rows" in entry
    grid = message_of(make_study, tmp_path, {"sizes": table(GRID | {"taks": "rotnet"})})
    assert "Did you mean task" in grid
    axis = message_of(make_study, tmp_path, {"sizes": table(GRID, rows="subsets")})
    assert "sizes.rows.0:" in axis and "'subset'" in axis and "(given: 'subsets')" in axis


def test_an_entry_says_what_it_lacks(tmp_path):
    assert "either `grid` or `cells_of`" in message_of(make_study, tmp_path, {"a": table(GRID, cells_of="b")})
    assert "needs `rows`" in message_of(make_study, tmp_path, {"a": table(GRID, rows=[])})
    figure = {"kind": "figure", "title": "F", "grid": GRID, "x": "epochs"}
    assert "a figure of plot 'lines' needs `series`" in message_of(make_study, tmp_path, {"a": figure})


def test_epochs_must_rise(tmp_path):
    assert "rise from milestone to milestone" in message_of(make_study, tmp_path, epochs={50: 3, 100: 3, 200: 4})


def test_a_dataset_needs_a_place(tmp_path):
    datasets = {"k400": {"title": "K", "reader": "kinetics", "root": "videos"}}
    assert "`root` and `annotations`" in message_of(make_study, tmp_path, datasets=datasets)


REAL = {"root": "videos", "annotations": "lists"}


def layered(folder, *datasets: dict) -> Config:
    """The configuration of a base whose k400 is generated, and files that say `datasets` one above the other."""
    paths = [write(folder / "base.yaml", CONFIG)]
    paths += [write(folder / f"{number}.yaml", {"datasets": {"k400": one}}) for number, one in enumerate(datasets)]
    return load_config(paths)


@pytest.mark.parametrize(
    "layers",
    [
        [REAL],
        [{"generated": None, **REAL}],
        [{"generated": {}, **REAL}],
        [{"root": "videos"}, {"annotations": "lists"}],
        [{"generated": {"classes": 4}}, REAL],
        [{"generated": {"classes": 4}}, {"generated": None, **REAL}],
    ],
)
def test_a_root_over_a_generated_dataset_means_real_videos(tmp_path, layers):
    dataset = layered(tmp_path, *layers).datasets["k400"]
    assert dataset.generated is None and (dataset.root, dataset.annotations) == ("videos", "lists")


def test_snakemakes_merging_of_files_means_the_same(tmp_path):
    merged = copy.deepcopy(CONFIG)
    update_config(merged, {"datasets": {"k400": REAL}})
    assert Config.parse(merged, "the test").datasets["k400"].generated is None


@pytest.mark.parametrize(
    ("layers", "files"),
    [
        ([REAL | {"generated": {"classes": 3}}], ["0.yaml"]),
        ([{"root": "videos", "generated": {"classes": 3}}], ["0.yaml"]),
        ([REAL, {"generated": {"classes": 3}}], ["0.yaml", "1.yaml"]),
        ([{"generated": None, **REAL}, {"generated": {"design": "k400", "classes": 3}}], ["0.yaml", "1.yaml"]),
    ],
)
def test_real_and_generated_contradict_each_other(tmp_path, layers, files):
    message = message_of(layered, tmp_path, *layers)
    assert "`datasets.k400.generated` in " in message and "contradict each other" in message
    for file in files:
        assert str(tmp_path / file) in message


def test_generated_again_above_a_root_that_is_taken_back(tmp_path):
    nothing = {"root": None, "annotations": None, "generated": {"classes": 5}}
    dataset = layered(tmp_path, REAL, nothing).datasets["k400"]
    assert dataset.generated.classes == 5 and dataset.root is None


@pytest.mark.parametrize(("given", "missing"), [("root", "annotations"), ("annotations", "root")])
def test_half_a_place_names_the_other_half(tmp_path, given, missing):
    message = message_of(layered, tmp_path, {given: "folder"})
    assert f"datasets.k400: `{missing}` is missing" in message and str(tmp_path / "0.yaml") in message


def test_a_recipe_is_checked_with_its_overrides(tmp_path):
    write_files(tmp_path, {}, {"rotnet": ROTNET})
    overrides = {"all": {"batch_size": 2}, "rotnet": {"options": {"stride": 3}, "optimizer": {"lr": 0.5}}}
    recipe = load_recipe(tmp_path / "recipes", "rotnet", overrides)
    assert (recipe.batch_size, recipe.options) == (2, {"rotations": 4, "stride": 3})
    assert recipe.optimizer.lr == 0.5 and recipe.optimizer.weight_decay == 0.001
    wrong = {"rotnet": {"optimiser": {}}}
    message = message_of(load_recipe, tmp_path / "recipes", "rotnet", wrong)
    assert "rotnet.yaml (with recipe_overrides)" in message and "Did you mean optimizer" in message
    assert "file is named" in message_of(load_recipe, tmp_path / "recipes", "rotnet", {"all": {"task": "vcop"}})
    message = message_of(load_recipe, tmp_path / "recipes", "rotnet", {"rotnet": {"default_complexity": "C9"}})
    assert "'C9' is not in ['C1', 'C2', 'C3']" in message


def random_tree(rng: random.Random, depth: int) -> object:
    if depth == 0 or rng.random() < 0.4:
        return rng.choice([None, 1, "x", [1, 2], {}])
    return {key: random_tree(rng, depth - 1) for key in rng.sample("abcd", rng.randint(1, 3))}


def test_overlays_merge_as_snakemakes_do():
    rng = random.Random(0)
    for _ in range(2000):
        base, first, second = ({key: random_tree(rng, 3) for key in "abc"} for _ in range(3))
        expected = copy.deepcopy(base)
        for overlay in (first, second):
            update_config(expected, copy.deepcopy(overlay))
        kept = copy.deepcopy((base, first, second))
        assert merge(merge(base, first), second) == expected
        assert (base, first, second) == kept  # arguments stay as they are


def test_null_takes_away_all_overrides_and_a_later_overlay_may_set_new_ones(tmp_path):
    base = write(tmp_path / "a.yaml", CONFIG | {"recipe_overrides": {"all": {"batch_size": 2}}})
    none = write(tmp_path / "b.yaml", {"recipe_overrides": None})
    new = write(tmp_path / "c.yaml", {"recipe_overrides": {"rotnet": {"batch_size": 3}}})
    assert load_config([base]).recipe_overrides == {"all": {"batch_size": 2}}
    assert load_config([base, none]).recipe_overrides is None
    assert load_config([base, none, new]).recipe_overrides == {"rotnet": {"batch_size": 3}}
    files = write_files(tmp_path, {"main": table(GRID)}, {"rotnet": ROTNET, "rspnet": RSPNET})
    study = Study(Config.parse(files | {"recipe_overrides": None}, "here"))
    assert study.recipes["rotnet"].batch_size == ROTNET["batch_size"]


@pytest.mark.parametrize("path", sorted(files()))
def test_committed_schemas_are_those_of_the_models(path):
    committed = CONFIGS.parent / path
    assert committed.read_text(encoding="utf-8") == files()[path], f"{path} is stale: run `make schema`"


@pytest.mark.parametrize("overlay", [None, *OVERLAYS])
def test_every_committed_configuration_is_a_study(overlay, monkeypatch):
    monkeypatch.chdir(CONFIGS.parent)
    study = load_study(["config/config.yaml", *([f"config/{overlay}"] if overlay else [])])
    assert study.evaluations and study.pretraining
    assert set(study.recipes) == set(RECIPES)


@pytest.mark.parametrize("task", RECIPES)
def test_every_committed_recipe_is_valid_by_itself(task):
    recipe = load_recipe(CONFIGS / "recipes", task)
    assert recipe.task == task
    for variant in recipe.complexity or {"": {}}:
        assert recipe.task_options(variant, "k400") == recipe.options | recipe.complexity.get(variant, {})
