"""Block structure of CKA maps: known maps have known blocks."""

from __future__ import annotations

import numpy as np
import pytest

from videossl.analysis.blocks import block_structure


def blocks(sizes: list[int], apart: float, within: float = 1.0) -> np.ndarray:
    """A map of blocks of neighbouring layers; the diagonal is 1."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    matrix = np.where(labels[:, None] == labels[None], within, apart)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def grid(layers: int) -> np.ndarray:
    """A checkerboard: every second layer is alike, neighbours are not."""
    odd = np.arange(layers) % 2
    return np.where(odd[:, None] == odd[None], 1.0, 0.2)


@pytest.mark.parametrize("sizes", [[20], [10, 10], [3, 12, 5], [1] * 20])
def test_blocks_are_counted(sizes):
    assert block_structure(blocks(sizes, 0.3)).blocks == len(sizes)


def test_a_grid_has_no_blocks_though_its_layers_are_of_two_kinds():
    """Blocks are runs of neighbouring layers: clusters regardless of place would be two."""
    assert block_structure(grid(20)).blocks == 20


@pytest.mark.parametrize(("within", "expected"), [(0.81, 2), (0.8, 2), (0.79, 20)])
def test_layers_of_a_block_are_alike_to_the_threshold(within, expected):
    assert block_structure(blocks([10, 10], 0.1, within)).blocks == expected


def test_the_mean_off_the_diagonal_is_that_of_layers_far_apart():
    matrix = np.zeros((20, 20))
    rows, columns = np.indices(matrix.shape)
    matrix[np.abs(rows - columns) > 2] = 0.7  # a tenth of 20 layers
    np.fill_diagonal(matrix, 1.0)
    assert block_structure(matrix).off_diagonal == pytest.approx(0.7)
    few = np.full((4, 4), 0.5)
    few[np.abs(np.subtract.outer(range(4), range(4))) == 1] = 0.0  # neighbours never count
    assert block_structure(few).off_diagonal == pytest.approx(0.5)


def test_undefined_layers_are_left_out():
    matrix = np.insert(np.insert(blocks([10, 10], 0.3), 5, np.nan, axis=0), 5, np.nan, axis=1)
    found = block_structure(matrix)
    assert (found.blocks, found.layers) == (2, 20)
    assert found.off_diagonal == block_structure(blocks([10, 10], 0.3)).off_diagonal


def test_estimates_outside_0_to_1_count_as_that_end():
    """The unbiased estimator can give them."""
    matrix = blocks([10, 10], -0.05)
    matrix[0, 1] = matrix[1, 0] = 1.02
    assert block_structure(matrix).blocks == 2


@pytest.mark.parametrize(
    ("matrix", "said"),
    [(np.ones((3, 4)), "square"), (np.ones((3, 3)), "3 layers"), (np.full((5, 5), np.nan), "0 layers")],
)
def test_other_maps_are_refused(matrix, said):
    with pytest.raises(ValueError, match=said):
        block_structure(matrix)


def test_a_map_is_not_changed():
    matrix = blocks([10, 10], 0.3)
    before = matrix.copy()
    block_structure(matrix)
    assert (matrix == before).all()
