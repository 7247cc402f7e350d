"""Parts: the connected pieces of ink on a canvas, and which of them are the digit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

# Neighbours at corners are connected; canvases of one stack are not.
IN_PLANE = np.zeros((3, 3, 3), bool)
IN_PLANE[1] = True

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Parts:
    """Measures of all parts of a stack, in the order of the canvases; sides in pixels of the canvas.

    Attributes
    ----------
    labels
        (n, h, w) 0 for ground, else 1 + the index of the part.
    canvas, area, ink
        (k,) which canvas; pixels; sum of the ink.
    top, left, bottom, right
        (k,) box, half-open.
    """

    labels: NDArray[np.int32]
    canvas: NDArray[np.intp]
    area: Floats
    ink: Floats
    top: Floats
    left: Floats
    bottom: Floats
    right: Floats

    @property
    def height(self) -> Floats:
        """Heights of the boxes."""
        return self.bottom - self.top

    @property
    def width(self) -> Floats:
        """Widths of the boxes."""
        return self.right - self.left


def find_parts(ink: NDArray[np.float32], mask: NDArray[np.bool_]) -> Parts:
    """Label the connected parts of a (n, h, w) mask and measure them."""
    labels, count = ndimage.label(mask, IN_PLANE)
    boxes = np.array(
        [(z.start, y.start, x.start, y.stop, x.stop) for z, y, x in ndimage.find_objects(labels)], np.intp
    ).reshape(-1, 5)
    inside = labels[mask]
    area = np.bincount(inside, minlength=count + 1)[1:].astype(float)
    total = np.bincount(inside, weights=ink[mask], minlength=count + 1)[1:]
    top, left, bottom, right = boxes[:, 1:].T.astype(float)
    return Parts(labels, boxes[:, 0], area, total, top, left, bottom, right)


def rate_parts(parts: Parts, sides: Floats) -> Floats:
    """Rate how likely each part is (part of) the digit: much ink, in the middle, no line along the border.

    Parameters
    ----------
    parts
        What was found.
    sides
        (n, 2) height and width of the picture on each canvas, px.
    """
    height, width = sides[parts.canvas].T
    down = (parts.top + parts.bottom) / (2 * height) - 0.5
    across = (parts.left + parts.right) / (2 * width) - 0.5
    central = np.exp(-((down**2 + across**2) / 0.3**2))
    return np.asarray(parts.ink * central * np.where(find_lines(parts, sides), 0.02, 1.0))


def find_lines(parts: Parts, sides: Floats) -> NDArray[np.bool_]:
    """Say which parts are ruled lines, or edges of the paper: long, thin, along the picture's border."""
    height, width = sides[parts.canvas].T
    found = np.zeros(len(parts.area), bool)
    for start, stop, thick, long, across, along in (
        (parts.top, parts.bottom, parts.height, parts.width, height, width),
        (parts.left, parts.right, parts.width, parts.height, width, height),
    ):
        hugs = np.minimum(start, across - stop) < 0.08 * across
        found |= hugs & (thick < 0.2 * across) & (long > 3 * thick) & (long > 0.25 * along)
        # A short stump of a line, or a shadow in a corner.
        touches = (start <= 0) | (stop >= across)
        found |= touches & (thick < 0.12 * across)
    return found
