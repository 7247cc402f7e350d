"""Pictures -> files, for people to look at."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["save_png"]


def save_png(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write (h, w) grey or (h, w, 3) RGB bytes as PNG; what the disk says goes to the caller as `OSError`."""
    Image.fromarray(pixels).save(path, "PNG")
