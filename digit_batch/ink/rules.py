"""Rules: long straight lines of tables, boxes, ruled and squared paper, also where they touch or cross a digit."""

from collections.abc import Iterator
from dataclasses import dataclass

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
SQUARED = 4  # rules across one picture: more make squared paper, whose every line is one
EDGE = 1  # px: writing this near to the border is cut by it


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
        crossing = []
        for axis in (0, 1):  # as if all lines were level
            whole = sides[i, 1 - axis], sides[i, axis]
            for line in _split_lines(np.moveaxis(runs[axis][i], axis, 1)):
                if line.border(whole[0]):
                    np.moveaxis(near[i], axis, 1)[line.mask] = True
                if min(whole) >= LEAST and line.spans(whole[1]):
                    crossing.append((axis, line, whole))
        for axis, line, whole in crossing:
            if len(crossing) >= SQUARED or line.is_rule(np.moveaxis(rest, axis, 1), whole, pen):
                np.moveaxis(across[i], axis, 1)[line.uncross()] = True
    return near, across


@dataclass(frozen=True)
class _Line:
    """A level line: its (h, w) mask, its columns, and its thickness in px."""

    mask: Mask
    middle: float
    columns: NDArray[np.intp]
    thickness: float

    def border(self, height: float) -> bool:
        """It lies near the border."""
        return not ZONE * height <= self.middle < (1 - ZONE) * height

    def spans(self, width: float) -> bool:
        """It goes from border to border."""
        columns = self.columns
        return bool(
            len(columns) > WHOLE * width and columns[0] <= END * width + 1 and columns[-1] + 1 >= (1 - END) * width - 1
        )

    def is_rule(self, rest: Mask, whole: tuple[float, float], pen: float) -> bool:
        """It is no part of the writing, which is the rest of the ink: thinner than the pen, or far beyond it.

        The bar of a 7 that is cut tightly goes from border to border too, but its stem reaches the opposite one.
        """
        written = np.flatnonzero(rest.sum(axis=0) > 1)  # one pixel may be a stump of a rule that was crossed
        if not len(written):
            return self.thickness < THIN * pen and self.border(whole[0])
        before, behind = written[0] - self.columns[0], self.columns[-1] - written[-1]
        if self.thickness < THIN * pen and (self.border(whole[0]) or max(before, behind) >= BEYOND * whole[1]):
            return True
        rows = np.flatnonzero(rest.any(axis=1))
        inside = rows[0] > EDGE and rows[-1] < whole[0] - 1 - EDGE
        return bool(inside and min(before, behind) >= BEYOND * whole[1])

    def uncross(self) -> Mask:
        """Leave out the columns where it is thicker: there a stroke crosses it or lies on it."""
        return self.mask & (self.mask.sum(axis=0) <= self.thickness + 1)


def _split_lines(runs: Mask) -> Iterator[_Line]:
    """Yield each level line of a (h, w) mask of runs."""
    labels, count = ndimage.label(runs, np.ones((3, 3)))
    for label, (rows, _) in enumerate(ndimage.find_objects(labels, count), 1):
        mask = labels == label
        thick = mask.sum(axis=0)
        columns = np.flatnonzero(thick)
        yield _Line(mask, (rows.start + rows.stop) / 2, columns, float(np.median(thick[columns])))
