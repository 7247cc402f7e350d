"""What paper, print, light and cameras do to a picture, one plain function each.

Layers are float32 and one sheet thick, (h, w); pictures are float32 (h, w, 1) or (h, w, 3), reflectance in 0..1.
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from digit_batch.paper.kinds import Ruling

Layer = NDArray[np.float32]
Shape = tuple[int, int]  # height, width in px


def resize_layer(layer: Layer, shape: Shape) -> Layer:
    """Resample to `shape`: averaged when reduced, smooth when enlarged."""
    resized = Image.fromarray(layer).resize(shape[::-1], Image.Resampling.BICUBIC)
    return np.asarray(resized, dtype=np.float32)


def draw_noise(rng: np.random.Generator, shape: Shape, grain: float = 1.0) -> Layer:
    """Noise of unit spread whose lumps are about `grain` px wide."""
    if grain <= 1:
        return rng.standard_normal(shape, dtype=np.float32)
    rows, columns = (max(2, round(side / grain) + 1) for side in shape)
    lumps = resize_layer(rng.standard_normal((rows, columns), dtype=np.float32), shape)
    return lumps / max(float(lumps.std()), 1e-6)


def draw_light(rng: np.random.Generator, shape: Shape, fall: float, vignette: float) -> Layer:
    """Light on the sheet, 1 where it is brightest: it falls off to one side by `fall`, to the corners by `vignette`."""
    y, x = np.ogrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    slope = 0.5 + 0.35 * (np.cos(angle) * x + np.sin(angle) * y)
    return np.asarray((1 - fall * slope) * (1 - 0.5 * vignette * (x**2 + y**2)), dtype=np.float32)


def draw_shadow(rng: np.random.Generator, shape: Shape) -> Layer:
    """Factor of the light with a hand's or a phone's shadow over a part of the sheet; its edge is soft."""
    y, x = np.ogrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-0.6, 0.6)
    bend = rng.uniform(-0.25, 0.25)
    depth = np.cos(angle) * x + np.sin(angle) * y - offset + bend * (np.sin(angle) * x - np.cos(angle) * y) ** 2
    dark = 1 / (1 + np.exp(-depth / rng.uniform(0.02, 0.15)))
    return np.asarray(1 - rng.uniform(0.15, 0.5) * dark, dtype=np.float32)


def draw_creases(rng: np.random.Generator, shape: Shape, count: int) -> Layer:
    """Folds: each a straight line, lit on one flank and dark on the other; to be added to the light."""
    relief = np.zeros(shape, np.float32)
    y, x = np.ogrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    for _ in range(count):
        angle, offset, width = rng.uniform(0, np.pi), rng.uniform(-1, 1), rng.uniform(0.01, 0.05)
        across = (np.cos(angle) * x + np.sin(angle) * y - offset) / width
        relief += rng.uniform(-0.06, 0.06) * across * np.exp(-(across**2) / 2)
    return relief


def draw_print(rng: np.random.Generator, shape: Shape) -> Layer:
    """Lines of print, as they show through from the other side: soft and mirrored, so no letter need be right."""
    pitch = shape[0] * rng.uniform(0.12, 0.3)  # px from line to line
    rows, columns = max(1, round(shape[0] / pitch)), max(4, round(shape[1] / pitch * 2.6))
    letters = rng.uniform(0, 1, (rows, 3, columns)).astype(np.float32)
    letters[np.repeat(rng.random((rows, 1, columns)) < 0.2, 3, axis=1)] = 0  # between words
    lines = np.concatenate([letters, np.zeros((rows, 2, columns), np.float32)], axis=1).reshape(-1, columns)
    return np.clip(resize_layer(lines, shape), 0, 1)


def draw_halftone(rng: np.random.Generator, shape: Shape) -> Layer:
    """Dots of a printed tint at 45 degrees, 2.5 to 5 px apart, 0..1."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    turn = 2 * np.pi / rng.uniform(2.5, 5.0)
    waves = np.sin(turn * 0.7071 * (x + y)) * np.sin(turn * 0.7071 * (x - y))
    return np.asarray(0.5 + 0.5 * waves, dtype=np.float32)


def draw_specks(rng: np.random.Generator, shape: Shape, count: int) -> Layer:
    """Dust and toner: `count` dots of 1 to 3 px or so."""
    layer = np.zeros(shape, np.float32)
    for _ in range(count):
        height, width = rng.integers(1, max(2, min(shape) // 40) + 1, 2)
        top, left = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        layer[top : top + height, left : left + width] = 1
    return layer


def draw_lines(shape: Shape, angle: float, offsets: NDArray[np.float64], width: float) -> Layer:
    """Straight lines `width` px wide; `angle` 0 is level; `offsets` are px from the top (left, for upright lines)."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    across = np.asarray(np.cos(angle) * y - np.sin(angle) * x, dtype=np.float32)
    layer = np.zeros(shape, np.float32)
    for offset in offsets:
        np.maximum(layer, np.clip(width / 2 + 0.5 - np.abs(across - offset), 0, 1), out=layer)
    # A line thinner than a pixel covers only a part of it.
    return layer * np.float32(min(1.0, width))


def draw_ruling(
    rng: np.random.Generator, shape: Shape, ruling: Ruling, width: float, foot: float, size: float
) -> Layer:
    """Draw the printed lines of the sheet, 0..1.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
    ruling : Ruling
        Its pattern.
    width : float
        Width of the lines, px.
    foot : float
        Where the digit stands, px from the top: writers keep to the ruled line.
    size : float
        The digit's longer side, px: rulings are made for handwriting, so their pitch goes with it.
    """
    height, wide = shape
    tilt, upright = rng.normal(0, 0.012), -np.pi / 2
    if ruling == "ruled":
        pitch = size * rng.uniform(0.9, 1.6)
        first = (foot + rng.uniform(-0.08, 0.12) * size) % pitch
        return draw_lines(shape, tilt, np.arange(first, height + pitch, pitch), width)
    if ruling == "graph":
        pitch = size * rng.uniform(0.35, 0.9)
        rows = np.arange(rng.uniform(0, pitch), height + pitch, pitch)
        columns = np.arange(rng.uniform(0, pitch), wide + pitch, pitch)
        return np.maximum(draw_lines(shape, tilt, rows, width), draw_lines(shape, upright + tilt, columns, width))
    if ruling == "margin":
        return draw_lines(shape, upright + tilt, np.array([wide * rng.choice([0.06, 0.94])]), width)
    edges = rng.uniform(0.02, 0.09, 4) if ruling == "box" else rng.uniform(-0.03, 0.03, 4)
    seen = np.ones(4, bool) if ruling == "box" else rng.random(4) < 0.45
    rows = np.array([edges[0] * height, (1 - edges[1]) * height])[seen[:2]]
    columns = np.array([edges[2] * wide, (1 - edges[3]) * wide])[seen[2:]]
    return np.maximum(draw_lines(shape, tilt, rows, width), draw_lines(shape, upright + tilt, columns, width))


def blur(layer: Layer, sigma: float) -> Layer:
    """Out of focus by `sigma` px."""
    return np.asarray(gaussian_filter(layer, sigma, mode="nearest", truncate=3.0), dtype=np.float32)


def sharpen(layer: Layer, amount: float) -> Layer:
    """Sharpen as phones do: the stroke gets darker, and a rim lighter than the paper."""
    return layer + np.float32(amount) * (layer - blur(layer, 2.0))


def lay_ink(picture: NDArray[np.float32], layer: Layer, colour: NDArray[np.float32]) -> NDArray[np.float32]:
    """Put ink on the sheet: dark ink swallows light, light ink (chalk) covers."""
    amount = layer[..., None]
    if colour.mean() < picture.mean():
        return picture * (1 - amount * (1 - colour))
    return picture * (1 - amount) + colour * amount


def jpeg(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Through JPEG and back."""
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))
