"""The margin: a digit that was cut out along its ink, laid on a sheet of its paper's tone again.

Without paper around it nothing tells ink from ground by place, and broad strokes at the border look like shadows.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from digit_batch.ink.finder import SURE, Ink, find_inks

WIDTH = 0.25  # of the picture's longer side
PAPER = 5.0  # percentile of the tones, from the far end of the ink's, that the paper has
AT_ONCE = 32  # pictures: a slender one has up to 16 times as many pixels with its margin
NEAR = 0.05  # of the picture's longer side: writing this near to a side reaches it

Tone = Literal["dark", "light"]


def may_be(ink: Ink, tone: Tone) -> bool:
    """Tell whether the picture's tones leave it open that its ink is dark, or light."""
    return ink.lean < SURE if tone == "dark" else ink.lean > -SURE


def find_tight_inks(pictures: Sequence[NDArray[np.uint8]], tone: Tone) -> list[Ink | None]:
    """Find the ink of digits that were cut out along their ink, of dark or light ink.

    Parameters
    ----------
    pictures
        (h, w) grey or (h, w, 3) RGB, uint8, upright.
    tone
        Whether the ink is darker or lighter than the paper.

    Returns
    -------
    One Ink for each picture, its box in the picture's pixels; None where the ink is not in one piece, or does not reach
    every side: then the picture is no such digit, or the ink is of the other tone.
    """
    found: list[Ink | None] = []
    for start in range(0, len(pictures), AT_ONCE):
        some = pictures[start : start + AT_ONCE]
        laid = [_lay_on_margin(picture, tone) for picture in some]
        inks = find_inks([sheet for sheet, _ in laid], tone)
        found += [
            _take_margin_off(ink, width, picture.shape)
            for ink, (_, width), picture in zip(inks, laid, some, strict=True)
        ]
    return found


def _lay_on_margin(picture: NDArray[np.uint8], tone: Tone) -> tuple[NDArray[np.uint8], int]:
    """Return a picture with a margin of its paper's tone around it, and the margin's width, px."""
    height, width = picture.shape[:2]
    margin = max(2, round(WIDTH * max(height, width)))
    sheet = np.empty((height + 2 * margin, width + 2 * margin, *picture.shape[2:]), np.uint8)
    sheet[:] = np.percentile(picture, 100 - PAPER if tone == "dark" else PAPER, axis=(0, 1))
    sheet[margin:-margin, margin:-margin] = picture
    return sheet, margin


def _take_margin_off(ink: Ink, margin: int, shape: tuple[int, ...]) -> Ink | None:
    """Return the ink with its box in the picture without the margin; None where it is not all of one piece."""
    height, width = shape[:2]
    near = max(1.0, NEAR * max(height, width))
    top, left, bottom, right = (side - margin for side in ink.box)
    if ink.parts != 1 or ink.left_out or max(top, left, height - bottom, width - right) > near:
        return None
    box = max(top, 0), max(left, 0), min(bottom, height), min(right, width)
    return replace(ink, box=box, clipped=True, tight=True)
