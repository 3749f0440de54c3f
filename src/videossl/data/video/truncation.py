"""Detects files that end before their container says: a partial download often decodes without any error.

Only file positions count: where a sample, a segment or a chunk should end. Numbers of frames and packets, durations and
the length of the audio prove nothing: edit lists hide frames, and audio may be longer.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

RIFF_SLACK = 8
"""Bytes of tolerance: some writers count the file header as well."""
TS_PACKETS = {188: 0, 192: 4}
"""MPEG-TS: packet length in bytes -> bytes before its sync byte 0x47 (a time stamp in M2TS)."""
WITHOUT_STRUCTURE = frozenset({"mpegts", "flv", "mpeg"})
"""Formats (FFmpeg's names) that do not store their length."""


def missing_bytes(path: Path, stream: Any) -> int:
    """Number of bytes missing at the end of the file according to its container; 0 if it is complete or unknown.

    stream: the opened video stream (`av.VideoStream`), whose index has the positions of an MP4's samples.
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
    """Whether a stream ends between a frame and one that is displayed before it, judged by the times of its packets.

    Packets are in decoding order from a key frame on; frames displayed before it cannot be decoded. In a complete
    stream of regular frames there is a frame at each time step up to the last. Irregular streams are not judged.
    """
    steps = sorted(later - earlier for earlier, later in itertools.pairwise(dts))
    if not steps or steps[0] <= 0 or steps[-1] > 1.5 * steps[0]:
        return False
    shown = [time for time in pts if time >= pts[0]]
    return (max(shown) - pts[0]) / steps[len(steps) // 2] + 1 - len(shown) > 0.5


def _ts_packet(handle: BinaryIO) -> int:
    """Packet length of an MPEG-TS file; 0 if it is not one."""
    for length, before in TS_PACKETS.items():
        if all(_byte_at(handle, before + number * length) in (b"\x47", b"") for number in range(4)):
            return length
    return 0


def _byte_at(handle: BinaryIO, place: int) -> bytes:
    handle.seek(place)
    return handle.read(1)


def _ts_end(handle: BinaryIO, size: int, length: int, pid: int) -> int:
    """MPEG-TS: end of the last packet, plus one byte if its picture continues.

    The length of a picture is not stored, but its last packet is padded. Of 184 complete pictures one needs no padding;
    its file counts as truncated.
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
    """Whether an MPEG-TS packet has an adaptation field larger than its flags require."""
    if not packet[3] & 0x20:
        return False
    length = packet[4]
    if length == 0:  # a single byte of padding
        return True
    flags = packet[5]
    needed = 1 + 6 * bool(flags & 0x10) + 6 * bool(flags & 0x08) + bool(flags & 0x04)
    for flag in (0x02, 0x01):  # private data, extension: each preceded by its length
        if flags & flag and needed < length:
            needed += 1 + packet[5 + needed]
    return length > needed


def _riff_ends(handle: BinaryIO, size: int) -> Iterator[int]:
    """AVI: end of each RIFF chunk (files above 1 GB have several)."""
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
    """Matroska, WebM: end of the segment; 0 if its length is unknown (live recordings)."""
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
    """A length in EBML's code: leading zero bits of the first byte count the following bytes; all ones: unknown."""
    first = handle.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    rest = handle.read(more)
    bits = 7 * (more + 1)
    value = int.from_bytes(first + rest, "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value


def _fragment_ends(handle: BinaryIO, size: int) -> Iterator[int]:
    """Fragmented MP4: end of each fragment and its data. In other files only the index locates samples."""
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
    """FLV: end of each tag."""
    handle.seek(5)
    place = int.from_bytes(handle.read(4), "big") + 4
    while place + 11 <= size:
        handle.seek(place)
        head = handle.read(4)
        if head[0] & 0x1F not in (8, 9, 18):  # audio, video, data: anything else is not a tag
            return
        place += 11 + int.from_bytes(head[1:], "big") + 4
        yield place - 4
