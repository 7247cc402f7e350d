"""A contact sheet of misread digits: for each the picture, the ink, the 8x8 grid, what is true and what was said."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from digit_batch.ink import Ink
from digit_batch.reading import Reading
from digit_batch.report.names import plain
from digit_batch.report.seen import straighten
from digit_batch.report.tiles import FAINT, GROUND, LINE, TEXT, draw_amount, draw_box, draw_grid, draw_picture, font

TILE = 96  # px along the side of a tile
GAP = 6
CARD = (4 * TILE + 3 * GAP + 24, TILE + 56)  # four tiles and two lines of text
ACROSS = 3  # cards side by side
MOST = 300  # cards on a sheet; the surest mistakes are kept
WRONG = (190, 24, 60)


@dataclass(frozen=True)
class Mistaken:
    """A misread picture, reduced to what the sheet shows."""

    path: str
    true: int
    said: int | None
    confidence: float
    reason: str
    picture: Image.Image
    ink: Ink
    box: NDArray[np.float32]
    features: NDArray[np.float32]

    @classmethod
    def of(cls, path: str, pixels: NDArray[np.uint8], reading: Reading, true: int) -> "Mistaken":
        """Keep what the sheet shows of a reading, the picture as its finished tile."""
        tile = draw_picture(Image.fromarray(pixels), pixels.shape[1::-1], reading.ink, TILE)
        box, said, sure = straighten(reading), reading.label, reading.confidence or 0.0
        return cls(path, true, said, sure, reading.reason, tile, reading.ink, box, reading.features)


def draw_sheet(mistakes: Sequence[Mistaken]) -> Image.Image:
    """Return the cards of the mistakes, folder by folder, true digit by true digit."""
    shown = sorted(mistakes, key=lambda mistake: -mistake.confidence)[:MOST]
    shown.sort(key=lambda mistake: (mistake.path.rsplit("/", 2)[0], mistake.true, -mistake.confidence))
    down = max(1, -(-len(shown) // ACROSS))
    sheet = Image.new("RGB", (ACROSS * CARD[0] + 24, down * CARD[1] + 24), GROUND)
    for place, mistake in enumerate(shown):
        row, column = divmod(place, ACROSS)
        sheet.paste(draw_card(mistake), (12 + column * CARD[0], 12 + row * CARD[1]))
    return sheet


def draw_card(mistake: Mistaken) -> Image.Image:
    """Return one card: two lines of text over picture, ink, box and grid."""
    card = Image.new("RGB", CARD, GROUND)
    draw = ImageDraw.Draw(card)
    said = "no label" if mistake.said is None else f"said {mistake.said} ({mistake.confidence:.2f})"
    draw.text((8, 4), f"true {mistake.true}", TEXT, font(16))
    draw.text((76, 4), said, WRONG, font(16))
    doubts = [mistake.reason, *mistake.ink.removed, "clipped" if mistake.ink.clipped else ""]
    draw.text((190, 6), "; ".join(filter(None, doubts))[:40], FAINT, font(12))
    draw.text((8, 26), plain(mistake.path)[-62:], FAINT, font(12))
    tiles = (
        mistake.picture,
        draw_amount(mistake.ink.amount, TILE),
        draw_box(mistake.box, TILE),
        draw_grid(mistake.features, TILE),
    )
    for place, tile in enumerate(tiles):
        x = 8 + place * (TILE + GAP)
        card.paste(tile, (x, 44))
        draw.rectangle((x, 44, x + TILE - 1, 44 + TILE - 1), outline=LINE)
    return card
