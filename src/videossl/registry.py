"""Names of things that are one file each: a backbone, a pretext task, a reader of a dataset's lists.

Adding one means adding one file: the names *are* the module files of a package, so listing them imports
nothing (no torch while a workflow is planned), and building one imports its module alone.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path

from videossl.errors import UserError, unknown_name


def module_names(folder: Path, others: Collection[str]) -> list[str]:
    """The names of the module files in `folder`, sorted, without `others` and those that begin with an underscore."""
    stems = (path.stem for path in folder.glob("*.py"))
    return sorted(stem for stem in stems if stem not in others and not stem.startswith("_"))


class Registry:
    """The modules of one package, each of which registers one class under the module's own name.

    `kind` is what messages call an entry ("backbone"), `package` the dotted package and `folder` its
    directory.
    """

    NOT_ENTRIES = frozenset({"base", "registry"})

    def __init__(self, kind: str, package: str, folder: Path) -> None:
        self.kind, self.package, self.folder = kind, package, folder
        self.classes: dict[str, type] = {}

    def names(self) -> list[str]:
        """Every name that can be built, sorted; read from the directory, nothing is imported."""
        return module_names(self.folder, self.NOT_ENTRIES)

    def register(self, name: str) -> Callable[[type], type]:
        """Class decorator. A name taken twice is a mistake in the code, hence a ValueError."""

        def add(cls: type) -> type:
            if name in self.classes:
                taken = self.classes[name]
                raise ValueError(f"{self.kind} '{name}' is registered twice: {taken.__module__} and {cls.__module__}")
            self.classes[name] = cls
            return cls

        return add

    def load(self, name: str, where: str = "") -> type:
        """The class called `name`, after importing its module. UserError if there is no such module."""
        if name not in self.names():
            raise unknown_name(self.kind, name, self.names(), where)
        importlib.import_module(f"{self.package}.{name}")
        if name not in self.classes:
            raise ValueError(f"{self.package}.{name} must register a class under the name '{name}'")
        return self.classes[name]

    def options(self, name: str) -> dict[str, object]:
        """The options of the class called `name` with their defaults: the keyword-only arguments of its constructor.

        Read from the text of its file, so that a configuration can be checked without importing torch. ValueError if
        the file registers no class under its name, or if a default is no plain value.
        """
        return dict(_options(self.folder / f"{name}.py"))

    def check_options(self, name: str, options: Mapping[str, object], where: str = "") -> None:
        """Raises UserError for an unknown name, an unknown option (with the valid ones), and for a value of another
        type than the option's default. `where`: the file and key that the options come from.
        """
        if name not in self.names():
            raise unknown_name(self.kind, name, self.names(), where)
        valid = self.options(name)
        place = f"the options of {self.kind} '{name}'{f' ({where})' if where else ''}"
        for key, value in options.items():
            if key not in valid:
                raise unknown_name("option", key, valid, place)
            if not _same_type(value, valid[key]):
                raise UserError(
                    f"option '{key}' in {place} must be {_in_words(valid[key])}"
                    f" (default: {valid[key]!r}), not {value!r}."
                )


@cache
def _options(path: Path) -> Mapping[str, object]:
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        if isinstance(node, ast.ClassDef) and any(_registers(one, path.stem) for one in node.decorator_list):
            found: dict[str, object] = {}
            for init in (part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"):
                for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
                    found[argument.arg] = ast.literal_eval(default)
            return found
    raise ValueError(f"{path} must register a class under the name '{path.stem}'")


def _registers(decorator: ast.expr, name: str) -> bool:
    """Whether a decorator is `register("name")`."""
    return (
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Name | ast.Attribute)
        and getattr(decorator.func, "id", getattr(decorator.func, "attr", "")) == "register"
        and [ast.unparse(argument) for argument in decorator.args] == [repr(name)]
    )


def _in_words(default: object) -> str:
    """The type of an option in words."""
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", list: "a list"}
    return words.get(type(default), f"of type {type(default).__name__}")


def _same_type(value: object, default: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    if isinstance(default, list):  # of as many as the user likes, all of one type; the class knows how many it takes
        return isinstance(value, list) and all(_same_type(item, one) for item in value for one in default[:1])
    return isinstance(value, type(default))
