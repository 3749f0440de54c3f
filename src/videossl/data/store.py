"""The frame store: videos as encoded frames in memory-mapped Arrow files.

A shard is an Arrow IPC file with one record batch per video and one row per frame. Column `frame` holds the encoded
image; column `checksum` its checksum, which each process compares when it first reads the frame. Reading a clip touches
only the pages of its own frames, so random access costs a few small image decodes and no seek in a video stream.

Encodings of frames: :mod:`videossl.data.codecs`.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
from xxhash import xxh3_64_hexdigest, xxh3_64_intdigest

from videossl.common.errors import DamagedFile, UserError, unknown_name
from videossl.common.intact import damaged, unreadable
from videossl.data.codecs import CODECS, Codec

FORMAT_VERSION = 2
UNCHECKED = 1
"""The format version without checksums, which can still be read."""
METADATA_KEY = b"videossl"
SETTINGS_CHECKSUM = b"videossl.checksum"
"""Metadata key for the checksum of the content of METADATA_KEY."""
COLUMNS = {UNCHECKED: ["frame"], FORMAT_VERSION: ["frame", "checksum"]}


def remedy(path: Path) -> str:
    """How to recreate a shard. A plain run of the workflow does not miss a shard, as trainings do not have it as an
    input; requested by name, only the shard is made. If the videos are unchanged, nothing is trained again."""
    what = "Remove it, then m" if path.exists() else "M"
    return f"{what}ake it again from the videos: `snakemake {path}`, with this run's --configfile, if any."


def remedy_of_copy(original: Path) -> str:
    """How to recreate a copy of a shard (:mod:`videossl.data.staging`)."""
    return f"It is a copy of {original} (compute.stage): remove it, and the next job copies it again."


def checksum(frame: bytes | memoryview, video: int, number: int) -> int:
    """Checksum of an encoded frame together with its position: equal bytes at another frame or video have another
    checksum, so that swapped frames are detected too."""
    return xxh3_64_intdigest(frame, seed=video << 32 | number)


def schema_of(settings: dict[str, Any], version: int = FORMAT_VERSION) -> pa.Schema:
    """Arrow schema of a shard in a format version; `settings`: codec, short_side, quality."""
    text = json.dumps({**settings, "version": version}, sort_keys=True)
    metadata: dict[bytes, str] = {METADATA_KEY: text}
    if version != UNCHECKED:
        metadata[SETTINGS_CHECKSUM] = xxh3_64_hexdigest(text.encode())
    types = {"frame": pa.large_binary(), "checksum": pa.uint64()}
    return pa.schema([pa.field(name, types[name], nullable=False) for name in COLUMNS[version]], metadata=metadata)


class ShardWriter:
    """Writes one shard, video by video. Use it as a context manager on a temporary path.

    The file's metadata record `short_side` (pixels), `codec` and `quality` (of JPEG, 1-100).
    """

    def __init__(self, path: str | Path, *, short_side: int, quality: int, codec: str = "jpeg") -> None:
        if codec not in CODECS:
            raise unknown_name("codec", codec, CODECS)
        self.schema = schema_of({"codec": codec, "short_side": short_side, "quality": quality})
        self.codec, self.quality, self.videos = codec, quality, 0
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, self.schema)

    def encode(self, frame: np.ndarray) -> bytes:
        """Encode a contiguous frame (H, W, 3) uint8 RGB to bytes for :meth:`append`."""
        return CODECS[self.codec].encode(np.ascontiguousarray(frame), self.quality)

    def append(self, encoded_frames: Iterable[bytes]) -> int:
        """Store the encoded frames of one video, in order. Returns the batch number of the video."""
        frames = list(encoded_frames)
        if not frames:
            raise ValueError("a stored video needs at least one frame")
        sums = [checksum(frame, self.videos, number) for number, frame in enumerate(frames)]
        columns = [pa.array(frames, pa.large_binary()), pa.array(sums, pa.uint64())]
        self._writer.write_batch(pa.record_batch(columns, schema=self.schema))
        self.videos += 1
        return self.videos - 1

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        self._sink.close()


class _Frames:
    """The encoded frames of video number `video`: item i of a column of large binary values, without creating an Arrow
    scalar for each. ValueError if a frame does not match its checksum.

    `seen`: whether this process has checked a frame before; it is updated here. Checking raw frames in every epoch
    would take a fifth of the reading time.
    """

    def __init__(self, batch: pa.RecordBatch, video: int, seen: bytearray) -> None:
        column = batch.column(0)
        _, offsets, data = column.buffers()
        self._offsets = np.frombuffer(offsets, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
        self._data = memoryview(data if data is not None else b"").cast("B")
        self._sums = None if batch.num_columns == 1 else _numbers(batch.column(1))
        self._video, self._seen = video, seen
        if len(self._offsets) != len(column) + 1 or (self._sums is not None and len(self._sums) != len(column)):
            raise ValueError("the number of its frames does not fit their places")
        seen.extend(bytes(len(column) - len(seen)))

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> memoryview:
        start, end = self._offsets[index : index + 2].tolist()
        if not 0 <= start <= end <= len(self._data):
            raise ValueError("its place is outside the file")
        frame = self._data[start:end]
        if self._sums is not None and not self._seen[index]:
            if self._sums.item(index) != checksum(frame, self._video, index):
                raise ValueError("it does not fit its checksum")
            self._seen[index] = 1
        return frame


def _numbers(column: pa.Array) -> np.ndarray:
    """A uint64 column without nulls as an array, without a copy."""
    return np.frombuffer(column.buffers()[1], dtype=np.uint64)[column.offset : column.offset + len(column)]


class FrameStore:
    """Random access to the frames of a data set: `shard_paths[k]` is shard k of its manifest.

    Each process maps files at their first use, so the object can be pickled, forked and sent to workers.
    """

    def __init__(self, shard_paths: Sequence[str | Path]) -> None:
        self.shard_paths = [Path(path) for path in shard_paths]
        self.copies: dict[int, Path] = {}
        """By shard: a copy that is read in its place."""
        self._readers: dict[int, tuple[pa.ipc.RecordBatchFileReader, str]] = {}
        self._seen: dict[tuple[int, int], bytearray] = {}
        self._process = os.getpid()
        self._scratch = np.empty(0, dtype=np.uint8)

    def __getstate__(self) -> dict[str, Any]:
        return {"shard_paths": self.shard_paths, "copies": self.copies}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["shard_paths"])  # type: ignore[misc]
        self.copies = state["copies"]

    def read_copies(self, copies: Mapping[int, Path]) -> None:
        """Read these shards from copies from now on; from the shard itself where a copy cannot be opened."""
        self.copies, self._readers, self._seen = dict(copies), {}, {}

    def settings(self, shard: int) -> dict[str, Any]:
        """Metadata of a shard: codec, short_side, quality, version."""
        return _settings(self.shard_paths[shard], self._reader(shard)[0].schema)

    def num_bytes(self, shard: int) -> int:
        """Size of a shard's file."""
        self._reader(shard)  # raises with a remedy if the file does not exist
        return self.shard_paths[shard].stat().st_size

    def num_videos(self, shard: int) -> int:
        """Number of videos stored in a shard."""
        return self._reader(shard)[0].num_record_batches

    def num_frames(self, shard: int, batch: int) -> int:
        """Number of frames of one stored video."""
        return len(self._video(shard, batch)[0])

    def encoded(self, shard: int, batch: int) -> list[memoryview]:
        """Encoded frames of one stored video, as views of the mapped file."""
        frames = self._video(shard, batch)[0]
        try:
            return [frames[index] for index in range(len(frames))]
        except ValueError as error:
            raise self._damaged(shard, f"is damaged: a frame of video {batch} cannot be read: {error}") from error

    def read(
        self, shard: int, batch: int, indices: Sequence[int] | np.ndarray, *, borrowed: bool = False
    ) -> np.ndarray:
        """Frames (T, H, W, 3) uint8 RGB of one video in the order of `indices`; repeated ones are decoded once.

        `borrowed`: decode into memory of the store, which the next such call overwrites. The first access to new memory
        costs up to half of the decoding.

        Raises:
            IndexError: a negative index.
            UserError: a frame that is not stored, or a damaged shard or frame.
        """
        encoded, codec = self._video(shard, batch)
        wanted, places = np.unique(np.asarray(indices, dtype=np.int64), return_inverse=True)
        if wanted.size == 0 or wanted[0] < 0:
            raise IndexError(f"frames {list(indices)} requested from a video of {len(encoded)} frames")
        if wanted[-1] >= len(encoded):
            what = (
                f"holds {len(encoded)} frames of video {batch}, not a frame {wanted[-1]}: it is damaged, or not of the"
            )
            raise self._damaged(shard, f"{what} same run as the manifest")
        index = int(wanted[0])
        try:
            frames = self._memory((wanted.size, *codec.shape(encoded[index])), borrowed)
            for frame, index in zip(frames, wanted.tolist(), strict=True):
                codec.decode(encoded[index], frame)
        except (ValueError, OSError, MemoryError, pa.ArrowException) as error:
            path, what_to_do = self._source(shard)
            place = f"frame {index} of video {batch} in {path}"
            raise DamagedFile(f"{place} does not decode: {error}. {what_to_do}") from error
        ordered = places.size == wanted.size and bool((places == np.arange(places.size)).all())
        return frames if ordered else frames[places]

    def _memory(self, shape: tuple[int, ...], borrowed: bool) -> np.ndarray:
        if not borrowed:
            return np.empty(shape, dtype=np.uint8)
        size = math.prod(shape)
        if self._scratch.size < size:
            self._scratch = np.empty(size, dtype=np.uint8)
        return self._scratch[:size].reshape(shape)

    def _video(self, shard: int, batch: int) -> tuple[_Frames, Codec]:
        shard, batch = int(shard), int(batch)  # tables hold numpy integers
        reader, codec = self._reader(shard)
        if not 0 <= batch < reader.num_record_batches:
            what = (
                f"holds {reader.num_record_batches} videos, not a video {batch}: it is damaged, or not of the same run"
            )
            raise self._damaged(shard, f"{what} as the manifest")
        try:
            seen = self._seen.setdefault((shard, batch), bytearray())
            return _Frames(reader.get_batch(batch), batch, seen), CODECS[codec]
        except (OSError, ValueError, MemoryError, pa.ArrowException) as error:
            raise self._damaged(shard, f"is damaged: {error}") from error

    def _damaged(self, shard: int, what: str) -> DamagedFile:
        path, what_to_do = self._source(shard)
        return damaged(path, what, what_to_do)

    def _source(self, shard: int) -> tuple[Path, str]:
        """The file that a shard is read from, and how to recreate it."""
        path = self.shard_paths[shard]
        return (self.copies[shard], remedy_of_copy(path)) if shard in self.copies else (path, remedy(path))

    def _reader(self, shard: int) -> tuple[pa.ipc.RecordBatchFileReader, str]:
        if self._process != os.getpid():  # forked: the parent keeps its own maps
            self._readers, self._process = {}, os.getpid()
        if shard not in self._readers:
            if not 0 <= shard < len(self.shard_paths):
                raise UserError(
                    f"the manifest names shard {shard}, but there are {len(self.shard_paths)} shard files: "
                    "the manifest is from another run. Remove it and run the workflow again."
                )
            self._readers[shard] = self._open(shard)
        return self._readers[shard]

    def _open(self, shard: int) -> tuple[pa.ipc.RecordBatchFileReader, str]:
        if shard in self.copies:
            try:
                return open_shard(self.copies[shard])
            except UserError:
                del self.copies[shard]
        return open_shard(self.shard_paths[shard])


def open_shard(path: Path) -> tuple[pa.ipc.RecordBatchFileReader, str]:
    """Map a shard. Returns its reader and its codec. Raises :class:`UserError` if it is not a shard."""
    try:
        # The reader keeps the mapping alive. One thread, since loader workers run in parallel.
        options = pa.ipc.IpcReadOptions(use_threads=False)
        reader = pa.ipc.open_file(pa.memory_map(str(path), "r"), options=options)
    except FileNotFoundError as error:
        raise UserError(f"the shard {path} is missing. {remedy(path)}") from error
    except PermissionError as error:
        raise unreadable(path, error) from error
    except (OSError, ValueError, pa.ArrowException) as error:
        raise damaged(path, f"is not a readable shard: {error}", remedy(path)) from error
    return reader, _settings(path, reader.schema)["codec"]


def _settings(path: Path, schema: pa.Schema) -> dict[str, Any]:
    """The settings that a shard was written with. Raises UserError if they are damaged."""
    metadata = schema.metadata or {}
    text = metadata.get(METADATA_KEY)
    if text is None or _names(schema) not in COLUMNS.values():
        raise damaged(path, "is an Arrow file, but not a shard of frames", remedy(path))
    noted = metadata.get(SETTINGS_CHECKSUM)
    try:
        settings = json.loads(text)
        version, codec = settings["version"], settings["codec"]
    except (ValueError, KeyError, TypeError):
        raise damaged(path, "is damaged: its settings cannot be read", remedy(path)) from None
    if version not in COLUMNS or codec not in CODECS:
        raise damaged(
            path,
            f"was written in another format ({settings}); version {FORMAT_VERSION} with one of the codecs "
            f"{', '.join(CODECS)} is expected",
            remedy(path),
        )
    wanted = schema_of({key: value for key, value in settings.items() if key != "version"}, version)
    if not schema.equals(wanted) or (version != UNCHECKED and noted != xxh3_64_hexdigest(text).encode()):
        raise damaged(path, "is damaged: its settings do not fit their checksum, or its columns", remedy(path))
    return settings


def _names(schema: pa.Schema) -> list[str]:
    """Column names; none if a damaged name is not text."""
    try:
        return schema.names
    except UnicodeDecodeError:
        return []


def check_shard(path: Path) -> Iterator[int]:
    """Compare every frame of a shard with its checksum. Yields the number of bytes of each video's frames, as progress.

    Raises :class:`UserError` at the first wrong frame. Shards without checksums are read completely as well.
    """
    store = FrameStore([path])
    for video in range(store.num_videos(0)):
        yield sum(map(len, store.encoded(0, video)))


def frames_digest(path: Path) -> str | None:
    """SHA-256 of the content of a shard, independent of its format version: that of the file in the version without
    checksums. A shard that was written again with checksums therefore counts as the same data. None if the file is not
    a shard."""
    try:
        reader, _ = open_shard(path)
        settings = _settings(path, reader.schema)
        if settings.pop("version") == UNCHECKED:
            return None
        schema, digest = schema_of(settings, UNCHECKED), _Digest()
        with pa.ipc.new_file(pa.PythonFile(digest, mode="w"), schema) as writer:
            for number in range(reader.num_record_batches):
                writer.write_batch(pa.record_batch([reader.get_batch(number).column(0)], schema=schema))
    except (UserError, OSError, ValueError, pa.ArrowException):
        return None
    return digest.sha256.hexdigest()


class _Digest:
    """A file object that only computes the digest of what is written."""

    closed = False

    def __init__(self) -> None:
        self.sha256, self._place = hashlib.sha256(), 0

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        self._place += len(data)
        return len(data)

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        """Does nothing: there is no buffer."""

    def close(self) -> None:
        """Does nothing: no file is open."""
