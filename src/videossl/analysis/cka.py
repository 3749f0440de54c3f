"""Centered kernel alignment (CKA) between all layers of two networks, estimated in mini-batches.

CKA: Kornblith et al. 2019; unbiased mini-batch estimator: Nguyen et al. 2021 (as in AntixK/PyTorch-Model-Compare,
torch_cka, which the paper's figures seem to use). For a batch of n samples, K = X X' and L = Y Y' with zeros on their
diagonals:

    HSIC1(K, L) = [ tr(K L) + (1'K1)(1'L1) / ((n-1)(n-2)) - 2/(n-2) 1'K L 1 ] / (n (n-3))
    CKA = mean HSIC1(K, L) / sqrt( mean HSIC1(K, K) * mean HSIC1(L, L) ),  means over the batches.

Each activation is reduced to its n x n Gram matrix at once, in pieces. Memory beyond the forward pass therefore depends
neither on the size of the activations nor on the number of batches.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType

import numpy as np
import torch
from torch import Tensor, nn

from videossl.common.errors import UserError

MIN_SAMPLES = 4
"""Smallest batch size: the estimator divides by n - 3."""
PIECE = 1 << 14
"""Features converted to double precision at a time: 4 MB for 32 samples."""


class GramRecorder:
    """Context manager that records the Gram matrix of every module's output during one forward pass.

    Layers are named after their modules, in the order in which they first run. A list of all modules would also name
    some that never run (containers that are only indexed), and in another order. Of a module that runs several times in
    a pass the last output counts, of one that returns several tensors the first. Left out are the network itself, whose
    output is that of its last layer, and modules whose output does not have one row per sample, such as the attention
    within windows of a Swin transformer.
    """

    def __init__(self, model: nn.Module) -> None:
        self.names: list[str] = []
        self._grams: dict[str, Tensor] = {}
        self._model = model
        self._handles: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> GramRecorder:
        for name, module in self._model.named_modules():
            if name:
                self._handles.append(module.register_forward_hook(self._hook(name)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()

    def _hook(self, name: str) -> Callable[[nn.Module, tuple[Tensor, ...], object], None]:
        def record(module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> None:
            tensor = _first_tensor(output)
            if tensor is not None and tensor.ndim > 1:
                self._grams[name] = gram(tensor.detach())

        return record

    def take(self, batch: int) -> Tensor:
        """Gram matrices (layers, n, n) of the last forward pass over n = `batch` samples, in the order of `names`.

        Raises UserError if this pass ran other layers than the first one.
        """
        grams = {name: value for name, value in self._grams.items() if len(value) == batch}
        self._grams = {}
        self.names = self.names or list(grams)
        if list(grams) != self.names:
            raise UserError(
                "the network does not run the same layers in every forward pass, so CKA cannot compare them."
            )
        return torch.stack(list(grams.values()))


def _first_tensor(output: object) -> Tensor | None:
    """The output itself, or the first tensor in it: modules may return tuples or other containers."""
    if isinstance(output, Tensor):
        return output
    values = output.values() if isinstance(output, Mapping) else output if isinstance(output, tuple | list) else ()
    return next((value for value in values if isinstance(value, Tensor)), None)


def gram(activation: Tensor) -> Tensor:
    """Gram matrix of the flattened samples with a zero diagonal: (n, ...) -> (n, n) float64.

    The mean over samples is subtracted first. The estimate does not depend on it, but where samples differ little, as
    in the last layers of an untrained network, rounding would otherwise dominate. Works in pieces, so that no
    activation is copied to double precision as a whole.
    """
    flat = activation.flatten(1)
    total = flat.new_zeros(len(flat), len(flat), dtype=torch.float64)
    for piece in flat.split(PIECE, dim=1):
        piece = piece.double()  # of a float64 activation this is no copy but the activation itself: never write to it
        centred = piece - piece.mean(dim=0)
        total.addmm_(centred, centred.T)
    return total.fill_diagonal_(0)


def hsic(k: Tensor, other: Tensor) -> Tensor:
    """Unbiased HSIC of all pairs of layers: (layers, n, n) and (others, n, n), zero diagonals -> (layers, others)."""
    n = k.shape[1]
    if n < MIN_SAMPLES:
        raise UserError(f"CKA needs batches of at least {MIN_SAMPLES} samples, not {n}.")
    trace = k.flatten(1) @ other.flatten(1).T  # tr(K L), as both are symmetric
    rows, other_rows = k.sum(dim=2), other.sum(dim=2)
    totals = rows.sum(dim=1)[:, None] * other_rows.sum(dim=1)[None]
    return (trace + totals / ((n - 1) * (n - 2)) - 2 / (n - 2) * rows @ other_rows.T) / (n * (n - 3))


def own_hsic(k: Tensor) -> Tensor:
    """Unbiased HSIC of each layer with itself: (layers, n, n), zero diagonals -> (layers,)."""
    return torch.stack([hsic(one[None], one[None])[0, 0] for one in k])


class CKA:
    """Accumulates mini-batches; `matrix()` returns the estimate so far."""

    def __init__(self) -> None:
        self._cross = self._first = self._second = 0.0

    def add(self, first: Tensor, second: Tensor) -> None:
        """Add the Gram matrices of one batch from both networks: (layers, n, n), (others, n, n)."""
        self._cross = self._cross + hsic(first, second)
        self._first = self._first + own_hsic(first)
        self._second = self._second + own_hsic(second)

    def matrix(self) -> np.ndarray:
        """CKA (layers, others).

        NaN where the self-HSIC of a layer is not positive (a constant layer, or by chance in very small samples): the
        ratio is undefined there, and 0 would be wrong.
        """
        product = self._first[:, None] * self._second[None]
        positive = (self._first > 0)[:, None] & (self._second > 0)[None]
        ratio = self._cross / product.clamp_min(0).sqrt()
        return torch.where(positive, ratio, torch.nan).cpu().numpy()


@torch.no_grad()
def compare(
    first: nn.Module, second: nn.Module, batches: Iterable[Tensor]
) -> tuple[np.ndarray, list[str], list[str], int]:
    """CKA of all layers of two networks on the same samples.

    Args:
        first, second: networks in evaluation mode. If both are the same object, it runs once per batch.
        batches: inputs (n, ...). Batches smaller than the first one are left out: HSIC for different n must not be
            averaged.

    Returns:
        the matrix (layers of first, layers of second), the layer names of both, the number of samples used.
    """
    cka, used, size = CKA(), 0, None
    left, right = GramRecorder(first), GramRecorder(second)
    same = first is second  # one network: runs and is recorded once
    with left, contextlib.nullcontext() if same else right:
        for batch in batches:
            size = len(batch) if size is None else size
            if len(batch) < size:
                continue
            first(batch)
            grams = left.take(size)
            if same:
                cka.add(grams, grams)
            else:
                second(batch)
                cka.add(grams, right.take(size))
            used += size
    if not used:
        raise UserError("there are no samples to compare the networks on: the target has no readable test video.")
    return cka.matrix(), left.names, left.names if same else right.names, used
