"""A scan of a digit: its ink amount placed in a frame, on paper, in some light, seen by some eye."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digit_batch.paper import effects
from digit_batch.paper.effects import Layer, Shape
from digit_batch.paper.kinds import KINDS, Colour, Kind, Range

GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601, as Pillow's "L"
CUT_OFF = 0.125  # at most this share of a clipped digit is outside the frame


@dataclass(frozen=True)
class _Place:
    """Where the digit goes in the frame, px."""

    frame: Shape
    digit: Shape
    top: int
    left: int

    @property
    def foot(self) -> int:
        return self.top + self.digit[0]


def draw_scan(rng: np.random.Generator, amount: Layer, kind: str | Kind | None = None) -> NDArray[np.uint8]:
    """Draw a scan of one digit.

    Parameters
    ----------
    rng : numpy.random.Generator
        The same state draws the same picture.
    amount : ndarray of float32, shape (h, w)
        Share of ink in each pixel of the digit's tight crop, 0..1. The width of its strokes is the caller's:
        ``Kind.stroke`` says what suits. With no pixel, or none inked, the scan is blank.
    kind : str or Kind, optional
        What it is drawn on: a name in ``KINDS``, or a kind of one's own; by default any of the table.

    Returns
    -------
    ndarray of uint8, shape (h, w) or (h, w, 3)
        Grey, or red, green, blue.

    Raises
    ------
    KeyError
        `kind` is no name in ``KINDS``.
    """
    return draw_scan_with_truth(rng, amount, kind)[0]


def draw_scan_with_truth(
    rng: np.random.Generator, amount: Layer, kind: str | Kind | None = None
) -> tuple[NDArray[np.uint8], Layer]:
    """Draw a scan, and say where the digit's ink is in it.

    Parameters
    ----------
    rng, amount, kind
        As in `draw_scan`.

    Returns
    -------
    picture : ndarray of uint8, shape (h, w) or (h, w, 3)
    mask : ndarray of float32, shape (h, w)
        Share of each pixel that the pen went over, 0..1, whether it left much ink there or not.
    """
    if kind is None:
        kind = str(rng.choice(list(KINDS)))
    if isinstance(kind, str):
        kind = KINDS[kind]
    place = _place_digit(rng, kind, amount.shape)
    mask = _lay_out(amount, place)
    picture = _draw_sheet(rng, kind, place)
    picture = effects.lay_ink(picture, _wet(rng, kind, mask), _pick_colour(rng, kind.ink, picture.shape[2]))
    return _expose(rng, kind, picture), mask


def _draw(rng: np.random.Generator, values: Range) -> float:
    return float(rng.uniform(*values))


def _pick_colour(rng: np.random.Generator, colours: tuple[Colour, ...], channels: int) -> NDArray[np.float32]:
    """One of the colours, a little off, as reflectance; its grey where the eye sees no colour."""
    colour = np.array(colours[rng.integers(len(colours))]) / 255
    if 0 < colour.mean() < 1:  # a screen's black and white are exact
        colour = np.clip(colour + rng.normal(0, 0.008, 3), 0, 1)
    seen = colour if channels == 3 else np.array([colour @ GREY_WEIGHTS])
    return np.asarray(seen, dtype=np.float32)


def _place_digit(rng: np.random.Generator, kind: Kind, shape: tuple[int, ...]) -> _Place:
    height = round(_draw(rng, kind.side))
    frame = (height, max(4, round(height * _draw(rng, kind.aspect))))
    rows, columns = max(1, shape[0]), max(1, shape[1])
    scale = _draw(rng, kind.fill) * min(frame[0] / rows, frame[1] / columns)
    digit = (max(1, round(rows * scale)), max(1, round(columns * scale)))
    free = np.subtract(frame, digit)
    top, left = (round(side * (0.5 + kind.wander * rng.uniform(-0.5, 0.5))) for side in free)
    if rng.random() < kind.clip:
        outside = rng.uniform(0.03, CUT_OFF)
        edge = rng.integers(4)
        if edge < 2:
            top = round(-outside * digit[0] if edge else frame[0] - (1 - outside) * digit[0])
        else:
            left = round(-outside * digit[1] if edge == 2 else frame[1] - (1 - outside) * digit[1])
    return _Place(frame, digit, top, left)


def _lay_out(amount: Layer, place: _Place) -> Layer:
    """Put the amount at its size into its place of an empty frame; what is outside the frame is lost."""
    mask = np.zeros(place.frame, np.float32)
    if not amount.size:
        return mask
    digit = effects.resize_layer(np.ascontiguousarray(amount, np.float32), place.digit)
    enlarged = place.digit[0] / amount.shape[0]
    if enlarged > 1:  # an enlarged edge stays a pixel wide: pens leave edges, not ramps
        digit = (digit - 0.5) * np.float32(enlarged) + 0.5
    top, left = max(0, place.top), max(0, place.left)
    seen = digit[top - place.top : place.frame[0] - place.top, left - place.left : place.frame[1] - place.left]
    mask[top : top + seen.shape[0], left : left + seen.shape[1]] = np.clip(seen, 0, 1)
    return mask


def _wet(rng: np.random.Generator, kind: Kind, mask: Layer) -> Layer:
    """Let the pen leave its ink: more or less along the stroke, less in the paper's pits."""
    shape = (mask.shape[0], mask.shape[1])
    ink = mask * np.float32(_draw(rng, kind.density))
    if flow := _draw(rng, kind.flow):
        ink *= np.clip(1 - flow * np.abs(effects.draw_noise(rng, shape, max(shape) / 7)), 0.15, 1)
    if tooth := _draw(rng, kind.tooth):
        pits = effects.draw_noise(rng, shape, 1.6)
        ink *= np.clip(1 - tooth * np.clip(pits + 0.3, 0, None), 0, 1)
    ink = effects.blur(ink, _draw(rng, kind.blur))
    sharpened = _draw(rng, kind.sharpen)
    return effects.sharpen(ink, sharpened) if sharpened else ink


def _draw_sheet(rng: np.random.Generator, kind: Kind, place: _Place) -> NDArray[np.float32]:
    """Draw the sheet before the pen: its colour, its texture and what is printed on both of its sides."""
    shape, channels = place.frame, 1 if kind.grey else 3
    texture = np.zeros(shape, np.float32)
    if grain := _draw(rng, kind.grain):
        texture += grain / 255 * effects.draw_noise(rng, shape, rng.uniform(1.2, 2.4))
    if blotch := _draw(rng, kind.blotch):
        texture += blotch / 255 * effects.draw_noise(rng, shape, max(shape) / rng.uniform(4, 12))
    if show_through := _draw(rng, kind.show_through):
        texture -= show_through * effects.blur(effects.draw_print(rng, shape), 1.0)
    if halftone := _draw(rng, kind.halftone):
        texture -= halftone * effects.draw_halftone(rng, shape)
    sheet = _pick_colour(rng, kind.paper, channels) + texture[..., None]
    printed = np.zeros(shape, np.float32)
    for ruling in kind.rulings:
        width = _draw(rng, kind.ruling_width) * shape[0]
        lines = effects.draw_ruling(rng, shape, ruling, width, place.foot, max(place.digit))
        printed = np.maximum(printed, lines)
    if specks := int(rng.integers(kind.specks[0], kind.specks[1] + 1)):
        printed = np.maximum(printed, effects.draw_specks(rng, shape, specks))
    if printed.any():
        colour = _pick_colour(rng, kind.ruling_ink, channels)
        sheet = effects.lay_ink(sheet, effects.blur(printed, _draw(rng, kind.blur)), colour)
    return sheet


def _expose(rng: np.random.Generator, kind: Kind, picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Look at the sheet: light, sensor, and what a scanner or a phone makes of it before the file is written."""
    shape = (picture.shape[0], picture.shape[1])
    light = effects.draw_light(rng, shape, _draw(rng, kind.light), _draw(rng, kind.vignette))
    if rng.random() < kind.shadow:
        light = light * effects.draw_shadow(rng, shape)
    if kind.creases:
        light = light + effects.draw_creases(rng, shape, int(rng.integers(kind.creases + 1)))
    picture = picture * (light * np.float32(_draw(rng, kind.exposure)))[..., None]
    if noise := _draw(rng, kind.noise):
        picture = picture + np.float32(noise / 255) * effects.draw_noise(rng, shape)[..., None]
    seen = np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
    if kind.grey:
        seen = seen[..., 0]
    if kind.threshold:
        seen = np.where(seen < rng.uniform(0.5, 0.68) * np.median(seen), np.uint8(0), np.uint8(255))
    return effects.jpeg(seen, int(rng.integers(*kind.jpeg))) if kind.jpeg else seen
