"""Inputs of a network, on its device, from the loader's batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch

from videossl.data.loader import Batch, prepare, prepared, selected_on_host


@dataclass
class Inputs:
    """Inputs of a network, on its device."""

    clips: torch.Tensor
    """float32 (B, V, 3, T, S, S), augmented and normalised"""
    labels: torch.Tensor
    """int64 (B,)"""
    choices: torch.Tensor
    """int64 (B,): see :attr:`videossl.data.loader.Batch.choices`"""
    videos: torch.Tensor
    """int64 (B,): rows of the data set's table"""


def on_device(batches: Iterable[Batch], device: torch.device) -> Iterator[Inputs]:
    """The batches, ready for training.

    On a GPU, each batch is copied and augmented on its own stream while the previous one is trained on, without waiting
    for the GPU.
    """
    if device.type != "cuda":
        for batch in batches:
            yield Inputs(prepare(batch, device), *_columns(batch))
        return
    side, ahead = torch.cuda.Stream(device), None
    for batch in batches:
        with torch.cuda.stream(side):
            tensors = arrived(batch, device)
            coming = tensors, side.record_event()
        if ahead is not None:
            yield _handed_over(*ahead)
        ahead = coming
    if ahead is not None:
        yield _handed_over(*ahead)


def arrived(batch: Batch, device: torch.device) -> list[torch.Tensor]:
    """The tensors of :class:`Inputs`, in order, on a GPU: two copies, both without waiting."""
    if selected_on_host(batch):
        return [prepare(batch, device), *_columns(batch.to(device))]
    moved = batch.to(device)
    return [prepared(moved), *_columns(moved)]


def _columns(batch: Batch) -> tuple[torch.Tensor, ...]:
    """The other inputs, in order."""
    return batch.labels, batch.choices, batch.videos


def _handed_over(tensors: list[torch.Tensor], ready: torch.cuda.Event) -> Inputs:
    stream = torch.cuda.current_stream(tensors[0].device)
    stream.wait_event(ready)
    for tensor in tensors:
        tensor.record_stream(stream)  # its memory must not be reused before this stream is done with it
    return Inputs(*tensors)
