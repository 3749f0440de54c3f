"""The checkpoint from which a killed job resumes.

It lies beside the declared results under an undeclared name, because Snakemake deletes declared outputs before every
attempt. It is replaced atomically and contains the hash of the recipe that wrote it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, cast

import torch
from torch import Tensor, nn

from videossl.common.errors import DamagedFile
from videossl.common.files import atomic_path
from videossl.common.intact import check_archive, damaged, unreadable

NAME = "checkpoint.pt"
STATE: dict[str, type | tuple[type, ...]] = {
    "recipe_hash": str,
    "epoch": int,
    "step_in_epoch": int,
    "module": Mapping,
    "optimizer": dict,
    "sums": dict,
    "seconds": (int, float),
}
"""Keys of a training state, with their types."""


def save_torch(path: Path, value: Any) -> None:
    """`torch.save`, atomically. If the disk is full, the previous file remains."""
    with atomic_path(path) as temporary, temporary.open("wb") as handle:
        writer = _Writer(handle)
        try:
            torch.save(value, cast("IO[bytes]", writer))  # all of a file that torch uses
        except RuntimeError:  # torch says that its writer failed, not why
            raise writer.error or OSError(f"torch could not write {path}") from None


class _Writer:
    """Writes to `handle` and keeps the first error, which torch's archive writer replaces by one of its own."""

    def __init__(self, handle: IO[bytes]) -> None:
        self.handle = handle
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self.handle.write(data)
        except OSError as error:
            self.error = self.error or error
            raise

    def flush(self) -> None:
        self.handle.flush()


def load_torch(path: Path) -> Any:
    """`torch.load` of one of our own files onto the CPU. Compares checksums first, which torch does not do.

    Raises UserError if the file is missing or damaged.
    """
    check_archive(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise unreadable(path, error) from error


def load_parts(path: Path, parts: Mapping[str, type | tuple[type, ...]], what: str) -> dict[str, Any]:
    """Load one of our own files, which should hold `what`, with these keys and types. Raises UserError if it does
    not."""
    found = load_torch(path)
    if problem := problem_of_parts(found, parts):
        raise damaged(path, f"is not a {what}: {problem}")
    return found


def problem_of_parts(found: Any, parts: Mapping[str, type | tuple[type, ...]]) -> str:
    """Why `found` does not have these keys and types; "" if it has."""
    if not isinstance(found, dict):
        return f"it is a {type(found).__name__}, not a dictionary"
    for name, kind in parts.items():
        if name not in found:
            return f"it has no `{name}`"
        if not isinstance(found[name], kind) or (isinstance(found[name], bool) and kind is not bool):
            return f"its `{name}` is a {type(found[name]).__name__}"
    return ""


def fill(module: nn.Module, state: Any, path: Path) -> None:
    """Load a state dict from `path` into a module. Raises UserError, and leaves the module unchanged, unless all names
    and shapes match."""
    if problem := problem_of_weights(state, module.state_dict()):
        raise damaged(path, f"has weights of another network: {problem}")
    module.load_state_dict(state)


def problem_of_weights(found: Any, expected: Mapping[str, Any]) -> str:
    """Why a state dict does not match `expected`, a state dict of the network; "" if it does."""
    if not isinstance(found, Mapping):
        return f"it is a {type(found).__name__}, not a dictionary"
    if missing := [name for name in expected if name not in found]:
        return f"{len(missing)} of {len(expected)} are missing, {missing[0]} first"
    if unknown := [name for name in found if name not in expected]:
        return f"{len(unknown)} are unknown, {unknown[0]} first"
    for name, wanted in expected.items():
        if isinstance(wanted, Tensor) and not isinstance(found[name], Tensor):
            return f"{name} is a {type(found[name]).__name__}, not a tensor"
        if isinstance(wanted, Tensor) and found[name].shape != wanted.shape:
            return f"{name} has the shape {tuple(found[name].shape)} instead of {tuple(wanted.shape)}"
    return ""


def problem_of_optimizer(found: Any, expected: Mapping[str, Any], shapes: Sequence[torch.Size]) -> str:
    """Why the state of an optimiser does not match `expected`, that of the present one; "" if it does. `shapes`: of its
    parameters, in order."""
    if problem := problem_of_parts(found, {"state": dict, "param_groups": list}):
        return problem
    groups = [(set(group), group.get("params")) if isinstance(group, dict) else None for group in found["param_groups"]]
    if groups != [(set(group), group["params"]) for group in expected["param_groups"]]:
        return "its parameter groups differ"
    for number, values in found["state"].items():
        if number not in range(len(shapes)) or not isinstance(values, dict):
            return f"it has a state for parameter {number}, which does not exist"
        for name, value in values.items():
            if isinstance(value, Tensor) and value.dim() and value.shape != shapes[number]:
                return f"{name} of parameter {number} has the shape {tuple(value.shape)}"
    return ""


def snapshot(state: Any) -> Any:
    """`state` with copies of all its tensors, in main memory; those of a GPU in memory that it copies to fastest."""
    copied = _copied(state)
    if torch.cuda.is_available():
        torch.cuda.current_stream().synchronize()  # all copies at once
    return copied


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        if value.is_cuda:
            return torch.empty_like(value, device="cpu", pin_memory=True).copy_(value, non_blocking=True)
        return value.detach().clone()
    if isinstance(value, dict):
        found = copy.copy(value)  # with its type and attributes, such as the versions in a module's state
        found.update((key, _copied(part)) for key, part in value.items())
        return found
    if isinstance(value, list | tuple):
        return type(value)(map(_copied, value))
    return value


class Checkpoints:
    """The checkpoint of one run folder."""

    def __init__(self, folder: Path, recipe_hash: str) -> None:
        self.path = folder / NAME
        self.recipe_hash = recipe_hash
        self._writer = ThreadPoolExecutor(1, "checkpoint")
        self._written: Future[None] | None = None

    def save(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint by `state`."""
        self.wait()
        save_torch(self.path, {"recipe_hash": self.recipe_hash, **state})

    def save_later(self, state: dict[str, Any]) -> None:
        """Copy `state`, and replace the checkpoint by the copy in a thread, as soon as the last one is written.

        What goes wrong there is raised by the next call of this, of :meth:`save` or of :meth:`wait`.
        """
        self.wait()
        copied = snapshot({"recipe_hash": self.recipe_hash, **state})
        self._written = self._writer.submit(save_torch, self.path, copied)

    def wait(self) -> None:
        """Wait until the last checkpoint is written. Raises the error if it could not be."""
        written, self._written = self._written, None
        if written is not None:
            written.result()

    def load(self, stop: int, problem_of: Callable[[dict[str, Any]], str] = lambda state: "") -> dict[str, Any] | None:
        """Load the last state; None to start from scratch.

        A checkpoint is not used if it is damaged, belongs to another recipe or other data, or is past epoch `stop`,
        where this run ends. It is then moved aside with a message; so is any other file in its place.

        problem_of: why a state does not fit the network to train; "" if it does.
        """
        if not self.path.exists():
            return None
        try:
            state = load_parts(self.path, STATE, "checkpoint")
        except DamagedFile as error:
            if isinstance(error.__context__, PermissionError):  # it may be intact
                raise
            self._move_aside("broken", str(error))
            return None
        if state["recipe_hash"] != self.recipe_hash:
            name = state["recipe_hash"] if state["recipe_hash"].isalnum() else "other"
            self._move_aside(name[:64], "it was written under another recipe or from other data")
            return None
        if problem := problem_of(state):
            self._move_aside("other", f"it does not fit the network that is trained here: {problem}")
            return None
        if (state["epoch"], state["step_in_epoch"]) > (stop, 0):
            self._move_aside(f"epoch{state['epoch']}", f"it is past epoch {stop}, where this run ends")
            return None
        return state

    def _move_aside(self, suffix: str, why: str) -> None:
        aside = self.path.with_name(f"checkpoint.{suffix}.pt")
        number = 1
        while aside.is_dir() or (aside.exists() and self.path.is_dir()):  # a folder cannot be replaced by a file
            aside, number = self.path.with_name(f"checkpoint.{suffix}{number}.pt"), number + 1
        self.path.replace(aside)
        print(f"checkpoint not used: {why}; it is now {aside}; training starts anew", flush=True)
