"""Any kind of Pillow image -> grey or RGB bytes, upright, at the size that is enough.

Works through large pictures in bands, so that beside Pillow's own copy only the result is held: 100 million
RGBA pixels are 400 MB decoded, and a whole-picture `convert` followed by `numpy.asarray` would need 1.4 GB.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["read_pixels", "turn_upright"]

BAND_PIXELS = 4_000_000  # a band of this size costs at most about 100 MB while it is converted
SAMPLE_SIDE = 256  # px, of the sample that a transparent picture's ground and a 16-bit picture's range are judged by
DARK_BELOW = 128  # of 255: mean luminance under which ink on transparency is dark
PAPER_SPREAD = 40.0  # of 255: opaque pixels that vary more than this hold both ink and paper
FLOAT_RANGES = (1.0, 255.0, 65535.0)

# What every other mode is first converted to; alpha where the picture has any, so that the ground can be chosen.
_PLAIN = {"1": "L", "LAB": "L", "L": "L"}
_WITH_ALPHA = {"1": "LA", "L": "LA", "LA": "LA", "La": "LA"}


def read_pixels(image: Image.Image, enough: int | None = None, *, white_is_zero: bool = False) -> NDArray[np.uint8]:
    """Convert a loaded image to grey or RGB bytes.

    Parameters
    ----------
    image
        Loaded, of any mode.
    enough
        Longest side in px that suffices; a larger picture is reduced by a whole factor with a box filter,
        never below this. None keeps every pixel.
    white_is_zero
        The values of a deep (more than 8-bit) picture count down from white.

    Returns
    -------
    ndarray of uint8
        (h, w) grey or (h, w, 3) RGB, C-contiguous, perhaps read-only.

    Notes
    -----
    More than 8 bits: the values are shifted right until the largest fits in 8 bits, so that full 16-bit data
    lose exactly their lower byte, and 12-bit data in a 16-bit file keep their contrast. Floats are taken as
    0..1, 0..255, 0..65535 or 0..largest, whichever is the first to hold them.

    Transparency: laid on a ground that keeps the ink visible. Where the opaque part is mostly one tone, it is
    ink alone, and the ground is white for dark and black for light ink; where it is most of the picture and
    holds ink and paper, the ground is the paper's tone. LAB gives its lightness.
    """
    factor = max(1, max(image.size) // enough) if enough else 1
    if factor == 1 and image.mode in ("L", "RGB") and not image.has_transparency_data:
        return np.asarray(image)  # most files by far: nothing to do
    convert = _choose_conversion(image, white_is_zero)
    width, height = image.size
    rows = max(1, BAND_PIXELS // width // factor) * factor
    if rows >= height:
        return _reduce(convert(image), factor)
    first = _reduce(convert(image.crop((0, 0, width, rows))), factor)
    pixels = np.empty((-(-height // factor), *first.shape[1:]), dtype=np.uint8)
    pixels[: len(first)] = first
    for top in range(rows, height, rows):
        band = _reduce(convert(image.crop((0, top, width, min(top + rows, height)))), factor)
        pixels[top // factor : top // factor + len(band)] = band
    return pixels


def turn_upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo one of the eight orientations of EXIF (tag 274; 1 is upright)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _reduce(band: Image.Image, factor: int) -> NDArray[np.uint8]:
    return np.asarray(band.reduce(factor) if factor > 1 else band)


def _choose_conversion(image: Image.Image, white_is_zero: bool) -> Callable[[Image.Image], Image.Image]:
    """Find what turns each band of this image into L or RGB."""
    mode = image.mode
    if mode in ("I", "F") or mode.startswith("I;16"):
        return _scale_from(image, white_is_zero)
    if image.has_transparency_data:
        alpha_mode = _WITH_ALPHA.get(mode, "RGBA")
        ground = _choose_ground(image.resize(_sample_size(image), Image.Resampling.NEAREST).convert(alpha_mode))
        if ground is not None:
            return lambda band: _lay_on(band.convert(alpha_mode), ground)
    if mode == "LAB":  # its lightness; a conversion to RGB would need a colour profile
        return lambda band: band.getchannel("L")
    plain = _PLAIN.get(mode, "RGB")
    if mode in ("LA", "La") or (mode == "P" and _is_grey(image)):
        plain = "L"
    return lambda band: band if band.mode == plain else band.convert(plain)


def _is_grey(image: Image.Image) -> bool:
    palette = bytes(image.getpalette("RGB") or ())
    return palette[0::3] == palette[1::3] == palette[2::3]


def _sample_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    return min(width, SAMPLE_SIDE), min(height, SAMPLE_SIDE)


def _choose_ground(sample: Image.Image) -> int | None:
    """Choose the tone, 0 to 255, to lay a transparent picture on; None when nothing in it is transparent."""
    alpha = np.asarray(sample.getchannel("A"), dtype=np.float32)
    if alpha.min() == 255:
        return None
    total = float(alpha.sum())
    if total == 0:
        return 255
    luminance = np.asarray(sample.convert("L"), dtype=np.float32)
    mean = float((luminance * alpha).sum()) / total
    spread = math.sqrt(float(((luminance - mean) ** 2 * alpha).sum()) / total)
    if spread > PAPER_SPREAD and total > 0.5 * 255 * alpha.size:
        opaque = np.sort(luminance[alpha > 127])
        return int(opaque[len(opaque) // 2])
    return 255 if mean < DARK_BELOW else 0


def _lay_on(band: Image.Image, ground: int) -> Image.Image:
    """Composite LA or RGBA on one tone."""
    *colours, alpha = band.split()
    tone = Image.new("L", band.size, ground)
    return Image.merge("RGB" if len(colours) == 3 else "L", [Image.composite(c, tone, alpha) for c in colours])


def _scale_from(image: Image.Image, white_is_zero: bool) -> Callable[[Image.Image], Image.Image]:
    """Find what scales the bands of a deep picture to 8 bits, from the range of the whole of it."""
    low, high = _find_range(image)
    if image.mode == "F":
        factor = 255 / next((full for full in FLOAT_RANGES if high - low <= full), high - low)
    else:
        factor = 2.0 ** -max(0, int(high - low).bit_length() - 8)

    def scale(band: Image.Image) -> Image.Image:
        values = np.nan_to_num(np.asarray(band, dtype=np.float64), nan=low, posinf=high, neginf=low)
        levels = ((values - low) * factor).astype(np.uint8)  # whole numbers times a power of two: an exact shift
        return Image.fromarray(255 - levels if white_is_zero else levels)

    return scale


def _find_range(image: Image.Image) -> tuple[float, float]:
    """Find the least (at most 0) and the largest finite value."""
    low, high = 0.0, 0.0
    rows = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        values = np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))))
        values = values[np.isfinite(values)] if image.mode == "F" else values
        low, high = min(low, values.min(initial=0).item()), max(high, values.max(initial=0).item())
    return low, high
