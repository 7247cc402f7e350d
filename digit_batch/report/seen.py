"""What was seen on one picture, kept for showing, and the words for it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digit_batch.features import BOX, fill_boxes, stack
from digit_batch.plurals import counted
from digit_batch.reading import Reading
from digit_batch.report.names import plain

CANDIDATES = 3  # the label and two runners-up
ENOUGH = 448  # px, longest side that a picture is kept at: two hundred phone photos would not fit in memory


@dataclass(frozen=True)
class Seen:
    """One picture and its reading, or the reason why there is none.

    Attributes
    ----------
    path : str
        As in the CSV.
    frame : int
        Page of a multi-page file, from 0.
    picture : PIL.Image.Image or None
        The upright picture, its longest side at most about `ENOUGH`; None where it could not be read.
    size : (int, int)
        Width and height of the picture as it was read, px.
    reading : Reading or None
        What was read; None where the picture could not be.
    reason : str
        Why the picture could not be read.
    """

    path: str
    frame: int
    picture: Image.Image | None = None
    size: tuple[int, int] = (0, 0)
    reading: Reading | None = None
    reason: str = ""

    @classmethod
    def of(cls, path: str, frame: int, pixels: NDArray[np.uint8], reading: Reading) -> "Seen":
        """Keep a reading and its picture, (height, width) or (height, width, 3), reduced to what is shown of it."""
        picture = Image.fromarray(pixels)
        factor = max(1, max(picture.size) // ENOUGH)
        return cls(path, frame, picture.reduce(factor).convert("RGB"), picture.size, reading)

    @property
    def name(self) -> str:
        """The path, and the page where it is not the first; safe to print."""
        return plain(self.path) + (f" (frame {self.frame})" if self.frame else "")


def straighten(reading: Reading) -> NDArray[np.float32]:
    """Return the (32, 32) box, 0 to 1, that the grid is counted on; empty where there is no ink."""
    if not reading.ink.amount.size:
        return np.zeros((BOX, BOX), np.float32)
    (box,) = fill_boxes(stack([reading.ink.amount]))
    return np.asarray(box)


def candidates(reading: Reading) -> list[tuple[int, float]]:
    """Return the likeliest digits and their chances, the label first; none where there is no label."""
    if reading.label is None:
        return []
    return [(int(digit), float(reading.chances[digit])) for digit in reading.chances.argsort()[::-1][:CANDIDATES]]


def facts(seen: Seen) -> list[tuple[str, str]]:
    """Return what was found out about a picture, as captions and words."""
    if seen.reading is None:
        return []
    ink = seen.reading.ink
    said = [("picture", f"{seen.size[0]} x {seen.size[1]} px")]
    if not ink.amount.size:
        return [*said, ("ink", "none found"), *_left_out(ink.removed)]
    top, left, bottom, right = ink.box
    strokes = counted(ink.parts, "stroke")
    said.append(("digit", f"{right - left} x {bottom - top} px, {strokes}" + (", cut by the frame" * ink.clipped)))
    said.append(("ink", "light on dark ground" if ink.light_on_dark else "dark on light ground"))
    return [*said, *_left_out(ink.removed)]


def _left_out(removed: tuple[str, ...]) -> list[tuple[str, str]]:
    return [("left out", ", ".join(plain(words) for words in removed))] if removed else []
