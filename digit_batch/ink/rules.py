"""Rules: long straight lines along the border of a picture, of tables, boxes and ruled paper, also touching a digit."""

import numpy as np
from numpy.typing import NDArray

from digit_batch.ink.sliding import slide

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

RUN = 0.55  # of the picture's side: a straight run this long may be a rule
ZONE = 0.2  # of the picture's side: how far from the border rules are looked for
TILT = 0.02  # of the picture's side: what a run may stray by
END = 0.04  # of the picture's side: a rule that touches the digit must come this near to both borders
LEAST = 20  # px: in a smaller picture a rule is as wide as a stroke, and none is cut off
THIN = 0.9  # of the pen's width: a rule that touches the digit is thinner (the bar of a 7 cut tightly is as wide)


def _find_runs(mask: Mask, axis: int) -> Mask:
    """Return the pixels of a mask that lie on long straight runs along an axis."""
    reach = int(RUN * mask.shape[axis] / 2)
    stray = round(TILT * mask.shape[axis])
    run = slide(mask, stray, 3 - axis, True)
    run = slide(run, reach, axis, False).copy()
    ends = np.moveaxis(run, axis, 1)
    ends[:, :reach] = False
    ends[:, ends.shape[1] - reach :] = False
    return slide(run, reach, axis, True) & mask


def measure_pen(mask: Mask) -> Floats:
    """Estimate the width of the strokes in each (n, h, w) mask, px: twice the area over the outline."""
    core = slide(slide(mask, 1, 1, False), 1, 2, False)
    area = mask.sum(axis=(1, 2))
    return np.asarray(2 * area / np.maximum(area - core.sum(axis=(1, 2)), 1), float)


def find_rules(mask: Mask, sides: Floats) -> tuple[Mask, Mask]:
    """Find rules in (n, h, w) masks of ink.

    Parameters
    ----------
    mask
        Ink, line or digit.
    sides
        (n, 2) height and width of the picture on each canvas, px.

    Returns
    -------
    near, across
        Pixels on long straight runs near the border; and those of them that cross the whole picture and are thinner
        than the pen, which are no digit's stroke even where they touch it.
    """
    near, across = np.zeros_like(mask), np.zeros_like(mask)
    for axis in (1, 2):
        runs = _find_runs(mask, axis)
        found = np.flatnonzero(runs.any(axis=(1, 2)))
        if len(found) == 0:
            continue
        runs, rest = np.moveaxis(runs[found], axis, 2), np.moveaxis(mask[found], axis, 2)
        side, length = sides[found, 2 - axis], sides[found, axis - 1]
        row = np.arange(runs.shape[1])
        for zone in (row < ZONE * side[:, None], (row >= (1 - ZONE) * side[:, None]) & (row < side[:, None])):
            line = runs & zone[:, :, None]
            columns = line.any(axis=1)
            count = columns.sum(axis=1)
            first, last = columns.argmax(axis=1), columns.shape[1] - columns[:, ::-1].argmax(axis=1)
            whole = np.minimum(side, length) >= LEAST
            whole &= (count > 0.7 * length) & (first <= END * length + 1) & (last >= (1 - END) * length - 1)
            thick = line.sum(axis=(1, 2)) / np.maximum(count, 1)
            np.moveaxis(near, axis, 2)[found] |= line
            cuts = np.flatnonzero(whole)
            cuts = cuts[thick[cuts] < THIN * measure_pen(rest[cuts] & ~runs[cuts])]
            np.moveaxis(across, axis, 2)[found[cuts]] |= _uncross(line[cuts], rest[cuts])
    return near, across


def _uncross(line: Mask, mask: Mask) -> Mask:
    """Leave out of horizontal lines what a stroke crosses: where there is other ink both above and below."""
    other = mask & ~slide(line, 1, 1, True)
    above = np.maximum.accumulate(other, axis=1)
    below = np.maximum.accumulate(other[:, ::-1], axis=1)[:, ::-1]
    return line & ~(above & below)
