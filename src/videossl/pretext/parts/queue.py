"""Queue of keys from past batches, used as negatives (He et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.common.errors import UserError


class Queue(nn.Module):
    """The last `size` keys of dimension `dim` in a ring buffer: (dim, size), first in first out.

    Initialised with random unit vectors. The size need not be a multiple of the batch: a batch wraps around the end,
    where reference implementations trim the size instead. The size is therefore always that of the recipe. Entries and
    position are buffers, hence in `state_dict()`; the position stays on the device.
    """

    def __init__(self, dim: int, size: int) -> None:
        super().__init__()
        if size < 1:
            raise UserError(f"the queue must hold at least 1 key, not {size} (option 'queue_size').")
        self.register_buffer("keys", F.normalize(torch.randn(dim, size), dim=0))
        self.register_buffer("position", torch.zeros((), dtype=torch.long))
        self._collected: list[Tensor] = []  # empty between two steps, so not part of the state

    @property
    def size(self) -> int:
        """Number of keys."""
        return self.keys.shape[1]

    def negatives(self) -> Tensor:
        """The keys (dim, size), copied: autograd needs them unchanged after new keys have replaced them."""
        return self.keys.clone()

    def collect(self, keys: Tensor) -> None:
        """Collect `keys` (B, dim) of all processes for :meth:`enqueue_collected`."""
        self._collected.append(keys.detach())

    def enqueue_collected(self) -> None:
        """Enqueue the collected keys at the end of a step, so that all parts of a batch see the same negatives."""
        self.enqueue(torch.cat(self._collected))
        self._collected = []

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Replace the oldest keys by `keys` (B, dim); if B exceeds `size`, the last ones stay."""
        keys = keys.detach()[-self.size :].to(self.keys.dtype)
        places = (self.position + torch.arange(len(keys), device=self.keys.device)) % self.size
        self.keys[:, places] = keys.T
        self.position.add_(len(keys)).remainder_(self.size)
