"""The cut: a digit located on its canvas, taken from the picture again at a finer scale."""

import numpy as np
from numpy.typing import NDArray

from digit_batch.ink.grids import Grid, average_blocks, mix_colours
from digit_batch.ink.ground import find_middle, spread_cells, weigh_shade

CUT_SIDE = 64  # px: longest side, about, of a digit that is cut again (8 x 8 features of 8 px each)
FAINT, FULL = 0.15, 0.9  # of the digit's strength: no ink below, all ink above
STRONG = 0.4  # amount that counts for the box

Box = tuple[int, int, int, int]


def scale_amounts(ink: NDArray[np.float32], level: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn grey levels of ink into shares of ink, 0..1, soft at the strokes' edges."""
    amount = np.asarray(ink / np.maximum(level, 1), np.float32)
    amount -= np.float32(FAINT)
    amount *= np.float32(1 / (FULL - FAINT))
    np.maximum(amount, 0, out=amount)
    return np.minimum(amount, 1, out=amount)


def cut_again(
    picture: NDArray[np.uint8],
    grid: Grid,
    near: NDArray[np.bool_],
    ground: NDArray[np.float32],
    light: bool,
    box: Box,
) -> tuple[NDArray[np.float32], Box]:
    """Return the amount of ink, and its box in the picture, of a digit whose box on the canvas is known.

    Parameters
    ----------
    picture
        (h, w) or (h, w, 3).
    grid
        How the picture came to its canvas.
    near
        Canvas: the digit's pixels and those next to them.
    ground
        (rows, columns) the canvas's ground in cells.
    light
        Light ink on a dark ground.
    box
        Top, left, bottom, right on the canvas.
    """
    factor = grid.factor
    height, width = picture.shape[:2]
    top, left = max(0, (box[0] - 1) * factor), max(0, (box[1] - 1) * factor)
    bottom, right = min(height, (box[2] + 1) * factor), min(width, (box[3] + 1) * factor)
    fine = max(1, min(round(max(bottom - top, right - left) / CUT_SIDE), bottom - top, right - left))
    if fine >= grid.mean:  # what was averaged already is fine enough
        fine = fine // grid.mean
        rows, columns = slice(top // grid.mean, bottom // grid.mean), slice(left // grid.mean, right // grid.mean)
        grey = average_blocks(grid.grey[rows, columns], fine)
        fine *= grid.mean
    else:
        grey = mix_colours(average_blocks(picture[top:bottom, left:right], fine), grid.weights, grid.offset)
    if light:
        grey = 255 - grey
    y = _find_cells(grey.shape[0], top, fine, factor, near.shape[0])
    x = _find_cells(grey.shape[1], left, fine, factor, near.shape[1])
    paper = spread_cells(ground, near.shape, (y, x))
    where = near.take(y, axis=0).take(x, axis=1)
    ink = paper - grey
    if not light:
        ink *= weigh_shade(paper, ground.mean())
    outside = ink[~where]
    if len(outside):
        # The strongest pixel of each block came to the canvas, so its ground is darker than the paper.
        ink -= find_middle(outside)
    inside = ink[where]
    rank = int(0.9 * (len(inside) - 1))
    amount = scale_amounts(ink, np.partition(inside, rank)[rank]) * where
    strong = amount > STRONG
    ys, xs = np.flatnonzero(strong.any(axis=1)), np.flatnonzero(strong.any(axis=0))
    if len(ys) == 0:
        return amount, (top, left, bottom, right)
    crop = amount[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    bottom, right = min(height, top + (int(ys[-1]) + 1) * fine), min(width, left + (int(xs[-1]) + 1) * fine)
    return crop, (top + int(ys[0]) * fine, left + int(xs[0]) * fine, bottom, right)


def _find_cells(count: int, start: int, fine: int, factor: int, cells: int) -> NDArray[np.intp]:
    """Return in which pixel of the canvas each of so many pixels of the crop has its middle, along one side."""
    return np.minimum((2 * start + np.arange(fine, 2 * fine * count, 2 * fine)) // (2 * factor), cells - 1)
