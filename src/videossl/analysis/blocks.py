"""Block structure of a map of CKA between the layers of one network (Nguyen et al. 2021 describe it in words).

Two measures: the mean CKA of layers that are far apart, and the number of blocks of similar neighbouring layers. Where
a run of layers hardly changes the representation, the first is high and the second low.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported where a map is read: the workflow imports this module for every job
    import numpy as np

BAND = 0.1
"""Layers are far apart if more than this fraction of all layers lies between them, rounded up to whole layers."""
THRESHOLD = 0.8
"""Neighbouring runs of layers are one block if their mean CKA is at least this."""


@dataclass(frozen=True)
class BlockStructure:
    """`off_diagonal`: mean CKA off the diagonal band; `blocks`: number of blocks; `layers`: number of layers used."""

    off_diagonal: float
    blocks: int
    layers: int


def block_structure(matrix: np.ndarray) -> BlockStructure:
    """Block structure of the map (layers, layers) of one network, in the order of the layers.

    Layers whose CKA with themselves is not defined (NaN) are left out, and so are single undefined pairs. Blocks are
    clusters of neighbouring layers by average linkage: merging stops when no two neighbouring clusters have a mean CKA
    of THRESHOLD.

    Raises:
        ValueError: the map is not square, or fewer than four layers are defined.
    """
    import numpy as np
    from scipy.sparse import diags_array
    from sklearn.cluster import AgglomerativeClustering

    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"a map of one network is square, not {matrix.shape}")
    defined = np.isfinite(np.diag(matrix))
    used = matrix[np.ix_(defined, defined)]
    layers = len(used)
    if layers < 4:
        raise ValueError(f"{layers} layers have a defined CKA, and blocks need at least 4")
    rows, columns = np.indices(used.shape)
    far = used[np.abs(rows - columns) > np.ceil(BAND * layers)]
    if not np.isfinite(far).any():
        raise ValueError("no two layers that are far apart have a defined CKA")
    # An undefined pair counts as different; estimates outside 0 to 1, which the estimator can give, as that end.
    distances = 1 - np.clip(np.nan_to_num(used, nan=0.0), 0, 1)
    chain = diags_array([np.ones(layers - 1)] * 2, offsets=[-1, 1], shape=(layers, layers), dtype=float)
    found = AgglomerativeClustering(
        n_clusters=None,
        distance_threshold=np.nextafter(1 - THRESHOLD, 1),
        metric="precomputed",
        linkage="average",
        connectivity=chain,
    ).fit((distances + distances.T) / 2)
    return BlockStructure(float(np.nanmean(far)), int(found.n_clusters_), layers)
