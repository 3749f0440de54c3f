"""Provenance records: what a job made and from which inputs. They are stored next to the results and copied with them.

A record has the hash of the job specification and the digests of inputs and outputs. Digests depend on content only,
not on time or path. :mod:`videossl.monitor.belief` uses the records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from videossl.common.errors import UserError
from videossl.common.files import canonical_json, write_json
from videossl.common.intact import read_json, read_table, sealed
from videossl.common.specification import Specification, hash_of

FOLDER = ".made"
"""Folder of the records, inside a folder of results."""
_WITH_TIMES = ("state.pt", ".record.json", "report.html")
"""Files that also contain times. Their bytes differ when they are remade, but results made from them do not."""
_OF_A_RUN = {
    *("weights.pt", "state.pt", "metrics.parquet", "predictions.parquet"),
    *("features.npz", "logits.npz", "cka.parquet"),
}
"""Files of a run; they share one record."""


def note_made(
    spec: Specification | Mapping[str, Any], inputs: Iterable[Path], outputs: Iterable[Path], *, complete: bool = True
) -> None:
    """Record that `outputs` were made from `inputs` under `spec`. Call it when both are complete.

    complete: whether all inputs were usable. Tables and figures are made without damaged inputs, but then get no
    record, so that every run makes them again until all inputs are usable.
    """
    outputs = list(outputs)
    if not complete:
        for path in map(record_of, outputs):
            path.unlink(missing_ok=True)
        return
    made = [digest_of(path) for path in outputs]
    lasting = [digest for path, digest in zip(outputs, made, strict=True) if not path.name.endswith(_WITH_TIMES)]
    used = inputs_of(inputs)
    record = {
        "spec": hash_of(spec),
        "inputs": used,
        "made": made,
        "bytes": size_of(outputs),
        "digest": hashlib.sha256(canonical_json([lasting, used]).encode()).hexdigest(),
    }
    for path in dict.fromkeys(record_of(path) for path in outputs):
        write_json(path, sealed(record))


def inputs_of(inputs: Iterable[Path]) -> list[str]:
    """Sorted digests of the records behind `inputs`; "" for an input without record."""
    return sorted(str(read_record(path).get("digest", "")) for path in dict.fromkeys(map(record_of, inputs)))


@cache
def record_of(path: Path) -> Path:
    """Path of the record of the job that made a file. Files of a run share a record, as do a shard and its report."""
    name = "run" if path.name in _OF_A_RUN else path.name.partition(".")[0]
    return path.parent / FOLDER / f"{name}.json"


def read_record(path: Path) -> dict[str, Any]:
    """Read a record; empty if there is none or it cannot be read."""
    try:
        return require_record(path)
    except (UserError, OSError):
        return {}


def require_record(path: Path) -> dict[str, Any]:
    """Read a record. Raises UserError with the reason if it cannot be read."""
    return read_json(path, {"spec": str, "inputs": list, "made": list, "bytes": int, "digest": str}, "record of a job")


def content_digest(path: Path) -> str:
    """Digest of a shard: from its record; computed if there is none, or if the file's size differs from the record."""
    record = read_record(record_of(path))
    beside = [path.with_suffix(end) for end in (".parquet", ".json")]  # a report, or a subset with its description
    if record and record["made"] and record["bytes"] == size_of([path, *beside]):
        return str(record["made"][0])
    return digest_of(path)


def size_of(paths: Iterable[Path]) -> int:
    """Total size of the files among `paths` in bytes, excluding folders."""
    return sum(path.stat().st_size for path in paths if path.is_file())


def digest_of(path: Path) -> str:
    """SHA-256 of the content of a file or folder, independent of the version that wrote it.

    Covers the columns of a table and the frames of a shard.
    """
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
        parts = [[one.relative_to(path).as_posix(), digest_of(one)] for one in files]
        return hashlib.sha256(canonical_json(parts).encode()).hexdigest()
    if path.suffix == ".parquet":
        return _table_digest(path)
    return shard_digest(path) if path.suffix == ".arrow" else _file_digest(path)


def shard_digest(path: Path) -> str:
    """Digest of a shard, whatever its file is called."""
    from videossl.data.store import (
        frames_digest,
    )  # imported here: codecs load slowly, and few callers need them

    return frames_digest(path) or _file_digest(path)


def _table_digest(path: Path) -> str:
    table = read_table(path)
    digest = hashlib.sha256()
    for field in table.schema:
        digest.update(f"{field.name}:{field.type}:{table[field.name].to_pylist()!r}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
