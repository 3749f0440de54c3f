"""Entry points for `torch.hub`: every backbone, newly initialised, and `pretrained(path)` for a trained one.

torch.hub.load("/path/to/the/checkout", "r2plus1d", source="local")
"""

import sys as _sys
from pathlib import Path as _Path

dependencies = ["torch", "torchvision", "numpy", "pandas", "pyarrow", "pydantic", "simplejpeg", "lz4", "av", "xxhash"]

_sys.path.insert(0, str(_Path(__file__).resolve().parent / "src"))

from videossl.backbones import registry as _registry  # noqa: E402


def pretrained(path):  # type: ignore[no-untyped-def]
    """The network of a run folder, of its weights, or of a file of `videossl export`, with its preprocessing."""
    from videossl import load

    return load(path)


def _entry(name):  # type: ignore[no-untyped-def]
    def build(width=1.0, **options):  # type: ignore[no-untyped-def]
        return _registry.build(name, width=width, **options)

    build.__name__ = name
    build.__doc__ = f"The backbone {name}, newly initialised: clips (N, 3, T, H, W) -> features (N, feature_dim)."
    return build


globals().update({_name: _entry(_name) for _name in _registry.names()})
