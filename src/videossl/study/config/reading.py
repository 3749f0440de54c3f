"""Reads YAML and JSON files. Whatever no configuration needs is an error with file and line."""

from __future__ import annotations

import json
import re
from collections import Counter
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from videossl.common.errors import UserError

MAX_BYTES = 16 * 2**20
"""Largest size of a file; the study's largest has 60 kB."""
DEEPEST = 40
"""Deepest nesting of mappings and lists."""
MAX_VALUES = 1_000_000
"""Including values repeated by aliases (`*name`): a few lines of them may expand to billions."""
MERGE = "tag:yaml.org,2002:merge"
"""Tag of `<<`."""


class _Loader(yaml.SafeLoader):
    """A YAML loader with stricter rules.

    It refuses duplicate keys (YAML silently takes the later one), keys that are lists or mappings, values that contain
    themselves, and more values or levels than any configuration has. Values that look like a number or a date but
    cannot be read as one are an error with a line.
    """

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> yaml.Node | None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.composer.ComposerError(
                None,
                None,
                f"more than {DEEPEST} lists or mappings within one another",
                self.peek_event().start_mark,  # type: ignore[no-untyped-call]
            )
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            _count(node, {}, set())
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                kind = "list" if isinstance(key, yaml.SequenceNode) else "mapping"
                problem = f"a key that is a {kind}; a key is a text or a number. Put quotes around a text with brackets"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            if key.value in seen and key.tag != MERGE:
                problem = f"the key '{key.value}' is given twice in one mapping; rename or remove one of the two"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, ArithmeticError, AttributeError, TypeError) as error:
            text = str(getattr(node, "value", ""))
            shown = f"{text[:40]}…" if len(text) > 40 else text
            problem = f"'{shown}' looks like a number, a date or the like but is none: put quotes around text"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error


def _count(node: yaml.Node, counted: dict[int, int], above: set[int]) -> int:
    """Number of values below a node, including those repeated by aliases.

    counted: results for nodes that are already done, by identity. above: the nodes that contain this one.
    """
    if id(node) in above:
        problem = "an alias inside the value that it stands for, which would contain itself"
        raise yaml.composer.ComposerError(None, None, problem, node.start_mark)
    if id(node) not in counted:
        above.add(id(node))
        parts = node.value if isinstance(node, yaml.CollectionNode) else ()
        flat = [one for part in parts for one in (part if isinstance(part, tuple) else (part,))]
        counted[id(node)] = 1 + sum(_count(part, counted, above) for part in flat)
        above.remove(id(node))
    if counted[id(node)] > MAX_VALUES:
        problem = f"aliases stand for more than {MAX_VALUES:,} values"
        raise yaml.composer.ComposerError(None, None, problem, node.start_mark)
    return counted[id(node)]


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML (or JSON, by suffix) file that holds a mapping. Raises UserError if it does not exist or is
    invalid."""
    text = _text(path)
    is_json = Path(path).suffix == ".json"
    invalid = f"{path} is not valid JSON" if is_json else f"{path} is not valid YAML"
    try:
        value = json.loads(text, object_pairs_hook=_unique) if is_json else deepcopy(_loaded(text))
    except yaml.MarkedYAMLError as error:
        raise UserError(f"{invalid}: {_message(error)}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UserError(
            f"{invalid}: line {line}: the character {chr(error.character)!a} is not allowed in text. Was "
            "the file saved as plain text in UTF-8?"
        ) from None
    except json.JSONDecodeError as error:
        raise UserError(f"{invalid}: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise UserError(f"{invalid}: too many lists or mappings within one another") from None
    except (ValueError, yaml.YAMLError) as error:
        raise UserError(f"{invalid}: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(value, dict):
        held = "nothing" if value is None else f"a {type(value).__name__}"
        raise UserError(f"{path} should hold a mapping (key: value), and holds {held}")
    return value


@lru_cache(maxsize=128)
def _loaded(text: str) -> Any:
    """Parse a YAML text, once: `videossl plan` and the Snakemake in it read the same files.

    ValueError for an escape such as \\U00110000 that is not a character.
    """
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    except OverflowError as error:
        raise ValueError(f"line {loader.line + 1}: an escape that is no character ({error})") from None
    finally:
        loader.dispose()


def _text(path: str | Path) -> str:
    """The file as text. Raises UserError with the line of a byte that is not UTF-8."""
    try:
        with Path(path).open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MAX_BYTES:
        raise UserError(f"{path} has more than {MAX_BYTES // 2**20} MiB: that is no configuration")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # Count line ends before the error, as an editor does.
        line = len(re.findall(rb"\r\n|\n|\r", data[: error.start])) + 1
        raise UserError(
            f"{path} cannot be read: line {line}: byte 0x{data[error.start]:02x} is not UTF-8. Save the file as UTF-8"
        ) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. ValueError for a duplicate key."""
    for key, count in Counter(key for key, _ in pairs).items():
        if count > 1:
            raise ValueError(f"the key '{key}' is given twice in one object; rename or remove one of the two")
    return dict(pairs)


def _message(error: yaml.MarkedYAMLError) -> str:
    """Line, problem and where the enclosing element began, on one line."""
    mark, began = error.problem_mark or error.context_mark, error.context_mark
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    context = f" {error.context}" if error.context else ""
    if context and began and mark and began.line != mark.line:
        context += f" that begins in line {began.line + 1}"
    return f"{place}{error.problem}{context}"
