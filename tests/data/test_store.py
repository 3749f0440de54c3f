"""Videos into shards, reports and the manifest; frames out again."""

import multiprocessing
import pickle
import subprocess
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import video_files
from video_files import (
    cut_without_encoding,
    frame_content,
    listing_of,
    overwritten,
    truncated,
    write_audio,
    write_video,
)

from videossl.common.errors import UserError
from videossl.data import materialise
from videossl.data.codecs import CODECS
from videossl.data.materialise import (
    MANIFEST_SCHEMA,
    REPORT_SCHEMA,
    merge_manifest,
    resize,
    write_shard,
)
from videossl.data.store import FrameStore, ShardWriter
from videossl.data.video import sequential, stored_size
from videossl.monitor.verify import DAMAGED, Item, look_at


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    """A folder of whole and damaged videos."""
    root = tmp_path_factory.mktemp("videos")
    write_video(root / "whole.mp4", 30)
    write_video(root / "front.mp4", 60, faststart=True)
    write_video(root / "one.mp4", 1)
    write_video(root / "five.avi", 5, codec="mpeg4")
    write_video(root / "whole.avi", 60, codec="mpeg4")
    write_video(root / "whole.webm", 30, codec="libvpx-vp9")
    write_video(root / "odd.avi", 4, 62, 100, codec="mpeg4")
    truncated(root / "whole.mp4", root / "cut.mp4")
    truncated(root / "front.mp4", root / "cut_front.mp4")
    truncated(root / "whole.avi", root / "cut.avi")
    truncated(root / "whole.avi", root / "cut_between.avi", before=b"00dc")  # between two frames
    truncated(root / "whole.webm", root / "cut.webm")
    overwritten(root / "front.mp4", root / "overwritten.mp4")
    overwritten(root / "whole.avi", root / "overwritten.avi", 20)
    cut_without_encoding(root / "front.mp4", root / "edit_list.mp4", 10)
    write_audio(root / "audio.mp4")
    (root / "empty.mp4").touch()
    (root / "text.mp4").write_text("<html>404 Not Found</html>\n" * 20)
    (root / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    return root


def store(root: Path, listing: pd.DataFrame, out: Path, shards: int = 1, short_side: int = 32, quality: int = 90):
    """Write all shards; returns the store and the manifest."""
    arrows = [out / f"{shard:04d}.arrow" for shard in range(shards)]
    for shard, arrow in enumerate(arrows):
        report = arrow.with_suffix(".parquet")
        write_shard(listing, root, shard, shards, arrow, report, short_side=short_side, quality=quality)
    table = merge_manifest(listing, [arrow.with_suffix(".parquet") for arrow in arrows])
    return FrameStore(arrows), table


def test_frames_come_back_in_order_and_nearly_unchanged(videos, tmp_path):
    frames, table = store(videos, listing_of(["whole.mp4", "whole.avi", "whole.webm"]), tmp_path, short_side=48)
    for row in table.to_pylist():
        decoded = frames.read(row["shard"], row["batch"], range(row["frames"]))
        expected = np.stack([frame_content(index, 64, 48) for index in range(row["frames"])])
        assert decoded.shape == expected.shape and decoded.dtype == np.uint8
        error = np.abs(decoded.astype(int) - expected).mean(axis=(1, 2, 3))
        assert error.max() < 12, row["id"]  # two lossy codings
        assert row["duration"] == pytest.approx(row["frames"] / 25)
        assert (row["width"], row["height"], row["fps"]) == (64, 48, 25)


def test_every_damage_is_reported_with_its_reason_and_costs_no_other_video(videos, tmp_path):
    expected = {
        "whole.mp4": ("ok", ""),
        "cut.mp4": ("broken", "cannot open: Invalid data"),
        "cut_front.mp4": ("broken", "truncated after frame "),
        "cut.avi": ("broken", "truncated after frame "),
        "cut_between.avi": ("broken", "truncated after frame "),
        "cut.webm": ("broken", "truncated after frame "),
        "overwritten.mp4": ("broken", "frame "),
        "overwritten.avi": ("broken", ": damaged picture"),
        "audio.mp4": ("broken", "no video stream"),
        "empty.mp4": ("broken", "empty file"),
        "text.mp4": ("broken", "cannot open: Invalid data"),
        "noise.mp4": ("broken", "cannot open: Invalid data"),
        "gone.mp4": ("missing", "file not found"),
        "edit_list.mp4": ("ok", ""),
        "one.mp4": ("ok", ""),
        "five.avi": ("ok", ""),
    }
    listing = listing_of(list(expected))
    listing.loc[listing["id"] == "gone.mp4", "status"] = "missing"
    frames, table = store(videos, listing, tmp_path)
    assert table.schema.equals(MANIFEST_SCHEMA)
    manifest = table.to_pandas()
    for row, (status, reason) in zip(manifest.itertuples(), expected.values(), strict=True):
        assert row.status == status, row
        assert reason in row.reason and bool(row.reason) == (status != "ok") and "\n" not in row.reason
        assert (row.batch >= 0) == (row.frames > 0) == (status == "ok")
    assert frames.num_videos(0) == 4
    assert [frames.num_frames(0, batch) for batch in (0, 2, 3)] == [30, 1, 5]


def test_only_the_segment_is_stored_and_clipped_to_the_video(videos, tmp_path):
    ranges = {"a": (5, 12), "b": (25, 99), "c": (None, 3), "d": (28, None), "e": (30, 40), "f": (7, 7)}
    listing = listing_of(
        ["whole.mp4"] * 6,
        id=list(ranges),
        start_frame=[r[0] for r in ranges.values()],
        end_frame=[r[1] for r in ranges.values()],
    )
    frames, table = store(videos, listing, tmp_path, short_side=48)
    rows = table.to_pylist()
    assert [row["frames"] for row in rows] == [7, 5, 3, 2, 0, 0]
    assert [row["status"] for row in rows] == ["ok"] * 4 + ["broken"] * 2
    assert "30" in rows[4]["reason"] and "empty range" in rows[5]["reason"]
    whole = store(videos, listing_of(["whole.mp4"]), tmp_path / "whole", short_side=48)[0].read(0, 0, range(30))
    np.testing.assert_array_equal(frames.read(0, rows[0]["batch"], range(7)), whole[5:12])
    np.testing.assert_array_equal(frames.read(0, rows[3]["batch"], range(2)), whole[28:])


def test_an_unforeseen_error_is_contained(videos, tmp_path, monkeypatch):
    def explode(decode, frame):
        raise MemoryError("a picture of\n10^9 pixels")

    monkeypatch.setattr(sequential.Decode, "_note", explode)
    _, table = store(videos, listing_of(["whole.mp4"]), tmp_path)
    assert table["reason"].to_pylist() == ["frame 0: a picture of"]


def test_an_error_of_our_own_ends_the_job(videos, tmp_path):
    """It says nothing about the video, which must not be noted as broken."""

    def explode(frame, size, number):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        materialise.encode_video(videos / "whole.mp4", None, None, 24, explode)


def test_sizes_keep_the_aspect_and_hit_the_short_side(videos, tmp_path):
    assert stored_size(340, 256, 128) == (170, 128)
    assert stored_size(240, 320, 128) == (128, 171)
    assert stored_size(64, 64, 128) == (128, 128)
    frames, _ = store(videos, listing_of(["odd.avi", "whole.avi"]), tmp_path, short_side=31)
    assert frames.read(0, 0, [0]).shape == (1, 50, 31, 3)
    assert frames.read(0, 1, [0]).shape == (1, 31, 41, 3)
    report = pq.read_table(tmp_path / "0000.parquet")
    assert report.schema.equals(REPORT_SCHEMA)
    assert report["stored_width"].to_pylist() == [31, 41] and report["stored_height"].to_pylist() == [50, 31]


def test_resizing_averages_instead_of_skipping_pixels():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    small = resize(stripes, (16, 16))
    assert abs(int(small.mean()) - 100) <= 1 and small.std() < 12


def test_shards_partition_the_listing_and_join_in_its_order(videos, tmp_path):
    names = ["whole.mp4", "one.mp4", "empty.mp4", "five.avi", "whole.avi"]
    frames, table = store(videos, listing_of(names), tmp_path, shards=3)
    assert table["id"].to_pylist() == names
    assert table["shard"].to_pylist() == [0, 1, 2, 0, 1]
    assert table["batch"].to_pylist() == [0, 0, -1, 1, 1]
    assert frames.num_videos(2) == 0
    for row in table.to_pylist():
        if row["status"] == "ok":
            assert frames.num_frames(row["shard"], row["batch"]) == row["frames"]


def test_reports_of_another_listing_are_refused(videos, tmp_path):
    listing = listing_of(["one.mp4", "five.avi"])
    store(videos, listing, tmp_path)
    report = tmp_path / "0000.parquet"
    with pytest.raises(UserError, match="the listing has changed"):
        merge_manifest(listing.iloc[::-1].reset_index(drop=True), [report])
    with pytest.raises(UserError, match="not the report of shard 0 of 1"):
        merge_manifest(listing.iloc[:1], [report])
    with pytest.raises(UserError, match=r"not the report of shard 0 of 2"):
        merge_manifest(listing, [report, report])


def test_a_shard_does_not_depend_on_how_many_processes_decode(videos, tmp_path):
    """Whole, broken and missing videos; more processes than are busy in the last round."""
    listing = listing_of(["whole.mp4", "text.mp4", "one.mp4", "missing.mp4", "whole.avi", "empty.mp4", "five.avi"])
    made = []
    for processes in (1, 3, 12):
        arrow, report = tmp_path / f"{processes}.arrow", tmp_path / f"{processes}.parquet"
        form = {"short_side": 24, "codec": "jpeg", "quality": 90}
        write_shard(listing, videos, 0, 1, arrow, report, processes=processes, **form)
        made.append((arrow.read_bytes(), pq.read_table(report).to_pylist()))
    assert made[0] == made[1] == made[2]
    assert [row["status"] for row in made[0][1]] == ["ok", "broken", "ok", "missing", "ok", "broken", "ok"]
    assert multiprocessing.active_children() == []


def test_writing_leaves_no_partial_file(videos, tmp_path, monkeypatch):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(materialise, "encode_videos", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store(videos, listing_of(["one.mp4"]), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("codec", ["raw", "lz4"])
def test_shards_without_loss_return_the_very_same_frames(tmp_path, codec):
    noise = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), dtype=np.uint8)
    with ShardWriter(tmp_path / "a.arrow", short_side=20, quality=0, codec=codec) as writer:
        assert writer.append([writer.encode(frame) for frame in noise]) == 0
    frames = FrameStore([tmp_path / "a.arrow"])
    np.testing.assert_array_equal(frames.read(0, 0, [2, 0, 1, 0]), noise[[2, 0, 1, 0]])
    assert frames.settings(0)["codec"] == codec
    with pytest.raises(UserError, match="jpeg"):
        ShardWriter(tmp_path / "b.arrow", short_side=20, quality=0, codec="jpg")


@pytest.mark.parametrize("codec", ["raw", "lz4"])
def test_a_store_without_loss_holds_the_frames_as_they_were_decoded(videos, tmp_path, codec):
    arrow, report = tmp_path / "a.arrow", tmp_path / "a.parquet"
    write_shard(listing_of(["whole.mp4"]), videos, 0, 1, arrow, report, short_side=24, codec=codec, quality=90)
    frames, _ = materialise.encode_video(videos / "whole.mp4", None, None, 24, lambda frame, size, number: frame)
    expected = np.stack(frames)
    np.testing.assert_array_equal(FrameStore([arrow]).read(0, 0, range(30)), expected)


def test_a_damaged_raw_frame_is_named(tmp_path):
    frame = np.zeros((2, 3, 3), np.uint8)
    with ShardWriter(tmp_path / "a.arrow", short_side=2, quality=90, codec="raw") as writer:
        whole = writer.encode(frame)
        writer.append([whole, whole[:-1], whole[:5]])
    frames = FrameStore([tmp_path / "a.arrow"])
    np.testing.assert_array_equal(frames.read(0, 0, [0]), frame[None])
    for index, words in ((1, "25 bytes are not a raw frame of 3x2 pixels"), (2, "5 bytes are not a raw frame")):
        with pytest.raises(UserError, match=f"frame {index} of video 0.*{words}"):
            frames.read(0, 0, [0, index])


def test_lz4_makes_repetitions_smaller(tmp_path):
    frame = np.tile(np.arange(30, dtype=np.uint8)[:, None], (20, 1, 3))
    with (
        ShardWriter(tmp_path / "a.arrow", short_side=20, quality=90, codec="raw") as raw,
        ShardWriter(tmp_path / "b.arrow", short_side=20, quality=90, codec="lz4") as packed,
    ):
        assert len(packed.encode(frame)) < len(raw.encode(frame)) / 5


def test_a_damaged_lz4_frame_is_named(tmp_path):
    """With a checksum that fits, as if it had been written so: the decoder notices by itself."""
    frame = np.random.default_rng(0).integers(0, 9, (20, 30, 3), dtype=np.uint8)
    with ShardWriter(tmp_path / "a.arrow", short_side=20, quality=90, codec="lz4") as writer:
        whole, smaller = writer.encode(frame), writer.encode(frame[:10])
        longer = smaller[:8] + whole[8:]
        writer.append([whole, whole[:-1], whole[:8] + smaller[8:], longer, whole[:8], smaller])
    frames = FrameStore([tmp_path / "a.arrow"])
    np.testing.assert_array_equal(frames.read(0, 0, [0]), frame[None])
    for index, words in (
        (1, "Decompression failed"),
        (2, "900 bytes are not the pixels of a frame"),
        (3, r"shape \(10, 30, 3\) in a video"),
        (4, "8 bytes are not a frame in LZ4"),
        (5, r"shape \(10, 30, 3\) in a video"),
    ):
        with pytest.raises(UserError, match=rf"frame {index} of video 0.*{words}.*snakemake"):
            frames.read(0, 0, [0, index])
    with pytest.raises(UserError, match=r"frame 3 of video 0.*Decompression failed"):
        frames.read(0, 0, [3])


def test_verify_finds_a_changed_byte_of_an_lz4_shard(tmp_path):
    """A changed byte within a literal decompresses without an error: only the checksum tells."""
    path, frame = tmp_path / "0000.arrow", np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    with ShardWriter(path, short_side=20, quality=90, codec="lz4") as writer:
        encoded = writer.encode(frame)
        writer.append([encoded, encoded])
    content = bytearray(path.read_bytes())
    content[content.index(encoded) + len(encoded) // 2] ^= 1
    path.write_bytes(content)
    CODECS["lz4"].decode(memoryview(content)[content.index(encoded[:20]) :][: len(encoded)], np.empty_like(frame))
    found = look_at(Item(path, (path,)))
    assert found.state == DAMAGED and "frame of video 0" in found.problem and "checksum" in found.problem


def test_borrowed_frames_are_the_same_and_last_until_the_next(videos, tmp_path):
    frames, _ = store(videos, listing_of(["whole.mp4", "odd.avi"]), tmp_path)
    first = frames.read(0, 0, [5, 3, 3], borrowed=True)
    np.testing.assert_array_equal(first, frames.read(0, 0, [5, 3, 3]))
    kept = frames.read(0, 0, [3, 4], borrowed=True)
    other = frames.read(0, 1, [0], borrowed=True)
    np.testing.assert_array_equal(other, frames.read(0, 1, [0]))
    assert np.shares_memory(kept, other)


def test_bad_indices_and_videos(videos, tmp_path):
    frames, _ = store(videos, listing_of(["five.avi"]), tmp_path)
    for indices in ([-1], []):
        with pytest.raises(IndexError):
            frames.read(0, 0, indices)
    with pytest.raises(UserError, match=r"0000.arrow holds 5 frames of video 0, not a frame 5.*snakemake"):
        frames.read(0, 0, [5])
    with pytest.raises(UserError, match="holds 1 videos"):
        frames.read(0, 1, [0])
    with pytest.raises(UserError, match="shard 1"):
        frames.read(1, 0, [0])


def test_missing_damaged_and_foreign_shards_name_file_and_remedy(videos, tmp_path):
    store(videos, listing_of(["five.avi"]), tmp_path)
    whole = (tmp_path / "0000.arrow").read_bytes()
    (tmp_path / "cut.arrow").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.arrow").touch()
    (tmp_path / "text.arrow").write_text("hello " * 100)
    with pa.OSFile(str(tmp_path / "foreign.arrow"), "wb") as sink:
        table = pa.table({"frame": [b"x"]})
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    for name in ("gone", "cut", "empty", "text", "foreign"):
        with pytest.raises(
            UserError, match=rf"{name}\.arrow.*ake it again from the videos: `snakemake .*{name}\.arrow`"
        ):
            FrameStore([tmp_path / f"{name}.arrow"]).read(0, 0, [0])
    start = whole.index(b"\xff\xd8\xff")
    (tmp_path / "flipped.arrow").write_bytes(whole[:start] + bytes(100) + whole[start + 100 :])
    with pytest.raises(UserError, match=r"frame 0 of video 0 in .*flipped\.arrow does not decode"):
        FrameStore([tmp_path / "flipped.arrow"]).read(0, 0, [0])


def test_the_store_survives_pickling_and_forking(videos, tmp_path):
    frames, _ = store(videos, listing_of(["five.avi"]), tmp_path)
    expected = frames.read(0, 0, [1, 3])  # the file is now mapped here
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(frames)).read(0, 0, [1, 3]), expected)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        # An executor, which raises where its process dies; a Pool would wait for ever.
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
            np.testing.assert_array_equal(pool.submit(frames.read, 0, 0, [1, 3]).result(timeout=60), expected)


@pytest.mark.shared
def test_real_videos_of_many_makes_decode_whole(shared_dir, tmp_path):
    root = shared_dir / "data" / "real_samples"
    paths = sorted(str(path.relative_to(root)) for path in root.glob("*/*/*.avi"))
    assert paths
    frames, table = store(root, listing_of(paths), tmp_path, short_side=64)
    assert set(table["status"].to_pylist()) == {"ok"}, table.select(["id", "reason"]).to_pylist()
    for row in table.to_pylist():
        clip = frames.read(0, row["batch"], [0, row["frames"] - 1])
        assert min(clip.shape[1:3]) == 64 and clip.std() > 10  # a picture, not a grey field
        assert 1 < row["duration"] < 20


def test_videos_on_a_disk_that_is_not_mounted_are_an_error_and_not_missing(tmp_path):
    arrow, report = tmp_path / "0000.arrow", tmp_path / "0000.parquet"
    with pytest.raises(UserError, match="folder of the videos is not there"):
        write_shard(listing_of(["a.mp4"]), tmp_path / "none", 0, 1, arrow, report, short_side=32, quality=90)
    assert not arrow.exists() and not report.exists()


def test_a_shard_that_is_gone_is_an_error_that_says_how_to_make_it_again(tmp_path):
    frames = FrameStore([tmp_path / "0000.arrow"])
    for ask in (lambda: frames.num_bytes(0), lambda: frames.read(0, 0, [0])):
        with pytest.raises(UserError, match=rf"0000.arrow is missing.*snakemake {tmp_path}/0000.arrow"):
            ask()


def test_a_shard_is_written_without_loading_torch(videos, tmp_path):
    """A shard job is a process of its own: two seconds of import would be a large part of it."""
    script = f"""
import sys
sys.path.insert(0, {str(Path(video_files.__file__).parent)!r})
from pathlib import Path
from video_files import listing_of
from videossl.data.materialise import write_shard
out, root = Path({str(tmp_path)!r}), Path({str(videos)!r})
arrow, report = out / "a.arrow", out / "a.parquet"
write_shard(listing_of(["five.avi"]), root, 0, 1, arrow, report, short_side=32, quality=75)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    assert (tmp_path / "a.arrow").is_file() and (tmp_path / "a.parquet").is_file()
