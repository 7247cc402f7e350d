"""Finds the digit's ink on a grey page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu


@dataclass(frozen=True)
class Ink:
    """The ink of one digit."""

    amount: NDArray[np.float32]
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    light_on_dark: bool = False
    clipped: bool = False
    parts: int = 0
    removed: tuple[str, ...] = ()


def find_inks(pictures: Sequence[NDArray[np.uint8]], polarity: Literal["auto", "dark", "light"] = "auto") -> list[Ink]:
    """Find the ink of each picture."""
    return [_find(picture, polarity) for picture in pictures]


def _find(picture: NDArray[np.uint8], polarity: str) -> Ink:
    grey = picture.mean(axis=2) if picture.ndim == 3 else picture.astype(float)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if np.ptp(grey) < 30:
        return Ink(np.zeros((0, 0), np.float32))
    level = threshold_otsu(grey)
    light = polarity == "light" or (polarity == "auto" and np.median(border) < level)
    mask = grey > level if light else grey < level
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return Ink(np.zeros((0, 0), np.float32))
    box = (int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    return Ink(mask[box[0] : box[2], box[1] : box[3]].astype(np.float32), box, light, False, 1)
