"""Checksums of files: a damaged file raises an error with a remedy instead of giving a wrong number.

Archives (weights, features) hold a checksum of each record. Parquet files and JSON records get a checksum of the whole
file. Checksums are 64-bit XXH3: they detect damage, not tampering. Stored frames have their own checksums:
:mod:`videossl.data.store`. Does not import torch.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from xxhash import xxh3_64_hexdigest

from videossl.common.errors import DamagedFile, UserError

if TYPE_CHECKING:
    import pandas as pd

REMEDY = "Remove it and run the same command again; the workflow recreates it."
SEAL = "file_checksum"
"""Key of a JSON record that holds the checksum of all other keys."""
_KEY = b"videossl.checksum"
"""Key in a Parquet file's metadata that holds the checksum of the file, computed with zeros in place of the checksum.
"""
_NONE = b"0" * 16
_BETWEEN = b"\x18\x10"
"""Bytes between key and value in the footer (Thrift's compact protocol): a string of 16 bytes follows."""


def damaged(path: str | Path, what: str, remedy: str = REMEDY) -> DamagedFile:
    """A DamagedFile error with the file, what is wrong with it and the remedy."""
    return DamagedFile(f"{path} {what}. {remedy}")


def unreadable(path: str | Path, error: BaseException, remedy: str = REMEDY) -> UserError:
    """The error for a file whose reading raised `error`: a UserError if the file does not exist, else a DamagedFile."""
    if isinstance(error, FileNotFoundError):
        return UserError(f"there is no file {path}; run the workflow, which creates it")
    if isinstance(error, IsADirectoryError) or Path(path).is_dir():
        return damaged(path, "is a folder where a file is expected", remedy)
    if isinstance(error, PermissionError):
        return damaged(path, "cannot be read (permission denied)", "Make it readable, or remove it and run again.")
    if isinstance(error, OSError) and error.strerror:
        return damaged(path, f"cannot be read ({error.strerror})", remedy)
    first = (str(error).strip().splitlines() or [""])[0][:200]
    return damaged(path, f"cannot be read ({type(error).__name__}{f': {first}' if first else ''})", remedy)


def read_bytes(path: str | Path) -> bytes:
    """The content of a file. Raises UserError if it cannot be read or is empty."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None
    if not data:
        raise damaged(path, "is empty")
    return data


# Parquet


def write_table(path: str | Path, table: pa.Table) -> None:
    """Write a Parquet file with its checksum. Not atomic: :func:`videossl.common.files.write_parquet` is."""
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
    """Compare a Parquet file with its checksum, without decoding the table. Returns the column names.

    Raises UserError if it is damaged.
    """
    data = _whole(path)
    try:
        return pq.read_schema(pa.BufferReader(data)).names
    except Exception as error:
        raise unreadable(path, error) from None


def check_ends(path: str | Path) -> None:
    """Check only the two ends of a Parquet file: whether it is one, and not truncated."""
    try:
        with Path(path).open("rb") as handle:
            head = handle.read(4)
            handle.seek(-min(4, Path(path).stat().st_size), 2)
            _require_ends(path, head, handle.read())
    except OSError as error:
        raise unreadable(path, error) from None


def read_table(
    path: str | Path,
    columns: Sequence[str] | None = None,
    schema: pa.Schema | None = None,
    later: Mapping[str, Any] | None = None,
) -> pa.Table:
    """Read a Parquet file; if `schema` is given, check that columns and types match it.

    Files of earlier versions, without a checksum, are read as they are; `later` has the columns of `schema` that they
    lack, with the value of all rows.

    Raises:
        UserError: the file is missing, damaged, or holds another table.
    """
    data = _whole(path)
    try:
        # Not pq.read_table: its threads may still run when the interpreter ends, which then aborts
        # (apache/arrow#34314), and forked jobs inherit their locks.
        wanted = None if columns is None else list(columns)
        table = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False).read(wanted, use_threads=False)
        if wanted is not None:
            table = table.select(wanted)  # raises KeyError for a column that is not there
        if schema is not None:
            table = _with_later(table, schema, later or {})
            _require_columns(path, table.schema, schema)
    except DamagedFile:
        raise
    except Exception as error:  # a damaged file of an earlier version may raise anything
        raise unreadable(path, error) from None
    kept = {key: value for key, value in (table.schema.metadata or {}).items() if key != _KEY}
    return table.replace_schema_metadata(kept or None)


def read_frame(path: str | Path, columns: Sequence[str] | None = None, schema: pa.Schema | None = None) -> pd.DataFrame:
    """The same as a data frame."""
    return frame_of(read_table(path, columns, schema))


def frame_of(table: pa.Table) -> pd.DataFrame:
    """A table as a data frame, without Arrow's threads (see :func:`read_table`)."""
    return table.to_pandas(use_threads=False)


def _with_later(table: pa.Table, schema: pa.Schema, later: Mapping[str, Any]) -> pa.Table:
    for name, value in later.items():
        if name not in table.column_names:
            table = table.append_column(schema.field(name), pa.array([value] * table.num_rows, schema.field(name).type))
    return table


def _require_columns(path: str | Path, found: pa.Schema, schema: pa.Schema) -> None:
    if set(found.names) != set(schema.names):
        differing = sorted(set(found.names) ^ set(schema.names))
        raise damaged(path, f"is another table than expected: its columns differ in {', '.join(differing)}")
    for name in schema.names:
        types = found.field(name).type, schema.field(name).type
        if len({_kind(one) for one in types if not pa.types.is_null(one)}) > 1:
            raise damaged(path, f"is another table than expected: {name} is {types[0]}, not {types[1]}")


def _kind(values: pa.DataType) -> str:
    """The type of a column without its width: other programs write large_string or int64 for the same content."""
    if pa.types.is_string(values) or pa.types.is_large_string(values):
        return "text"
    return "number" if pa.types.is_integer(values) or pa.types.is_floating(values) else str(values)


def _whole(path: str | Path) -> bytes:
    """The bytes of a Parquet file whose checksum fits."""
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
    """Position of the checksum in a Parquet file; None if it has none. ValueError if it is malformed."""
    place = data.rfind(_KEY)
    if place < 0:
        return None
    place += len(_KEY)
    if data[place : place + len(_BETWEEN)] != _BETWEEN:
        raise ValueError
    return place + len(_BETWEEN)


# JSON


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON object with a checksum of its keys and values added."""
    plain = json.loads(json.dumps(dict(value)))
    return {**plain, SEAL: _seal(plain)}


def unsealed(value: Any) -> dict[str, Any]:
    """The JSON object without its checksum. ValueError if the checksum does not fit or `value` is not an object."""
    if not isinstance(value, dict):
        raise ValueError(f"it holds a {type(value).__name__}, not an object with keys")
    plain = {key: one for key, one in value.items() if key != SEAL}
    if SEAL in value and value[SEAL] != _seal(plain):
        raise ValueError("its content does not fit its checksum")
    return plain


def read_json(path: str | Path, keys: Mapping[str, type | tuple[type, ...]], what: str) -> dict[str, Any]:
    """Read a JSON record `what` and return it without its checksum.

    Args:
        keys: keys that it must have, with their types.

    Raises:
        UserError: the file is missing, damaged, or another record.
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
    """Compare every record of a zip archive (.pt, .npz) with its CRC-32, which torch does not do. One second per 3 GB.

    Raises UserError if one differs.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except Exception as error:  # zipfile raises many kinds, from BadZipFile to NotImplementedError
        raise unreadable(path, error, remedy) from None
    if bad is not None:
        raise damaged(path, f"is damaged: its part {bad} does not fit its checksum", remedy)
