"""Reads official list files: text, CSV and JSON, in UTF-8 or with a byte-order mark. Errors give file and line."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from videossl.common.errors import UserError, as_given
from videossl.data.file_names import escaped

_MARKS = {  # UTF-32 first: its mark begins with that of UTF-16
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
LARGEST = 2**31 - 1
"""Largest number in lists, which is stored in 32 bits."""
_LINE_END = re.compile(rb"\r\n|\n|\r")  # str.splitlines would also split at characters that names may contain


def visible_files(folder: Path, ending: str = "") -> list[Path]:
    """Files in `folder` with this ending, sorted, without hidden ones (`._train.csv`, `.x.swp`)."""
    found = [path for path in folder.iterdir() if path.name.lower().endswith(ending) and not path.name.startswith(".")]
    return sorted(path for path in found if path.is_file())


def require_file(path: Path, source: str) -> Path:
    """Return `path`. Raises UserError with its official `source` if the file does not exist."""
    if not path.is_file():
        raise UserError(f"list file missing: {path}. It is part of {source}.")
    return path


def malformed(path: Path, number: int, text: str, expected: str) -> UserError:
    """The error for line `number` (1-based) of a list file."""
    return UserError(f"{path}, line {number}: malformed line {text[:200]!r}; expected: {expected}.")


def malformed_item(path: Path, index: int, item: object, expected: str) -> UserError:
    """The error for element `index` (0-based) of a JSON list."""
    return UserError(f"{path}, item {index}: malformed {str(item)[:200]}; expected: {expected}.")


def list_lines(path: Path, *, raw: bool = False) -> Iterator[tuple[int, str]]:
    """(line number, text) of the non-blank lines. Accepts CR-LF, surrounding blanks and a byte-order mark.

    Args:
        path: the list.
        raw: accept bytes that are not UTF-8, as they may belong to a file name; decoded with `surrogateescape`. The
            caller must reject them elsewhere with :func:`require_text`.

    Raises:
        UserError: the file has no lines (an interrupted download, or a list never filled), or another encoding.
    """
    empty = True
    for number, line in enumerate(_LINE_END.split(_utf8(path)), start=1):
        text = line.decode("utf-8", "surrogateescape").strip()
        if not text:
            continue
        empty = False
        if not raw:
            require_text(path, number, text)
        yield number, text
    if empty:
        raise UserError(f"the list file {path} is empty. Fill it or fetch it again; remove it if the list is optional.")


def require_text(path: Path, number: int, text: str) -> None:
    """Raise UserError if a line of :func:`list_lines` has bytes that are not UTF-8."""
    if (written := escaped(text)) != text:
        raise UserError(
            f"{path}, line {number}: not UTF-8 text: {written[:200]}. It may be Latin-1 or Windows-1252; save the list "
            "as UTF-8 (`iconv -f WINDOWS-1252 -t UTF-8`). Other bytes are allowed only in the name of a file that has "
            "the same bytes in its name."
        )


def _utf8(path: Path) -> bytes:
    """The content as UTF-8 without byte-order mark. Without a mark, invalid bytes are kept."""
    data = path.read_bytes()
    for mark, encoding in _MARKS.items():
        if data.startswith(mark) and encoding != "utf-8":
            body = data.removeprefix(mark)
            try:
                return body.decode(encoding).encode()
            except UnicodeDecodeError as error:
                number = body[: error.start].decode(encoding, "ignore").count("\n") + 1
                raise UserError(
                    f"{path}, line {number}: not valid {encoding.upper()}. Save the file as UTF-8."
                ) from error
    data = data.removeprefix(codecs.BOM_UTF8)
    if (place := data.find(b"\0")) >= 0:
        number = len(_LINE_END.findall(data[:place])) + 1
        raise UserError(
            f"{path}, line {number}: a zero byte: this is UTF-16 text without a byte-order mark, or not text at all. "
            "Save the file as UTF-8, or fetch it again."
        )
    return data


def _text(path: Path) -> str:
    """The content as text. Raises UserError with the line of the first byte that is not UTF-8."""
    data = _utf8(path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        lines = _LINE_END.split(data)
        number = len(_LINE_END.findall(data[: error.start])) + 1
        require_text(path, number, lines[number - 1].decode("utf-8", "surrogateescape").strip())
        raise UserError(f"{path}, line {number}: not UTF-8 text ({error.reason}).") from error


def csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line number, fields) of the non-empty rows of a CSV file, including the header."""
    rows = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    number = 1
    try:
        for row in rows:
            if rows.line_num > number:
                raise malformed(path, number, ",".join(row), "a row on one line; is a quote not closed?")
            if any(field.strip() for field in row):
                yield number, row
            number = rows.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}, line {number}: not valid CSV ({error}). Is a quote not closed?") from error


def read_json(path: Path, source: str, kind: type) -> Any:
    """The content of an official JSON file whose top level is a `kind` (list or dict)."""
    try:
        value = json.loads(_text(require_file(path, source)))
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path}, line {error.lineno}: not valid JSON ({error.msg}). Is the download complete? "
            f"It is part of {source}."
        ) from error
    except (RecursionError, ValueError) as error:  # unclosed brackets, or a number with thousands of digits
        raise UserError(f"{path}: not usable JSON ({error}). It is part of {source}.") from error
    if not isinstance(value, kind):
        raise UserError(f"{path}: expected a JSON {kind.__name__}, found {type(value).__name__}.")
    return value


def whole_number(value: object) -> int:
    """An integer of a JSON file, which may be written as a string. Raises ValueError or TypeError for anything else,
    and for numbers too large for a class, frame or video."""
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError(f"{as_given(value)} is not a whole number")
    number = int(value)  # type: ignore[call-overload]
    if abs(number) > LARGEST:
        raise ValueError(f"{as_given(value)} is too large")
    return number


def written_number(text: str) -> int | None:
    """The integer in a field of a list, digits only; None for anything else and for numbers too large for a class."""
    return int(text) if text.isdecimal() and len(text) <= len(str(LARGEST)) and int(text) <= LARGEST else None


def written_name(value: object) -> str:
    """The name of a video or class in a JSON file, which may be a number. Raises TypeError for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"{as_given(value)} is not a name")
    return str(value)


def read_class_index(path: Path, source: str) -> dict[str, int]:
    """classInd.txt, lines "number name" counted from 1 -> {name: 0-based label}. Must be complete and unique."""
    classes: dict[str, int] = {}
    for number, text in list_lines(require_file(path, source)):
        index, *rest = text.split(maxsplit=1)
        label = written_number(index)
        if label is None or not rest:
            raise malformed(path, number, text, "'<class number from 1> <class name>'")
        name = unicodedata.normalize("NFC", rest[0])
        if name in classes:
            raise UserError(f"{path}, line {number}: class '{name}' is listed twice.")
        classes[name] = label - 1
    if sorted(classes.values()) != list(range(len(classes))) or not classes:
        raise UserError(
            f"{path}: class numbers must be 1, 2, ... without gap or repetition; {len(classes)} classes read."
        )
    return classes
