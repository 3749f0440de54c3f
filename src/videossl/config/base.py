"""The common ground of all configuration models: no unknown keys, no silent conversions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from videossl.errors import UserError, unknown_name


class Strict(BaseModel):
    """A model that refuses unknown keys, so that a misspelt key is an error and not a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls, value: dict[str, Any], where: str) -> Self:
        """Validate `value`; every problem is reported at once, by key, as one :class:`UserError`."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise UserError(explain(error, cls, where)) from None


def explain(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """The problems that pydantic found, one line each, with the valid names for an unknown key."""
    lines = [f"{where} is not valid:"]
    for problem in error.errors():
        location = problem["loc"]
        key = ".".join(str(part) for part in location) or "(top level)"
        if problem["type"] == "extra_forbidden":
            parent = _model_at(model, location[:-1])
            lines.append(f"  {key}: {unknown_name('key', location[-1], sorted(parent.model_fields))}")
        else:
            given = "" if problem["type"] == "missing" else f" (given: {problem['input']!r})"
            lines.append(f"  {key}: {problem['msg'].removeprefix('Value error, ')}{given}")
    return "\n".join(lines)


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """The model that owns the key at `location`, found by following the fields' annotations."""
    current = model
    for part in location:
        field = current.model_fields.get(str(part))
        if field is not None:
            current = first_model(field.annotation) or current
    return current


def first_model(annotation: Any) -> type[BaseModel] | None:
    """The first model within an annotation such as `dict[str, Dataset] | None`; None if there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = first_model(argument)
        if found is not None:
            return found
    return None


def read_yaml(path: str | Path) -> dict[str, Any]:
    """A YAML file that holds a mapping; its absence or a syntax error is a :class:`UserError`."""
    try:
        value = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no file {path}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path} should hold a mapping (key: value), not {type(value).__name__}")
    return value


def merge(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    """`base` with `overlay` on top: mappings merge key by key, everything else is replaced.

    The same rule as Snakemake's for several `--configfile`s, so that the library and the workflow agree. So an empty
    mapping changes nothing; to empty one, say null.
    """
    merged = dict(base)
    for key, value in overlay.items():
        below = merged.get(key, {})
        if not isinstance(value, dict):
            merged[key] = value
        elif value:
            merged[key] = merge(below if isinstance(below, dict) else {}, value)
        else:
            merged[key] = below
    return merged
