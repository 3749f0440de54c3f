"""A checkpoint is whole or not there, and one that does not belong to the run is not used."""

from __future__ import annotations

import errno
import re
import resource
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from runs import assert_same_run, same_bits, train
from tiny import make_study

from videossl.common.errors import UserError
from videossl.common.files import atomic_path, write_parquet, write_text
from videossl.training import checkpoint
from videossl.training.checkpoint import Checkpoints, load_torch, save_torch
from videossl.training.failure import failure_noted
from videossl.training.history import History


def state(epoch: int = 1, step: int = 0, value: float = 1.0) -> dict:
    trained = {"module": {"w": torch.full((3,), value)}, "optimizer": {"state": {}, "param_groups": []}}
    return {"epoch": epoch, "step_in_epoch": step, "sums": {}, "seconds": 0.0, **trained}


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_saved_is_loaded(tmp_path):
    checkpoints = Checkpoints(tmp_path / "run", "abc")
    assert checkpoints.load(stop=3) is None
    checkpoints.save(state(value=1))
    checkpoints.save(state(value=2))
    assert checkpoints.load(stop=3)["module"]["w"].tolist() == [2, 2, 2]
    assert files(tmp_path / "run") == ["checkpoint.pt"]


def test_a_copy_is_saved_and_equals_what_is_saved_at_once(tmp_path):
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0, momentum=0.9)
    module(torch.ones(4, 2)).sum().backward()
    optimizer.step()
    trained = {"module": module.state_dict(), "optimizer": optimizer.state_dict()}
    for folder, name in ((tmp_path / "a", "save"), (tmp_path / "b", "save_later")):
        checkpoints = Checkpoints(folder, "abc")
        getattr(checkpoints, name)({**state(), **trained})
        if name == "save_later":
            with torch.no_grad():
                module[0].weight.zero_()
            checkpoints.wait()
    assert same_bits(load_torch(tmp_path / "a/checkpoint.pt"), load_torch(tmp_path / "b/checkpoint.pt"))


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("file write failed"), KeyboardInterrupt()]
)
def test_a_save_that_fails_half_way_leaves_the_old_file(tmp_path, monkeypatch, error):
    path = tmp_path / "checkpoint.pt"
    save_torch(path, state(value=1))

    def broken_save(value, where):
        where.write(b"half a file")
        raise error

    monkeypatch.setattr(checkpoint.torch, "save", broken_save)
    expected = {RuntimeError: OSError, KeyboardInterrupt: KeyboardInterrupt}.get(type(error), UserError)
    with pytest.raises(expected) as caught:
        save_torch(path, state(value=2))
    if isinstance(error, OSError):
        assert f"could not write {path}: No space left on device" in str(caught.value)
        assert "Free some space and start again" in str(caught.value)
        assert re.search(r"\d+ bytes \(.* GiB\) are free in " + re.escape(str(tmp_path)), str(caught.value))
    monkeypatch.undo()
    assert load_torch(path)["module"]["w"].tolist() == [1, 1, 1]
    assert files(tmp_path) == ["checkpoint.pt"]


def test_torchs_own_writer_stopped_by_the_system_leaves_the_old_file(tmp_path):
    """A limit on the size of files stands for a full disk."""
    path = tmp_path / "checkpoint.pt"
    save_torch(path, state(value=1))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(UserError, match=r"could not write .*checkpoint.pt.*unchanged"):
            save_torch(path, {"w": torch.zeros(2_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load_torch(path)["module"]["w"].tolist() == [1, 1, 1]
    assert files(tmp_path) == ["checkpoint.pt"]


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk(small_disk):
    """Every kind of file that a run writes: the old one stays, and the message says where and how much is free."""
    checkpoints, history = Checkpoints(small_disk, "abc"), History(small_disk)
    checkpoints.save(state(value=1))
    history.add({"epoch": 1})
    write_text(small_disk / "text", "old")
    for write in (
        lambda: checkpoints.save({**state(value=2), "more": torch.zeros(2_000_000)}),
        lambda: write_text(small_disk / "text", "new" * 2_000_000),
        lambda: write_parquet(small_disk / "table", pa.table({"a": torch.rand(2_000_000).numpy()})),
        lambda: history.add({"epoch": "2" * 8_000_000}),
    ):
        with pytest.raises(UserError, match=r"No space left on device. \d+ bytes .* are free in .*disk"):
            write()
    assert checkpoints.load(stop=3)["module"]["w"].tolist() == [1, 1, 1]
    assert (small_disk / "text").read_text() == "old" and not (small_disk / "table").exists()
    assert history.last() == {"epoch": 1}


@pytest.mark.usefixtures("own_signals")
def test_a_run_on_a_disk_that_is_full(small_disk, source, tmp_path):
    """It ends with the reason; its checkpoint stays good, and with some space it goes on to the same weights."""
    study = make_study(tmp_path / "study")
    first = train(study, "rotnet", source, small_disk / "run", 50)
    filled = small_disk / "filled"
    with suppress(OSError), filled.open("wb") as handle:
        while handle.write(bytes(1024)):
            handle.flush()
    (first / "weights.pt").unlink()
    before = load_torch(first / "checkpoint.pt")
    with pytest.raises(UserError, match=r"could not write .*checkpoint.pt: No space left"), failure_noted(first):
        train(study, "rotnet", source, first, 100)
    assert same_bits(load_torch(first / "checkpoint.pt"), before)
    filled.unlink()
    with failure_noted(first):
        train(study, "rotnet", source, first, 100)
    assert not (first / "FAILED").exists()
    assert_same_run(first, train(study, "rotnet", source, tmp_path / "undisturbed", 100))


def test_atomic_path_shows_nothing_before_the_end(tmp_path):
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "new" / "file") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert files(tmp_path / "new") == []
    with atomic_path(tmp_path / "new" / "file") as temporary:
        temporary.write_text("whole")
        assert not (tmp_path / "new" / "file").exists()
    assert (tmp_path / "new" / "file").read_text() == "whole"


def test_a_checkpoint_of_another_run_is_moved_aside_with_a_message(tmp_path, capsys):
    Checkpoints(tmp_path, "old").save(state())
    assert Checkpoints(tmp_path, "new").load(stop=3) is None
    assert files(tmp_path) == ["checkpoint.old.pt"]
    assert "another recipe or from other data" in (said := capsys.readouterr().out)
    assert "checkpoint.old.pt" in said and "training starts anew" in said
    assert load_torch(tmp_path / "checkpoint.old.pt")["recipe_hash"] == "old"


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_a_broken_checkpoint_is_moved_aside_with_a_message(tmp_path, capsys, content):
    checkpoints = Checkpoints(tmp_path, "abc")
    checkpoints.save(state())
    whole = checkpoints.path.read_bytes()
    checkpoints.path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert checkpoints.load(stop=3) is None
    assert files(tmp_path) == ["checkpoint.broken.pt"]
    assert "cannot be read" in (said := capsys.readouterr().out) and "checkpoint.broken.pt" in said


@pytest.mark.parametrize(("epoch", "step", "used"), [(2, 5, True), (3, 0, True), (3, 1, False), (4, 0, False)])
def test_a_checkpoint_past_the_end_of_the_run_is_not_used(tmp_path, capsys, epoch, step, used):
    checkpoints = Checkpoints(tmp_path, "abc")
    checkpoints.save(state(epoch, step))
    assert (checkpoints.load(stop=3) is not None) == used
    assert ("past epoch 3" in capsys.readouterr().out) != used


def test_a_missing_or_foreign_file_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(UserError, match="there is no file"):
        load_torch(tmp_path / "none.pt")
    (tmp_path / "letter.pt").write_text("Dear reader")
    with pytest.raises(UserError, match=r"letter.pt cannot be read.*Remove it and run"):
        load_torch(tmp_path / "letter.pt")
