"""The ground: what the paper would be without ink, and how strongly each pixel differs from it."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digit_batch.ink.sliding import slide

BINS = 64  # of the histograms that thresholds are taken from
ELEMENT = 0.35  # of the longer side: dark structures narrower than this are ink, wider ones are shadow
FINEST = 24  # px: larger canvases have their ground in cells of 2 x 2 px, at a quarter of the cost

STEPS = 32  # to a grey level, where levels are whole numbers for speed: +-510 levels fit 16 bits
EVEN = 6  # grey levels: a ground that strays no further is one colour, as of drawing programs and thresholded scans
EVEN_RING, EVEN_WHOLE = 0.97, 0.35  # share of the border, and of the picture, that such a ground takes at least
DARKEST = 32.0  # grey levels: a darker ground is taken for this dark, or its noise would count as ink

Stack = NDArray[np.float32]


@lru_cache(maxsize=256)
def _surfaces(height: int, width: int) -> Stack:
    """Return (6, height * width) orthonormal quadratic surfaces."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].reshape(2, -1)
    surfaces = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1)
    return np.ascontiguousarray(np.linalg.qr(surfaces)[0].T.astype(np.float32))


def measure_polarity(canvases: NDArray[np.uint8]) -> Stack:
    """Say for each canvas how surely its ink is light: positive for light ink on a dark ground.

    Ink is the smaller share of a picture, so that what is left of the grey after the best quadratic surface (the
    light on the paper) is skewed towards the ink; and the picture's border is mostly paper.
    """
    n, height, width = canvases.shape
    grey = canvases.reshape(n, -1).astype(np.float32)
    ring = np.concatenate([canvases[:, 0], canvases[:, -1], canvases[:, :, 0], canvases[:, :, -1]], axis=1)
    border = (np.median(ring, axis=1) - grey.mean(axis=1)) / (grey.std(axis=1) + 1)
    basis = _surfaces(height, width)
    grey -= (grey[:, None] @ basis.T @ basis)[:, 0]  # one product a picture: the same bits alone and in a stack
    square = grey * grey
    spread = np.sqrt(square.mean(axis=1)) + 1
    skew = np.einsum("ij,ij->i", square, grey) / (grey.shape[1] * spread**3)
    return np.asarray(skew - 0.4 * np.clip(border, -2, 2), np.float32)


@lru_cache(maxsize=256)
def _spread_matrix(length: int, cells: int) -> Stack:
    """Return (length, cells) weights that interpolate linearly from the cells' centres."""
    at = (np.arange(length) + 0.5) * cells / length - 0.5
    weights = np.maximum(0, 1 - np.abs(np.clip(at, 0, cells - 1)[:, None] - np.arange(cells)))
    return np.asarray(weights, np.float32)


@lru_cache(maxsize=256)
def blur_matrix(cells: int, sigma: float) -> Stack:
    """Return (cells, cells) Gaussian weights."""
    apart = np.arange(cells)[:, None] - np.arange(cells)
    return np.asarray(np.exp(-0.5 * (apart / max(sigma, 0.5)) ** 2), np.float32)


def average_cells(stack: Stack, size: int) -> Stack:
    """Average cells of ``size`` x ``size`` pixels; the sides are multiples of it."""
    if size == 1:
        return stack
    rows = stack[:, 0::size].copy()
    for row in range(1, size):
        rows += stack[:, row::size]
    cells = rows[:, :, 0::size].copy()
    for column in range(1, size):
        cells += rows[:, :, column::size]
    return np.asarray(cells / np.float32(size * size), np.float32)


def _close(cells: Stack) -> Stack:
    """Fill the dark structures that are narrower than the element (a grey closing); wider ones stay."""
    steps = np.rint(cells * STEPS).astype(np.int16)
    reach = max(1, round(ELEMENT * max(cells.shape[1:]) / 2))
    for lightest in (True, False):
        for axis in (1, 2):
            steps = slide(steps, reach, axis, lightest)
    return np.asarray(steps / np.float32(STEPS), np.float32)


def _guess_ground(cells: Stack) -> Stack:
    """Guess the ground in cells: the darker of two closings, neither of which lets ink through.

    A closing keeps the edges of shadows, but lifts the dark end of a slope, where the element meets the border; so
    the second is made with the best plane taken off.
    """
    n, rows, columns = cells.shape
    basis = _surfaces(rows, columns)[:3]
    plane = (cells.reshape(n, 1, -1) @ basis.T @ basis).reshape(cells.shape)
    return np.asarray(np.minimum(_close(cells), plane + _close(np.asarray(cells - plane, np.float32))), np.float32)


def _find_even(canvases: NDArray[np.uint8]) -> tuple[Stack, NDArray[np.bool_]]:
    """Return the level of the border of each canvas, and whether the ground is that one level everywhere.

    There, the broadest blot of ink can be told from the ground, which a closing would take it for.
    """
    ring = np.concatenate([canvases[:, 0], canvases[:, -1], canvases[:, :, 0], canvases[:, :, -1]], axis=1)
    middle = ring.shape[1] // 2
    ring.partition((middle - 1, middle), axis=1)
    level = (ring[:, middle - 1].astype(np.int16) + ring[:, middle]) // 2
    even = _share_near(ring, level) >= EVEN_RING
    if even.any():
        even[even] = _share_near(canvases[even].reshape(int(even.sum()), -1), level[even]) >= EVEN_WHOLE
    return level.astype(np.float32), even


def _share_near(levels: NDArray[np.uint8], level: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return which share of each row is within `EVEN` of its level; bytes below the lowest wrap round to high ones."""
    lowest, highest = np.maximum(level - EVEN, 0).astype(np.uint8), np.minimum(level + EVEN, 255).astype(np.uint8)
    near = levels - lowest[:, None] <= (highest - lowest)[:, None]
    return np.asarray(np.count_nonzero(near, axis=1) / levels.shape[1], float)


def spread_cells(cells: Stack, shape: tuple[int, int], at: tuple[Any, Any] = (slice(None), slice(None))) -> Stack:
    """Interpolate (..., rows, columns) cells to the pixels of a shape, or to those in some of its rows and columns."""
    down, across = _spread_matrix(shape[0], cells.shape[-2])[at[0]], _spread_matrix(shape[1], cells.shape[-1])[at[1]]
    return np.asarray(down @ cells @ across.T, np.float32)


def split_levels(ink: Stack, valid: NDArray[np.bool_]) -> Stack:
    """Return Otsu's threshold for each of (n, h, w) inks, from histograms of what is above zero and valid."""
    n, size = len(ink), ink[0].size
    top = np.maximum(ink.reshape(n, -1).max(axis=1), np.float32(1e-3))
    scaled = ink * (np.float32(BINS - 0.01) / top)[:, None, None]
    # The first bin, mostly paper, holds what is in no other: two pixels in three need no bin of their own.
    inside = np.flatnonzero((scaled >= 1) & valid)
    bins = scaled.reshape(-1)[inside].astype(np.intp)
    bins += inside // size * BINS
    counts = np.bincount(bins, minlength=n * BINS).reshape(n, BINS).astype(np.float64)
    counts[:, 0] = np.count_nonzero(valid.reshape(n, -1), axis=1) - counts.sum(axis=1)
    below = np.cumsum(counts, axis=1)
    mass = np.cumsum(counts * (np.arange(BINS) + 0.5), axis=1)
    above = below[:, -1:] - below
    apart = mass / np.maximum(below, 1) - (mass[:, -1:] - mass) / np.maximum(above, 1)
    between = below * above * apart * apart
    # Where several thresholds split equally well (a two-level picture) the middle one is meant.
    best = between >= between.max(axis=1, keepdims=True) * (1 - 1e-9)
    middle = (best.argmax(axis=1) + BINS - 1 - best[:, ::-1].argmax(axis=1)) / 2
    return np.asarray((middle + 1) / BINS * top, np.float32)


def measure_ink(ground: Stack, grey: Stack, reference: Stack, light: NDArray[np.bool_]) -> Stack:
    """Return how much darker than its ground each pixel of (n, h, w) is, in levels of the picture's mean ground."""
    ink = ground - grey
    if not light.all():
        weights = weigh_shade(ground, reference[:, None, None])
        weights[light] = 1
        ink *= weights
    return ink


def weigh_shade(ground: Stack, reference: Any) -> Stack:
    """Return what the difference of dark ink from each pixel's ground counts, beside that from the mean ground.

    Dark ink takes a share of the light that falls on the paper, so that in a shadow its difference shrinks with the
    paper's level; light ink on a dark ground (a screen, a negative) adds to it, and counts as it is.
    """
    return np.asarray(reference / np.maximum(ground, DARKEST), np.float32)


def find_middle(levels: Stack) -> np.float32:
    """Return the median, as `numpy.median` does in three times the time for a few thousand levels."""
    low, high = (len(levels) - 1) // 2, len(levels) // 2
    parted = np.partition(levels, (low, high))
    return np.float32((parted[low] + parted[high]) / 2)


def subtract_ground(
    canvases: NDArray[np.uint8], valid: NDArray[np.bool_], light: NDArray[np.bool_]
) -> tuple[Stack, Stack, Stack, Stack]:
    """Take the ground off (n, h, w) canvases, inverted where their ink was light, so that all ink is dark.

    Returns
    -------
    ink, threshold, noise, ground
        (n, h, w) how much darker than its ground each pixel is; (n,) Otsu's threshold of that; (n,) how far the
        paper's own pixels stray from the ground (root mean square); (n, rows, columns) the ground in cells. All in
        grey levels.
    """
    shape = canvases.shape[1:]
    grey = canvases.astype(np.float32)
    size = 1 if max(shape) < FINEST else 2
    level, even = _find_even(canvases)
    ground = np.empty((len(grey), shape[0] // size, shape[1] // size), np.float32)
    ground[even] = level[even, None, None]
    if not even.all():
        ground[~even] = _guess_ground(average_cells(grey[~even], size))
    reference = ground.mean(axis=(1, 2))
    ink = measure_ink(spread_cells(ground, shape), grey, reference, light)
    threshold = split_levels(ink, valid)
    paper = (ink < 0.6 * threshold[:, None, None]).astype(np.float32)
    rows, columns = ground.shape[1:]
    down, across = blur_matrix(rows, 0.12 * rows), blur_matrix(columns, 0.12 * columns)
    share = down @ average_cells(paper, size) @ across
    # What the closing is too light by, on the paper; levelling the difference keeps the edges of shadows.
    ground -= down @ average_cells(paper * (spread_cells(ground, shape) - grey), size) @ across / (share + 1e-2)
    ink = measure_ink(spread_cells(ground, shape), grey, reference, light)
    ink[~valid] = 0
    paper[~valid] = 0
    noise = np.sqrt(np.einsum("nij,nij->n", paper * ink, ink) / np.maximum(paper.sum(axis=(1, 2)), 1))
    return ink, split_levels(ink, valid), np.asarray(noise, np.float32), np.asarray(ground, np.float32)


def is_coherent(ink: Stack, least: float) -> NDArray[np.bool_]:
    """Say which (n, h, w) inks have neighbouring pixels so much alike: correlated along one of four directions."""
    n, height, width = ink.shape
    centred = ink - ink.mean(axis=(1, 2), keepdims=True)
    power = np.einsum("nij,nij->n", centred, centred) + 1e-3
    coherent, rest = np.zeros(n, bool), np.arange(n)
    for down, right, left in ((0, 1, 0), (1, 0, 0), (1, 1, 0), (1, 0, 1)):
        here = centred[:, : height - down, left : width - right]
        there = centred[:, down:, right : width - left]
        alike = np.einsum("nij,nij->n", here, there) / power
        coherent[rest[alike >= least]] = True
        unlike = np.flatnonzero(alike < least)
        if len(unlike) == 0:  # mostly after the first direction
            break
        centred, power, rest = centred[unlike], power[unlike], rest[unlike]
    return coherent
