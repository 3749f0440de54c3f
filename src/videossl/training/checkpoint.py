"""The checkpoint that a killed job resumes from.

It lies beside the declared results under an undeclared name, because Snakemake deletes declared outputs before
every attempt. It is replaced atomically and carries the hash of the recipe that wrote it.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import torch

from videossl.errors import UserError
from videossl.files import atomic_path

NAME = "checkpoint.pt"


def save_torch(path: Path, value: Any) -> None:
    """`torch.save`, atomically. A full disk leaves the file that was there."""
    with atomic_path(path) as temporary, temporary.open("wb") as handle:
        writer = _Writer(handle)
        try:
            torch.save(value, writer)
        except RuntimeError:  # torch says that its writer failed, not why
            raise writer.error or OSError(f"torch could not write {path}") from None


class _Writer:
    """Writes to `handle` and remembers the first error, which torch's archive writer hides behind one of its own."""

    def __init__(self, handle: IO[bytes]) -> None:
        self.handle, self.error = handle, None

    def write(self, data: bytes) -> int:
        try:
            return self.handle.write(data)
        except OSError as error:
            self.error = self.error or error
            raise

    def flush(self) -> None:
        self.handle.flush()


def load_torch(path: Path) -> Any:
    """`torch.load` of one of our own files onto the CPU."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"there is no file {path}") from None
    except Exception as error:
        raise UserError(
            f"{path} cannot be read ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}). "
            "Delete it and run again; it will be made anew."
        ) from error


class Checkpoints:
    """The checkpoint of one run folder."""

    def __init__(self, folder: Path, recipe_hash: str) -> None:
        self.path = folder / NAME
        self.recipe_hash = recipe_hash

    def save(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint by `state`."""
        save_torch(self.path, {"recipe_hash": self.recipe_hash, **state})

    def load(self, stop: int) -> dict[str, Any] | None:
        """The last state, or None to start anew. One that is broken, of another recipe or other data, or already past
        epoch `stop`, where the run is to end, is moved aside with a note.
        """
        if not self.path.exists():
            return None
        try:
            state = load_torch(self.path)
        except UserError as error:
            self._move_aside("broken", str(error))
            return None
        if state["recipe_hash"] != self.recipe_hash:
            self._move_aside(state["recipe_hash"], "it was written under another recipe or from other data")
            return None
        if (state["epoch"], state["step_in_epoch"]) > (stop, 0):
            self._move_aside(f"epoch{state['epoch']}", f"it is past epoch {stop}, where this run ends")
            return None
        return state

    def _move_aside(self, suffix: str, why: str) -> None:
        aside = self.path.with_name(f"checkpoint.{suffix}.pt")
        self.path.replace(aside)
        print(f"checkpoint not used: {why}; it is now {aside}; training starts anew", flush=True)
