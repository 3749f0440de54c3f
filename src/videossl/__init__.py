"""Benchmarking of contextual self-supervised video representation learning.

As a library (docs/library.md): :func:`load` a trained network, compute :func:`features` of videos. Both are imported at
their first use, so that `import videossl` takes no time and no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videossl.library.features import Features, features
    from videossl.library.network import Network, load
    from videossl.library.preprocessing import Preprocessing

__version__ = "0.1.0"
__all__ = ["Features", "Network", "Preprocessing", "__version__", "features", "load"]

_MODULES = {
    "Features": "features",
    "features": "features",
    "Network": "network",
    "load": "network",
    "Preprocessing": "preprocessing",
}
"""The module of :mod:`videossl.library` that has each name."""


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'videossl' has no attribute '{name}'")
    return getattr(importlib.import_module(f"videossl.library.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
