"""What is no digit, drawn with the same pen: letters and signs as data, scribbles, spoiled digits, pairs, blots.

A classifier that never saw a letter calls it by the digit it is least unlike. Letters that some hand writes as another
writes a digit are left out (I, l, O, S, Z, b, g, q and the like): no 8x8 grid could tell them apart.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from digit_batch.strokes.pen import CANVAS, HASTE, draw_way
from digit_batch.strokes.ways import Way, make_way

F32 = NDArray[np.float32]
Draw = Callable[[np.random.Generator, NDArray[np.int_]], F32]

SHARES = (0.5, 0.12, 0.12, 0.14, 0.12)  # signs, scribbles, crossed-out digits, pairs, blots
CAREFUL = 0.5  # haste of print and of a careful hand
COPIES = 25  # drawings of each invented way, about

#: name -> strokes, as in `ways.WAYS`
SIGNS: dict[str, tuple[str, ...]] = {
    "A": ("50 0, 32 48, 10 100", "50 0, 70 48, 90 100", "24 64, 50 62, 78 62"),
    "A, round": ("12 100, 16 40, 50 2, 84 40, 88 100", "16 60, 50 58, 86 60"),
    "C": ("86 16, 60 0, 26 12, 10 50, 26 88, 60 100, 88 82",),
    "E": ("80 2, 50 2, 20 2*, 20 50, 20 98*, 50 98, 84 98", "20 50, 44 49, 70 48"),
    "E, round": ("80 10, 50 0, 24 14, 32 42, 54 46, 26 54, 14 82, 44 100, 82 90",),
    "F": ("22 2, 22 50, 20 100", "22 2, 50 2, 84 0", "22 48, 44 47, 68 46"),
    "H": ("18 0, 18 50, 18 100", "82 0, 82 50, 82 100", "18 50, 50 48, 82 48"),
    "K": ("20 0, 20 50, 20 100", "80 2, 50 32, 22 56", "36 44, 60 74, 84 100"),
    "L": ("24 0, 22 50, 22 98*, 52 98, 90 96",),
    "M": ("10 100, 14 50, 18 0*, 34 36, 50 70*, 66 36, 82 0*, 86 50, 90 100",),
    "N": ("14 100, 14 50, 16 0*, 50 50, 84 100*, 84 50, 86 0",),
    "P": ("24 0, 24 50, 22 100", "24 2, 60 0, 82 22, 62 48, 24 52"),
    "R": ("24 0, 24 50, 22 100", "24 2, 60 0, 80 22, 60 46, 26 50*, 54 74, 84 100"),
    "T": ("50 2, 50 50, 50 100", "4 2, 50 2, 96 0"),
    "W": ("4 0, 16 50, 26 100*, 38 60, 50 20*, 62 60, 74 100*, 86 50, 96 0",),
    "X": ("12 0, 50 50, 88 100", "88 0, 50 50, 12 100"),
    "a": ("78 12, 44 0, 14 36, 20 88, 52 92, 76 50, 80 6*, 80 60, 96 96",),
    "c": ("82 22, 54 0, 16 34, 20 84, 54 100, 86 78",),
    "d": ("70 58, 44 44, 16 66, 26 96, 58 90, 74 60", "76 0, 76 50, 82 98"),
    "e": ("14 54, 50 50, 84 40, 62 4, 24 14, 10 56, 32 96, 86 86",),
    "e, looped": ("6 66, 46 56, 80 22, 54 2, 24 30, 26 78, 56 98, 94 76",),
    "f": ("80 8, 58 0, 46 20, 44 60, 42 100", "18 42, 44 40, 74 38"),
    "h": ("20 0, 20 50, 18 100", "18 66, 44 42, 70 54, 76 100"),
    "k": ("24 0, 22 50, 20 100", "70 40, 46 58, 24 68*, 48 80, 76 100"),
    "m": ("4 100, 8 50, 8 8*, 10 30, 28 8, 42 24, 44 98*, 46 34, 66 8, 82 26, 88 98",),
    "n": ("16 100, 18 50, 18 4*, 22 30, 52 4, 76 24, 82 100",),
    "p": ("22 0, 22 50, 20 100", "22 14, 52 0, 80 22, 60 54, 24 50"),
    "r": ("26 100, 26 50, 26 4*, 30 36, 54 8, 86 10",),
    "t": ("46 0, 42 50, 46 92, 78 92", "12 30, 46 28, 84 26"),
    "u": ("14 4, 14 56, 34 96, 66 84, 80 8*, 80 60, 92 98",),
    "v": ("8 2, 28 50, 48 98*, 68 50, 90 0",),
    "w": ("4 4, 12 60, 28 96, 48 30*, 60 90, 80 90, 94 8",),
    "x": ("10 4, 50 50, 90 98", "88 2, 50 50, 12 98"),
    "x, round": ("10 10, 40 6, 46 50, 30 98, 8 88", "92 8, 62 8, 52 50, 62 98, 94 88"),
    "B": ("22 2, 20 50, 20 98", "22 2, 64 6, 68 38, 24 46", "24 46, 84 56, 78 94, 20 98"),
    "D": ("22 2, 20 50, 20 98", "4 2, 50 2, 94 40, 70 92, 4 98"),
    "G": ("84 16, 56 0, 18 20, 10 66, 40 100, 82 84, 84 56*, 66 56, 46 56",),
    "D, printed": ("16 0, 16 50, 16 100*, 60 96, 88 50, 60 4, 16 0",),
    "J": ("30 2, 56 2, 76 0*, 76 50, 74 84, 44 100, 12 84",),
    "J, plain": ("62 0, 62 50, 60 86, 34 100, 20 92",),
    "ampersand": ("96 100, 58 62, 26 18, 50 0, 70 16, 50 42, 12 70, 22 98, 58 94, 88 56",),
    "omega": ("6 98, 34 98*, 10 60, 14 16, 50 0, 86 16, 90 60, 66 98*, 94 98",),
    "t, printed": ("44 0, 44 50, 46 88, 60 100, 84 94", "16 28, 46 28, 80 28"),
    "Y": ("6 0, 28 28, 50 52*, 72 28, 94 0", "50 52, 50 76, 50 100"),
    "lambda": ("20 0, 36 4, 56 50, 84 98", "50 40, 32 70, 14 100"),
    "Q, printed": ("50 0, 14 16, 0 50, 14 84, 50 98, 86 84, 100 50, 86 16, 50 0", "62 74, 80 88, 98 102"),
    "Q": ("50 0, 12 22, 8 70, 44 96, 88 74, 90 24, 50 0", "56 70, 78 86, 104 104"),
    "U": ("10 0, 10 60, 34 98, 70 98, 90 60, 90 0",),
    "question mark": ("14 22, 34 0, 72 6, 74 32, 48 50, 46 72", "46 94, 46 97, 47 100"),
    "exclamation mark": ("50 0, 50 36, 50 70", "50 94, 50 97, 51 100"),
    "plus": ("50 0, 50 50, 50 100", "0 50, 50 50, 100 50"),
    "star": ("50 0, 50 50, 50 100", "6 26, 50 50, 94 76", "6 76, 50 50, 94 24"),
    "hash": ("34 0, 30 50, 26 100", "74 0, 70 50, 66 100", "4 34, 50 33, 98 32", "0 68, 50 67, 94 66"),
    "equals": ("0 30, 50 29, 100 28", "0 70, 50 70, 100 68"),
    "dash": ("0 50, 50 48, 100 50",),
    "wave": ("0 56, 24 40, 50 52, 76 62, 100 44",),
    "per cent": ("86 0, 50 50, 14 100", "22 2, 6 18, 22 34, 38 18, 22 2", "78 66, 62 82, 78 98, 94 82, 78 66"),
    "at": ("66 36, 42 34, 34 60, 56 68, 66 36*, 70 66, 96 52, 78 8, 30 4, 4 48, 26 94, 78 92",),
    "euro": ("90 12, 56 0, 26 30, 26 72, 58 100, 90 88", "4 40, 36 39, 70 38", "4 60, 36 59, 66 58"),
    "tick": ("4 52, 20 72, 34 98*, 60 48, 98 0",),
    "colon": ("50 2, 51 6, 50 10", "50 90, 51 94, 50 98"),
    "heart": ("50 28, 30 2, 4 22, 18 60, 50 98*, 82 60, 96 22, 70 2, 50 28",),
    "frame": ("2 2, 50 2, 98 2*, 98 50, 98 98*, 50 98, 2 98*, 2 50, 2 2",),
    "frame, upright": ("14 0, 50 0, 86 0*, 86 50, 86 100*, 50 100, 14 100*, 14 50, 14 0",),
    "corner": ("4 0, 2 50, 2 98*, 50 97, 98 96",),
    "triangle": ("50 2, 26 50, 4 98*, 50 98, 96 98*, 74 50, 50 2",),
    "arrow": ("0 50, 50 50, 98 50", "70 22, 84 36, 98 50*, 84 64, 70 80"),
    "face": (
        "50 0, 14 16, 0 50, 14 86, 50 100, 86 86, 100 50, 86 14, 50 0",
        *("30 36, 31 40", "70 36, 71 40", "24 64, 50 82, 76 64"),
    ),
    "spiral": ("52 52, 60 44, 50 34, 34 50, 48 72, 78 56, 66 16, 22 16, 8 64, 46 98, 98 70",),
    "sigma": ("84 4, 50 2, 16 2*, 54 50*, 14 98*, 50 97, 88 96",),
    "sharp s": ("18 100, 18 50, 22 14, 50 0, 74 18, 46 46, 82 68, 70 96, 44 98",),
    "zigzag": ("0 30, 12 70*, 24 30*, 38 72*, 50 28*, 64 70*, 76 30*, 88 72*, 100 28",),
}  # fmt: skip


@cache
def list_signs() -> tuple[Way, ...]:
    """Return the letters and signs; as ways of writing no digit they have the label -1."""
    return tuple(make_way(-1, name, 1.0, strokes) for name, strokes in SIGNS.items())


def draw_strangers_of(rng: np.random.Generator, n: int, draw_digits: Draw) -> F32:
    """Return (n, 40, 40) amounts of what is no digit: letters and signs, scribbles, spoiled digits, pairs, blots.

    Parameters
    ----------
    rng
        The same state draws the same.
    n
        How many.
    draw_digits
        Draws the digits that are crossed out or paired.
    """
    kinds = rng.choice(len(SHARES), n, p=SHARES)
    strangers = np.zeros((n, CANVAS, CANVAS), np.float32)
    for kind, draw in enumerate((_draw_signs, _draw_scribbles, _cross_out, _pair_up, _spill)):
        (chosen,) = np.nonzero(kinds == kind)
        if len(chosen):
            strangers[chosen] = draw(rng, len(chosen), draw_digits)
    return strangers


def _draw_signs(rng: np.random.Generator, n: int, draw_digits: Draw) -> F32:
    """Draw letters and signs, every other one as carefully as print."""
    careful = n // 2
    return np.concatenate(
        [_draw_ways(rng, list_signs(), careful, haste=CAREFUL), _draw_ways(rng, list_signs(), n - careful)]
    )


def _draw_scribbles(rng: np.random.Generator, n: int, draw_digits: Draw) -> F32:
    """Draw a pen going to and fro without aim, each way a few times."""
    ways = [_invent(rng, int(rng.integers(1, 4)), 6, 14) for _ in range(-(-n // COPIES // 2))]
    ways += [_wander(rng, int(rng.integers(15, 60))) for _ in ways]
    return _draw_ways(rng, ways, n)


def _cross_out(rng: np.random.Generator, n: int, draw_digits: Draw) -> F32:
    """Draw digits and two to four lines through each."""
    digits = draw_digits(rng, rng.integers(10, size=n))
    lines = _draw_ways(rng, [_strike(rng, int(rng.integers(2, 5))) for _ in range(-(-n // COPIES))], n)
    return np.maximum(digits, lines)


def _spill(rng: np.random.Generator, n: int, draw_digits: Draw) -> F32:
    """Draw blots as textures, shadows and photographs leave them when they are taken for ink."""
    blots = np.zeros((n, CANVAS, CANVAS), np.float32)
    for blot in blots:
        noise = ndi.gaussian_filter(rng.normal(size=blot.shape), rng.uniform(0.8, 4, 2))
        blot[:] = noise > np.quantile(noise, rng.uniform(0.5, 0.9))
    return blots


def _pair_up(rng: np.random.Generator, n: int, draw_digits: Draw) -> F32:
    """Draw two digits side by side, more or less apart."""
    digits = draw_digits(rng, rng.integers(10, size=2 * n))
    pairs = np.zeros((n, CANVAS, CANVAS), np.float32)
    for pair, left, right in zip(pairs, digits[::2], digits[1::2], strict=True):
        one, two = (_narrow(digit) for digit in (left, right))
        gap = int(rng.integers(-3, 5))
        width = one.shape[1] + two.shape[1] + gap
        whole = np.zeros((CANVAS, max(width, one.shape[1], two.shape[1])), np.float32)
        whole[:, : one.shape[1]] = one
        whole[:, -two.shape[1] :] = np.maximum(whole[:, -two.shape[1] :], two)
        scale = CANVAS / max(whole.shape)
        small = ndi.zoom(whole, scale, order=1, grid_mode=True, mode="nearest").clip(0, 1)
        pair[: small.shape[0], : small.shape[1]] = small
    return pairs


def _narrow(digit: F32) -> F32:
    """Return the columns that hold ink."""
    columns = np.flatnonzero(digit.max(axis=0) > 0.3)
    return digit[:, columns[0] : columns[-1] + 1]


def _strike(rng: np.random.Generator, strokes: int) -> Way:
    """Return a way of lines from side to side."""
    lines = np.stack([rng.uniform(0, 100, (strokes, 3)), np.tile([0.0, 50.0, 100.0], (strokes, 1))], axis=2)
    lines += rng.normal(0, 8, lines.shape)
    level = rng.random(strokes) < 0.7
    lines[level] = lines[level][:, :, ::-1]
    return Way(-1, "strike", 1.0, tuple(lines.astype(np.float32)), (np.zeros(3, bool),) * strokes)


def _invent(rng: np.random.Generator, strokes: int, fewest: int, most: int) -> Way:
    """Return a way of random strokes of so many points."""
    counts = rng.integers(fewest, most + 1, strokes)
    return Way(
        -1,
        "invented",
        1.0,
        tuple(rng.uniform(0, 100, (count, 2)).astype(np.float32) for count in counts),
        tuple(rng.random(count) < 0.2 for count in counts),
    )


def _wander(rng: np.random.Generator, points: int) -> Way:
    """Return a way of one stroke that wanders without aim."""
    walk = rng.normal(0, 1, (points, 2)).cumsum(axis=0)
    walk = 100 * (walk - walk.min(axis=0)) / np.maximum(np.ptp(walk, axis=0), 1e-6)
    return Way(-1, "walk", 1.0, (walk.astype(np.float32),), (rng.random(points) < 0.3,))


def _draw_ways(rng: np.random.Generator, ways: Sequence[Way], n: int, *, haste: float = HASTE) -> F32:
    """Return (n, 40, 40) drawings, each in any of the ways."""
    drawings = np.zeros((n, CANVAS, CANVAS), np.float32)
    which = rng.integers(len(ways), size=n)
    for index, way in enumerate(ways):
        (chosen,) = np.nonzero(which == index)
        if len(chosen):
            drawings[chosen] = draw_way(rng, way, len(chosen), haste=haste)
    return drawings
