"""The pictures of rows, read again from their files: what was on the paper, the ink found, the grid it became.

A run does not carry pictures along: a page shows 20,000 rows at most, and reading those again costs less than keeping
the pictures of a million until it is known which are shown. It also serves tables made long ago.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from digit_batch.batch.chunks import BATCH_PIXELS, Settings
from digit_batch.features import BOX, LEVELS, SIDE, fill_boxes, stack
from digit_batch.images import Frame, Limits, Source, Unreadable, find_sources, number_files, read_frames
from digit_batch.ink import Ink
from digit_batch.model import Model
from digit_batch.predictions import Prediction, group_files
from digit_batch.reading import read_pictures
from digit_batch.report.tiles import MARK, scale_box

AROUND = 1.7  # times the digit's longer side that is shown of its surroundings
LARGEST = 448  # px, longest side that a picture is kept at: the largest tile twice over
SHADES = 16  # of ink in a tile, which a PNG packs in half a byte

U8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Want:
    """A frame to look at; without a source, it is known why there is nothing to see."""

    path: str
    frame: int
    source: Source | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to see of one row.

    Attributes
    ----------
    whole : PIL.Image.Image or None
        The upright picture, the digit's box marked; None where it cannot be read, or is not wanted.
    around : PIL.Image.Image or None
        The digit and what is near it.
    ink : ndarray of uint8, (32, 32)
        The straightened digit, 0 to 15.
    grid : ndarray of uint8, (8, 8)
        What the classifier sees, 0 to 15.
    trouble : str
        Why there is no picture.
    """

    whole: Image.Image | None
    around: Image.Image | None
    ink: U8
    grid: U8
    trouble: str = ""


def find_wanted(rows: Iterable[Prediction]) -> list[Want]:
    """Return where to look for the frames of rows, which stand in the order of their table.

    A row that says that its picture could not be read is not tried again: it may have killed its reader.
    """
    files = list(number_files((group[0].path, group) for group in group_files(rows, lambda row: row)))
    readable = [any(row.status != "error" for row in group) for _, group in files]
    sources = find_sources(file for (file, _), good in zip(files, readable, strict=True) if good)
    wanted = []
    for (file, group), good in zip(files, readable, strict=True):
        source = next(sources) if good else None
        for row in group:
            failed = row.status == "error"
            wanted.append(Want(file.path, row.frame, None if failed else source, row.reason if failed else ""))
    return wanted


def look(wanted: Sequence[Want], model: Model, settings: Settings, *, whole: bool = True) -> Iterator[Look]:
    """Yield what there is to see of each frame, in their order, without the whole pictures if these are not wanted.

    The model reads them once more: which ink is taken for the digit may depend on it. No more than `BATCH_PIXELS` are
    held at a time.
    """
    batch: list[U8 | str] = []
    pixels = 0
    for found in _read(wanted, settings.limits):
        batch.append(found)
        pixels += 0 if isinstance(found, str) else found.size
        del found
        if pixels >= BATCH_PIXELS:
            yield from _look_at(batch, model, settings, whole)
            batch, pixels = [], 0
    yield from _look_at(batch, model, settings, whole)


def _read(wanted: Iterable[Want], limits: Limits) -> Iterator[U8 | str]:
    """Yield the pixels of each frame, or why there are none; a file is opened once for all its frames."""
    for _, group in groupby(wanted, key=lambda want: want.path):
        items: Iterator[Frame | Unreadable] = iter(())
        last = -1
        for want in group:
            if want.source is None:
                yield want.trouble
                continue
            if want.frame <= last or last < 0:
                items = read_frames(want.source, limits)
            last = want.frame
            item = next((item for item in items if item.index >= want.frame), None)
            if item is None or item.index != want.frame:
                yield "no such page now"
            else:
                yield item.pixels if isinstance(item, Frame) else item.reason
            del item


def _look_at(batch: Sequence[U8 | str], model: Model, settings: Settings, whole: bool) -> list[Look]:
    """Look at pictures together; where that fails, one by one, so that only the one at fault is not seen."""
    pictures = [found for found in batch if not isinstance(found, str)]
    try:
        readings = read_pictures(model, pictures, polarity=settings.polarity) if pictures else []
        boxes = _straighten([reading.ink.amount for reading in readings])
        looks = iter(
            [
                Look(
                    _mark(picture, reading.ink) if whole else None,
                    _cut_around(picture, reading.ink),
                    _shade(box),
                    _shade(reading.features.reshape(SIDE, SIDE) / np.float32(LEVELS)),
                )
                for picture, reading, box in zip(pictures, readings, boxes, strict=True)
            ]
        )
    except Exception as error:
        if len(batch) > 1:
            return [seen for single in batch for seen in _look_at([single], model, settings, whole)]
        return [_blind(f"could not be analysed: {type(error).__name__}")]
    return [_blind(found) if isinstance(found, str) else next(looks) for found in batch]


def _blind(trouble: str) -> Look:
    return Look(None, None, np.zeros((BOX, BOX), np.uint8), np.zeros((SIDE, SIDE), np.uint8), trouble)


def _straighten(amounts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the (n, 32, 32) boxes of the digits, 0 to 1; empty where there is no ink."""
    boxes = np.zeros((len(amounts), BOX, BOX), np.float32)
    inked = [place for place, amount in enumerate(amounts) if amount.size]
    if inked:
        boxes[inked] = fill_boxes(stack([amounts[place] for place in inked]))
    return boxes


def _shade(shares: NDArray[np.float32]) -> U8:
    return np.rint(np.clip(shares, 0, 1) * (SHADES - 1)).astype(np.uint8)


def _mark(pixels: U8, ink: Ink) -> Image.Image:
    """Return the picture, reduced, with the digit's box drawn around it."""
    picture = Image.fromarray(pixels)
    image = picture.reduce(max(1, max(picture.size) // LARGEST)).convert("RGB")
    if ink.amount.size:
        left, top, right, bottom = scale_box(ink, picture.size, image.size)
        width = max(1, round(max(image.size) / 150))
        ImageDraw.Draw(image).rectangle((left - width, top - width, right, bottom), outline=MARK, width=width)
    return image


def _cut_around(pixels: U8, ink: Ink) -> Image.Image:
    """Return the part of the picture around the digit; all of a picture without one."""
    height, width = pixels.shape[:2]
    if ink.amount.size:
        top, left, bottom, right = ink.box
        reach = max(1, round(AROUND * max(right - left, bottom - top) / 2))
        x, y = (left + right) // 2, (top + bottom) // 2
        pixels = pixels[max(0, y - reach) : min(height, y + reach), max(0, x - reach) : min(width, x + reach)]
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return image.reduce(max(1, max(image.size) // LARGEST)).convert("RGB")
