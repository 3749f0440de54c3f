"""Readers by name: the module files beside this one. Does not import them, nor pandas."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

from videossl.common.errors import UserError, unknown_name
from videossl.common.registry import Option, module_names

NOT_READERS = frozenset(
    {"common", "division", "listing", "parsing", "registry", "spelling", "validation", "video_files"}
)


def names() -> list[str]:
    """Names of all readers (one module each), sorted."""
    return module_names(Path(__file__).parent, NOT_READERS)


def load(reader: str) -> ModuleType:
    """The module of a reader. Raises UserError if there is none, ValueError if it has no function `read`."""
    if reader not in names():
        raise unknown_name("dataset reader", reader, names())
    module = importlib.import_module(f"videossl.data.readers.{reader}")
    if not callable(getattr(module, "read", None)):
        raise ValueError(f"{module.__name__} must define a function `read(root, annotations, **options)`")
    return module


@cache
def reads_lists(reader: str) -> bool:
    """Whether a reader needs a folder of list files: whether its `read` has an argument `annotations`. Parses the file
    instead of importing it, as :meth:`videossl.common.registry.Registry.options` does."""
    tree = ast.parse((Path(__file__).parent / f"{reader}.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "read"]
    return not functions or any(argument.arg == "annotations" for argument in functions[-1].args.args)


def group_of(reader: str, options: Mapping[str, object] | None = None) -> Callable[[str], str] | None:
    """Function from a video id to the recording that it was cut from; None if every video is its own recording.

    options: of the reader; its `group` gets those that it has an argument for.
    """
    function = getattr(load(reader), "group", None)
    if function is None:
        return None
    wanted = inspect.signature(function).parameters
    return partial(function, **{name: value for name, value in (options or {}).items() if name in wanted})


def reader_options(reader: str) -> list[str]:
    """Names of a reader's options: the arguments of `read` besides `root` and `annotations`."""
    return [name for name in inspect.signature(load(reader).read).parameters if name not in ("root", "annotations")]


def check_values(reader: str, options: Mapping[str, object], where: str = "") -> None:
    """Raise UserError for an unknown option of `reader` or an invalid value. (The reader itself checks what depends on
    the files.)"""
    check_options(reader, options, where)
    function = load(reader).read
    kinds, parameters = get_type_hints(function, include_extras=True), inspect.signature(function).parameters
    for name, value in options.items():
        if problem := Option(parameters[name].default, kinds[name]).problem(value):
            raise UserError(f"option '{name}' of dataset reader '{reader}'{f' ({where})' if where else ''} {problem}.")


def check_options(reader: str, options: Iterable[str], where: str = "") -> None:
    """Raise UserError for an unknown option of `reader`."""
    valid = reader_options(reader)
    for name in options:
        if name not in valid:
            raise unknown_name("option", name, valid, f"dataset reader '{reader}'{f' ({where})' if where else ''}")
