"""Files that were cut off or damaged: what is stored of them is right, or they are refused with a reason."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from numbered_videos import CONTAINERS, cut_off, number_of, with_edit, write_numbered

from videossl.common.children import end_with_parent
from videossl.common.errors import UserError
from videossl.data.encode import Encoded, Wanted, encode_videos
from videossl.data.video import BrokenVideo, check_video
from videossl.data.video.guard import Alive, Guarded, Lost

FRAMES = 40
CUTS = 12
"""Random places at which each file is cut off."""


def places(path: Path, seed: int) -> list[int]:
    """Where to cut: anywhere, and at the ends of what the container counts in, where nothing else tells."""
    rng, length = random.Random(f"{path.name} {seed}"), path.stat().st_size
    anywhere = [rng.randrange(1, length) for _ in range(CUTS)]
    if path.suffix == ".ts":
        anywhere += [188 * rng.randrange(1, length // 188) for _ in range(2 * CUTS)]
    if path.suffix == ".flv":
        anywhere += rng.sample(list(tag_ends(path.read_bytes())), CUTS)
    return anywhere


def tag_ends(content: bytes) -> list[int]:
    """The places between the tags of an FLV file."""
    ends, place = [], 13
    while place + 11 <= len(content):
        place += 11 + int.from_bytes(content[place + 1 : place + 4], "big") + 4
        ends.append(place)
    return ends[:-1]


@pytest.mark.parametrize(
    ("suffix", "codec"), [(suffix, codec) for suffix in CONTAINERS for codec in CONTAINERS[suffix]]
)
def test_cut_off_anywhere(tmp_path: Path, suffix: str, codec: str) -> None:
    whole = write_numbered(tmp_path / f"whole.{suffix}", FRAMES, codec)
    cuts = [cut_off(whole, tmp_path / f"{number}.{suffix}", length) for number, length in enumerate(places(whole, 0))]
    refused = 0
    for found in encode_videos([Wanted(path, 96, lambda frame, size, number: number_of(frame)) for path in cuts]):
        if isinstance(found, BrokenVideo):
            refused += 1
            assert str(found)
        else:
            assert found.frames == list(range(len(found.frames)))
        if isinstance(found, Encoded) and suffix in ("mp4", "mov", "mkv", "webm", "avi"):  # which say where they end
            assert len(found.frames) == FRAMES  # a remark behind the index was cut
    assert refused >= CUTS // 2


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_cut_off_with_the_index_in_front(tmp_path: Path, codec: str) -> None:
    whole = write_numbered(tmp_path / "whole.mp4", FRAMES, codec, container_options={"movflags": "faststart"})
    length = whole.stat().st_size
    for cut in (length // 2, length * 3 // 4, length - 1):
        with pytest.raises(BrokenVideo, match=r"missing|frame"):
            check_video(cut_off(whole, tmp_path / "cut.mp4", cut))
    assert check_video(whole).frames == FRAMES


def test_a_fragmented_file_that_broke_off(tmp_path: Path) -> None:
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    whole = write_numbered(tmp_path / "whole.mp4", FRAMES, container_options=options)
    assert check_video(whole).frames == FRAMES
    with pytest.raises(BrokenVideo):
        check_video(cut_off(whole, tmp_path / "cut.mp4", whole.stat().st_size * 2 // 3))


def test_bytes_that_are_not_shown_may_be_missing(tmp_path: Path) -> None:
    """An editor that hides the end leaves the samples in the index; what is shown is whole."""
    whole = write_numbered(tmp_path / "whole.mp4", FRAMES, container_options={"movflags": "faststart"})
    shown = with_edit(whole, tmp_path / "shown.mp4", first=0, frames=12)
    assert check_video(shown).frames == 12


@pytest.mark.parametrize("suffix", ["mp4", "avi", "mkv", "webm"])
def test_something_after_the_end_does_no_harm(tmp_path: Path, suffix: str) -> None:
    codec = "libvpx-vp9" if suffix == "webm" else "mpeg4"
    path = write_numbered(tmp_path / f"video.{suffix}", FRAMES, codec)
    path.write_bytes(path.read_bytes() + bytes(1000))
    assert check_video(path).frames == FRAMES


@pytest.mark.parametrize(
    "content", [b"", b"a letter\n" * 50, random.Random(0).randbytes(5000), b"RIFF", b"\x1a\x45\xdf\xa3", b"FLV\x01"]
)
def test_what_is_no_video(tmp_path: Path, content: bytes) -> None:
    for suffix in ("mp4", "avi", "webm", "ts", "flv"):
        path = tmp_path / f"video.{suffix}"
        path.write_bytes(content)
        with pytest.raises(BrokenVideo):
            check_video(path)


class TestGuard:
    """Work in a child: whatever becomes of the child, the job goes on or ends with a reason."""

    def test_results_come_in_order(self) -> None:
        with Guarded(lambda item, alive: item * item) as guarded:
            assert list(guarded(range(20))) == [number * number for number in range(20)]

    def test_silence_costs_the_item_only(self) -> None:
        with Guarded(hangs_at_two, silence=1.0) as guarded:
            found = list(guarded([1, 2, 3]))
        assert found == [1, Lost("reading", "reading gave nothing for 1 seconds"), 3]

    def test_a_slow_one_that_gives_signs_is_not_silent(self) -> None:
        with Guarded(slow, silence=2.0) as guarded:
            assert list(guarded([1])) == [1]

    @pytest.mark.parametrize("signal", ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE"])
    def test_a_crash_costs_the_item_only(self, signal: str) -> None:
        def work(item: str, alive: Alive) -> str:
            alive("decoding")
            if item:
                import faulthandler
                import signal as signals

                faulthandler.disable()
                os.kill(os.getpid(), signals.Signals[item])
            return item

        with Guarded(work) as guarded:
            assert list(guarded(["", signal, ""])) == ["", Lost("decoding", f"decoding crashed ({signal})"), ""]

    def test_killed_by_the_system_ends_the_job(self) -> None:
        """Out of memory is no fault of the video: it must not be noted as broken for ever."""
        with Guarded(lambda item, alive: os.kill(os.getpid(), 9)) as guarded, pytest.raises(UserError, match="memory"):
            list(guarded([1]))

    def test_errors_of_the_work_are_raised(self) -> None:
        def work(item: int, alive: Alive) -> int:
            raise UserError("the disk is full")

        with Guarded(work) as guarded, pytest.raises(UserError, match="the disk is full"):
            list(guarded([1]))

    def test_the_child_ends_with_its_parent(self, tmp_path: Path) -> None:
        read, write = os.pipe()
        parent = os.fork()
        if parent == 0:
            middle = os.getpid()
            if os.fork() == 0:
                end_with_parent(middle)
                os.write(write, b"x")
                time.sleep(600)
            time.sleep(600)
        os.close(write)
        assert os.read(read, 1) == b"x"
        os.kill(parent, 9)
        os.waitpid(parent, 0)
        assert os.read(read, 1) == b""  # closed by the end of the grandchild, which held it too
        os.close(read)


def hangs_at_two(item: int, alive: Alive) -> int:
    alive("reading")
    while item == 2:
        pass
    return item


def slow(item: int, alive: Alive) -> int:
    for _ in range(30):
        alive("reading")
        time.sleep(0.1)
    return item


def test_a_video_that_hangs_its_decoder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from videossl.data.video import sequential

    good, bad = write_numbered(tmp_path / "good.mp4", 5), write_numbered(tmp_path / "bad.mp4", 5)
    frames = sequential.Decode.frames

    def hanging(decode: sequential.Decode):
        while decode.path == bad:
            pass
        return frames(decode)

    monkeypatch.setattr(sequential.Decode, "frames", hanging)
    wanted = [Wanted(path, 96, lambda frame, size, number: number_of(frame)) for path in (good, bad, good)]
    first, second, third = encode_videos(wanted, silence=1.0)
    assert isinstance(first, Encoded)
    assert isinstance(third, Encoded)
    assert first.frames == third.frames == list(range(5))
    assert isinstance(second, BrokenVideo)
    assert str(second) == "pyav gave nothing for 1 seconds"
