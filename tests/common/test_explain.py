"""What pydantic finds wrong is told in the words of the configuration: where, what, valid values, the nearest name."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import pytest
from pydantic import Field
from pydantic_core.core_schema import ErrorType

from videossl.common.errors import UserError
from videossl.common.explain import MESSAGES
from videossl.common.strict import Strict


class Inner(Strict):
    size: Annotated[int, Field(ge=1, le=8)] = 1
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5


class Model(Strict):
    name: str = "a"
    flag: bool = False
    kind: Literal["rotnet", "rspnet"] = "rotnet"
    inner: Inner | list[Inner] = Inner()
    sizes: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]
    named: dict[str, int | Literal["all"]] = {}
    needed: int


@pytest.mark.parametrize(
    ("given", "where", "words"),
    [
        ({"name": 3}, "name", ["a text", "given: 3"]),
        ({"flag": "yes"}, "flag", ["true or false", "given: 'yes'"]),
        ({"kind": "rotnte"}, "kind", ["'rotnet' or 'rspnet'", "given: 'rotnte'", "Did you mean rotnet"]),
        ({"inner": {"size": 0}}, "inner.size", ["greater than or equal to 1", "given: 0"]),
        ({"inner": {"size": 2.5}}, "inner.size", ["a whole number", "given: 2.5"]),
        ({"inner": [{"size": 9}]}, "inner.0.size", ["less than or equal to 8", "given: 9"]),
        ({"inner": {"share": 1.0}}, "inner.share", ["less than 1", "given: 1.0"]),
        ({"inner": {"share": float("nan")}}, "inner.share", ["neither infinite nor NaN"]),
        ({"inner": {"sise": 2}}, "inner.sise", ["unknown key 'sise'", "Did you mean size", "share"]),
        ({"inner": 3}, "inner", ["a mapping (key: value), or should be a list", "given: 3"]),
        ({"sizes": []}, "sizes", ["at least 1 item ", "given: []"]),
        ({"sizes": [1, 2, 3]}, "sizes", ["at most 2 items"]),
        ({"sizes": "x"}, "sizes", ["a list", "given: 'x'"]),
        ({"named": {"a": "al"}}, "named.a", ["a whole number, or should be 'all'", "Did you mean all"]),
        ({"named": {1: 2}}, "named.1", ["a text", "given: 1"]),
        ({"needed": None}, "needed", ["a whole number", "given: None"]),
    ],
)
def test_each_kind_of_mistake_says_where_and_what_is_valid(given, where, words):
    with pytest.raises(UserError) as caught:
        Model.parse({"needed": 1} | given, "mine.yaml")
    head, *lines = str(caught.value).splitlines()
    assert head.startswith("mine.yaml")
    (line,) = lines
    place, _, text = line.strip().partition(": ")
    assert place == where
    assert all(word in text for word in words), text
    assert "Input" not in text and "valid integer" not in text


def test_a_missing_key_is_told_beside_other_mistakes():
    with pytest.raises(UserError) as caught:
        Model.parse({"name": 3}, "mine.yaml")
    assert {line.strip().partition(":")[0] for line in str(caught.value).splitlines()[1:]} == {"name", "needed"}
    assert "needed: is required" in str(caught.value)


def test_the_types_of_errors_are_pydantics():
    assert set(MESSAGES) <= set(get_args(ErrorType))
