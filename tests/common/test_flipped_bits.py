"""A flipped bit is an error with a remedy, or what is read is the same: in every kind of file, at every place tried."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from flipped_bits import NAMES, NOTICED, WRONG, count

from videossl.common.errors import DamagedFile, UserError
from videossl.common.files import write_parquet
from videossl.common.intact import check_archive, read_table
from videossl.data.provenance import digest_of
from videossl.data.store import FrameStore, ShardWriter, check_shard, frames_digest, schema_of

pytestmark = pytest.mark.xdist_group("kinds")  # which are made once
PLACES = 40


def test_all_kinds_are_tried(kinds):
    assert tuple(kinds) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_no_flipped_bit_changes_what_is_read(kinds, name):
    outcomes, verified = count(kinds[name], PLACES)
    assert outcomes.total() == PLACES
    assert outcomes[WRONG] == 0
    assert outcomes[NOTICED] >= PLACES // 2
    assert verified >= outcomes[NOTICED]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("data", "places that hold pixels, which no decoder tells"),
        ("metadata", "the places of batches and columns"),
    ],
)
def test_every_bit_of_a_shards_structure(tmp_path, name, what):
    """Batches of equal size, so that a wrong place may be another video's."""
    path, rng = tmp_path / "0000.arrow", np.random.default_rng(0)
    with ShardWriter(path, short_side=4, quality=100, codec="raw") as writer:
        for _ in range(3):
            writer.append([writer.encode(rng.integers(0, 256, (4, 5, 3)).astype(np.uint8)) for _ in range(2)])
    whole = path.read_bytes()
    expected = [FrameStore([path]).read(0, video, [0, 1]) for video in range(3)]
    size = 8 * len(whole)
    bits = range(0, size, 23) if name == "data" else [*range(8 * 500, 8 * 900, 5), *range(size - 8 * 700, size, 5)]
    other = tmp_path / "other.arrow"
    for bit in bits:
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        other.unlink(missing_ok=True)
        other.write_bytes(content)
        try:
            found = [FrameStore([other]).read(0, video, [0, 1]) for video in range(3)]
        except UserError as error:
            assert "other.arrow" in str(error) and "snakemake" in str(error)
        else:
            assert all(map(np.array_equal, found, expected)), bit


def old_shard(new: Path, old: Path) -> None:
    """The same shard as the version without checksums writes it."""
    reader = pa.ipc.open_file(str(new))
    store = FrameStore([new])
    settings = {key: value for key, value in store.settings(0).items() if key != "version"}
    schema = schema_of(settings, 1)
    with pa.OSFile(str(old), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for number in range(reader.num_record_batches):
            writer.write_batch(pa.record_batch([reader.get_batch(number).column(0)], schema=schema))


def test_a_shard_without_checksums_is_read_and_counts_as_the_same_data(kinds, tmp_path):
    new, old = kinds["shard, raw"].path, tmp_path / "0000.arrow"
    old_shard(new, old)
    first, second = FrameStore([new]), FrameStore([old])
    assert all(np.array_equal(first.read(0, video, [0, 2]), second.read(0, video, [0, 2])) for video in range(2))
    assert sum(check_shard(old)) == sum(check_shard(new))
    assert frames_digest(old) is None  # its own bytes are what the digest is of
    assert digest_of(old) == digest_of(new)  # so what was trained on the one is believed with the other
    old.write_bytes(bytes(old.stat().st_size))
    assert digest_of(old) != digest_of(new)


def test_frames_that_were_mixed_up_are_noticed(kinds, tmp_path):
    """All of them whole, in another order."""
    path, mixed = kinds["shard, raw"].path, tmp_path / "0000.arrow"
    reader = pa.ipc.open_file(str(path))
    batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
    for order in ([batches[1], batches[0]], [batches[0].take(pa.array([1, 0, 2])), batches[1]]):
        with pa.OSFile(str(mixed), "wb") as sink, pa.ipc.new_file(sink, reader.schema) as writer:
            for batch in order:
                writer.write_batch(batch)
        with pytest.raises(UserError, match="does not fit its checksum"):
            FrameStore([mixed]).read(0, 0, [0, 1])
        mixed.unlink()


def test_tables_of_other_programs_are_read(tmp_path):
    table = pa.table({"a": ["x", None], "b": [1, 2]})
    pq.write_table(table, tmp_path / "plain.parquet")
    write_parquet(tmp_path / "ours.parquet", table)
    assert read_table(tmp_path / "plain.parquet").equals(table)
    ours = read_table(tmp_path / "ours.parquet")
    assert ours.equals(table) and ours.schema.metadata is None
    assert pq.read_table(tmp_path / "ours.parquet").equals(table)  # and ours by others
    assert digest_of(tmp_path / "plain.parquet") == digest_of(tmp_path / "ours.parquet")


def test_archives_are_checked_before_torch_reads_them(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save({"w": torch.arange(1000.0)}, path)
    check_archive(path)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        (part,) = (one for one in archive.infolist() if one.filename.endswith("data/0"))
    content[part.header_offset + 1000] ^= 1
    path.write_bytes(content)
    torch.load(path, weights_only=True)  # notices nothing
    with pytest.raises(DamagedFile, match=r"weights.pt is damaged: its part .*data/0 does not fit"):
        check_archive(path)


def test_digest_of_a_state_does_not_decide_what_was_trained(tmp_path):
    """A state holds how long the training took: made again, all else is the same, and nothing below is outdated."""
    from videossl.data.provenance import note_made, read_record, record_of

    names = [tmp_path / name for name in ("weights.pt", "state.pt", "metrics.parquet")]
    found = []
    for seconds in ("1", "2"):
        names[0].write_text("weights")
        names[1].write_text(seconds)
        write_parquet(names[2], pa.table({"value": [1.0]}))
        note_made({"lr": 1}, [], names)
        found.append(read_record(record_of(names[0])))
    assert found[0]["digest"] == found[1]["digest"]
    assert found[0]["made"] != found[1]["made"]
    record_of(names[0]).unlink()
    assert read_record(record_of(names[0])) == {}
