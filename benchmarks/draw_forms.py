"""Draws the ways of writing each digit into one sheet, and letters and signs into another.

python benchmarks/draw_forms.py docs/forms.png docs/signs.png
"""

import sys
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from digit_batch.strokes import Way, draw_way, list_signs, list_ways

CELL = 44  # px, one drawing
SAMPLES = 4  # drawings of each way: as written down, then as hands vary it
COLUMNS = 5  # ways side by side
LABEL = 16  # px for the name below
GAP = 12  # px between ways
PAPER, INK, GREY = (250, 249, 245), (24, 32, 84), (120, 120, 120)


def draw_sheet(groups: Sequence[Sequence[Way]], path: str) -> None:
    rows = [ways[i : i + COLUMNS] for ways in groups for i in range(0, len(ways), COLUMNS)]
    size = (GAP + COLUMNS * (SAMPLES * CELL + GAP), GAP + len(rows) * (CELL + LABEL + GAP))
    sheet = Image.new("RGB", size, PAPER)
    rng = np.random.default_rng(0)
    for row, ways in enumerate(rows):
        for column, way in enumerate(ways):
            draw_cell(sheet, rng, way, GAP + column * (SAMPLES * CELL + GAP), GAP + row * (CELL + LABEL + GAP))
    sheet.quantize(32).save(path, optimize=True)


def draw_cell(sheet: Image.Image, rng: np.random.Generator, way: Way, left: int, top: int) -> None:
    drawings = np.concatenate([draw_way(rng, way, 1, haste=0), draw_way(rng, way, SAMPLES - 1)])
    for index, drawing in enumerate(drawings):
        mask = Image.fromarray(np.round(255 * drawing).astype(np.uint8))
        sheet.paste(INK, (left + index * CELL, top), mask)
    font = ImageFont.load_default(11)
    ImageDraw.Draw(sheet).text(
        (left + 2, top + CELL), way.name if way.digit < 0 else f"{way.digit}: {way.name}", fill=GREY, font=font
    )


if __name__ == "__main__":
    forms, signs = sys.argv[1:3] if len(sys.argv) > 2 else ("docs/forms.png", "docs/signs.png")
    draw_sheet([list_ways(digit) for digit in range(10)], forms)
    draw_sheet([list_signs()], signs)
