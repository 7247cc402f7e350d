"""Working grids: pictures of any size and colour brought to small grey canvases that are worked on together."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
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

    Rows are added first, as whole strided slices: 1.9 ms for 2,000 x 2,000 RGB, where ``reshape(...).mean`` takes
    52 and Pillow's ``reduce`` 3.2.
    """
    if factor == 1:
        return picture
    height, width = picture.shape[0] // factor * factor, picture.shape[1] // factor * factor
    picture = picture[:height, :width]
    kind = np.dtype(np.uint16 if factor <= 16 else np.uint32)
    rows: NDArray[np.unsignedinteger] = picture[0::factor].astype(kind)
    for row in range(1, factor):
        rows += picture[row::factor]
    blocks = np.empty((len(rows), width // factor, *rows.shape[2:]), kind)
    for place in [()] if rows.ndim == 2 else [(colour,) for colour in range(rows.shape[2])]:  # long strides, not threes
        block = rows[:, 0::factor, *place].copy()
        for column in range(1, factor):
            block += rows[:, column::factor, *place]
        blocks[:, :, *place] = block
    area = factor * factor
    blocks += area // 2
    blocks //= area
    return blocks.astype(np.uint8)


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


def find_colour_axis(picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """Return the weights of the colours, and the offset, on which a picture varies most.

    Blue ink on grey paper hardly differs in blue; the first principal axis leans on red. The weights' sizes add up to
    one, so that a grey picture keeps its levels.
    """
    colours = picture.reshape(-1, 3)
    colours = np.ascontiguousarray(colours[:: max(1, len(colours) // 4096)].T, np.float32)
    colours -= colours.mean(axis=1, keepdims=True)
    _, axes = np.linalg.eigh(colours @ colours.T)
    axis = axes[:, -1].astype(np.float32)
    if float(axis @ LUMA) < 0:
        axis = -axis
    axis /= np.abs(axis).sum()
    return axis, float(-255 * np.minimum(axis, 0).sum())


def mix_colours(picture: NDArray[np.uint8], weights: NDArray[np.float32], offset: float) -> NDArray[np.uint8]:
    """Return the grey picture on a colour axis."""
    if picture.ndim == 2:
        return picture
    mixed = picture[..., 0] * weights[0]
    mixed += picture[..., 1] * weights[1]
    mixed += picture[..., 2] * weights[2]
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
