"""Base class of all configuration models: no unknown keys, no silent conversions."""

from __future__ import annotations

import unicodedata
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from videossl.common.errors import UserError
from videossl.common.explain import explain

PRINTED = ("title", "caption", "note")
"""Keys whose texts are printed. A line break in them becomes a space, as in YAML itself."""


class Strict(BaseModel):
    """A model that refuses unknown keys, so that a misspelt key is an error; and values of another type, so that "1"
    and true are not numbers and 1 is not true. Numbers must be finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _printable(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse control characters, which no page can show."""
        if not isinstance(value, str):
            return value
        if info.field_name in PRINTED:
            value = " ".join(part.strip() for part in value.splitlines())
        if hidden := sorted({letter for letter in value if unicodedata.category(letter) in ("Cc", "Cs")} - {*"\n\t"}):
            raise ValueError(f"holds control characters, which cannot be printed: {', '.join(map(ascii, hidden))}")
        return value

    @classmethod
    def parse(cls, value: dict[str, Any], where: str) -> Self:
        """Validate `value`. Raises one :class:`UserError` that lists every problem by key."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise UserError(explain(error, cls, value, where)) from None


def merge(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    """`base` with `overlay` on top: mappings are merged key by key, everything else is replaced.

    Same rule as Snakemake's for several `--configfile`s, so that library and workflow agree. An empty mapping therefore
    changes nothing; null empties a mapping.
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
