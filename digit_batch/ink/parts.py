"""Parts: the connected pieces of ink on a canvas, and which of them are the digit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digit_batch.ink.labels import choose_labels, label_parts

CENTRAL = 0.3  # of the side: how fast a part's rating falls with its distance from the middle
LINE_RATING = 0.02  # what a line's ink counts for, so that a 1 alone in a narrow picture is still found
LINE_SHARE = 0.6  # of a part's pixels on rules: more, and it is a rule, a frame or a corner of one
SPECK = 0.06  # of the digit's largest part: smaller ones are specks
FAINT = 0.65  # of the strength of the digit's main part: fainter ones are grain or shadow
NEAR = 0.2  # of the digit's longer side: parts with a smaller gap belong to it (the flag of a 5)
HULL = 0.8  # of the longer side of all writing: broken strokes are taken for at least so large a digit
SIZEABLE = 0.1  # of the digit's largest part: what is left out and larger may be another digit

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Parts:
    """Measures of all parts of a stack, in the order of the canvases; sides in pixels of the canvas.

    Attributes
    ----------
    labels
        (n, h, w) 0 for ground, else 1 + the index of the part.
    canvas, area, ink
        (k,) which canvas; pixels; sum of the ink.
    boxes
        (k, 4) top, left, bottom, right, half-open.
    """

    labels: NDArray[np.int32]
    canvas: NDArray[np.intp]
    area: Floats
    ink: Floats
    boxes: Floats

    def paint(self, chosen: Mask) -> Mask:
        """Return the (n, h, w) mask of the chosen parts."""
        return choose_labels(chosen, self.labels)

    def share(self, mask: Mask) -> Floats:
        """Return which share of each part's pixels a (n, h, w) mask holds."""
        counts = np.bincount(self.labels[mask], minlength=len(self.area) + 1)[1:]
        return np.asarray(counts / np.maximum(self.area, 1), float)


def find_parts(ink: NDArray[np.float32], mask: Mask) -> Parts:
    """Label the connected parts of a (n, h, w) mask and measure them."""
    labels, boxes = label_parts(mask)
    inside = labels[mask]
    area = np.asarray(np.bincount(inside, minlength=len(boxes) + 1)[1:], np.float64)
    total = np.bincount(inside, weights=ink[mask], minlength=len(boxes) + 1)[1:]
    return Parts(labels, boxes[:, 0], area, np.asarray(total, np.float64), np.asarray(boxes[:, 1:], np.float64))


def find_lines(parts: Parts, sides: Floats, rules: Mask) -> Mask:
    """Say which parts are no writing: ruled lines, frames, edges of the paper, stumps at the border.

    Parameters
    ----------
    parts
        What was found.
    sides
        (n, 2) height and width of the picture on each canvas, px.
    rules
        (n, h, w) pixels on long straight runs near the border.
    """
    found = parts.share(rules) > LINE_SHARE
    whole = sides[parts.canvas]
    start, stop = parts.boxes[:, :2], parts.boxes[:, 2:]
    thick, long = stop - start, (stop - start)[:, ::-1]
    gap = np.minimum(start, whole - stop)
    along = (gap < 0.08 * whole) & (thick < 0.2 * whole) & (long > 3 * thick) & (long > 0.25 * whole[:, ::-1])
    stump = (gap <= 0) & (thick < 0.12 * whole)
    return np.asarray(found | (along | stump).any(axis=1))


def rate_parts(parts: Parts, sides: Floats, lines: Mask) -> Floats:
    """Rate how likely each part is (part of) the digit: much ink, in the middle, and no line."""
    middle = (parts.boxes[:, :2] + parts.boxes[:, 2:]) / (2 * sides[parts.canvas]) - 0.5
    central = np.exp(-(middle**2).sum(axis=1) / CENTRAL**2)
    return np.asarray(parts.ink * central * np.where(lines, LINE_RATING, 1.0))


def pick_best(parts: Parts, rating: Floats, n: int) -> NDArray[np.intp]:
    """Return the best part of each of n canvases, -1 where there is none."""
    best = np.full(n, -1, np.intp)
    order = np.argsort(rating, kind="stable")
    best[parts.canvas[order]] = order
    return best


@dataclass(frozen=True)
class Choice:
    """Which parts of one canvas are the digit, and what was left out.

    Attributes
    ----------
    kept
        Indices of the parts that are the digit.
    removed
        What was left out, in words.
    left_out
        How many parts were left out.
    others
        Height of the tallest sizeable part left out, as a share of the digit's height.
    """

    kept: tuple[int, ...]
    removed: tuple[str, ...] = ()
    left_out: int = 0
    others: float = 0.0


def choose_parts(parts: Parts, members: range, seed: int, lines: Mask, cut: int, near: float = NEAR) -> Choice:
    """Choose, among the members of one canvas, the seed and what is near it and neither speck nor line.

    ``cut`` is 1 where a line that crosses the picture was cut off before the parts were found, else 0; ``near`` how
    near a part must be, as a share of the digit's longer side.
    """
    if len(members) <= 1:
        return Choice(tuple(members), ("line touching the border",) * cut)
    boxes, least = parts.boxes, SPECK * parts.area[seed]
    rest = [k for k in members if k != seed and not lines[k]]
    strength = parts.ink / parts.area
    candidates = [k for k in rest if parts.area[k] >= least and strength[k] >= FAINT * strength[seed]]
    kept, box = [seed], boxes[seed].tolist()
    among = boxes[[seed, *candidates]]
    hull = float((among[:, 2:].max(axis=0) - among[:, :2].min(axis=0)).max())
    grown = True
    while grown:
        grown = False
        for k in candidates:
            top, left, bottom, right = boxes[k].tolist()
            down = max(box[0] - bottom, top - box[2], 0)
            across = max(box[1] - right, left - box[3], 0)
            # A gap sideways counts more: a second digit stands beside the first, a flag above it.
            if k not in kept and max(down, 1.5 * across) <= near * max(box[2] - box[0], box[3] - box[1], HULL * hull):
                kept.append(k)
                box = [min(box[0], top), min(box[1], left), max(box[2], bottom), max(box[3], right)]
                grown = True
    left_out = [k for k in rest if k not in kept]
    sizeable = [k for k in left_out if parts.area[k] >= SIZEABLE * parts.area[seed]]
    count = sum(bool(lines[k]) for k in members if k != seed)
    words = [
        "line touching the border" * cut,
        _count(count, "line at the border", "lines at the border"),
        _count(len(left_out) - len(sizeable), "speck", "specks"),
        _count(len(sizeable), "other part", "other parts"),
    ]
    others = max((boxes[k, 2] - boxes[k, 0] for k in sizeable), default=0.0) / (box[2] - box[0])
    return Choice(tuple(kept), tuple(word for word in words if word), count + len(left_out), float(others))


def _count(number: int, one: str, many: str) -> str:
    """Say how many of something, or nothing for none."""
    return f"{number} {one if number == 1 else many}" if number else ""
