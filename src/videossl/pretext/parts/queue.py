"""Queue of keys from past batches, used as negatives (He et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.common.distributed import all_gather
from videossl.common.errors import UserError
from videossl.common.results import OWN_VIDEO

UNKNOWN = -1
"""In place of the number of a key's video: a random vector of the start, or a key whose video was not given."""


class Queue(nn.Module):
    """The last `size` keys of dimension `dim` in a ring buffer: (dim, size), first in first out.

    Initialised with random unit vectors. The size need not be a multiple of the batch: a batch wraps around the end,
    where reference implementations trim the size instead. The size is therefore always that of the recipe. Entries,
    the numbers of their videos and position are buffers, hence in `state_dict()`; the position stays on the device.
    """

    def __init__(self, dim: int, size: int) -> None:
        super().__init__()
        if size < 1:
            raise UserError(f"the queue must hold at least 1 key, not {size} (option 'queue_size').")
        self.register_buffer("keys", F.normalize(torch.randn(dim, size), dim=0))
        self.register_buffer("videos", torch.full((size,), UNKNOWN))
        self.register_buffer("position", torch.zeros((), dtype=torch.long))
        self._collected: list[tuple[Tensor, Tensor]] = []  # empty between two steps, so not part of the state

    @property
    def size(self) -> int:
        """Number of keys."""
        return self.keys.shape[1]

    def negatives(self) -> Tensor:
        """The keys (dim, size), copied: autograd needs them unchanged after new keys have replaced them."""
        return self.keys.clone()

    def of_same_video(self, videos: Tensor | None) -> Tensor | None:
        """(B,) numbers of videos -> (B, size) bool: which keys are of the query's own video. None for None."""
        return None if videos is None else (self.videos == videos[:, None]) & (videos >= 0)[:, None]

    def collect(self, keys: Tensor, videos: Tensor | None = None) -> None:
        """Collect this process's `keys` (B, dim) and the numbers of their videos (B,) for :meth:`enqueue_collected`."""
        known = torch.full((len(keys),), UNKNOWN, device=keys.device) if videos is None else videos
        self._collected.append((all_gather(keys).detach(), all_gather(known)))

    def enqueue_collected(self) -> None:
        """Enqueue the collected keys at the end of a step, so that all parts of a batch see the same negatives."""
        keys, videos = (torch.cat(parts) for parts in zip(*self._collected, strict=True))
        self.enqueue(keys, videos)
        self._collected = []

    @torch.no_grad()
    def enqueue(self, keys: Tensor, videos: Tensor | None = None) -> None:
        """Replace the oldest keys by `keys` (B, dim) of `videos` (B,); if B exceeds `size`, the last ones stay."""
        keys = keys.detach()[-self.size :].to(self.keys.dtype)
        places = (self.position + torch.arange(len(keys), device=self.keys.device)) % self.size
        self.keys[:, places] = keys.T
        if videos is None:
            videos = torch.full((len(keys),), UNKNOWN, device=self.videos.device)
        self.videos[places] = videos[-self.size :]
        self.position.add_(len(keys)).remainder_(self.size)


def own_video(same_video: Tensor | None) -> dict[str, Tensor]:
    """The scalar to log: the share of queries with a key of their own video in the queue; nothing for None.

    same_video: (B, size) bool, from :meth:`Queue.of_same_video`.
    """
    return {} if same_video is None else {OWN_VIDEO: same_video.any(dim=1).float().mean()}
