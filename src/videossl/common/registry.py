"""Registries of things that are one file each: backbones, pretext tasks, readers of list files.

To add one, add a file. The names *are* the module files of a package, so listing them imports nothing (no torch while
the workflow is planned), and building one imports only its own module.
"""

from __future__ import annotations

import ast
import importlib
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError

from videossl.common import ranges
from videossl.common.errors import UserError, as_given, unknown_name
from videossl.common.ranges import bounds

KINDS = {kind.__name__: kind for kind in (bool, int, float, str, list)}
"""Built-in types that an option may have."""
WORDS = {
    bool: ("true or false", "true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("a text", "texts"),
    list: ("a list", "lists"),
    type(None): ("null", "null"),
}
"""Singular and plural of each type in messages."""


def module_names(folder: Path, others: Collection[str]) -> list[str]:
    """Names of the modules in `folder`, sorted, without `others` and without names that begin with an underscore."""
    stems = (path.stem for path in folder.glob("*.py"))
    return sorted(stem for stem in stems if stem not in others and not stem.startswith("_"))


class Registry:
    """The modules of one package. Each registers one class under the name of its module.

    Args:
        kind: what messages call an entry, such as "backbone".
        package: dotted name of the package.
        folder: directory of the package.
    """

    NOT_ENTRIES = frozenset({"base", "registry"})

    def __init__(self, kind: str, package: str, folder: Path) -> None:
        self.kind, self.package, self.folder = kind, package, folder
        self.classes: dict[str, type] = {}

    def names(self) -> list[str]:
        """All names that can be built, sorted. Reads the directory; imports nothing."""
        return module_names(self.folder, self.NOT_ENTRIES)

    def register(self, name: str) -> Callable[[type], type]:
        """Class decorator that registers a class. ValueError if the name is taken, which is a bug in the code."""

        def add(cls: type) -> type:
            if name in self.classes:
                taken = self.classes[name]
                raise ValueError(f"{self.kind} '{name}' is registered twice: {taken.__module__} and {cls.__module__}")
            self.classes[name] = cls
            return cls

        return add

    def load(self, name: str, where: str = "") -> type:
        """The class `name`, after importing its module. Raises UserError if there is no such module."""
        if name not in self.names():
            raise unknown_name(self.kind, name, self.names(), where)
        importlib.import_module(f"{self.package}.{name}")
        if name not in self.classes:
            raise ValueError(f"{self.package}.{name} must register a class under the name '{name}'")
        return self.classes[name]

    def options(self, name: str) -> dict[str, object]:
        """Options of the class `name` with their defaults: the keyword-only arguments of its constructor.

        Parses the file instead of importing it, so that a configuration can be checked without torch. ValueError if the
        file registers no class under its name, or a default is not a literal.
        """
        return {key: option.default for key, option in _options(self.folder / f"{name}.py").items()}

    def stated(self, name: str, attribute: str, default: object = None) -> object:
        """A plain value that the class called `name` gives its class `attribute`, read like its options; `default` if
        it gives none. ValueError if the value is not plain."""
        for part in _class_of(self.folder / f"{name}.py").body:
            if not isinstance(part, ast.Assign | ast.AnnAssign) or part.value is None:
                continue
            targets = part.targets if isinstance(part, ast.Assign) else [part.target]
            if any(isinstance(one, ast.Name) and one.id == attribute for one in targets):
                return ast.literal_eval(part.value)
        return default

    def option_rows(self) -> Iterator[tuple[str, str, str, object]]:
        """One row per option of every class: class name, option, valid values in words, default."""
        for name in self.names():
            for key, option in _options(self.folder / f"{name}.py").items():
                yield name, key, option.in_words(), option.default

    def check_options(self, name: str, options: Mapping[str, object], where: str = "") -> None:
        """Raise UserError for an unknown name, an unknown option, or a value that the option's annotation does not
        allow.

        where: file and key that the options come from, for the message.
        """
        if name not in self.names():
            raise unknown_name(self.kind, name, self.names(), where)
        valid = _options(self.folder / f"{name}.py")
        place = f"the options of {self.kind} '{name}'{f' ({where})' if where else ''}"
        for key, value in options.items():
            if key not in valid:
                raise unknown_name("option", key, valid, place)
            if problem := valid[key].problem(value):
                raise UserError(f"option '{key}' in {place} {problem}.")


@dataclass(frozen=True)
class Option:
    """An option of a class: its default and its valid values."""

    default: object
    kind: Any
    """The annotation: a type of :mod:`videossl.common.ranges`, or a built-in type."""

    def problem(self, value: object) -> str:
        """What is wrong with a value; "" if it is valid. Numbers that YAML reads as strings (1e-4) are refused here, as
        options are passed to jobs as written."""
        try:
            kept = _checker(self.kind).validate_python(value, strict=True)
        except ValidationError as error:
            return self._message(value, error.errors()[0])
        if isinstance(value, str) and not isinstance(kept, str):
            return f"is the text {value!r} in YAML: write the number with a decimal point, such as {float(value):.1e}"
        return ""

    def in_words(self) -> str:
        """The valid values in words."""
        return _in_words(self.kind)

    def _message(self, value: object, error: Any) -> str:
        own = error["msg"].removeprefix("Value error, ") if error["type"] in ("value_error", "too_long") else ""
        where = "".join(f", value {place + 1}" for place in error["loc"] if isinstance(place, int))
        said = error["msg"].replace("Input should", "it should").replace("List should", "it should")
        detail = f": {said}{where}" if isinstance(self.default, list) and isinstance(value, list) and not own else ""
        detail = f"; {own}" if own else detail
        return f"must be {self.in_words()} (default: {self.default!r}), not {as_given(value)}{detail}"


def _in_words(kind: Any, number: int = 0) -> str:
    """The valid values of an annotation in words. number: 0 for singular, 1 for plural."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        within = bounds(arguments[1:])
        return f"{_in_words(arguments[0], number)}, {within}" if within else _in_words(arguments[0], number)
    if origin is Literal:
        return f"{'' if number else 'one '}of {', '.join(map(str, arguments))}"
    if origin in (Union, UnionType):
        return " or ".join(_in_words(one, number) for one in arguments)
    if origin is list:
        return f"a list {'' if get_origin(arguments[0]) is Literal else 'of '}{_in_words(arguments[0], 1)}"
    return WORDS.get(kind, (f"of type {getattr(kind, '__name__', kind)}", "values"))[number]


@cache
def _checker(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind, config=ConfigDict(allow_inf_nan=False))


@cache
def _class_of(path: Path) -> ast.ClassDef:
    """The class that a module file registers under its own name."""
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        if isinstance(node, ast.ClassDef) and any(_registers(one, path.stem) for one in node.decorator_list):
            return node
    raise ValueError(f"{path} must register a class under the name '{path.stem}'")


@cache
def _options(path: Path) -> Mapping[str, Option]:
    found: dict[str, Option] = {}
    for init in _class_of(path).body:
        if isinstance(init, ast.FunctionDef) and init.name == "__init__":
            for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
                if default is None:
                    raise ValueError(f"{path}: option '{argument.arg}' must have a default")
                value = ast.literal_eval(default)
                found[argument.arg] = Option(value, _kind(argument.annotation, value))
    return found


def _kind(annotation: ast.expr | None, default: object) -> Any:
    """The type of an option: its annotation (a built-in type or one of :mod:`videossl.common.ranges`), else the type of
    its default."""
    if annotation is not None:
        known = {**vars(ranges), **vars(typing)}
        try:
            return eval(ast.unparse(annotation), {"__builtins__": KINDS}, known)
        except (NameError, TypeError, AttributeError):
            pass
    return list[type(default[0])] if isinstance(default, list) and default else type(default)  # type: ignore[misc]


def _registers(decorator: ast.expr, name: str) -> bool:
    """Whether a decorator is `register("name")`."""
    return (
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Name | ast.Attribute)
        and getattr(decorator.func, "id", getattr(decorator.func, "attr", "")) == "register"
        and [ast.unparse(argument) for argument in decorator.args] == [repr(name)]
    )
