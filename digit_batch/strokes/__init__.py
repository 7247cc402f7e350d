"""Draws digits with a pen: people's ways of writing each digit, varied by hand, pen and haste."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from digit_batch.strokes.pen import CANVAS, HASTE, draw_way
from digit_batch.strokes.signs import SIGNS, draw_strangers_of, list_signs
from digit_batch.strokes.ways import WAYS, Way, list_ways

__all__ = [
    "HASTE",
    "SIGNS",
    "WAYS",
    "Way",
    "crop",
    "draw_digit",
    "draw_digits",
    "draw_strangers",
    "draw_way",
    "list_signs",
    "list_ways",
]

F32 = NDArray[np.float32]


def draw_digits(rng: np.random.Generator, digits: Sequence[int] | NDArray[np.int_], *, haste: float = HASTE) -> F32:
    """Return (n, 40, 40) amounts 0..1, each digit written once in a way drawn by weight, in more or less haste."""
    digits = np.asarray(digits)
    drawings = np.zeros((len(digits), CANVAS, CANVAS), np.float32)
    for digit in range(10):
        (rows,) = np.nonzero(digits == digit)
        ways = list_ways(digit)
        weights = np.array([way.weight for way in ways])
        picked = rng.choice(len(ways), size=len(rows), p=weights / weights.sum())
        for index, way in enumerate(ways):
            chosen = rows[picked == index]
            if len(chosen):
                drawings[chosen] = draw_way(rng, way, len(chosen), haste=haste)
    return drawings


def draw_digit(rng: np.random.Generator, digit: int) -> F32:
    """Return one drawing, cropped to its ink: (h, w) amounts 0..1."""
    return crop(draw_digits(rng, [digit])[0])


def draw_strangers(rng: np.random.Generator, n: int) -> F32:
    """Return (n, 40, 40) amounts 0..1 of what is no digit: letters and signs, scribbles, spoiled digits, pairs."""
    return draw_strangers_of(rng, n, draw_digits)


def crop(drawing: F32) -> F32:
    """Return the drawing cut to the pixels that are at least half inked."""
    ys, xs = np.nonzero(drawing >= 0.5 * drawing.max())
    return drawing[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
