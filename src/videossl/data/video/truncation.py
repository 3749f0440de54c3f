"""Whether a file ends before its container says: a download that broke off often decodes without any error.

Only places in the file are believed: where a sample, a segment or a chunk is to end. Counts of frames and packets,
durations and the length of the sound say nothing about it: edit lists hide frames, and sound may be longer.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

RIFF_SLACK = 8
"""Bytes: some writers count the head of the file itself."""
TS_PACKET = 188


def missing_bytes(path: Path, stream: Any) -> int:
    """How many bytes lie beyond the file's end by its container's own structure; 0 if it is whole or does not say.

    `stream`: the opened video stream (`av.VideoStream`), whose index has the places of an MP4's samples.
    """
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(12)
        if head[:4] == b"RIFF":
            end = max(_riff_ends(handle, size), default=0)
        elif head[:4] == b"\x1a\x45\xdf\xa3":
            end = _segment_end(handle)
        elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"):
            samples = max((entry.pos + entry.size for entry in stream.index_entries), default=0)
            end = max([samples, *_fragment_ends(handle, size)])
        elif head[:3] == b"FLV":
            end = max(_flv_ends(handle, size), default=0)
        elif head[:1] == b"\x47" and _byte_at(handle, TS_PACKET) == b"\x47":
            end = -(-size // TS_PACKET) * TS_PACKET
        else:
            end = 0
    return max(end - size, 0)


def _byte_at(handle: BinaryIO, place: int) -> bytes:
    handle.seek(place)
    return handle.read(1)


def _riff_ends(handle: BinaryIO, size: int) -> Iterator[int]:
    """AVI: where each RIFF chunk ends (files above 1 GB have several)."""
    place = 0
    while place + 12 <= size:
        handle.seek(place)
        tag, length = struct.unpack("<4sI", handle.read(8))
        if tag != b"RIFF" or length in (0, 0xFFFFFFFF):  # 0: never closed by its writer
            return
        place += 8 + length
        yield place - RIFF_SLACK
        place += length % 2


def _segment_end(handle: BinaryIO) -> int:
    """Matroska, WebM: where the segment ends; 0 if its length is not known (live recordings)."""
    handle.seek(4)
    length = _ebml_number(handle)
    if length is None:
        return 0
    handle.seek(length, 1)
    if handle.read(4) != b"\x18\x53\x80\x67":
        return 0
    length = _ebml_number(handle)
    return 0 if length is None else handle.tell() + length


def _ebml_number(handle: BinaryIO) -> int | None:
    """A length in EBML's code: leading zero bits of the first byte count the bytes that follow; all ones: unknown."""
    first = handle.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    rest = handle.read(more)
    bits = 7 * (more + 1)
    value = int.from_bytes(first + rest, "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value


def _fragment_ends(handle: BinaryIO, size: int) -> Iterator[int]:
    """Fragmented MP4: where each fragment and its data end. In other files samples are named by the index alone."""
    place, fragment = 0, False
    while place + 8 <= size:
        handle.seek(place)
        length, kind = struct.unpack(">I4s", handle.read(8))
        if length == 1:
            length = int.from_bytes(handle.read(8), "big")
        if length < 8:  # 0: to the file's end
            return
        place += length
        fragment |= kind == b"moof"
        if kind == b"moof" or (fragment and kind == b"mdat"):
            yield place


def _flv_ends(handle: BinaryIO, size: int) -> Iterator[int]:
    """FLV: where each tag ends."""
    handle.seek(5)
    place = int.from_bytes(handle.read(4), "big") + 4
    while place + 11 <= size:
        handle.seek(place)
        head = handle.read(4)
        if head[0] & 0x1F not in (8, 9, 18):  # sound, pictures, data: what else follows is no tag
            return
        place += 11 + int.from_bytes(head[1:], "big") + 4
        yield place - 4
