"""The frame store: videos as encoded frames in memory-mapped Arrow files.

A shard is an Arrow IPC file with one record batch a video, one row a frame, and a single column `frame` that
holds the encoded image. Reading a clip touches only the pages of its own frames, so random access costs some
small image decodes and no seek in a video stream.

How a frame is encoded: :mod:`videossl.data.codecs`.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa

from videossl.data.codecs import CODECS, Codec
from videossl.errors import UserError, unknown_name

FORMAT_VERSION = 1
METADATA_KEY = b"videossl"


def remedy(path: Path) -> str:
    """How to make a shard anew. The shards are no input of a training, so a plain run of the workflow does not miss
    one; asked for by name, it alone is made, and if the videos are the same, nothing is trained again.
    """
    what = "Remove it, then m" if path.exists() else "M"
    return f"{what}ake it again from the videos: `snakemake {path}`, with this run's --configfile, if any."


class ShardWriter:
    """Writes one shard, a video at a time; use as a context manager on a temporary path.

    `short_side` (pixels), `codec` and `quality` (of JPEG, 1-100) are recorded in the file's metadata.
    """

    def __init__(self, path: str | Path, *, short_side: int, quality: int, codec: str = "jpeg") -> None:
        if codec not in CODECS:
            raise unknown_name("codec", codec, CODECS)
        settings = {"codec": codec, "short_side": short_side, "quality": quality, "version": FORMAT_VERSION}
        self.schema = pa.schema(
            [pa.field("frame", pa.large_binary(), nullable=False)],
            metadata={METADATA_KEY: json.dumps(settings, sort_keys=True)},
        )
        self.codec, self.quality, self.videos = codec, quality, 0
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, self.schema)

    def encode(self, frame: np.ndarray) -> bytes:
        """Frame (H, W, 3) uint8 RGB, contiguous -> encoded bytes, for :meth:`append`."""
        return CODECS[self.codec].encode(np.ascontiguousarray(frame), self.quality)

    def append(self, encoded_frames: Iterable[bytes]) -> int:
        """Store one video's encoded frames, in order; returns the video's batch number."""
        column = pa.array(encoded_frames, pa.large_binary())
        if len(column) == 0:
            raise ValueError("a stored video needs at least one frame")
        self._writer.write_batch(pa.record_batch([column], schema=self.schema))
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
    """The encoded frames of a video: element i of a column of large binary values, without Arrow's boxing of each."""

    def __init__(self, column: pa.Array) -> None:
        _, offsets, data = column.buffers()
        self._offsets = np.frombuffer(offsets, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
        self._data = memoryview(data if data is not None else b"").cast("B")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> memoryview:
        return self._data[self._offsets[index] : self._offsets[index + 1]]


class FrameStore:
    """Random access to the frames of a data set: `shard_paths[k]` is shard k of its manifest.

    Files are mapped at first use, once a process: the object can be pickled, forked and sent to workers.
    """

    def __init__(self, shard_paths: Sequence[str | Path]) -> None:
        self.shard_paths = [Path(path) for path in shard_paths]
        self._readers: dict[int, tuple[pa.ipc.RecordBatchFileReader, str]] = {}
        self._process = os.getpid()
        self._scratch = np.empty(0, dtype=np.uint8)

    def __getstate__(self) -> dict[str, Any]:
        return {"shard_paths": self.shard_paths}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["shard_paths"])  # type: ignore[misc]

    def settings(self, shard: int) -> dict[str, Any]:
        """The metadata of a shard: codec, short_side, quality, version."""
        return json.loads(self._reader(shard)[0].schema.metadata[METADATA_KEY])

    def num_bytes(self, shard: int) -> int:
        """Size of a shard's file."""
        self._reader(shard)  # says what to do if there is no such file
        return self.shard_paths[shard].stat().st_size

    def num_videos(self, shard: int) -> int:
        """Number of videos stored in a shard."""
        return self._reader(shard)[0].num_record_batches

    def num_frames(self, shard: int, batch: int) -> int:
        """Number of frames of one stored video."""
        return len(self._video(shard, batch)[0])

    def encoded(self, shard: int, batch: int) -> list[memoryview]:
        """The encoded frames of one stored video: views of the mapped file."""
        frames = self._video(shard, batch)[0]
        return [frames[index] for index in range(len(frames))]

    def read(
        self, shard: int, batch: int, indices: Sequence[int] | np.ndarray, *, borrowed: bool = False
    ) -> np.ndarray:
        """Frames (T, H, W, 3) uint8 RGB of one video in the order of `indices`; repeated ones decode once.

        `borrowed`: into memory of the store, which the next such read overwrites. The first touch of fresh memory costs
        up to half of the decoding.
        An index outside [0, frames) is an IndexError; a damaged shard or frame is a :class:`UserError`.
        """
        encoded, codec = self._video(shard, batch)
        wanted, places = np.unique(np.asarray(indices, dtype=np.int64), return_inverse=True)
        if wanted.size == 0 or wanted[0] < 0 or wanted[-1] >= len(encoded):
            raise IndexError(f"frames {list(indices)} asked of a video of {len(encoded)} frames")
        index = int(wanted[0])
        try:
            frames = self._memory((wanted.size, *codec.shape(encoded[index])), borrowed)
            for frame, index in zip(frames, wanted.tolist(), strict=True):
                codec.decode(encoded[index], frame)
        except (ValueError, OSError, pa.ArrowException) as error:
            place = f"frame {index} of video {batch} in {self.shard_paths[shard]}"
            raise UserError(f"{place} does not decode: {error}. {remedy(self.shard_paths[shard])}") from error
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
        reader, codec = self._reader(shard)
        if not 0 <= batch < reader.num_record_batches:
            raise UserError(
                f"{self.shard_paths[shard]} holds {reader.num_record_batches} videos, not a video {batch}: "
                "shard and manifest are not from the same run. Remove both, and the shard's report (.parquet) beside "
                "it, and run the workflow again."
            )
        try:
            return _Frames(reader.get_batch(batch).column(0)), CODECS[codec]
        except (OSError, pa.ArrowException) as error:
            raise UserError(
                f"{self.shard_paths[shard]} is damaged: {error}. {remedy(self.shard_paths[shard])}"
            ) from error

    def _reader(self, shard: int) -> tuple[pa.ipc.RecordBatchFileReader, str]:
        if self._process != os.getpid():  # forked: the parent's maps are left to the parent
            self._readers, self._process = {}, os.getpid()
        if shard not in self._readers:
            if not 0 <= shard < len(self.shard_paths):
                raise UserError(
                    f"the manifest names shard {shard}, and there are {len(self.shard_paths)} shard files: "
                    "the manifest is from another run. Remove it and run the workflow again."
                )
            self._readers[shard] = open_shard(self.shard_paths[shard])
        return self._readers[shard]


def open_shard(path: Path) -> tuple[pa.ipc.RecordBatchFileReader, str]:
    """Map a shard; returns its reader and its codec. Anything else than a shard is a :class:`UserError`."""
    try:
        # The mapping is kept alive by the reader; one thread, since loader workers are the parallelism.
        options = pa.ipc.IpcReadOptions(use_threads=False)
        reader = pa.ipc.open_file(pa.memory_map(str(path), "r"), options=options)
    except FileNotFoundError as error:
        raise UserError(f"the shard {path} is missing. {remedy(path)}") from error
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path} is not a readable shard: {error}. {remedy(path)}") from error
    metadata = (reader.schema.metadata or {}).get(METADATA_KEY)
    if metadata is None or reader.schema.names != ["frame"]:
        raise UserError(f"{path} is an Arrow file, but not a shard of frames. {remedy(path)}")
    settings = json.loads(metadata)
    if settings.get("version") != FORMAT_VERSION or settings.get("codec") not in CODECS:
        raise UserError(
            f"{path} was written in another format ({settings}); version {FORMAT_VERSION} with one of the "
            f"codecs {', '.join(CODECS)} is expected. {remedy(path)}"
        )
    return reader, settings["codec"]
