"""Names of things that are one file each: a backbone, a pretext task.

Adding one means adding one file: the names *are* the module files of a package, so listing them imports
nothing (no torch while a workflow is planned), and building one imports its module alone.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path

from videossl.errors import UserError, unknown_name


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
        stems = (path.stem for path in self.folder.glob("*.py"))
        return sorted(stem for stem in stems if stem not in self.NOT_ENTRIES and not stem.startswith("_"))

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

    def check_options(self, name: str, options: Mapping[str, object], reserved: tuple[str, ...] = ()) -> None:
        """Options are the keyword-only arguments of the class; their defaults say what type each must have.

        Raises UserError for an unknown option (with the valid ones) and for a value of another type.
        """
        parameters = inspect.signature(self.load(name)).parameters.values()
        valid = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in reserved}
        for key, value in options.items():
            if key not in valid:
                raise unknown_name("option", key, valid, where=f"the options of {self.kind} '{name}'")
            if not _same_type(value, valid[key]):
                expected = type(valid[key]).__name__
                raise UserError(
                    f"option '{key}' of {self.kind} '{name}' must be of type {expected}"
                    f" (default {valid[key]!r}), not {value!r}."
                )


def _same_type(value: object, default: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))
