"""What is stored of a video is what a player shows of it: every frame, once, in order, upright, in square pixels."""

from __future__ import annotations

import faulthandler
import os
import signal
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numbered_videos import (
    CODECS,
    CONTAINERS,
    HEIGHT,
    WIDTH,
    number_of,
    numbered_frame,
    upright,
    with_edit,
    write_numbered,
)

from videossl.data import encode
from videossl.data.encode import Encoded, Wanted, encode_videos
from videossl.data.video import BrokenVideo, check_video, decord_reader, frames_at, pyav_frames

SHORT_SIDE = 96


def as_it_is(frame: np.ndarray, size: tuple[int, int], number: int) -> np.ndarray:
    return frame


def stored(path: Path, **wanted: int) -> Encoded[np.ndarray]:
    found = next(encode_videos([Wanted(path, SHORT_SIDE, as_it_is, **{"decord": True, **wanted})]))
    assert isinstance(found, Encoded), found
    return found


def numbers(found: Encoded[np.ndarray]) -> list[int | None]:
    return [number_of(frame) for frame in found.frames]


@pytest.mark.parametrize(
    ("suffix", "codec"), [(suffix, codec) for suffix in CONTAINERS for codec in CONTAINERS[suffix]]
)
def test_every_frame_of_every_container_and_codec(tmp_path: Path, suffix: str, codec: str) -> None:
    path = write_numbered(tmp_path / f"video.{suffix}", 40, codec)
    found = stored(path)
    assert numbers(found) == list(range(40))
    assert all(upright(frame) for frame in found.frames)
    assert found.info == check_video(path)
    assert (found.info.frames, found.info.width, found.info.height) == (40, WIDTH, HEIGHT)
    assert found.info.fps == pytest.approx(25, rel=0.01)


@pytest.mark.parametrize(
    ("suffix", "codec"), [(suffix, codec) for suffix in CONTAINERS for codec in CONTAINERS[suffix]]
)
def test_frames_at_gives_exactly_the_frames_asked_for(tmp_path: Path, suffix: str, codec: str) -> None:
    path = write_numbered(tmp_path / f"video.{suffix}", 40, codec)
    asked = [39, 0, 13, 13, 27]
    found = frames_at(path, np.array(asked))
    assert [number_of(frame) for frame in found] == asked
    assert found.shape == (5, HEIGHT, WIDTH, 3)
    assert frames_at(path, np.array(asked), 48).shape == (5, 48, 72, 3)


@pytest.mark.parametrize("codec", ["libx264", "libx264-open", "mpeg4", "libx265"])
@pytest.mark.parametrize(("first", "frames"), [(12, 20), (5, 30), (0, 25), (30, 10)])
def test_edit_lists_hide_what_they_hide(tmp_path: Path, codec: str, first: int, frames: int) -> None:
    whole = write_numbered(tmp_path / "whole.mp4", 40, codec)
    found = stored(with_edit(whole, tmp_path / "cut.mp4", first=first, frames=frames))
    assert numbers(found) == list(range(first, first + frames))
    assert found.info.frames == frames


def test_a_header_that_counts_more_frames_than_are_shown_hangs_nothing(tmp_path: Path) -> None:
    whole = write_numbered(tmp_path / "whole.mp4", 100)
    path = with_edit(whole, tmp_path / "cut.mp4", first=0, frames=60)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 100
    assert numbers(stored(path)) == list(range(60))
    assert [number_of(frame) for frame in frames_at(path, np.array([59, 0]))] == [59, 0]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm", "avi", "ts", "flv"])
def test_sound_may_be_longer_than_the_pictures(tmp_path: Path, suffix: str) -> None:
    codec = "libvpx-vp9" if suffix == "webm" else "libx264"
    found = stored(write_numbered(tmp_path / f"video.{suffix}", 40, codec, sound=4.0))
    assert numbers(found) == list(range(40))
    assert found.info.fps == pytest.approx(25, rel=0.01)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_frames_at_irregular_times(tmp_path: Path, suffix: str) -> None:
    steps = np.random.default_rng(0).integers(20, 90, 40)
    times = [int(time) for time in np.cumsum(steps) - steps[0]]
    found = stored(write_numbered(tmp_path / f"video.{suffix}", 40, times=times))
    assert numbers(found) == list(range(40))
    assert found.info.fps == pytest.approx(39 / (times[-1] / 1000), rel=0.03)


FIXED = 1 << 16
MATRICES = {
    "quarter": (0, FIXED, 0, -FIXED, 0, 0, 0, 0, 1 << 30),
    "half": (-FIXED, 0, 0, 0, -FIXED, 0, 0, 0, 1 << 30),
    "three quarters": (0, -FIXED, 0, FIXED, 0, 0, 0, 0, 1 << 30),
    "mirrored": (-FIXED, 0, 0, 0, FIXED, 0, 0, 0, 1 << 30),
    "upside down": (FIXED, 0, 0, 0, -FIXED, 0, 0, 0, 1 << 30),
    "transposed": (0, FIXED, 0, FIXED, 0, 0, 0, 0, 1 << 30),
    "mirrored quarter": (0, -FIXED, 0, -FIXED, 0, 0, 0, 0, 1 << 30),
}
"""a b u / c d v / x y w: a place (x, y) of the file is shown at (a x + c y, b x + d y)."""


def as_recorded(frame: np.ndarray, matrix: tuple[int, ...]) -> np.ndarray:
    """The picture that a matrix turns into `frame`: place by place, from the definition."""
    a, b, _, c, d = (value // FIXED for value in matrix[:5])
    height, width = frame.shape[:2]
    rows, columns = (width, height) if b else (height, width)
    y, x = np.mgrid[:rows, :columns]
    to_x, to_y = a * x + c * y, b * x + d * y
    return frame[to_y - to_y.min(), to_x - to_x.min()]


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1", "mpeg4"])
def test_phone_videos_are_stored_upright(tmp_path: Path, name: str, codec: str) -> None:
    matrix = MATRICES[name]
    pictures = [as_recorded(numbered_frame(number), matrix) for number in range(12)]
    height, width = pictures[0].shape[:2]
    path = write_numbered(
        tmp_path / "phone.mp4", 12, codec, width=width, height=height, matrix=matrix, pictures=pictures
    )
    found = stored(path)
    assert numbers(found) == list(range(12))
    assert all(upright(frame) for frame in found.frames)
    assert found.frames[0].shape == (HEIGHT, WIDTH, 3)
    assert (found.info.width, found.info.height) == (WIDTH, HEIGHT)
    assert all(upright(frame) for frame in pyav_frames(path))
    assert upright(frames_at(path, np.array([3]))[0])


def test_a_rotation_as_players_understand_it(tmp_path: Path) -> None:
    """Recorded with the camera turned, marked with FFmpeg's own `rotation`."""
    pictures = [np.ascontiguousarray(np.rot90(numbered_frame(number), 1)) for number in range(8)]
    path = write_numbered(tmp_path / "phone.mp4", 8, width=HEIGHT, height=WIDTH, rotation=-90, pictures=pictures)
    assert all(upright(frame) for frame in stored(path).frames)


def test_an_odd_angle_is_refused_with_its_reason(tmp_path: Path) -> None:
    slanted = write_numbered(tmp_path / "slanted.mp4", 8, rotation=30)
    reason = next(encode_videos([Wanted(slanted, SHORT_SIDE, as_it_is)]))
    assert isinstance(reason, BrokenVideo)
    assert "display matrix" in str(reason)


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp4", "libx264"), ("mp4", "libvpx-vp9"), ("ts", "libx265"), ("mpg", "mpeg2video")]
)
def test_pixels_become_square(tmp_path: Path, suffix: str, codec: str) -> None:
    # MPEG-2 knows a few shapes of the picture only, 16:9 among them.
    aspect = Fraction(32, 27)
    found = stored(write_numbered(tmp_path / f"video.{suffix}", 12, codec, aspect=aspect))
    assert (found.info.width, found.info.height) == (round(WIDTH * aspect), HEIGHT)
    assert found.frames[0].shape == (HEIGHT, round(WIDTH * aspect), 3)
    assert numbers(found) == list(range(12))


def test_turned_and_with_oblong_pixels(tmp_path: Path) -> None:
    matrix = MATRICES["quarter"]
    pictures = [as_recorded(numbered_frame(number), matrix) for number in range(8)]
    path = write_numbered(
        tmp_path / "phone.mp4", 8, width=HEIGHT, height=WIDTH, matrix=matrix, pictures=pictures, aspect=Fraction(3, 2)
    )
    found = stored(path)  # a pixel of the file is 3:2, so once turned the picture is 3:2 higher
    assert (found.info.width, found.info.height) == (WIDTH, HEIGHT * 3 // 2)
    assert found.frames[0].shape == (96, 96, 3)


def test_an_absurd_shape_of_pixels_is_refused(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "video.mp4", 4, aspect=Fraction(20, 1))
    reason = next(encode_videos([Wanted(path, SHORT_SIDE, as_it_is)]))
    assert isinstance(reason, BrokenVideo)
    assert "20 times as wide" in str(reason)


@pytest.mark.parametrize(("start", "end"), [(0, 10), (7, 30), (30, None), (20, 100)])
def test_a_range_of_frames(tmp_path: Path, start: int, end: int | None) -> None:
    path = write_numbered(tmp_path / "video.mp4", 40)
    assert numbers(stored(path, start=start, end=end)) == list(range(start, min(end or 40, 40)))


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48000)
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(numbered_frame(1), format="rgb24")
        container.mux(cover.encode(picture))
        container.mux(cover.encode())
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.float32), format="fltp", layout="mono")
        silence.rate = 48000
        container.mux(sound.encode(silence))
        container.mux(sound.encode())
    with pytest.raises(BrokenVideo, match="only a cover picture"):
        check_video(path)


def test_colours_of_high_definition(tmp_path: Path) -> None:
    """The colour matrix that a file names is used, whichever reader reads it."""
    path = tmp_path / "hd.mp4"
    colour = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    colour[:] = (200, 60, 30)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"colormatrix": "bt709", "x264-params": "colormatrix=bt709:colorprim=bt709:transfer=bt709"}
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(colour, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="itu709")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    frame = stored(path).frames[2]
    assert np.abs(frame[40, 70].astype(int) - (200, 60, 30)).max() <= 4


class TestReaders:
    """decord reads where it is proven; else PyAV does, and the reason is kept."""

    def test_one_decode_is_enough_unless_decord_is_asked_for(self, tmp_path: Path) -> None:
        found = stored(write_numbered(tmp_path / "video.mp4", 40), decord=False)
        assert (found.reader, found.reader_reason) == ("pyav", "")
        assert numbers(found) == list(range(40))

    def test_decord_is_used_where_it_agrees(self, tmp_path: Path) -> None:
        pytest.importorskip("decord")
        found = stored(write_numbered(tmp_path / "video.mp4", 40))
        assert (found.reader, found.reader_reason) == ("decord", "")

    @pytest.mark.parametrize(
        ("make", "reason"),
        [
            (lambda path: with_edit(write_numbered(path, 40), path, first=12, frames=20), "packets give 20 frames"),
            (lambda path: write_numbered(path, 12, rotation=90), "turned by its display matrix"),
            (lambda path: write_numbered(path.with_suffix(".ts"), 40), "decord"),
        ],
    )
    def test_where_it_does_not_the_reason_is_kept(self, tmp_path: Path, make, reason: str) -> None:
        pytest.importorskip("decord")
        found = stored(make(tmp_path / "video.mp4"))
        assert found.reader == "pyav"
        assert reason in found.reader_reason

    def test_without_decord_everything_works(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(decord_reader, "available", lambda: False)
        found = stored(write_numbered(tmp_path / "video.mp4", 40))
        assert numbers(found) == list(range(40))
        assert (found.reader, found.reader_reason) == ("pyav", "decord is not installed")

    @pytest.mark.parametrize("fault", ["repeated", "skipped", "swapped", "later", "raises"])
    def test_a_frame_that_decord_has_wrong_is_noticed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
    ) -> None:
        """Slowly moving pictures, in which neighbours look alike."""
        path = write_numbered(tmp_path / "video.mp4", 40, pictures=[drifting(number) for number in range(40)])
        order = list(range(40))
        if fault == "repeated":
            order[20:] = [19, *order[20:-1]]
        elif fault == "skipped":
            order = [*order[:20], *order[21:], 39]
        elif fault == "swapped":
            order[20], order[21] = 21, 20
        elif fault == "raises":
            order = order[:10]
        else:
            order = [*order[1:], 39]
        monkeypatch.setattr(decord_reader, "_opened", lambda path, size: Frames(path, size, order))
        found = stored(path)
        assert found.reader == "pyav"
        assert "decord" in found.reader_reason
        right = list(pyav_frames(path, found.size))
        assert all((frame == expected).all() for frame, expected in zip(found.frames, right, strict=True))

    @pytest.mark.parametrize("width", [24, 48, 72, 34, 66])
    def test_narrow_pictures_whose_rows_decord_mistakes(self, tmp_path: Path, width: int) -> None:
        pictures = [drifting(number)[:, :width] for number in range(12)]
        path = write_numbered(tmp_path / "video.mp4", 12, width=width, height=HEIGHT, pictures=pictures)
        found = next(encode_videos([Wanted(path, width, as_it_is, decord=True)]))
        assert isinstance(found, Encoded), found
        for frame, expected in zip(found.frames, pyav_frames(path, found.size), strict=True):
            assert np.abs(frame.astype(int) - expected).mean() < 1.5

    def test_one_that_never_returns_costs_its_frames_only(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write_numbered(tmp_path / "video.mp4", 40)
        monkeypatch.setattr(decord_reader, "_opened", never_returns)
        found = list(encode_videos([Wanted(path, SHORT_SIDE, as_it_is, decord=True)] * 2, silence=1.5))
        for one in found:
            assert isinstance(one, Encoded)
            assert numbers(one) == list(range(40))
            assert (one.reader, one.reader_reason) == ("pyav", "decord gave nothing for 2 seconds")

    def test_one_that_crashes_costs_its_frames_only(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = write_numbered(tmp_path / "video.mp4", 40)
        monkeypatch.setattr(decord_reader, "_opened", crashes)
        one = stored(path)
        assert numbers(one) == list(range(40))
        assert one.reader_reason == "decord crashed (SIGSEGV)"


def drifting(number: int) -> np.ndarray:
    """(HEIGHT, WIDTH, 3): a smooth pattern that moves by a third of a pixel a frame."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    shifted = x - number / 3
    light = 127 + 60 * np.sin(shifted / 11) + 40 * np.sin(y / 13 + shifted / 29)
    return np.stack([light, 255 - light, light // 2], axis=-1).astype(np.uint8)


class Frames:
    """A reader that gives a video's frames in an order of its own."""

    def __init__(self, path: Path, size: tuple[int, int], order: list[int]) -> None:
        frames = list(pyav_frames(path, size))
        self._frames = iter([frames[number] for number in order])

    def __len__(self) -> int:
        return 40

    def next(self) -> Frames:
        self._next = next(self._frames)
        return self

    def asnumpy(self) -> np.ndarray:
        return self._next


def never_returns(path: Path, size: tuple[int, int]) -> None:
    while True:
        pass


def crashes(path: Path, size: tuple[int, int]) -> None:
    faulthandler.disable()  # pytest's report of the crash would look like one of the test's own
    os.kill(os.getpid(), signal.SIGSEGV)


def test_all_encoders_are_tried() -> None:
    assert set(CODECS) == {codec for codecs in CONTAINERS.values() for codec in codecs}
    assert encode.DECORD == "decord"
