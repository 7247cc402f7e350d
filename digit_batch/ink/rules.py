"""Rules: long straight lines of tables, boxes, ruled and squared paper, also where they touch or cross a digit."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digit_batch.ink.sliding import slide

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

RUN = 0.55  # of the picture's side: a straight run this long may be a rule
ZONE = 0.2  # of the picture's side: how far from the border rules are looked for
TILT = 0.02  # of the picture's side: what a run may stray by
END = 0.04  # of the picture's side: a rule that touches the digit must come this near to both borders
LEAST = 20  # px: in a smaller picture a rule is as wide as a stroke, and none is cut off
THIN = 0.9  # of the pen's width: a rule that touches the digit is thinner (the bar of a 7 cut tightly is as wide)
WHOLE = 0.7  # of the picture's side: ink that a rule across the picture shows at least
BEYOND = 0.08  # of the picture's side: how far a rule in the middle stretches beyond the writing, at one end or more


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
        Pixels on long straight runs near the border; and those on lines that cross the whole picture and are thinner
        than the pen, which are no digit's stroke even where they touch it.
    """
    runs = [_find_runs(mask, axis) for axis in (1, 2)]
    near, across = np.zeros_like(mask), np.zeros_like(mask)
    both = runs[0] | runs[1]
    for i in np.flatnonzero(both.any(axis=(1, 2))):
        rest = mask[i] & ~both[i]
        pen = float(measure_pen(rest[None])[0])
        for axis in (0, 1):  # as if all lines were level
            for line, middling in _split_lines(np.moveaxis(runs[axis][i], axis, 1), sides[i, 1 - axis]):
                if not middling:
                    np.moveaxis(near[i], axis, 1)[line] = True
                if min(sides[i]) >= LEAST and _crosses(line, np.moveaxis(rest, axis, 1), sides[i, axis], pen, middling):
                    np.moveaxis(across[i], axis, 1)[_uncross(line)] = True
    return near, across


def _split_lines(runs: Mask, side: float) -> Iterator[tuple[Mask, bool]]:
    """Yield each level line of a (h, w) mask of runs, and whether it lies in the middle and not near the border."""
    labels, count = ndimage.label(runs, np.ones((3, 3)))
    for label, (rows, _) in enumerate(ndimage.find_objects(labels, count), 1):
        middle = (rows.start + rows.stop) / 2
        yield labels == label, ZONE * side <= middle < (1 - ZONE) * side


def _crosses(line: Mask, rest: Mask, length: float, pen: float, middling: bool) -> bool:
    """Tell whether a level line goes from border to border, is thinner than the pen, and is not the writing itself."""
    columns = np.flatnonzero(line.any(axis=0))
    if len(columns) <= WHOLE * length or columns[0] > END * length + 1 or columns[-1] + 1 < (1 - END) * length - 1:
        return False
    if np.median(line[:, columns].sum(axis=0)) >= THIN * pen:
        return False
    if not middling:
        return True
    written = np.flatnonzero(rest.sum(axis=0) > 1)  # one pixel may be a stump of a rule that was crossed
    return len(written) > 0 and max(written[0] - columns[0], columns[-1] - written[-1]) >= BEYOND * length


def _uncross(line: Mask) -> Mask:
    """Leave out of a level line the columns where it is thicker: there a stroke crosses it or lies on it."""
    thick = line.sum(axis=0)
    return line & (thick <= np.median(thick[thick > 0]) + 1)
