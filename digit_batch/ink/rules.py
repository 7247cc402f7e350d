"""Rules: long straight lines of tables, boxes, ruled and squared paper, also where they touch or cross a digit."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digit_batch.ink.labels import choose_labels, label_parts
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
HUG = 0.03  # of the picture's side: a line this near to the border may come from one side only,
SLENDER = 0.6  # of the pen's width, and is then thinner still
SQUARED = 4  # rules across one picture: more make squared paper, whose every line is one
EDGE = 1  # px: writing this near to the border is cut by it


def _measure_runs(shape: tuple[int, ...], axis: int) -> tuple[int, int]:
    """Return how far a run along an axis reaches to either side at least, and how far it may stray, px."""
    return int(RUN * shape[axis] / 2), round(TILT * shape[axis])


def _find_runs(mask: Mask, axis: int) -> Mask:
    """Return the pixels of a mask that lie on long straight runs along an axis."""
    reach, stray = _measure_runs(mask.shape, axis)
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
    near, across = np.zeros_like(mask), np.zeros_like(mask)
    found = _find_candidates(mask, sides)
    if len(found) == 0:
        return near, across
    mask, sides = mask[found], sides[found]
    runs = [_find_runs(mask, axis) for axis in (1, 2)]
    crossing: dict[int, list[tuple[int, _Line]]] = defaultdict(list)
    for axis in (0, 1):  # as if all lines were level
        labels, boxes = label_parts(_lay_level(runs[axis], axis))
        at_border, spanning = _sort_lines(boxes, sides[:, [1 - axis, axis]])
        _lay_level(near, axis)[found] |= choose_labels(at_border, labels)
        for k in np.flatnonzero(spanning).tolist():
            i, top, left, bottom, right = boxes[k].tolist()
            box = slice(top, bottom), slice(left, right)
            crossing[i].append((axis, _Line(box, labels[i][box] == k + 1, bool(at_border[k]))))
    if not crossing:
        return near, across
    places = list(crossing)
    rest = mask[places] & ~(runs[0][places] | runs[1][places])
    pens = measure_pen(rest).tolist()
    written = [_measure_writing(_lay_level(rest, axis)) for axis in (0, 1)]
    for place, (i, lines) in enumerate(crossing.items()):
        for axis, line in lines:
            height, width = sides[i, [1 - axis, axis]].tolist()
            if len(lines) >= SQUARED or line.is_rule(height, width, written[axis][place], pens[place]):
                _lay_level(across, axis)[(found[i], *line.box)] |= line.uncross()
    return near, across


def _lay_level(masks: Mask, axis: int) -> Mask:
    """Return a view of (n, h, w) masks in which lines along the axis of a picture, 0 down or 1 across, are level."""
    return masks if axis else masks.swapaxes(1, 2)


def _find_candidates(mask: Mask, sides: Floats) -> NDArray[np.intp]:
    """Return which of (n, h, w) masks may hold a rule, by how much ink is in their rows and columns; most do not."""
    possible = np.zeros(len(mask), bool)
    for axis in (0, 1):
        reach, stray = _measure_runs(mask.shape, axis + 1)
        rows, columns = _count_ink(slide(mask, stray, 2 - axis, True))
        along, across = (rows, columns) if axis else (columns, rows)  # a line down has its length in a column
        may_run, used = along > 2 * reach, across > 0
        place, thick, length = np.arange(along.shape[1]), sides[:, 1 - axis, None], sides[:, axis]
        zone = (place < ZONE * thick) | (place + 1 > (1 - ZONE) * thick)
        ends = _reaches(used.argmax(axis=1), used.shape[1] - used[:, ::-1].argmax(axis=1), length)
        possible |= (may_run & (zone | ends[:, None])).any(axis=1)
    return np.flatnonzero(possible)


def _count_ink(mask: Mask) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return how many pixels of each row, (n, h), and of each column, (n, w), are in (n, h, w) masks."""
    n, height, width = mask.shape
    ink = mask.astype(np.float32)
    rows = (ink.reshape(-1, width) @ np.ones(width, np.float32)).reshape(n, height)
    return rows, np.add.reduce(ink, axis=1)


def _sort_lines(boxes: NDArray[np.intp], whole: Floats) -> tuple[Mask, Mask]:
    """Say which level lines lie near the border, and which go from border to border or along one, by their boxes."""
    height, width = whole[boxes[:, 0]].T
    middle, left, right = (boxes[:, 1] + boxes[:, 3]) / 2, boxes[:, 2], boxes[:, 4]
    at_border = (middle < ZONE * height) | (middle >= (1 - ZONE) * height)
    crossing = (right - left > WHOLE * width) & _reaches(left, right, width)
    hugging = (boxes[:, 1] <= HUG * height) | (boxes[:, 3] >= (1 - HUG) * height)
    from_one_side = (left <= END * width + 1) | (right >= (1 - END) * width - 1)
    large = np.minimum(height, width) >= LEAST
    return np.asarray(at_border), np.asarray(large & (crossing | (hugging & from_one_side)))


def _reaches(left: Any, right: Any, width: Any) -> Any:
    """Say what goes from border to border: one line, or each of many."""
    return (left <= END * width + 1) & (right >= (1 - END) * width - 1)


@dataclass(frozen=True)
class _Writing:
    """Where the writing lies in a picture whose lines are level, px, half-open."""

    top: int
    left: int
    bottom: int
    right: int


def _measure_writing(rest: Mask) -> list[_Writing | None]:
    """Return where the ink lies that is left of each (n, h, w) mask without its lines; None where none is."""
    rows: Mask = np.logical_or.reduce(rest, axis=2)
    columns: Mask = np.add.reduce(rest, axis=1) > 1  # one pixel may be a stump of a rule that was crossed
    starts = rows.argmax(axis=1), columns.argmax(axis=1)
    ends = rows.shape[1] - rows[:, ::-1].argmax(axis=1), columns.shape[1] - columns[:, ::-1].argmax(axis=1)
    boxes = np.stack([*starts, *ends], axis=1).tolist()
    written: list[bool] = np.logical_or.reduce(columns, axis=1).tolist()
    return [_Writing(*box) if any_ink else None for any_ink, box in zip(written, boxes, strict=True)]


@dataclass(frozen=True)
class _Line:
    """A level line that goes from border to border: its box, rows and columns, and its mask there."""

    box: tuple[slice, slice]
    mask: Mask
    at_border: bool

    @cached_property
    def counts(self) -> list[int]:
        """Its thickness in each of its columns, px; at least 1, because a line is in one piece."""
        counts: list[int] = np.add.reduce(self.mask, axis=0, dtype=np.intp).tolist()
        return counts

    @cached_property
    def thickness(self) -> float:
        """Its usual thickness, px."""
        return median(self.counts)

    def is_rule(self, height: float, width: float, writing: _Writing | None, pen: float) -> bool:
        """Say whether it is no part of the writing, the rest of the ink: thinner than the pen, or far beyond it.

        The bar of a 7 that is cut tightly goes from border to border too, but its stem reaches the opposite one.
        """
        left, right = self.box[1].start, self.box[1].stop
        if not _reaches(left, right, width):
            return self.thickness < SLENDER * pen
        if writing is None:
            return self.thickness < THIN * pen and self.at_border
        before, behind = writing.left - left, right - writing.right
        if self.thickness < THIN * pen and (self.at_border or max(before, behind) >= BEYOND * width):
            return True
        inside = writing.top > EDGE and writing.bottom - 1 < height - 1 - EDGE
        return inside and min(before, behind) >= BEYOND * width

    def uncross(self) -> Mask:
        """Leave out the columns where it is thicker: there a stroke crosses it or lies on it."""
        return np.asarray(self.mask & (np.array(self.counts) <= self.thickness + 1))
