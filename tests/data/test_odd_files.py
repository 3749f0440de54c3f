"""Files that are whole and odd: lists that name other files, cropped pictures, streams that begin in the middle."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numbered_videos import HEIGHT, WIDTH, number_of, numbered_frame, upright, write_numbered

from videossl.data.encode import LONGEST, Encoded, Wanted, encode_videos
from videossl.data.video import BrokenVideo, check_video, decord_reader, pyav_frames

FRAMES = 60


def as_it_is(frame: np.ndarray, size: tuple[int, int], number: int) -> np.ndarray:
    return frame


def found_in(path: Path, short_side: int = HEIGHT) -> Encoded[np.ndarray] | BrokenVideo:
    return next(encode_videos([Wanted(path, short_side, as_it_is, decord=True)]))


def copied(source: Path, path: Path, *, skip: int = 0, filters: str = "", earlier: int = 0, **options: str) -> Path:
    """The packets of a file, without re-encoding: without the first `skip`, through a bit stream filter, with times of
    `earlier` frames less."""
    with av.open(str(source)) as given, av.open(str(path), "w", options=options) as container:
        stream = given.streams.video[0]
        target = container.add_stream_from_template(stream)
        bsf = av.bitstream.BitStreamFilterContext(filters, stream, target) if filters else None
        shift = round(earlier / stream.average_rate / stream.time_base)
        for number, packet in enumerate(given.demux(stream)):
            for one in bsf.filter(packet if packet.size else None) if bsf else [packet]:
                if number >= skip and one.size:
                    one.pts, one.stream = one.pts - shift, target
                    one.dts = None if one.dts is None else one.dts - shift
                    container.mux(one)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile 'other.mp4'\n",
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXTINF:4.0,\nother.mp4\n#EXT-X-ENDLIST\n",
        '<?xml version="1.0"?><MPD><Period><AdaptationSet><Representation><BaseURL>other.mp4</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>",
    ],
)
def test_a_list_of_other_files_is_no_video(tmp_path: Path, text: str) -> None:
    write_numbered(tmp_path / "other.mp4", 12)
    path = tmp_path / "list.mp4"
    path.write_text(text)
    assert isinstance(found_in(path), BrokenVideo)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_a_picture_is_no_video(tmp_path: Path, format: str) -> None:
    from PIL import Image

    path = tmp_path / "picture.mp4"
    Image.fromarray(numbered_frame(3)).save(path, format)
    reason = found_in(path)
    assert isinstance(reason, BrokenVideo)
    assert "cannot open" in str(reason)


def test_a_name_like_a_pattern_or_an_address_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("%03d.mp4", "concat:a.mp4", "cache:a.mp4", "pipe:0.mp4", "-i.mp4", "a b'\".mp4")):
        write_numbered(tmp_path / "new.mp4", 5 + number).rename(tmp_path / name)
        assert check_video(Path(name)).frames == 5 + number


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_pictures_are_cropped_as_the_stream_says(tmp_path: Path, codec: str) -> None:
    whole = write_numbered(tmp_path / "whole.mp4", 12, codec)
    kind = "h264_metadata" if codec == "libx264" else "hevc_metadata"
    path = copied(whole, tmp_path / "cropped.mp4", filters=f"{kind}=crop_left=16:crop_top=8:crop_right=0:crop_bottom=0")
    found = found_in(path, HEIGHT - 8)
    assert isinstance(found, Encoded), found
    assert (found.info.width, found.info.height) == (WIDTH - 16, HEIGHT - 8)
    for number, frame in enumerate(found.frames):
        error = np.abs(frame.astype(int) - numbered_frame(number)[8:, 16:]).mean()
        assert error < 6


@pytest.mark.parametrize("matrix", ["YCgCo", "bt2020c"])
@pytest.mark.parametrize("codec", ["libx264"])
def test_a_colour_matrix_that_cannot_be_converted_is_a_reason(tmp_path: Path, codec: str, matrix: str) -> None:
    whole = write_numbered(tmp_path / "whole.mp4", 5, codec)
    number = {"YCgCo": 8, "bt2020c": 10}[matrix]
    path = copied(whole, tmp_path / "odd.mp4", filters=f"h264_metadata=matrix_coefficients={number}")
    found = list(encode_videos([Wanted(one, HEIGHT, as_it_is, decord=True) for one in (path, whole)]))
    assert isinstance(found[0], BrokenVideo)
    assert "cannot be converted to RGB" in str(found[0])
    assert isinstance(found[1], Encoded)


def test_a_picture_too_long_for_the_store_is_a_reason(tmp_path: Path) -> None:
    thin = [np.zeros((1200, 2, 3), np.uint8)] * 3
    path = write_numbered(tmp_path / "thin.mp4", 3, "mpeg4", width=2, height=1200, pictures=thin)
    reason = found_in(path, 128)
    assert isinstance(reason, BrokenVideo)
    assert str(LONGEST) in str(reason)


@pytest.mark.parametrize("codec", ["libx264", "libx264-open", "libx265", "mpeg2video"])
@pytest.mark.parametrize("skip", [1, 3, 5, 13])
def test_a_stream_that_begins_in_the_middle(tmp_path: Path, codec: str, skip: int) -> None:
    """What is stored are successive frames up to the last; the file is not called truncated, as its end is there."""
    whole = write_numbered(tmp_path / "whole.ts", FRAMES, codec)
    found = found_in(copied(whole, tmp_path / "late.ts", skip=skip))
    if isinstance(found, BrokenVideo):
        assert "truncated" not in str(found)
        return
    numbers = [number_of(frame) for frame in found.frames]
    assert numbers == list(range(FRAMES - len(numbers), FRAMES))


@pytest.mark.parametrize(("suffix", "skip"), [("mp4", 5), ("mkv", 5), ("avi", 3)])
def test_mpeg4_in_the_middle_of_a_group_is_refused(tmp_path: Path, suffix: str, skip: int) -> None:
    whole = write_numbered(tmp_path / f"whole.{suffix}", FRAMES, "mpeg4")
    reason = found_in(copied(whole, tmp_path / f"late.{suffix}", skip=skip))
    assert isinstance(reason, BrokenVideo)
    assert "begins in the middle" in str(reason)


def ticking(number: int) -> np.ndarray:
    """(240, 320, 3): a picture that stands still, but for the 4x4 pixels of a binary counter."""
    y, x = np.mgrid[:240, :320]
    light = (127 + 60 * np.sin(x / 17) + 50 * np.cos(y / 23)).astype(np.uint8)
    frame = np.stack([light, light // 2 + 60, 255 - light], axis=-1)
    for bit in range(6):
        frame[100:104, 60 + 30 * bit : 64 + 30 * bit] = 255 if number >> bit & 1 else 0
    return frame


def repeated(order: list[int]) -> list[int]:
    return [*order[:20], 19, *order[20:-1]]


def begun_late(order: list[int]) -> list[int]:
    return [*order[24:], *[order[-1]] * 24]


@pytest.mark.parametrize("fault", [repeated, begun_late])
def test_small_things_that_move_in_a_still_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Callable[[list[int]], list[int]]
) -> None:
    pictures = [ticking(number) for number in range(FRAMES)]
    path = write_numbered(tmp_path / "still.mp4", FRAMES, width=320, height=240, pictures=pictures)
    right = list(pyav_frames(path, (171, 128)))

    class Reader:
        def __init__(self) -> None:
            self._frames = iter([right[number] for number in fault(list(range(FRAMES)))])

        def __len__(self) -> int:
            return FRAMES

        def next(self) -> Reader:
            self._next = next(self._frames)
            return self

        def asnumpy(self) -> np.ndarray:
            return self._next

    monkeypatch.setattr(decord_reader, "_opened", lambda path, size: Reader())
    found = found_in(path, 128)
    assert isinstance(found, Encoded)
    assert found.reader == "pyav"
    assert "decord" in found.reader_reason


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_times_before_zero(tmp_path: Path, suffix: str) -> None:
    whole = write_numbered(tmp_path / f"whole.{suffix}", FRAMES)
    path = copied(whole, tmp_path / f"early.{suffix}", earlier=12, avoid_negative_ts="disabled")
    with av.open(str(path)) as container:
        shown = [number_of(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    found = found_in(path)
    assert isinstance(found, Encoded)
    assert [number_of(frame) for frame in found.frames] == shown
    assert all(upright(frame) for frame in found.frames)


@pytest.mark.parametrize("error", ["MemoryError", "ValueError", "KeyboardInterrupt"])
def test_an_error_of_the_parent_ends_the_job(tmp_path: Path, error: str) -> None:
    """While the child waits to hand over the next video."""
    for number in range(4):
        write_numbered(tmp_path / f"{number}.mp4", FRAMES)
    script = f"""
import sys
from pathlib import Path
from videossl.data.encode import Wanted, encode_videos
root = Path({str(tmp_path)!r})
wanted = [Wanted(root / f"{{number}}.mp4", 96, lambda frame, size, number: frame) for number in range(4)]
for found in encode_videos(wanted):
    raise {error}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert error in done.stderr
