"""Pictures of what is no digit, for `confidence.py`: each kind is a function that draws one picture."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter
from skimage import data

from digit_batch.paper import KINDS, draw_scan
from digit_batch.strokes import crop, draw_digits, draw_strangers

Picture = NDArray[np.uint8]

FONT_FOLDER = Path("/usr/share/fonts")  # Debian: fonts-dejavu, fonts-liberation, fonts-freefont-ttf and others
# Of the letters, those are left out that are digits in some font or hand, so that "0" is the right answer to "O".
LETTERS = "ACEFHKLMNPRTVWXacdefhkmnprtuvwx"
PRINTED = LETTERS + "BDGJQUY&@#%?+=$ÄÑÆßλΣΩЖФД"
PAPERS = (
    *("flatbed", "cream-card", "legal-pad", "newsprint", "felt-table"),
    *("box", "fax", "tablet-white", "tablet-black", "photo"),
)


PHOTOGRAPHS = (
    *("astronaut", "camera", "coffee", "chelsea", "brick", "grass"),
    *("gravel", "coins", "moon", "page", "text", "clock"),
)


@cache
def list_fonts() -> tuple[str, ...]:
    """Return the fonts of this machine that can draw the letters; Pillow's own where there is none."""
    wanted = ("Sans", "Serif", "Mono", "Comic", "Humor", "Lato", "Liberation", "FreeS", "FreeM")
    found = (str(path) for path in sorted(FONT_FOLDER.rglob("*.[to]tf")) if any(word in path.name for word in wanted))
    return tuple(found)


def draw_letter(rng: np.random.Generator) -> Picture:
    """A printed letter or sign on paper."""
    fonts = list_fonts()
    font = ImageFont.truetype(fonts[rng.integers(len(fonts))], 80) if fonts else ImageFont.load_default(80)
    page = Image.new("L", (200, 200))
    ImageDraw.Draw(page).text((100, 100), PRINTED[rng.integers(len(PRINTED))], 255, font, anchor="mm")
    return scan(rng, cut(np.asarray(page)))


def draw_sign(rng: np.random.Generator) -> Picture:
    """A letter, sign, scribble, crossed-out digit or pair of digits by pen."""
    return scan(rng, crop(draw_strangers(rng, 1)[0]))


def draw_pair(rng: np.random.Generator) -> Picture:
    """Two or three digits side by side."""
    digits = [crop(digit) for digit in draw_digits(rng, rng.integers(10, size=rng.integers(2, 4)))]
    gap = np.zeros((40, int(rng.integers(1, 16))), np.float32)
    parts = []
    for digit in digits:
        parts += [np.pad(digit, ((0, 40 - digit.shape[0]), (0, 0))), gap]
    return scan(rng, np.concatenate(parts[:-1], axis=1))


def draw_scribble(rng: np.random.Generator) -> Picture:
    """A walk without aim, round or angular."""
    steps = rng.normal(0, 1, (int(rng.integers(40, 400)), 2)).cumsum(axis=0)
    walk = gaussian_filter(steps, (rng.uniform(0, 4), 0))
    walk = (walk - walk.min(axis=0)) / np.maximum(np.ptp(walk, axis=0), 1e-3) * 180 + 10
    page = Image.new("L", (200, 200))
    ImageDraw.Draw(page).line([tuple(point) for point in walk.tolist()], 255, int(rng.integers(3, 14)))
    return scan(rng, cut(np.asarray(page)))


def draw_noise(rng: np.random.Generator) -> Picture:
    """Noise, fine or coarse, faint or strong, thresholded or not."""
    shape = tuple(rng.integers(20, 200, 2))
    grain = gaussian_filter(rng.normal(0, 1, shape), rng.choice([0, 0.7, 1.5, 3, 8]))
    levels = grain / grain.std() * rng.uniform(2, 60) + rng.uniform(60, 200)
    if rng.random() < 0.25:
        levels = 255.0 * (levels > np.quantile(levels, rng.uniform(0.05, 0.95)))
    return levels.clip(0, 255).astype(np.uint8)


@cache
def _photographs() -> tuple[Picture, ...]:
    """Photographs and textures that come with scikit-image."""
    found = []
    for name in PHOTOGRAPHS:
        try:
            found.append(getattr(data, name)())
        except Exception:  # some are fetched from afar, where there is a network
            continue
    return tuple(found)


def draw_photograph(rng: np.random.Generator) -> Picture:
    """A crop of a photograph or a texture."""
    photographs = _photographs()
    picture = photographs[rng.integers(len(photographs))]
    side = int(rng.integers(24, min(picture.shape[:2])))
    top, left = (int(rng.integers(length - side + 1)) for length in picture.shape[:2])
    return np.ascontiguousarray(picture[top : top + side, left : left + side])


def draw_blank(rng: np.random.Generator) -> Picture:
    """A sheet that nobody wrote on; sometimes one level all over."""
    if rng.random() < 0.2:
        return np.full((int(rng.integers(10, 200)),) * 2, rng.integers(256), np.uint8)
    return draw_scan(rng, np.zeros((0, 0), np.float32), KINDS[str(rng.choice(list(KINDS)))])


def draw_line(rng: np.random.Generator) -> Picture:
    """A ruled line, a frame, or the corner of one."""
    side = int(rng.integers(40, 200))
    page = Image.new("L", (side, side), int(rng.integers(170, 256)))
    draw, ink, width = ImageDraw.Draw(page), int(rng.integers(0, 100)), int(rng.integers(1, 6))
    at, tilt = rng.uniform(0, side), rng.normal(0, 0.02) * side
    kind = rng.integers(4)
    if kind == 0:
        draw.line((0, at, side, at + tilt), ink, width)
    elif kind == 1:
        draw.line((0, at, side, at + tilt), ink, width)
        draw.line((at, 0, at + tilt, side), ink, width)
    elif kind == 2:
        edge = rng.uniform(0, side / 4)
        draw.rectangle((edge, edge, side - edge, side - edge), outline=ink, width=width)
    else:
        for row in np.arange(rng.uniform(0, 10), side, rng.uniform(8, 30)):
            draw.line((0, row, side, row + tilt), ink, width)
    noisy = np.asarray(page) + rng.normal(0, rng.uniform(0, 4), (side, side))
    return noisy.clip(0, 255).astype(np.uint8)


def draw_speck(rng: np.random.Generator) -> Picture:
    """Dust: one to eight dots."""
    side = int(rng.integers(40, 200))
    page = Image.new("L", (side, side), int(rng.integers(190, 256)))
    draw = ImageDraw.Draw(page)
    for _ in range(rng.integers(1, 9)):
        x, y = rng.uniform(0, side, 2)
        wide, high = rng.uniform(0.5, side / 24, 2)
        draw.ellipse((x - wide, y - high, x + wide, y + high), int(rng.integers(0, 120)))
    return np.asarray(page)


KINDS_OF_STRANGERS: dict[str, tuple[int, Callable[[np.random.Generator], Picture]]] = {
    "printed letters": (600, draw_letter),
    "letters, signs and spoiled digits by pen": (500, draw_sign),
    "pairs and triples of digits": (200, draw_pair),
    "scribbles": (150, draw_scribble),
    "noise": (150, draw_noise),
    "photographs and textures": (200, draw_photograph),
    "blank sheets": (100, draw_blank),
    "lines and frames": (60, draw_line),
    "specks": (40, draw_speck),
}  # 2,000 together


def draw_all(seed: int = 0) -> Iterator[tuple[str, Picture]]:
    """Yield every picture with the name of its kind; the same for the same seed."""
    for place, (name, (count, draw)) in enumerate(KINDS_OF_STRANGERS.items()):
        rng = np.random.default_rng([seed, place])
        for _ in range(count):
            yield name, draw(rng)


def scan(rng: np.random.Generator, amount: NDArray[np.float32]) -> Picture:
    return draw_scan(rng, amount, PAPERS[rng.integers(len(PAPERS))])


def cut(page: Picture) -> NDArray[np.float32]:
    """Return the tight crop of a white drawing on black, 0 to 1."""
    rows, columns = np.flatnonzero(page.max(axis=1) > 127), np.flatnonzero(page.max(axis=0) > 127)
    if not len(rows) or not len(columns):
        return np.zeros((0, 0), np.float32)
    return (page[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] / 255).astype(np.float32)
