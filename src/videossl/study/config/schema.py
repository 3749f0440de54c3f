"""Generates the JSON schemas of the YAML files and the list of their keys from the models.

`python -m videossl.study.config.schema` writes them; a test fails if a committed file differs from its models.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import RootModel

from videossl.common.files import write_text
from videossl.study.config.experiments import Experiment
from videossl.study.config.recipe import Recipe
from videossl.study.config.reference import reference
from videossl.study.config.study import Config
from videossl.study.config.videolanguage import ModelRecipe


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of each kind of file, by path."""
    config = Config.model_json_schema()
    return {
        "config/config.schema.json": config,
        "config/overlay.schema.json": _overlay(config),
        "config/experiments.schema.json": RootModel[dict[str, Experiment]].model_json_schema(),
        "config/recipes/recipe.schema.json": Recipe.model_json_schema(),
        "config/recipes/vifm/model.schema.json": ModelRecipe.model_json_schema(),
    }


def _overlay(schema: Any) -> Any:
    """An overlay says only what differs: nothing is required, at any depth."""
    if isinstance(schema, dict):
        return {key: _overlay(value) for key, value in schema.items() if key != "required"}
    return [_overlay(item) for item in schema] if isinstance(schema, list) else schema


def text(schema: dict[str, Any]) -> str:
    """A schema as committed."""
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def files() -> dict[str, str]:
    """The text of every generated file, by path."""
    return {path: text(schema) for path, schema in schemas().items()} | {"config/README.md": reference()}


if __name__ == "__main__":
    for path, content in files().items():
        write_text(Path(path), content)
        print(path)
