"""Import this before torchvision, or before a part of transformers that imports it.

With a CPU build of torch and a torchvision wheel built for CUDA (as the package index provides it), torchvision's
compiled operators cannot be loaded. `import torchvision` then fails with "operator torchvision::nms does not exist", as
it describes two operators to torch without checking that they exist. Declaring these two is enough for the import.
Models and transforms then work; box operators and image reading, which this project does not use, do not. With matching
builds this module does nothing.
"""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path

import torch

SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}

_library = torch.library.Library("torchvision", "FRAGMENT")  # declarations last as long as this object


def _load_compiled() -> None:
    """Load torchvision's compiled operators, if possible, as its own import does. Loading twice is harmless.

    Without this we could not tell whether they are missing; and a library that declares operators a second time ends
    the process when it is loaded.
    """
    package = find_spec("torchvision")  # finds, does not import
    for folder in (package and package.submodule_search_locations) or ():
        for path in (Path(folder) / f"_C{suffix}" for suffix in EXTENSION_SUFFIXES):
            if path.exists():
                try:
                    torch.ops.load_library(path)
                except OSError:  # built for another version of torch
                    return


def declare_missing() -> list[str]:
    """Declare the operators of `SCHEMAS` that torch does not know, and return their names."""
    missing = [name for name in SCHEMAS if not hasattr(torch.ops.torchvision, name)]
    for name in missing:
        _library.define(SCHEMAS[name])
    return missing


_load_compiled()
declare_missing()
