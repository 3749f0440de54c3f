"""What pydantic finds wrong with a configuration, in the words of the configuration.

pydantic says of each problem where it is (`loc`), of which kind (`type`), and the bounds or names that would be valid
(`ctx`). The words are ours, one text a kind, as pydantic's documentation does it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from videossl.common.errors import LONGEST_SHOWN, as_given, unknown_name

MESSAGES = {
    "missing": "is required",
    "int_type": "should be a whole number",
    "int_from_float": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_parsing_size": "should be a whole number",
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "finite_number": "should be a number, neither infinite nor NaN",
    "bool_type": "should be true or false",
    "bool_parsing": "should be true or false",
    "string_type": "should be a text",
    "list_type": "should be a list",
    "tuple_type": "should be a list",
    "dict_type": "should be a mapping (key: value)",
    "model_type": "should be a mapping (key: value)",
    "invalid_key": "a key should be a text: put quotes around it",
    "greater_than": "should be greater than {gt}",
    "greater_than_equal": "should be greater than or equal to {ge}",
    "less_than": "should be less than {lt}",
    "less_than_equal": "should be less than or equal to {le}",
    "too_short": "should have at least {min_length} {items}",
    "too_long": "should have at most {max_length} {items}",
    "string_pattern_mismatch": "should look like {pattern}",
    "literal_error": "should be {expected}",
    "value_error": "{error}",
}
"""By the type of an error: what is said of it, with values of its `ctx`. Of other types, pydantic's own words."""
NO_KEY = "[key]"
"""In pydantic's location: what is wrong is the key itself."""
Place = tuple[int | str, ...]


def explain(error: ValidationError, model: type[BaseModel], value: Any, where: str) -> str:
    """All problems of `value`, one line per key, with the valid names for an unknown key.

    Where a key accepts several types, pydantic reports an error for each of them. The type that was meant is the one
    whose errors are nested deepest; types whose errors are equally deep are listed as alternatives.
    """
    found: dict[Place, list[Mapping[str, Any]]] = {}
    deepest: dict[Place, int] = {}
    problems = [(problem, *_places(problem, value)) for problem in error.errors(include_url=False)]
    for _, place, choice in problems:
        deepest[choice] = max(deepest.get(choice, 0), len(place))
    for problem, place, choice in problems:
        if not choice or len(place) == deepest[choice]:
            found.setdefault(place, []).append(problem)
    lines = [f"  {_key(place)}: {_complaints(place, several, model)}" for place, several in found.items()]
    return "\n".join([f"{where} is not valid:", *lines])


def _places(problem: Mapping[str, Any], value: Any) -> tuple[Place, Place]:
    """Where a problem is, as keys of `value`; and the prefix of it that names the choice between types (empty if none).

    pydantic's location also names the alternative that it tried, which is no key of the value.
    """
    place: list[int | str] = []
    choice: Place = ()
    for number, part in enumerate(problem["loc"]):
        last = number == len(problem["loc"]) - 1
        if isinstance(value, Mapping) and (keys := [key for key in value if str(key) == str(part)]):
            value = value[keys[0]]
        elif isinstance(part, int):  # of a list, or of a single value that stands for a list of one
            value = value[part] if isinstance(value, list) and part < len(value) else value
        elif not (last and problem["type"] == "missing") and part != NO_KEY:
            choice = choice or (*place,)
            continue
        place.append(part)
    return (*place,), choice


def _key(place: Place) -> str:
    parts = [str(part) if str(part).isprintable() else ascii(part) for part in place if part != NO_KEY]
    shown = [part if len(part) <= LONGEST_SHOWN else f"{part[:LONGEST_SHOWN]}…" for part in parts]
    return ".".join(shown) or "(top level)"


def _complaints(place: Place, problems: Sequence[Mapping[str, Any]], model: type[BaseModel]) -> str:
    """What is wrong at one place, what was given there, and the nearest of the valid names."""
    first = problems[0]
    if first["type"] == "extra_forbidden":
        return str(unknown_name("key", place[-1], sorted(_model_at(model, place[:-1]).model_fields)))
    texts = ", or ".join(dict.fromkeys(map(message, problems)))
    # Of a mapping as a whole, the message itself says what of it is wrong.
    if first["type"] == "missing" or (first["type"] == "value_error" and isinstance(first["input"], Mapping)):
        return texts
    return f"{texts} (given: {as_given(first['input'])}){_nearest(problems)}"


def message(problem: Mapping[str, Any]) -> str:
    """One of pydantic's errors in words."""
    context = {key: _number(value) for key, value in problem.get("ctx", {}).items()}
    if problem["type"] not in MESSAGES:
        return re.sub("^[A-Z][a-z]+ should", "should", problem["msg"])
    items = "item" if context.get("min_length", context.get("max_length")) == "1" else "items"
    return MESSAGES[problem["type"]].format(**{"items": items, **context})


def _number(value: Any) -> str:
    """A bound as text: whole numbers without a point."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _nearest(problems: Iterable[Mapping[str, Any]]) -> str:
    """A question for the valid names that are nearest to the one given; "" if none is."""
    near: list[str] = []
    for problem in problems:
        if problem["type"] == "literal_error" and isinstance(problem["input"], str):
            names = re.findall("'([^']*)'", problem["ctx"]["expected"])
            near += get_close_matches(problem["input"], names, n=3, cutoff=0.5)
    return f". Did you mean {' or '.join(dict.fromkeys(near))}?" if near else ""


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
