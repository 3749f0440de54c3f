"""Files that show whether they are as they were written: a flipped bit is an error with a remedy, never another number.

Archives (networks, features) hold a checksum of each record. Parquet files and JSON records are given one of the whole
file. Checksums are XXH3 (64 bits): they tell damage, not malice. Frames have their own, in their shard:
:mod:`videossl.data.store`. Imports no torch.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from xxhash import xxh3_64_hexdigest

from videossl.common.errors import DamagedFile, UserError

REMEDY = "Remove it and run the same command again: it is made anew."
SEAL = "file_checksum"
"""The key of a JSON record for the checksum of all other keys."""
_KEY = b"videossl.checksum"
"""The key of a Parquet file's metadata for the checksum of the file, in which the checksum itself counts as zeros."""
_NONE = b"0" * 16
_BETWEEN = b"\x18\x10"
"""Between key and value in the footer (Thrift's compact protocol): a text follows, of 16 bytes."""


def damaged(path: str | Path, what: str, remedy: str = REMEDY) -> DamagedFile:
    """An error that names the file, what is wrong with it and the remedy."""
    return DamagedFile(f"{path} {what}. {remedy}")


def unreadable(path: str | Path, error: BaseException, remedy: str = REMEDY) -> UserError:
    """The same of a file whose reading raised `error`. A file that is not there is a plain UserError."""
    if isinstance(error, FileNotFoundError):
        return UserError(f"there is no file {path}; run the workflow, which makes it")
    if isinstance(error, IsADirectoryError) or Path(path).is_dir():
        return damaged(path, "is a folder where a file is expected", remedy)
    if isinstance(error, PermissionError):
        return damaged(path, "cannot be read (permission denied)", "Make it readable, or remove it and run again.")
    if isinstance(error, OSError) and error.strerror:
        return damaged(path, f"cannot be read ({error.strerror})", remedy)
    first = (str(error).strip().splitlines() or [""])[0][:200]
    return damaged(path, f"cannot be read ({type(error).__name__}{f': {first}' if first else ''})", remedy)


def read_bytes(path: str | Path) -> bytes:
    """All of a file; a file that cannot be read, or is empty, is a UserError."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None
    if not data:
        raise damaged(path, "is empty")
    return data


# Parquet


def write_table(path: str | Path, table: pa.Table) -> None:
    """Write a Parquet file with its checksum (not atomically: :func:`videossl.common.files.write_parquet`)."""
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({_KEY: _NONE})
    data = Path(path).read_bytes()
    with Path(path).open("r+b") as handle:
        place = _place(data)
        assert place is not None  # the key was written above
        handle.seek(place)
        handle.write(xxh3_64_hexdigest(data).encode())


def check_table(path: str | Path) -> list[str]:
    """Look whether a Parquet file is as it was written, without reading its table; a UserError says if not. Returns the
    names of its columns."""
    data = _whole(path)
    try:
        return pq.read_schema(pa.BufferReader(data)).names
    except Exception as error:
        raise unreadable(path, error) from None


def check_ends(path: str | Path) -> None:
    """Look at the two ends of a Parquet file alone: whether it is one, and not cut off."""
    try:
        with Path(path).open("rb") as handle:
            head = handle.read(4)
            handle.seek(-min(4, Path(path).stat().st_size), 2)
            _require_ends(path, head, handle.read())
    except OSError as error:
        raise unreadable(path, error) from None


def read_table(path: str | Path, columns: Sequence[str] | None = None, schema: pa.Schema | None = None) -> pa.Table:
    """Read a Parquet file, with the columns of `schema`, and its kinds of values, if given; a damaged or other file is
    a UserError. One that was written without a checksum, by an earlier version, is read as it is.
    """
    data = _whole(path)
    try:
        table = pq.read_table(pa.BufferReader(data), columns=None if columns is None else list(columns))
        if schema is not None:
            _require_columns(path, table.schema, schema)
    except DamagedFile:
        raise
    except Exception as error:  # of what a damaged file of an earlier version may raise, all is meant
        raise unreadable(path, error) from None
    kept = {key: value for key, value in (table.schema.metadata or {}).items() if key != _KEY}
    return table.replace_schema_metadata(kept or None)


def _require_columns(path: str | Path, found: pa.Schema, schema: pa.Schema) -> None:
    if set(found.names) != set(schema.names):
        differing = sorted(set(found.names) ^ set(schema.names))
        raise damaged(path, f"is another table than expected: its columns differ in {', '.join(differing)}")
    for name in schema.names:
        types = found.field(name).type, schema.field(name).type
        if len({_kind(one) for one in types if not pa.types.is_null(one)}) > 1:
            raise damaged(path, f"is another table than expected: {name} is {types[0]}, not {types[1]}")


def _kind(values: pa.DataType) -> str:
    """What values mean, whatever their size: other programs write longer texts and numbers."""
    if pa.types.is_string(values) or pa.types.is_large_string(values):
        return "text"
    return "number" if pa.types.is_integer(values) or pa.types.is_floating(values) else str(values)


def _whole(path: str | Path) -> bytes:
    """The bytes of a Parquet file that is as it was written."""
    data = read_bytes(path)
    _require_ends(path, data[:4], data[-4:])
    try:
        place = _place(data)
    except ValueError:
        raise damaged(path, "is damaged: its checksum is broken") from None
    if place is None:
        return data
    noted = data[place : place + len(_NONE)]
    blank = b"".join((data[:place], _NONE, data[place + len(_NONE) :]))
    if noted != xxh3_64_hexdigest(blank).encode():
        raise damaged(path, "is damaged: its content does not fit its checksum")
    return data


def _require_ends(path: str | Path, head: bytes, tail: bytes) -> None:
    if head != b"PAR1" or tail != b"PAR1":
        raise damaged(path, "is no Parquet file, or a part of one" if head else "is empty")


def _place(data: bytes) -> int | None:
    """Where the checksum of a Parquet file stands; None if it has none, ValueError if it is broken."""
    place = data.rfind(_KEY)
    if place < 0:
        return None
    place += len(_KEY)
    if data[place : place + len(_BETWEEN)] != _BETWEEN:
        raise ValueError
    return place + len(_BETWEEN)


# JSON


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object with the checksum of its keys and values added."""
    plain = json.loads(json.dumps(dict(value)))
    return {**plain, SEAL: _seal(plain)}


def unsealed(value: Any) -> dict[str, Any]:
    """A JSON object without its checksum, if it has one; ValueError if that does not fit, or if it is no object."""
    if not isinstance(value, dict):
        raise ValueError(f"it holds a {type(value).__name__}, not an object with keys")
    plain = {key: one for key, one in value.items() if key != SEAL}
    if SEAL in value and value[SEAL] != _seal(plain):
        raise ValueError("its content does not fit its checksum")
    return plain


def read_json(path: str | Path, keys: Mapping[str, type | tuple[type, ...]], what: str) -> dict[str, Any]:
    """A JSON record `what`, without its checksum; a damaged or other file is a UserError.

    `keys`: the keys that it must have, with their types.
    """
    data = read_bytes(path)
    try:
        found = unsealed(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"is no {what}, or damaged: {str(error)[:200]}") from None
    for key, kind in keys.items():
        if key not in found:
            raise damaged(path, f"is no {what}: it has no `{key}`")
        if not isinstance(found[key], kind) or (isinstance(found[key], bool) and kind is not bool):
            raise damaged(path, f"is no {what}: its `{key}` is a {type(found[key]).__name__}")
    return found


def _seal(plain: Mapping[str, Any]) -> str:
    return xxh3_64_hexdigest(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode())


# Archives


def check_archive(path: str | Path, remedy: str = REMEDY) -> None:
    """Compare every record of a zip archive (.pt, .npz) with its checksum, which torch does not; a UserError if one
    differs. A second for 3 GB."""
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except Exception as error:  # zipfile raises many kinds, from BadZipFile to NotImplementedError
        raise unreadable(path, error, remedy) from None
    if bad is not None:
        raise damaged(path, f"is damaged: its part {bad} does not fit its checksum", remedy)
