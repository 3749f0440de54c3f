"""Import this before torchvision, or a part of transformers that imports it, wherever either is used.

Where torch is a CPU build and torchvision's wheel was built for CUDA (that is what the package index hands out),
torchvision's compiled operators cannot be loaded, and `import torchvision` stops with "operator torchvision::nms
does not exist": it describes two of them to torch without asking whether they are there. Declaring those two is
enough to import it. Models and transforms then work; box operators and picture reading, which nothing here needs,
do not. With matching builds this module does nothing.
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
    """Load torchvision's operators, if it has any that load, as its own import does; loading twice is harmless.

    Otherwise there would be no telling whether they are missing; and a library that declares operators which are
    declared already ends the process when it is loaded.
    """
    package = find_spec("torchvision")  # finds, does not import
    for folder in (package and package.submodule_search_locations) or ():
        for path in (Path(folder) / f"_C{suffix}" for suffix in EXTENSION_SUFFIXES):
            if path.exists():
                try:
                    torch.ops.load_library(path)
                except OSError:  # built for another torch
                    return


def declare_missing() -> list[str]:
    """Declare those operators of `SCHEMAS` that torch does not know, and return their names."""
    missing = [name for name in SCHEMAS if not hasattr(torch.ops.torchvision, name)]
    for name in missing:
        _library.define(SCHEMAS[name])
    return missing


_load_compiled()
declare_missing()
