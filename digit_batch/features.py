"""Ink to 64 features, made the way scikit-learn's digits were made: a 32x32 box, then the mean of each 4x4 block.

The recipe, step by step (`RECIPE_VERSION` changes with it, because a fitted model is only good for the recipe it saw):

1. straighten: a horizontal shear takes the slant out (the axis of the second moments becomes upright);
2. box: the straightened digit fills the 32 rows; its width becomes `BOX_WIDTH` columns, centred;
3. even: ink is brought to `LEVEL`, strokes are widened or thinned towards `STROKE`: a thin pen reads like a broad one;
4. count: the mean of each 4x4 block, times 16.

Steps 1 and 2 are one exact area integral: the running sum of each row is read at the slanted borders of the columns.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

RECIPE_VERSION = 1
SIDE = 8  # blocks along a side
BLOCK = 4  # px along the side of a block
BOX = SIDE * BLOCK  # 32 px along the side of the box
LEVELS = 16  # a full block counts 16
GRAIN = 0.125  # counts are multiples of it: what else is in a chunk moves the last bits of a sum, and must not show
BOX_WIDTH = 26.0  # px of the box filled by a digit of usual width (20 in the data set: 0.3 % worse on MNIST)
NARROW = 0.5  # width/height below which the digit stays narrow instead of being stretched to `BOX_WIDTH`
MAX_SLANT = 1.0  # px sideways for a px down; steeper is a lying digit or dirt, not a slant
STROKE = 3.0  # px; strokes are widened or thinned towards this width
STEPS = 4  # times that strokes are measured and changed, each time by 2 px at most
LEVEL = 0.85  # amount that the ink is brought to: strokes thinner than a px of the box come out grey
INK_EDGE = 0.3  # amount from which a pixel belongs to the digit when its borders are looked for
STACK = 64  # boxes whose strokes are evened together: more would not fit the processor's cache
UPRIGHT = 0.0  # slope of the usual reading, px up for a px to the right,
TURNED = (-0.1, 0.1)  # and of the others: turned by 6 degrees to either side
SIZES = (32, 64, 128)  # px; digits up to the same of these are stacked together, so that a few stacks hold any chunk

F32 = NDArray[np.float32]


def extract_features(amounts: Sequence[F32]) -> F32:
    """Return the 8x8 block counts of each digit.

    Parameters
    ----------
    amounts
        For each digit the share of ink in the pixels of its tight crop, (h, w), 0..1. An empty array is a blank.

    Returns
    -------
    (n, 64) float32, 0..16, row by row from the top left. A blank gives zeros.
    """
    features: F32 = extract_readings(amounts, [UPRIGHT])[0]
    return features


def extract_readings(amounts: Sequence[F32], slopes: Sequence[float]) -> F32:
    """Return the 8x8 block counts of each digit, read in several ways: (slopes, n, 64).

    Parameters
    ----------
    amounts
        As of `extract_features`.
    slopes
        That the digits are given first, px up for a px to the right. A slope and the straightening after it are
        together a turn by so many radians, but for the size, which the box takes out.
    """
    features = np.zeros((len(slopes), len(amounts), SIDE * SIDE), np.float32)
    for chosen, stacked in stack_by_size(amounts):
        boxes = even_strokes(np.concatenate([lay_in_boxes(stacked, slope) for slope in slopes]))
        features[:, chosen] = count_blocks(boxes).reshape(len(slopes), len(chosen), SIDE * SIDE)
    return features


def stretch_crops(amounts: Sequence[F32]) -> F32:
    """Return the mean of each block of an 8x8 grid stretched over each crop, times 16: (n, 64), 0..16.

    What ``crop, resize to 8x8`` gives, without any step of the recipe: what a plain model reads.
    """
    grids = [stretch(amount, SIDE) for amount in amounts]
    return LEVELS * np.array(grids, np.float32).reshape(len(amounts), SIDE * SIDE)


def stretch(amount: F32, side: int) -> F32:
    """Return a crop (h, w) stretched over (side, side): exact area means."""
    height, width = amount.shape
    return np.asarray(share_length(height, side) @ amount @ share_length(width, side).T, np.float32)


def share_length(length: int, parts: int) -> F32:
    """Return (parts, length): how much of each of equal parts comes from each pixel (every row adds up to 1)."""
    borders = np.linspace(0, length, parts + 1)[:, None]
    pixels = np.arange(length)
    overlap = np.minimum(borders[1:], pixels + 1) - np.maximum(borders[:-1], pixels)
    shares: F32 = (np.maximum(overlap, 0) * parts / length).astype(np.float32)
    return shares


def stack_by_size(amounts: Sequence[F32]) -> Iterator[tuple[NDArray[np.intp], F32]]:
    """Yield the places of the digits of about one size, and their stack; blanks are left out."""
    longest = np.array([max(amount.shape) for amount in amounts], dtype=int)
    for low, high in zip((0, *SIZES), (*SIZES, 1 << 30), strict=False):
        (chosen,) = np.nonzero((longest > low) & (longest <= high))
        if len(chosen):
            yield chosen, stack([amounts[place] for place in chosen.tolist()])


def stack(amounts: Sequence[F32]) -> F32:
    """Return the digits as one array (n, h, w), each in the top left corner, zeros elsewhere."""
    height = max(amount.shape[0] for amount in amounts)
    width = max(amount.shape[1] for amount in amounts)
    stacked = np.zeros((len(amounts), height, width), np.float32)
    for row, amount in zip(stacked, amounts, strict=True):
        row[: amount.shape[0], : amount.shape[1]] = amount
    return stacked


def fill_boxes(stacked: F32, slope: float = UPRIGHT) -> F32:
    """Return (n, 32, 32) sloped, straightened, boxed and evened digits of (n, h, w) amounts."""
    return even_strokes(lay_in_boxes(stacked, slope))


def lay_in_boxes(stacked: F32, slope: float) -> F32:
    """Return (n, 32, 32) sloped, straightened and boxed digits of (n, h, w) amounts."""
    if slope:
        stacked = give_slope(stacked, slope)
    return integrate(stacked, *measure_slant(stacked))


def give_slope(stacked: F32, slope: float) -> F32:
    """Return the stack with each column moved up, by so many px more than the one to its left; (n, more rows, w).

    Parts of a px are interpolated. Columns are counted from the left border, and the room above is that of a class of
    sizes, not of the stack, so that a digit's own reading does not depend on what else is in there.
    """
    n, height, width = stacked.shape
    fall = -slope * np.arange(width, dtype=np.float32)
    side = next((size for size in SIZES if size >= width), width)
    room = int(np.ceil(abs(slope) * side)) + 1
    whole = np.floor(fall).astype(int)
    part = fall - whole
    framed = np.zeros((n, height + 2 * room, width), np.float32)
    for step in np.unique(whole).tolist():
        columns = np.flatnonzero(whole == step)
        these = slice(columns[0], columns[-1] + 1)
        top, moved = room + step, stacked[:, :, these]
        framed[:, top : top + height, these] = moved * (1 - part[these])
        framed[:, top + 1 : top + 1 + height, these] += moved * part[these]
    return framed


def measure_slant(stacked: F32) -> tuple[F32, F32]:
    """Return px to the left for a px down of each digit's axis, and the row of its centre of mass.

    In double precision: the order in which a sum is taken depends on the size of the stack, and must not show.
    """
    _, height, width = stacked.shape
    ys, xs = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
    weights = np.stack([np.ones(width), xs], axis=1)
    rows, rows_x = np.moveaxis(stacked.astype(np.float64) @ weights, 2, 0)
    mass = np.maximum(rows.sum(axis=1), 1e-6)
    cy = rows @ ys / mass
    dy = ys - cy[:, None]
    spread = (rows * dy * dy).sum(axis=1) / mass
    mixed = (rows_x * dy).sum(axis=1) / mass
    shear = np.where(spread > 1e-3, mixed / np.maximum(spread, 1e-3), 0)
    return np.clip(shear, -MAX_SLANT, MAX_SLANT).astype(np.float32), (cy + 0.5).astype(np.float32)


def integrate(stacked: F32, shear: F32, middle: F32) -> F32:
    """Return (n, 32, 32) mean amounts in the pixels of the sheared box: exact areas along rows and columns."""
    n, height, width = stacked.shape
    inked = stacked >= INK_EDGE * np.maximum(stacked.max(axis=(1, 2), keepdims=True), 1e-6)
    lean = shear[:, None] * (np.arange(height, dtype=np.float32) + 0.5 - middle[:, None])  # (n, h)
    has = inked.any(axis=2)
    has[:, 0] |= ~has.any(axis=1)  # a blank has a box too, and its counts are 0
    left = np.where(has, inked.argmax(axis=2) - lean, np.inf).min(axis=1)
    right = np.where(has, width - inked[:, :, ::-1].argmax(axis=2) - lean, -np.inf).max(axis=1)
    top = has.argmax(axis=1).astype(np.float32)
    bottom = (height - has[:, ::-1].argmax(axis=1)).astype(np.float32)
    column, first = place_columns(left, right, bottom - top)
    borders = first[:, None] + column[:, None] * np.arange(BOX + 1, dtype=np.float32)  # (n, 33) px in the crop
    sums = np.zeros((n, height, width + 2), np.float32)
    np.cumsum(stacked, axis=2, out=sums[:, :, 1:-1])
    sums[:, :, -1] = sums[:, :, -2]
    at = np.clip(borders[:, None, :] + lean[:, :, None], 0, width)
    whole = at.astype(np.intp)
    at -= whole
    whole += np.arange(0, sums.size, width + 2).reshape(n, height, 1)
    low, high = sums.take(whole), sums.reshape(-1)[1:].take(whole)
    high -= low
    high *= at
    high += low
    rows = np.diff(high, axis=2) / column[:, None, None]
    boxes: F32 = np.clip(share_rows(top, bottom, height) @ rows, 0, 1)
    return boxes


def place_columns(left: F32, right: F32, height: F32) -> tuple[F32, F32]:
    """Return the width of a box column and the left border of the first one, in px of the crop."""
    width = np.maximum(right - left, 1e-3)
    aspect = width / height
    filled = np.where(aspect < NARROW, aspect / NARROW * BOX_WIDTH, BOX_WIDTH)
    column = width / filled
    return column.astype(np.float32), ((left + right) / 2 - column * (BOX / 2)).astype(np.float32)


def share_rows(top: F32, bottom: F32, height: int) -> F32:
    """Return (n, 32, h): how much of each box row comes from each row of the crop (every row adds up to 1)."""
    step = ((bottom - top) / BOX)[:, None]
    borders = top[:, None] + step * np.arange(BOX + 1, dtype=np.float32)
    ys = np.arange(height, dtype=np.float32)
    overlap = np.minimum(borders[:, 1:, None], ys + 1)
    overlap -= np.maximum(borders[:, :-1, None], ys)
    shares: F32 = np.maximum(overlap, 0, out=overlap)
    shares /= step[:, :, None]
    return shares


def even_strokes(boxes: F32) -> F32:
    """Return the boxes with strokes widened or thinned towards `STROKE` by a part of a 3x3 maximum or minimum."""
    level = (boxes * boxes).sum(axis=(1, 2)) / np.maximum(boxes.sum(axis=(1, 2)), 1e-6)
    gain = np.clip(LEVEL / np.maximum(level, 1e-3), 1, 6)
    even = np.empty_like(boxes)
    for start in range(0, len(boxes), STACK):
        part = slice(start, start + STACK)
        even[part] = _even_stack(np.minimum(boxes[part] * gain[part, None, None], 1))
    return even


def _even_stack(boxes: F32) -> F32:
    row, framed = _frame(boxes)
    for _ in range(STEPS):
        lack = np.clip((STROKE - _measure_framed(row, framed)) / 2, -1, 1)[:, None, None]
        side = (lack < 0).astype(np.float32)  # to thin the ink is to widen the ground
        ground = np.abs(side - framed)
        ground[:, 0] = ground[:, :, 0] = 0
        change = _spread_framed(ground)
        change -= ground
        change *= np.abs(lack)
        change += ground
        np.subtract(side, change, out=change)
        np.abs(change[:, 1:, 1:], out=framed[:, 1:, 1:])
    return framed[:, 1:, 1:]


def _frame(boxes: F32) -> tuple[F32, F32]:
    """Return (n, h, w) boxes in one row, and the same as (n, h + 1, w + 1): framed boxes.

    With an empty column before and an empty row above each box, every neighbour is so many places on, and no step
    leaves the row: a third of the time of padding and slicing.
    """
    n, height, width = boxes.shape
    size = n * (height + 1) * (width + 1)
    row = np.zeros(size + width + 2, np.float32)  # and what is below and right of the last one
    framed = row[:size].reshape(n, height + 1, width + 1)
    framed[:, 1:, 1:] = boxes
    return row, framed


def measure_stroke(boxes: F32) -> F32:
    """Return the mean stroke width in px: twice the area over the length of the outline (the total variation)."""
    return _measure_framed(*_frame(boxes))


def _measure_framed(row: F32, framed: F32) -> F32:
    here, below = row[: framed.size], framed.shape[2]
    outline, across = row[below : framed.size + below] - here, row[1 : framed.size + 1] - here
    outline *= outline
    across *= across
    outline += across
    np.sqrt(outline, out=outline)
    length, area = outline.reshape(len(framed), -1).sum(axis=1), here.reshape(len(framed), -1).sum(axis=1)
    widths: F32 = 2 * area / np.maximum(length, 1e-6)
    return widths


def measure_variation(boxes: F32) -> F32:
    """Return the total variation of each box, (n,): the sum of the changes along its rows and columns, from 0 to 0."""
    row, framed = _frame(boxes)
    here, below = row[: framed.size], framed.shape[2]
    changes = np.abs(row[below : framed.size + below] - here)
    changes += np.abs(row[1 : framed.size + 1] - here)
    variation: F32 = changes.reshape(len(framed), -1).sum(axis=1)
    return variation


def spread(boxes: F32) -> F32:
    """Return the maximum over each pixel and its eight neighbours; amounts are 0 or more."""
    _, framed = _frame(boxes)
    return _spread_framed(framed)[:, 1:, 1:]


def _spread_framed(framed: F32) -> F32:
    """Return the maxima of framed boxes, with anything in their frames.

    They are compared as whole numbers: from 0 up the order is the same, and the maximum takes a third of the time.
    """
    levels, below = framed.reshape(-1).view(np.int32), framed.shape[2]
    tall, wide = levels.copy(), np.empty_like(levels)
    np.maximum(levels[:-below], levels[below:], out=tall[:-below])
    np.maximum(tall[below:], levels[:-below], out=tall[below:])
    wide[-1] = tall[-1]
    np.maximum(tall[:-1], tall[1:], out=wide[:-1])
    np.maximum(wide[1:], tall[:-1], out=wide[1:])
    return wide.view(np.float32).reshape(framed.shape)


def count_blocks(boxes: F32) -> F32:
    """Return (n, 64) features 0..16: the mean of each 4x4 block of (n, 32, 32) amounts, times 16."""
    n = len(boxes)
    rows = np.add.reduce(boxes.reshape(n, SIDE, BLOCK, BOX), axis=2)
    sums = np.add.reduce(rows.reshape(n, SIDE, SIDE, BLOCK), axis=3)
    counts: F32 = (np.rint(LEVELS / GRAIN / BLOCK**2 * sums) * GRAIN).reshape(n, SIDE * SIDE).astype(np.float32)
    return counts
