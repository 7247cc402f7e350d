"""A pen: from the points of a way to pixels, with the unsteadiness of a hand.

A stack of digits of one way is drawn at once: the points jitter, a spline through them gives dots, the whole pad is
bent, slanted and turned, and a tip of some width and shape is stamped on every dot.
"""

from functools import cache, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from digit_batch.strokes.ways import Way

F32 = NDArray[np.float32]

PAD = 100.0  # a digit is written about this high
CANVAS = 40  # px, height and width of a drawing
HASTE = 1.35  # how far the hand strays from the way; 0.6, 1 and 1.4 read MNIST at 93.1, 94.7 and 95.4 %
MARGIN = 1.0  # px left free around the drawing
SPACING = 3.0  # pad units between the dots a stroke is stamped with


@lru_cache(maxsize=1024)
def dots_of(points_key: tuple[tuple[float, float, bool], ...]) -> F32:
    """Return (dots, points): the dots along the curve as a linear map of its points.

    A spline whose knots are fixed (at the drawn lengths) is linear in its points, so a whole stack of jittered copies
    is one matrix product.
    """
    points = np.array([p[:2] for p in points_key])
    breaks = [0, *(i for i, p in enumerate(points_key) if p[2] and 0 < i < len(points) - 1), len(points) - 1]
    rows = []
    for first, last in pairwise(breaks):
        piece = points[first : last + 1]
        lengths = np.hypot(*np.diff(piece, axis=0).T)
        knots = np.concatenate([[0], np.cumsum(np.sqrt(lengths))])
        eye = np.zeros((last - first + 1, len(points)))
        eye[np.arange(last - first + 1), np.arange(first, last + 1)] = 1
        at = np.linspace(0, knots[-1], max(3, int(lengths.sum() / SPACING)))
        if len(piece) == 2:
            rows.append(np.outer(1 - at / knots[-1], eye[0]) + np.outer(at / knots[-1], eye[1]))
        else:
            rows.append(CubicSpline(knots, eye, bc_type="natural")(at))
    return np.concatenate(rows).astype(np.float32)


def draw_way(rng: np.random.Generator, way: Way, n: int, *, haste: float = HASTE) -> F32:
    """Return (n, 40, 40) amounts 0..1 of one way; `haste` scales how far the hand strays from it (0: not at all)."""
    drawings = [stamp(*write(rng, way, min(256, n - start), haste)) for start in range(0, n, 256)]
    return np.concatenate(drawings)


def write(rng: np.random.Generator, way: Way, n: int, haste: float) -> tuple[F32, F32, F32]:
    """Return the dots (n, dots, 2) in px, their radii (n, dots) in px, and the tip (n, 3): xx, xy, yy of its metric."""
    care = haste * np.exp(rng.normal(0, 0.35, (n, 1, 1)))
    strokes, radii = [], []
    for points, corners in zip(way.strokes, way.corners, strict=True):
        moved = points + care * rng.normal(0, 3.0, (n, *points.shape))
        for end, inner in ((0, 1), (-1, -2)):  # gaps and overshoot: the ends slide along the stroke
            along = points[end] - points[inner]
            moved[:, end] += care[:, 0] * rng.normal(0, 4.0, (n, 1)) * along / np.hypot(*along)
        if len(way.strokes) > 1:
            middle = moved.mean(axis=1, keepdims=True)
            moved = middle + (moved - middle) * np.exp(care * rng.normal(0, 0.08, (n, 1, 2)))
            moved += care * rng.normal(0, 3.0, (n, 1, 2))
        key = tuple((float(x), float(y), bool(c)) for (x, y), c in zip(points, corners, strict=True))
        dots = dots_of(key) @ moved
        strokes.append(dots)
        radii.append(press(rng, n, dots.shape[1], haste))
    dots = bend(rng, np.concatenate(strokes, axis=1), haste)
    pressure = np.concatenate(radii, axis=1)
    half = np.exp(rng.uniform(np.log(0.022), np.log(0.085), (n, 1)))  # half the pen width, share of the height
    return place(dots, half * pressure, tip(rng, n))


def press(rng: np.random.Generator, n: int, dots: int, haste: float) -> NDArray[np.float64]:
    """Return (n, dots) the pen's pressure along a stroke, about 1: two slow waves."""
    at = np.linspace(0, 1, dots)
    wave = rng.normal(0, 0.12, (n, 1)) * np.cos(np.pi * at) + rng.normal(0, 0.1, (n, 1)) * np.cos(2 * np.pi * at)
    return np.clip(1 + haste * wave, 0.5, 1.6)


def bend(rng: np.random.Generator, dots: NDArray[np.float64], haste: float) -> NDArray[np.float64]:
    """Return the dots after the whole pad is bent, squeezed, slanted and turned, as a hand does with a whole digit."""
    n = len(dots)
    x, y = dots[..., 0] / 50 - 1, dots[..., 1] / 50 - 1
    waves = rng.normal(0, 0.07 * haste, (n, 2, 6))
    basis = np.stack([x * y, x * x, y * y, np.sin(np.pi * y), np.sin(np.pi * x), x * y * y], axis=-1)
    push = np.einsum("ndk,nck->ndc", basis, waves)
    x, y = x + push[..., 0], y + push[..., 1]
    x = x * np.exp(rng.normal(0, 0.22 * haste, (n, 1)))
    x = x - rng.normal(0.12, 0.25 * haste, (n, 1)) * y
    angle = rng.normal(0, 0.12 * haste, (n, 1))
    return np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], axis=-1)


def tip(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Return (n, 3) the metric xx, xy, yy of the pen's tip: 1, 0, 1 is round, others are chisels held at some angle."""
    ratio = np.where(rng.random(n) < 0.3, np.exp(rng.uniform(0, 0.7, n)), 1.0)
    angle = rng.uniform(0, np.pi, n)
    c, s, long, short = np.cos(angle), np.sin(angle), 1 / ratio, ratio
    return np.stack([c * c * long + s * s * short, c * s * (long - short), s * s * long + c * c * short], axis=1)


def place(dots: NDArray[np.float64], half: NDArray[np.float64], metric: NDArray[np.float64]) -> tuple[F32, F32, F32]:
    """Return dots, radii and tip in px: the drawing fills the canvas, whatever its shape."""
    low, high = dots.min(axis=1, keepdims=True), dots.max(axis=1, keepdims=True)
    size = (high - low).max(axis=2, keepdims=True)
    room = (CANVAS - 2 * MARGIN) / (size * (1 + 2 * half.max(axis=1)[:, None, None]))
    placed = (dots - (low + high) / 2) * room + CANVAS / 2
    radii = half * size[:, :, 0] * room[:, :, 0]
    return placed.astype(np.float32), np.maximum(radii, 0.4).astype(np.float32), metric.astype(np.float32)


@cache
def pixel_terms() -> F32:
    """Return (pixels, 6): xx, xy, yy, x, y, 1 of the pixel centres, for distances by one matrix product."""
    centre = np.arange(CANVAS, dtype=np.float32) + 0.5
    y, x = np.meshgrid(centre, centre, indexing="ij")
    return np.stack([x * x, x * y, y * y, x, y, np.ones_like(x)], axis=-1).reshape(-1, 6)


def stamp(dots: F32, radii: F32, metric: F32) -> F32:
    """Return (n, 40, 40) amounts: how far each pixel lies inside the nearest stamped dot, soft over one px.

    Near the rim of a dot of radius r the distance to it is about (d*d - r*r) / 2r, linear in the terms of the pixel.
    """
    x, y = dots[..., 0], dots[..., 1]
    a, b, c = metric[:, 0, None], metric[:, 1, None], metric[:, 2, None]
    scale = 1 / (2 * radii)
    terms = np.stack(
        [
            a * scale,
            2 * b * scale,
            c * scale,
            -2 * (a * x + b * y) * scale,
            -2 * (b * x + c * y) * scale,
            (a * x * x + 2 * b * x * y + c * y * y) * scale - radii / 2,
        ],
        axis=1,
    )
    drawings = np.empty((len(dots), CANVAS * CANVAS), np.float32)
    for drawing, term in zip(drawings, terms, strict=True):
        np.min(pixel_terms() @ term, axis=1, out=drawing)
    amounts: F32 = np.clip(0.5 - drawings, 0, 1).reshape(-1, CANVAS, CANVAS)
    return amounts
