"""Forty-eight other hands: the digits and letters of handwriting fonts, on simulated paper.

Fonts of pens, pencils, brushes and chalk, each after some person's hand; no way of writing was drawn from them. The
paper is of the kinds that fits see too. FOLDER is ``node_modules/@fontsource``; nothing is downloaded here:

    npm install $(python benchmarks/hands.py --packages)
    python benchmarks/hands.py node_modules/@fontsource
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from confidence import Read, read_all, show_folders
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from strangers import LETTERS, cut, scan

from digit_batch.model import load_model
from digit_batch.reading import MIN_CONFIDENCE

HANDS = (
    *("amatic-sc", "annie-use-your-telescope", "architects-daughter", "bad-script", "caveat", "cedarville-cursive"),
    *("coming-soon", "covered-by-your-grace", "crafty-girls", "dawning-of-a-new-day", "delius", "edu-sa-beginner"),
    *("gaegu", "give-you-glory", "gloria-hallelujah", "gochi-hand", "handlee", "hi-melody", "homemade-apple"),
    *("indie-flower", "itim", "just-me-again-down-here", "kalam", "la-belle-aurore", "loved-by-the-king", "mali"),
    *("mansalva", "marck-script", "nanum-brush-script", "nanum-pen-script", "neucha", "nothing-you-could-do"),
    *("over-the-rainbow", "pangolin", "patrick-hand", "permanent-marker", "reenie-beanie", "rock-salt", "schoolbell"),
    *("shadows-into-light", "short-stack", "sriracha", "sue-ellen-francisco", "swanky-and-moo-moo"),
    *("the-girl-next-door", "waiting-for-the-sunrise", "walter-turncoat", "zeyada"),
)
SHEETS = 10  # of paper that each hand's digits are drawn on; its letters on two
SIDE = 260  # px of the page that a sign is drawn on, its height about a third
Drawn = Iterator[tuple[str, NDArray[np.uint8], int]]


def draw_digits(folder: Path, rng: np.random.Generator) -> Drawn:
    """Yield the ten digits of each hand on some sheets of paper."""
    for hand in HANDS:
        font = open_font(folder, hand)
        for digit in range(10):
            for _ in range(SHEETS):
                yield hand, draw(rng, font, str(digit)), digit


def draw_letters(folder: Path, rng: np.random.Generator) -> Drawn:
    """Yield the letters of each hand on two sheets of paper, but for those that are digits in some hand."""
    for hand in HANDS:
        font = open_font(folder, hand)
        for letter in LETTERS * 2:
            yield letter, draw(rng, font, letter), -1


def open_font(folder: Path, hand: str) -> ImageFont.FreeTypeFont:
    """Open the font of a hand."""
    (found,) = (folder / hand / "files").glob(f"{hand}-latin-400-normal.woff")
    return ImageFont.truetype(found, SIDE // 3)


def draw(rng: np.random.Generator, font: ImageFont.FreeTypeFont, sign: str) -> NDArray[np.uint8]:
    """Draw a sign on paper of some kind."""
    page = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(page).text((SIDE // 2, SIDE // 2), sign, 255, font, anchor="mm")
    return scan(rng, cut(np.asarray(page)))


def show_letters(read: Read) -> None:
    """Print how many letters are marked ok, and which of them most."""
    accepted = Counter(f"{letter}→{reading.label}" for letter, _, reading, _ in read if reading.status == "ok")
    common = ", ".join(f"{pair} ×{count}" for pair, count in accepted.most_common(8))
    print(f"\n{len(read):,} letters: {accepted.total() / len(read):.1%} marked ok ({common})")


def main() -> None:
    """Draw, read, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="of the fonts' packages")
    parser.add_argument("--packages", action="store_true", help="only print their names, for npm")
    parser.add_argument("--model", type=Path, help="a model file; by default the one that ships")
    given = parser.parse_args()
    if given.packages:
        print(*(f"@fontsource/{hand}" for hand in HANDS))
        return
    if not given.folder:
        parser.error("give the FOLDER of the fonts' packages")
    model = load_model(given.model)
    show_folders([("hands", read_all(model, draw_digits(given.folder, np.random.default_rng(0)), MIN_CONFIDENCE))])
    show_letters(read_all(model, draw_letters(given.folder, np.random.default_rng(1)), MIN_CONFIDENCE))


if __name__ == "__main__":
    main()
