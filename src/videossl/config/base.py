"""The common ground of all configuration models: no unknown keys, no silent conversions."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from videossl.config.explain import explain
from videossl.errors import UserError

PRINTED = ("title", "caption", "note")
"""Keys whose texts are printed; a line break in one is a blank, as in YAML itself."""


class Strict(BaseModel):
    """A model that refuses unknown keys, so that a misspelt key is an error and not a default; and values of another
    type, so that "1" and true are no numbers and 1 is not true. No number is infinite or none (NaN)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _printable(cls, value: Any, info: ValidationInfo) -> Any:
        """No text holds what no page can show."""
        if not isinstance(value, str):
            return value
        if info.field_name in PRINTED:
            value = " ".join(part.strip() for part in value.splitlines())
        if hidden := sorted({letter for letter in value if unicodedata.category(letter) in ("Cc", "Cs")} - {*"\n\t"}):
            raise ValueError(f"holds control characters, which cannot be printed: {', '.join(map(ascii, hidden))}")
        return value

    @classmethod
    def parse(cls, value: dict[str, Any], where: str) -> Self:
        """Validate `value`; every problem is reported at once, by key, as one :class:`UserError`."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise UserError(explain(error, cls, value, where)) from None


MERGE = "tag:yaml.org,2002:merge"
"""The tag of `<<`."""


class UniqueKeys(yaml.SafeLoader):
    """A loader that refuses a key given twice, of which YAML's own would silently take the later."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != MERGE:
                problem = f"the key '{key.value}' is given twice in one mapping; rename or remove one of the two"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """A YAML file that holds a mapping; its absence or a syntax error is a :class:`UserError`."""
    try:
        with Path(path).open(encoding="utf-8") as handle:
            value = yaml.load(handle, UniqueKeys)
    except FileNotFoundError:
        raise UserError(f"there is no file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    except yaml.MarkedYAMLError as error:
        raise UserError(f"{path} is not valid YAML: {_told(error)}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(value, dict):
        held = "nothing" if value is None else f"a {type(value).__name__}"
        raise UserError(f"{path} should hold a mapping (key: value), and holds {held}")
    return value


def _told(error: yaml.MarkedYAMLError) -> str:
    """The line and what is wrong there, and where that began, on one line."""
    mark, began = error.problem_mark or error.context_mark, error.context_mark
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    context = f" {error.context}" if error.context else ""
    if context and began and mark and began.line != mark.line:
        context += f" that begins in line {began.line + 1}"
    return f"{place}{error.problem}{context}"


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
