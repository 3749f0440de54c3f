"""A task's name, place and colour stand in its recipe, a network's name and place in its file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tiny import GRID, ROTNET, RSPNET, make_study, table, write_files

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.common.registry import Registry
from videossl.report.request import entry_of
from videossl.report.spec import Spec
from videossl.report.style import PALETTE, task_looks
from videossl.stages.registry import stage
from videossl.study import titles
from videossl.study.config import Config, load_recipe
from videossl.study.study import Study

RECIPES = Path(__file__).parents[2] / "config/recipes"
NEW = ROTNET | {"task": "vcop", "title": "Shuffled clips", "place": 15, "colour": "#112233", "marker": "h"}
NEW |= {"complexity": {}, "default_complexity": "", "options": {}}


def study_with(folder: Path, **recipes: dict) -> Study:
    grid = GRID | {"task": ["all"]}
    return Study(Config.parse(write_files(folder, {"main": table(grid, rows="task", columns="subset")}, recipes), ""))


def test_a_new_task_is_shown_as_its_recipe_says(tmp_path):
    study = study_with(tmp_path, rotnet=ROTNET | {"place": 10}, rspnet=RSPNET | {"place": 20, "title": "RSP"}, vcop=NEW)
    spec = Spec.parse(entry_of(study, "main"))
    assert spec.label("task", "vcop") == "Shuffled clips"
    assert spec.label("teachers", "vcop+rspnet") == "Shuffled clips + RSP"
    assert spec.order("task", {"rspnet", "vcop", "rotnet", "scratch"}) == ["scratch", "rotnet", "vcop", "rspnet"]
    look = spec.looks["task"]["vcop"]
    assert (look.colour, look.marker) == ("#112233", "h")


def test_a_task_that_says_nothing_stands_last_in_a_look_of_its_own(tmp_path):
    said = {"place", "colour", "marker", "title"}
    silent = {key: value for key, value in NEW.items() if key not in said}
    study = study_with(tmp_path, rotnet=ROTNET | {"place": 10, "colour": "#e69f00"}, rspnet=RSPNET, vcop=silent)
    entry = entry_of(study, "main")
    assert entry["orders"]["task"] == ["rotnet", "rspnet", "vcop"]  # without a place by letter, after those with one
    assert len({look["colour"] for look in entry["looks"]["task"].values()}) == 3


def test_spare_looks_are_those_that_no_other_task_has():
    shipped = titles.shipped_tasks()
    own = task_looks(shipped)
    with_more = task_looks({**shipped, **{name: titles.Printed(name) for name in ("x", "y", "z")}})
    assert {name: with_more[name] for name in shipped} == own
    assert len({look.colour for look in with_more.values()}) == len(shipped) + 3 == len(PALETTE)


def test_two_tasks_of_one_colour_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"rspnet.yaml: `colour` #AABBCC is also that of the task rotnet"):
        make_study(tmp_path, rotnet={"colour": "#aabbcc"}, rspnet={"colour": "#AABBCC"})
    with pytest.raises(UserError, match=r"colour: should look like"):
        make_study(tmp_path, rotnet={"colour": "orange"})
    with pytest.raises(UserError, match=r"marker: should be 'o'"):
        make_study(tmp_path, rotnet={"marker": "circle"})


def test_how_a_task_is_shown_decides_no_result(tmp_path):
    plain, shown = (
        make_study(tmp_path / name, rotnet=keys)
        for name, keys in (("a", {}), ("b", {"title": "T", "place": 3, "colour": "#123456", "marker": "d"}))
    )
    hashes = [[stage("pretrain").spec(study, cell).hash for cell in study.pretraining] for study in (plain, shown)]
    assert hashes[0] == hashes[1]


def test_every_shipped_task_and_network_says_how_it_is_shown():
    tasks = {path.stem: load_recipe(RECIPES, path.stem) for path in RECIPES.glob("*.yaml")}
    assert all(recipe.title and recipe.place and recipe.colour and recipe.marker for recipe in tasks.values())
    for key in ("title", "place", "colour", "marker"):
        assert len({getattr(recipe, key) for recipe in tasks.values()}) == len(tasks)
    networks = titles.networks()
    assert set(backbones.names()) < set(networks)
    assert len({one.place for one in networks.values()}) == len({one.title for one in networks.values()})
    assert titles.in_order({name: one.place for name, one in networks.items()})[0] == "shufflenet"


def test_a_networks_name_is_read_from_its_file(tmp_path):
    head = 'from nowhere import Backbone, register\n\n\n@register("{0}")\nclass Any(Backbone):\n    """A network."""\n'
    (tmp_path / "named.py").write_text(head.format("named") + '\n    title = "Named"\n    place: float = 7.5\n')
    (tmp_path / "plain.py").write_text(head.format("plain"))
    registry = Registry("backbone", "somewhere", tmp_path)
    assert [registry.stated("named", key) for key in ("title", "place", "other")] == ["Named", 7.5, None]
    assert registry.stated("plain", "title", "none") == "none"


def test_names_are_known_without_torch_and_without_the_report():
    code = "import sys, videossl.claims, videossl.study.titles as t; t.name_of('vit'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "pandas", "videossl.report"} & set(loaded)
