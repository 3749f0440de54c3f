"""Whether a file ends before its container says: a download that broke off often decodes without any error.

Only places in the file are believed: where a sample, a segment or a chunk is to end. Counts of frames and packets,
durations and the length of the sound say nothing about it: edit lists hide frames, and sound may be longer.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

RIFF_SLACK = 8
"""Bytes: some writers count the head of the file itself."""
TS_PACKETS = {188: 0, 192: 4}
"""MPEG-TS: length of a packet in bytes, and how many stand before its first byte 0x47 (a time, in M2TS)."""
WITHOUT_STRUCTURE = frozenset({"mpegts", "flv", "mpeg"})
"""Formats (FFmpeg's names) that say nowhere where they end."""


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
        elif packet := _ts_packet(handle):
            end = _ts_end(handle, size, packet, stream.id)
        else:
            end = 0
    return max(end - size, 0)


def earlier_frames_missing(pts: Sequence[int], dts: Sequence[int]) -> bool:
    """Whether a stream ends between a frame and one that is to be shown before it, by the times of its packets.

    Packets are in the order of decoding, from a key frame on; what is shown before that one cannot be decoded. In a
    whole stream of regular frames there is a frame for each step of time up to the last. Streams of irregular frames
    are not judged.
    """
    steps = sorted(later - earlier for earlier, later in itertools.pairwise(dts))
    if not steps or steps[0] <= 0 or steps[-1] > 1.5 * steps[0]:
        return False
    shown = [time for time in pts if time >= pts[0]]
    return (max(shown) - pts[0]) / steps[len(steps) // 2] + 1 - len(shown) > 0.5


def _ts_packet(handle: BinaryIO) -> int:
    """The length of an MPEG-TS file's packets; 0 if it is none."""
    for length, before in TS_PACKETS.items():
        if all(_byte_at(handle, before + number * length) in (b"\x47", b"") for number in range(4)):
            return length
    return 0


def _byte_at(handle: BinaryIO, place: int) -> bytes:
    handle.seek(place)
    return handle.read(1)


def _ts_end(handle: BinaryIO, size: int, length: int, pid: int) -> int:
    """MPEG-TS: where the last packet ends, or a byte more if the picture in it goes on.

    The length of a picture is not noted, but the last of its packets is padded to its length; of 184 whole pictures one
    needs no padding, and its file is taken for truncated.
    """
    if size % length:
        return size + length - size % length
    for place in range(size - length, -1, -length):
        handle.seek(place + TS_PACKETS[length])
        packet = handle.read(188)
        if int.from_bytes(packet[1:3], "big") & 0x1FFF == pid and packet[3] & 0x10:
            return size if _padded(packet) else size + 1
    return size


def _padded(packet: bytes) -> bool:
    """Whether an MPEG-TS packet has an adaptation field with more in it than its flags ask for."""
    if not packet[3] & 0x20:
        return False
    length = packet[4]
    if length == 0:  # a single byte of padding
        return True
    flags = packet[5]
    needed = 1 + 6 * bool(flags & 0x10) + 6 * bool(flags & 0x08) + bool(flags & 0x04)
    for flag in (0x02, 0x01):  # private data, extension: each with its length in front
        if flags & flag and needed < length:
            needed += 1 + packet[5 + needed]
    return length > needed


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
