"""What a classifier sees of an 8x8 grid: in which of eight directions the rims of its strokes face, and where.

Two hands' grids of one digit differ by where a stroke lies more than by how its pieces run, so that their plain counts
are far from each other. Directions, counted in large fields that overlap, are near: fitted on MNIST, two in five of the
mistakes are gone (models/README.md and benchmarks/README.md have figures). Step by step, as in C.-L. Liu and others,
"Handwritten digit recognition: investigation of normalization and feature extraction techniques", Pattern Recognition
37 (2004):

1. root: the square root of the share of ink in each block evens out the noise of a count;
2. double: 16x16 samples by cubic interpolation (R. Keys, 1981), so that rims lie between blocks too;
3. slope: Sobel's differences across and down at each sample, and at those just outside;
4. decompose: a slope between two of the eight directions goes to both, as the sides of a parallelogram;
5. count: the mean of each direction in 4x4 fields, each overlapping its neighbours, and its square root;
6. turn: from 128 numbers, many of which say the same, to fewer, along axes that were found when the model was fitted.

Steps 2 and 3 are one matrix, steps 5 and 6 are one each.
"""

import numpy as np
from numpy.typing import NDArray

from digit_batch.features import LEVELS, SIDE
from digit_batch.model.duels import TOGETHER

F32 = NDArray[np.float32]

DIRECTIONS = 8
FIELDS = 4  # along a side
SEEN = DIRECTIONS * FIELDS**2  # numbers that a classifier sees of a grid
GRAIN = 1 / 16  # what is seen is a multiple of it, so that support vectors pack well
NEAR = (-0.0703125, 0.8671875, 0.2265625, -0.0234375)  # a quarter of a block on: Keys's weights of four blocks
SMOOTH, SLOPE = (1, 2, 1), (-1, 0, 1)  # Sobel's


def see_directions(features: F32, axes: F32 | None = None) -> F32:
    """Return what a classifier sees of grids.

    Parameters
    ----------
    features : ndarray of float32, shape (n, 64)
        0 to 16.
    axes : ndarray of float32, shape (128, k), or None
        What to turn the directions to; None leaves them as they are.

    Returns
    -------
    ndarray of float32, shape (n, k)
        Or (n, 128) without axes, from 0 to about 1.5: ordered by direction (right, left, below, above, below and above
        to the right, to the left), then by field, row by row.
    """
    seen = np.empty((len(features), SEEN if axes is None else axes.shape[1]), np.float32)
    columns = np.zeros((SIDE * SIDE, TOGETHER), np.float32)  # grids side by side, for the same bits everywhere
    for start in range(0, len(features), TOGETHER):
        some = features[start : start + TOGETHER]
        np.sqrt(some.T / np.float32(LEVELS), out=columns[:, : len(some)])
        rims = _see(columns)
        seen[start : start + TOGETHER] = (rims if axes is None else axes.T @ rims).T[: len(some)]
    seen /= np.float32(GRAIN)
    np.rint(seen, out=seen)
    seen *= np.float32(GRAIN)
    return seen


def _see(roots: F32) -> F32:
    """Return (128, n) of the roots, (64, n), of n grids."""
    across, down = ACROSS @ roots, DOWN @ roots  # (samples, n)
    right, left, below, above = (np.maximum(slope, 0) for slope in (across, -across, down, -down))
    steep, flat = np.abs(down), np.abs(across)
    straight = [np.maximum(each - steep, 0) for each in (right, left)]
    straight += [np.maximum(each - flat, 0) for each in (below, above)]
    aslant = [np.minimum(one, other) for one in (right, left) for other in (below, above)]
    counts = np.stack([*straight, *(np.float32(2**0.5) * each for each in aslant)])
    fields = MEANS @ counts  # one product a direction
    seen: F32 = np.sqrt(fields, out=fields).reshape(SEEN, -1)
    return seen


def _double() -> NDArray[np.float64]:
    """Return the (16, 8) matrix that doubles a row of blocks; beside them there is no ink."""
    wide = np.zeros((2 * SIDE, SIDE + 4))
    for block in range(SIDE):
        wide[2 * block, block : block + 4] = NEAR[::-1]  # a quarter of a block before its middle
        wide[2 * block + 1, block + 1 : block + 5] = NEAR
    return wide[:, 2:-2]


def _slide(weights: tuple[int, int, int]) -> NDArray[np.float64]:
    """Return the (18, 16) matrix that weighs each sample and its neighbours, and those just outside."""
    slid = np.zeros((2 * SIDE + 2, 2 * SIDE))
    for place, weight in enumerate(weights):
        slid += weight * np.eye(*slid.shape, place - 2)
    return slid


def _share_out() -> NDArray[np.float64]:
    """Return the (4, 18) means of fields that reach to the middles of their neighbours, weighing less to their ends."""
    samples = (np.arange(2 * SIDE + 2) - SIDE - 0.5) / 2  # in blocks, from the middle of the grid
    width = SIDE / FIELDS
    middles = (np.arange(FIELDS) - (FIELDS - 1) / 2) * width
    weights = np.maximum(0, 1 - np.abs(samples - middles[:, None]) / width)
    shared: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return shared


def _both(rows: NDArray[np.float64], columns: NDArray[np.float64]) -> F32:
    """Return the matrix that does one thing along the rows of a flattened square and another along its columns."""
    return np.asarray(np.kron(rows, columns), np.float32)


ACROSS = _both(_slide(SMOOTH) @ _double(), _slide(SLOPE) @ _double())
DOWN = _both(_slide(SLOPE) @ _double(), _slide(SMOOTH) @ _double())
MEANS = _both(_share_out(), _share_out())
