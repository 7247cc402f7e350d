"""Sliding extremes: the lightest or darkest cell within reach, along one axis of a stack."""

from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Kind = TypeVar("Kind", np.int16, np.bool_)


def slide(cells: NDArray[Kind], reach: int, axis: int, largest: bool) -> NDArray[Kind]:
    """Return the largest (or smallest) cell within ``reach`` to either side; beyond the border there is nothing.

    The cells are laid out in one long row, with so many worthless ones between their rows that no window holds cells of
    two. Windows of twice the width come from windows side by side, so that a reach of 16 costs six passes, each over
    one stretch of memory: a fraction of a nanosecond a cell.
    """
    n, height, width = cells.shape
    reach = min(reach, cells.shape[axis] - 1)
    if reach <= 0:
        return cells
    keep = np.maximum if largest else np.minimum
    down, right = (2 * reach, 0) if axis == 1 else (0, 2 * reach)
    spaced = np.full((n, height + down, width + right), _worst(cells.dtype, largest), cells.dtype)
    spaced[:, down // 2 : down // 2 + height, right // 2 : right // 2 + width] = cells
    step = width if axis == 1 else 1  # from a cell to the next one along the axis
    row, covered = spaced.reshape(-1), 1
    while covered <= 2 * reach:
        more = min(covered, 2 * reach + 1 - covered)
        row = keep(row[: -more * step], row[more * step :])
        covered += more
    # Windows begin `reach` cells before their middle, as the spaced rows do before the cells.
    slid: NDArray[Kind] = as_strided(row, cells.shape, spaced.strides)
    return slid


def _worst(kind: "np.dtype[Kind]", largest: bool) -> int:
    if kind == np.bool_:
        return not largest
    return int(np.iinfo(kind).min if largest else np.iinfo(kind).max)  # type: ignore[type-var]
