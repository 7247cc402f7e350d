"""Working grids: pictures of any size and colour brought to small grey canvases that are worked on together."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

SIDE = 96  # longest side of a working canvas, px; a digit is located on it
FINE = 2  # a large picture is first averaged to FINE * SIDE, then the strongest ink of FINE x FINE pixels is kept
SLIVER = 20  # times longer than wide: no digit, not even a 1, is in such a picture
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclass(frozen=True)
class Grid:
    """One picture on its way to a canvas.

    Attributes
    ----------
    grey
        (h, w) uint8, averaged over ``mean`` x ``mean`` source pixels.
    weights
        (3,) share of each colour in ``grey``; the axis on which the ink stands out.
    offset
        What is added to the weighted colours to stay within 0..255.
    mean
        Source pixels averaged along each side.
    pool
        Pixels of ``grey`` along each side of which the strongest ink becomes one pixel of the canvas.
    """

    grey: NDArray[np.uint8]
    weights: NDArray[np.float32]
    offset: float
    mean: int
    pool: int

    @property
    def factor(self) -> int:
        """Source pixels along one pixel of the canvas."""
        return self.mean * self.pool

    @property
    def canvas(self) -> tuple[int, int]:
        """Height and width of the canvas the picture is laid on."""
        height, width = self.grey.shape
        return shape_canvas((height // self.pool, width // self.pool))


def average_blocks(picture: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Average blocks of ``factor`` x ``factor`` pixels; up to ``factor - 1`` rows and columns at the end are left out.

    Of a colour picture, (h, w, 3), the averages are (3, rows, columns), since what follows is quicker along long rows.
    Blocks are summed at every place of the long rows, and every ``factor``-th sum is taken: 0.06 ms for 300 x 400 RGB,
    where adding strided columns takes 0.1.
    """
    if factor == 1:
        return picture if picture.ndim == 2 else np.ascontiguousarray(picture.transpose(2, 0, 1))
    height, width = picture.shape[0] // factor * factor, picture.shape[1] // factor * factor
    picture = picture[:height, :width]
    kind = np.dtype(np.uint16 if factor <= 16 else np.uint32)
    rows: NDArray[np.unsignedinteger] = picture[0::factor].astype(kind)
    for start in range(1, factor):
        rows += picture[start::factor]
    colours = 1 if picture.ndim == 2 else picture.shape[2]
    row = rows.reshape(-1)
    ends = row.size - (factor - 1) * colours
    sums = row[:ends] + row[colours : ends + colours]
    for place in range(2, factor):
        sums += row[place * colours : ends + place * colours]
    shape = colours, len(rows), width // factor
    strides = kind.itemsize, width * colours * kind.itemsize, factor * colours * kind.itemsize
    blocks = as_strided(sums, shape, strides).copy()
    blocks += factor * factor // 2
    blocks //= factor * factor
    averages = blocks.astype(np.uint8)
    return averages if picture.ndim == 3 else averages[0]


def pool_blocks(grey: NDArray[np.uint8], factor: int, lightest: bool) -> NDArray[np.uint8]:
    """Keep the lightest (or darkest) pixel of each block, so that a thin stroke survives."""
    if factor == 1:
        return grey
    keep = np.maximum if lightest else np.minimum
    height, width = grey.shape[0] // factor * factor, grey.shape[1] // factor * factor
    rows = grey[0:height:factor]
    for row in range(1, factor):
        rows = keep(rows, grey[row:height:factor])
    blocks = rows[:, 0:width:factor]
    for column in range(1, factor):
        blocks = keep(blocks, rows[:, column:width:factor])
    return np.ascontiguousarray(blocks)


def find_colour_axis(colours: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """Return the weights of the colours, and the offset, on which a (3, h, w) picture varies most.

    Blue ink on grey paper hardly differs in blue; the first principal axis leans on red. The weights' sizes add up to
    one, so that a grey picture keeps its levels.
    """
    levels = colours.reshape(3, -1)
    levels = np.ascontiguousarray(levels[:, :: max(1, levels.shape[1] // 4096)], np.float32)
    levels -= levels.mean(axis=1, keepdims=True)
    _, axes = np.linalg.eigh(levels @ levels.T)
    axis = axes[:, -1].astype(np.float32)
    if float(axis @ LUMA) < 0:
        axis = -axis
    axis /= np.abs(axis).sum()
    return axis, float(-255 * np.minimum(axis, 0).sum())


def mix_colours(colours: NDArray[np.uint8], weights: NDArray[np.float32], offset: float) -> NDArray[np.uint8]:
    """Return the grey picture, (h, w), of a (3, h, w) one on a colour axis; a grey one as it is."""
    if colours.ndim == 2:
        return colours
    mixed = colours[0] * weights[0]
    mixed += colours[1] * weights[1]
    mixed += colours[2] * weights[2]
    mixed += offset + 0.5
    return np.asarray(mixed, np.uint8)


def lay_grid(picture: NDArray[np.uint8]) -> Grid:
    """Average a picture down to at most ``FINE * SIDE`` pixels a side, and mix its colours to grey."""
    longest, shortest = max(picture.shape[:2]), min(picture.shape[:2])
    if longest > SLIVER * shortest:  # as good as blank, and would be averaged to nothing
        picture, longest = picture[:1, :1], 1
    mean = 1 if longest <= SIDE else -(-longest // (FINE * SIDE))
    small = average_blocks(picture, mean)
    if picture.ndim == 2:
        weights, offset = LUMA, 0.0
    else:
        weights, offset = find_colour_axis(small)
    grey = mix_colours(small, weights, offset)
    pool = -(-max(grey.shape) // SIDE)
    return Grid(grey, weights, offset, mean, pool)


@lru_cache(maxsize=4096)
def shape_canvas(shape: tuple[int, int]) -> tuple[int, int]:
    """Round a picture's sides up, so that pictures of similar sizes share a stack."""
    unit = 4 * max(1, -(-max(shape) // 32))
    height, width = (-(-side // unit) * unit for side in shape)
    return height, width


def stack_canvases(greys: Sequence[NDArray[np.uint8]], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Stack grey pictures on canvases of one shape, their last row and column repeated to fill it."""
    canvases = np.empty((len(greys), *shape), np.uint8)
    if len({grey.shape for grey in greys}) == 1:
        _lay_on(canvases, np.concatenate(greys).reshape(len(greys), *greys[0].shape))
    else:
        for canvas, grey in zip(canvases, greys, strict=True):
            _lay_on(canvas[None], grey[None])
    return canvases


def _lay_on(canvases: NDArray[np.uint8], greys: NDArray[np.uint8]) -> None:
    height, width = greys.shape[1:]
    canvases[:, :height, :width] = greys
    if width < canvases.shape[2]:
        canvases[:, :height, width:] = greys[:, :, -1:]
    if height < canvases.shape[1]:
        canvases[:, height:] = canvases[:, height - 1 : height]
