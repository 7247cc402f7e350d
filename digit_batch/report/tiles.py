"""The steps of a reading as square Pillow tiles: the picture, the ink, the box, the grid."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from digit_batch.features import LEVELS, SIDE
from digit_batch.ink import Ink

PAPER = (255, 255, 255)
GROUND = (246, 247, 249)  # the page
LINE = (214, 218, 224)
TEXT = (31, 41, 55)
FAINT = (124, 132, 145)
INK = (23, 37, 84)  # full ink; less is mixed with paper
MARK = (234, 88, 12)  # the crop's box
AROUND = 1.5  # times the crop's longer side is shown around it in small tiles
DIMMED = 0.4  # how far the picture outside of the box fades into the page

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@cache
def font(size: int) -> Font:
    """Return Pillow's own font at a size in px."""
    return ImageFont.load_default(size)


def mix(share: float, ink: Colour = INK, paper: Colour = PAPER) -> Colour:
    """Return a colour between paper (0) and ink (1)."""
    red, green, blue = (round(p + (i - p) * share) for i, p in zip(ink, paper, strict=True))
    return red, green, blue


def fit(image: Image.Image, side: int) -> Image.Image:
    """Return the image at the largest size that fits a square; a small one shows its pixels."""
    scale = side / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST)


def centre(image: Image.Image, side: int, ground: Colour = PAPER) -> tuple[Image.Image, int, int]:
    """Return a square tile with the image in its middle, and where its corner lies: x, y."""
    tile = Image.new("RGB", (side, side), ground)
    x, y = (side - image.width) // 2, (side - image.height) // 2
    tile.paste(image, (x, y))
    return tile, x, y


def draw_picture(picture: Image.Image, size: tuple[int, int], ink: Ink, side: int) -> Image.Image:
    """Return the picture with the crop's box marked; what was left out of the crop is dim.

    `size` is the width and height, px, that `ink.box` refers to; the picture may have been reduced since.
    """
    image = fit(picture.convert("RGB"), side)
    if not ink.amount.size:
        return centre(image, side, GROUND)[0]
    left, top, right, bottom = box = scale_box(ink, size, image.size)
    tile, x, y = centre(dim_around(image, box), side, GROUND)
    frame = (max(x + left - 2, 0), max(y + top - 2, 0), min(x + right + 1, side - 1), min(y + bottom + 1, side - 1))
    ImageDraw.Draw(tile).rectangle(frame, outline=MARK, width=2)
    return tile


def draw_around(picture: Image.Image, size: tuple[int, int], ink: Ink, side: int) -> Image.Image:
    """Return the surroundings of the crop, `AROUND` times its longer side, for tiles too small for all of the picture.

    What is outside of the crop is dim; a blank picture is shown whole.
    """
    image = picture.convert("RGB")
    if not ink.amount.size:
        return centre(fit(image, side), side, GROUND)[0]
    left, top, right, bottom = box = scale_box(ink, size, image.size)
    reach = AROUND * max(right - left, bottom - top) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    window = (
        max(0, round(x - reach)),
        max(0, round(y - reach)),
        min(image.width, round(x + reach)),
        min(image.height, round(y + reach)),
    )
    return centre(fit(dim_around(image, box).crop(window), side), side, GROUND)[0]


def scale_box(ink: Ink, size: tuple[int, int], shown: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of the crop in a picture of another size, at least a pixel wide and high."""
    top, left, bottom, right = ink.box
    across, down = shown[0] / size[0], shown[1] / size[1]
    x, y = min(int(left * across), shown[0] - 1), min(int(top * down), shown[1] - 1)
    return x, y, max(x + 1, round(right * across)), max(y + 1, round(bottom * down))


def dim_around(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Return the picture faded into the page outside of a box: left, top, right, bottom."""
    dim = Image.blend(image, Image.new("RGB", image.size, GROUND), DIMMED)
    dim.paste(image.crop(box), box[:2])
    return dim


def draw_amount(amount: NDArray[np.float32], side: int) -> Image.Image:
    """Return ink amounts, 0 to 1, as dark ink on white."""
    if not amount.size:
        return Image.new("RGB", (side, side), PAPER)
    shares = np.clip(amount, 0, 1)[..., None]
    colours = np.array(PAPER) + (np.array(INK) - np.array(PAPER)) * shares
    image = fit(Image.fromarray(np.rint(colours).astype(np.uint8)), side)
    return centre(image, side)[0]


def draw_box(box: NDArray[np.float32], side: int) -> Image.Image:
    """Return the (32, 32) box with the borders of its 4x4 blocks."""
    tile = draw_amount(box, side)
    lines = ImageDraw.Draw(tile, "RGBA")
    for k in range(1, SIDE):
        at = round(k * side / SIDE)
        lines.line((at, 0, at, side), fill=(*FAINT, 70))
        lines.line((0, at, side, at), fill=(*FAINT, 70))
    return tile


def draw_grid(features: NDArray[np.float32], side: int) -> Image.Image:
    """Return the 8x8 grid, 0 to 16, each block in its shade and with its number."""
    tile = Image.new("RGB", (side, side), PAPER)
    draw = ImageDraw.Draw(tile)
    letters = font(round(side / SIDE * 0.42))
    for block, value in enumerate(features):
        row, column = divmod(block, SIDE)
        x0, y0, x1, y1 = (round(k * side / SIDE) for k in (column, row, column + 1, row + 1))
        share = float(value) / LEVELS
        draw.rectangle((x0, y0, x1 - 1, y1 - 1), fill=mix(share))
        colour = PAPER if share > 0.5 else (mix(0.75) if round(float(value)) else mix(0.25))
        draw.text(((x0 + x1) / 2, (y0 + y1) / 2), str(round(float(value))), colour, letters, anchor="mm")
    return tile
