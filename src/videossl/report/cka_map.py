"""Maps of CKA as read from the run folders of comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from videossl.common.intact import damaged, read_frame

FILE = "cka.parquet"


@dataclass(frozen=True)
class Map:
    """A CKA matrix with the names of its layers."""

    matrix: np.ndarray
    rows: list[str]
    columns: list[str]

    @property
    def mean(self) -> float:
        """Mean of all defined values."""
        return float(np.nanmean(self.matrix))


def read_map(folder: str | Path) -> Map:
    """Read the map from the folder of a comparison."""
    path = Path(folder) / FILE
    frame = read_frame(path)
    try:
        matrix = frame.pivot(index="row", columns="column", values="cka").to_numpy(dtype=float)
        rows = frame.drop_duplicates("row").sort_values("row")["row_layer"].tolist()
        columns = frame.drop_duplicates("column").sort_values("column")["column_layer"].tolist()
    except (KeyError, ValueError, TypeError) as error:
        raise damaged(path, f"holds no map of similarities ({type(error).__name__}: {error})") from error
    return Map(matrix, rows, columns)
