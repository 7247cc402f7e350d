"""Pictures that the tests read: scikit-learn's digits as they would lie on a page."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

SIDE = 64  # px, of the digit
MARGIN = 16  # px of paper around it
PAPER, PEN = 250, 20  # grey levels


@cache
def _typical(digit: int) -> NDArray[np.float64]:
    """The images of a digit, the nearest to their mean first: some of the others even people misread."""
    data = load_digits()
    images = data.images[data.target == digit]
    return images[np.argsort(np.square(images - images.mean(axis=0)).sum(axis=(1, 2)), kind="stable")]


TURNS = {  # EXIF orientation: what turns an upright picture into the stored one
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def digit_ink(digit: int, nth: int = 0) -> Image.Image:
    """How much ink the nth most typical image of a digit has in each pixel, 0 to 255."""
    small = Image.fromarray((_typical(digit)[nth] * 255 / 16).astype(np.uint8))
    page = Image.new("L", (SIDE + 2 * MARGIN, SIDE + 2 * MARGIN))
    page.paste(small.resize((SIDE, SIDE), Image.Resampling.BICUBIC), (MARGIN, MARGIN))
    return page


def digit_page(digit: int, nth: int = 0) -> Image.Image:
    """A digit in dark ink on light paper, 8-bit grey."""
    return digit_ink(digit, nth).point(lambda ink: PAPER - ink * (PAPER - PEN) // 255)


def blank_page() -> Image.Image:
    """Paper and nothing on it."""
    return Image.new("L", (SIDE, SIDE), PAPER)


def save(picture: Image.Image, path: Path, **options: object) -> Path:
    """Save a picture, making the folders it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)
    return path
