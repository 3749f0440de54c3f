"""Turns pydantic's validation errors into messages about configuration keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from videossl.common.errors import LONGEST_SHOWN, as_given, unknown_name

WORDS = {
    "Value error, ": "",
    "Input should": "should",
    "String should": "should",
    "List should": "should",
    "Tuple should": "should",
    "Dictionary should": "should",
    " after validation": "",
    "be a finite number": "be a number, neither infinite nor NaN",
    "Keys should be strings": "a key should be a text: put quotes around it",
    "be a valid tuple": "be a list",
    "be a valid integer": "be a whole number",
    "be a valid number": "be a number",
    "be a valid string": "be a text",
    "be a valid boolean": "be true or false",
    "be a valid list": "be a list",
    "be a valid dictionary": "be a mapping (key: value)",
    "Field required": "is required",
}
Place = tuple[int | str, ...]


def explain(error: ValidationError, model: type[BaseModel], value: Any, where: str) -> str:
    """All problems of `value`, one line per key, with the valid names for an unknown key.

    Where a key accepts several types, pydantic reports an error for each of them. The type that was meant is the one
    whose errors are nested deepest; types whose errors are equally deep are listed as alternatives.
    """
    found: dict[Place, list[dict[str, Any]]] = {}
    deepest: dict[Place, int] = {}
    problems = [(problem, *_places(problem, value)) for problem in error.errors()]
    for _, place, choice in problems:
        deepest[choice] = max(deepest.get(choice, 0), len(place))
    for problem, place, choice in problems:
        if not choice or len(place) == deepest[choice]:
            found.setdefault(place, []).append(problem)
    lines = [f"  {_key(place)}: {_complaints(place, several, model)}" for place, several in found.items()]
    return "\n".join([f"{where} is not valid:", *lines])


def _places(problem: Mapping[str, Any], value: Any) -> tuple[Place, Place]:
    """Where a problem is, as keys of `value`; and the prefix of it that names the choice between types (empty if none).

    pydantic's location also contains the type that it tried, which is not a key.
    """
    place: list[int | str] = []
    choice: Place = ()
    for number, part in enumerate(problem["loc"]):
        last = number == len(problem["loc"]) - 1
        there = isinstance(value, Mapping) and next((key for key in value if str(key) == str(part)), None)
        if there or (isinstance(value, Mapping) and part in value):
            value = value[part if part in value else there]
        elif isinstance(part, int):  # an item of a list, or a single value given instead of a list
            value = value[part] if isinstance(value, list) and part < len(value) else value
        elif not (last and problem["type"] == "missing") and part != "[key]":
            choice = choice or (*place,)
            continue
        place.append(part)
    return (*place,), choice


def _key(place: Place) -> str:
    parts = [str(part) if str(part).isprintable() else ascii(part) for part in place if part != "[key]"]
    shown = [part if len(part) <= LONGEST_SHOWN else f"{part[:LONGEST_SHOWN]}…" for part in parts]
    return ".".join(shown) or "(top level)"


def _complaints(place: Place, problems: list[dict[str, Any]], model: type[BaseModel]) -> str:
    """What is wrong at one key, and the value given there."""
    first = problems[0]
    if first["type"] == "extra_forbidden":
        return str(unknown_name("key", place[-1], sorted(_model_at(model, place[:-1]).model_fields)))
    texts = []
    for problem in problems:
        text = problem["msg"]
        for words, plain in WORDS.items():
            text = text.replace(words, plain)
        text = re.sub(r" or instance of \w+", "", text)
        texts.append(text)
    shown = as_given(first["input"])
    # For a mapping as a whole, the message itself says what is wrong.
    told = first["type"] == "missing" or (first["type"] == "value_error" and isinstance(first["input"], Mapping))
    return ", or ".join(dict.fromkeys(texts)) + ("" if told else f" (given: {shown})")


def _model_at(model: type[BaseModel], location: Place) -> type[BaseModel]:
    """The model that defines the key at `location`."""
    current = model
    for part in location:
        field = current.model_fields.get(str(part))
        if field is not None:
            current = first_model(field.annotation) or current
    return current


def first_model(annotation: Any) -> type[BaseModel] | None:
    """The first model in an annotation such as `dict[str, Dataset] | None`; None if there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = first_model(argument)
        if found is not None:
            return found
    return None
