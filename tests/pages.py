"""Pages for the tests: scikit-learn's digits, enlarged smoothly, laid on paper."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

Colour = tuple[int, int, int]
WHITE, BLACK = (250, 250, 250), (25, 25, 25)


@cache
def digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the 8x8 digits, 0 to 16, and their labels."""
    found = load_digits()
    return found.images, found.target


def draw_page(
    row: int,
    *,
    height: int = 96,
    margin: float = 0.3,
    ink: Colour = BLACK,
    paper: Colour = WHITE,
    sides: tuple[float, float, float, float] | None = None,
) -> NDArray[np.uint8]:
    """Return an RGB page with one digit, its outline sharp; margins in shares of its height (left, top, right...)."""
    cells = np.pad(digits()[0][row] / 16, 1)
    side = round(height * 10 / 8)
    smooth = np.asarray(Image.fromarray(cells.astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC))
    share = np.clip((smooth - 0.5) * side / 20 + 0.5, 0, 1)
    left, top, right, bottom = (round(part * height) for part in sides or (margin,) * 4)
    share = np.pad(share, ((top, bottom), (left, right)))[..., None]
    return np.rint(np.array(paper) + (np.array(ink) - np.array(paper)) * share).astype(np.uint8)
