"""The page of `explain`: one row a picture, one column a step, so that a misreading shows where it began.

Drawn with Pillow alone, so that it works without the plots extra.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw

from digit_batch.errors import OutputError
from digit_batch.output import check_output, whole_path
from digit_batch.report.names import plain
from digit_batch.report.seen import Seen, candidates, facts, straighten
from digit_batch.report.tiles import (
    FAINT,
    GROUND,
    INK,
    LINE,
    PAPER,
    TEXT,
    Colour,
    draw_amount,
    draw_box,
    draw_grid,
    draw_picture,
    font,
)

TILE = 224  # px along the side of a tile; 7 px for one of the box
GAP = 20
MARGIN = 28
ANSWER = 400  # px, width of the last column
TITLE = 30  # px above the tiles of a row
CAPTIONS = ("picture, upright", "ink found", "straightened, 32x32", "what the classifier sees", "answer")
ROW = TITLE + TILE + GAP
HEAD = 34
COLUMNS = [MARGIN + place * (TILE + GAP) for place in range(len(CAPTIONS))]
WIDTH = COLUMNS[-1] + ANSWER + MARGIN
LETTERS = 400  # of a name or reason; more do not fit a line, and measuring a long text takes time
STATUS_COLOURS: dict[str, Colour] = {"ok": (21, 128, 61), "review": (180, 83, 9), "error": (190, 24, 60)}
STATUS_WORDS = {"ok": "ok", "review": "for review", "error": "unreadable"}


def draw_stages(pictures: Sequence[Seen]) -> Image.Image:
    """Return the page: a row for each picture, with its steps from left to right.

    Parameters
    ----------
    pictures
        What was seen, in order. The page is `WIDTH` px wide, and `ROW` px higher for each.
    """
    page = Image.new("RGB", (WIDTH, MARGIN + HEAD + ROW * len(pictures) + MARGIN - GAP), GROUND)
    draw = ImageDraw.Draw(page)
    for x, caption in zip(COLUMNS, CAPTIONS, strict=True):
        draw.text((x, MARGIN - 6), caption, FAINT, font(15))
    draw.line((MARGIN, MARGIN + HEAD - 14, WIDTH - MARGIN, MARGIN + HEAD - 14), fill=LINE)
    for place, seen in enumerate(pictures):
        _draw_row(page, MARGIN + HEAD + place * ROW, seen)
    return page


def check_page(path: Path, *, force: bool = False) -> None:
    """Refuse, before any work, a page that cannot be written or must not be replaced.

    Raises
    ------
    OutputError
        One sentence: what, why, and the cure.
    """
    if path.suffix.lower() != ".png":
        raise OutputError(f"Cannot draw {plain(str(path))}: the page is a PNG. Name a file that ends in .png with -o.")
    check_output(path, force=force)


def save_page(page: Image.Image, path: Path) -> None:
    """Write the page as PNG, whole or not at all.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    with whole_path(path) as part:
        page.save(part, "PNG")


def _draw_row(page: Image.Image, top: int, seen: Seen) -> None:
    """Draw one picture's steps: its name, its tiles, its answer."""
    draw = ImageDraw.Draw(page)
    draw.text((MARGIN, top), _shorten(seen.name, WIDTH - 2 * MARGIN, 15), TEXT, font(15))
    tops = top + TITLE
    if seen.reading is None or seen.picture is None:
        _draw_trouble(draw, tops, seen.reason)
        return
    reading = seen.reading
    tiles = [
        draw_picture(seen.picture, seen.size, reading.ink, TILE),
        draw_amount(reading.ink.amount, TILE),
        draw_box(straighten(reading), TILE),
        draw_grid(reading.features, TILE),
    ]
    for x, tile in zip(COLUMNS, tiles, strict=False):
        page.paste(tile, (x, tops))
        draw.rectangle((x - 1, tops - 1, x + TILE, tops + TILE), outline=LINE)
    for left, right in pairwise(COLUMNS):
        _draw_arrow(draw, (left + TILE + right) / 2, tops + TILE / 2)
    _draw_answer(draw, COLUMNS[-1], tops, seen)


def _draw_trouble(draw: ImageDraw.ImageDraw, top: int, reason: str) -> None:
    """Draw the row of a picture that could not be read: empty tiles, and the reason across them."""
    for x in COLUMNS[:-1]:
        draw.rectangle((x - 1, top - 1, x + TILE, top + TILE), outline=LINE)
    _draw_status(draw, COLUMNS[-1], top + 4, "error")
    _draw_words(draw, (COLUMNS[-1], top + 44), plain(reason), ANSWER, TEXT, 16)


def _draw_arrow(draw: ImageDraw.ImageDraw, x: float, y: float) -> None:
    draw.polygon([(x - 3, y - 6), (x + 4, y), (x - 3, y + 6)], fill=FAINT)


def _draw_answer(draw: ImageDraw.ImageDraw, x: int, top: int, seen: Seen) -> None:
    """Draw the label, its status, the candidates with their chances, and what was found out on the way."""
    assert seen.reading is not None
    reading, ranked = seen.reading, candidates(seen.reading)
    colour = STATUS_COLOURS[reading.status]
    draw.text((x + 28, top + 40), "-" if reading.label is None else str(reading.label), INK, font(88), anchor="mm")
    end = _draw_status(draw, x + 72, top + 2, reading.status)
    if reading.confidence is not None:
        draw.text((end + 12, top + 5), f"confidence {reading.confidence:.3f}", TEXT, font(16))
    _draw_words(draw, (x + 72, top + 36), plain(reading.reason), ANSWER - 72, colour, 16)
    for place, (digit, chance) in enumerate(ranked):
        _draw_bar(draw, x, top + 88 + 22 * place, digit, chance, INK if not place else FAINT)
    y = top + 164
    for caption, words in facts(seen):
        draw.text((x, y), caption, FAINT, font(14))
        y = _draw_words(draw, (x + 72, y), words, ANSWER - 72, TEXT, 14, most=1)


def _draw_status(draw: ImageDraw.ImageDraw, x: int, y: int, status: str) -> int:
    """Draw a status in its colour; return where it ends."""
    width = int(draw.textlength(STATUS_WORDS[status], font(15))) + 20
    draw.rounded_rectangle((x, y, x + width, y + 25), 12, fill=STATUS_COLOURS[status])
    draw.text((x + width / 2, y + 13), STATUS_WORDS[status], PAPER, font(15), anchor="mm")
    return x + width


def _draw_bar(draw: ImageDraw.ImageDraw, x: int, y: int, digit: int, chance: float, colour: Colour) -> None:
    """Draw one candidate: the digit, its chance as a bar, and in figures."""
    bar = (x + 24, y + 3, x + ANSWER - 72, y + 13)
    draw.text((x + 12, y + 8), str(digit), TEXT, font(17), anchor="rm")
    draw.rounded_rectangle(bar, 5, fill=LINE)
    filled = round((bar[2] - bar[0]) * chance)
    if filled >= 2:
        draw.rounded_rectangle((*bar[:2], bar[0] + filled, bar[3]), 5, fill=colour)
    draw.text((x + ANSWER - 12, y + 8), f"{chance:.3f}", TEXT, font(15), anchor="rm")


def _draw_words(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], words: str, width: int, colour: Colour, size: int, most: int = 2
) -> int:
    """Draw words in at most so many lines of a width, px; return where the next line begins."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font(size)) <= width or not lines[-1] or len(lines) == most:
            lines[-1] = longer
        else:
            lines.append(word)
    y = at[1]
    for line in lines:
        draw.text((at[0], y), _shorten(line, width, size, keep_end=False), colour, font(size))
        y += round(size * 1.35)
    return y


def _shorten(words: str, width: int, size: int, *, keep_end: bool = True) -> str:
    """Return words that fit a width, px, cut at the start (a name's end tells more) or at the end."""
    words = words[-LETTERS:] if keep_end else words[:LETTERS]
    # Pillow's own font holds little beyond ASCII: an escape tells more than the empty box it would draw.
    words = words.encode("ascii", "backslashreplace").decode()
    if font(size).getlength(words) <= width:
        return words
    while words and font(size).getlength(words + "…") > width:
        words = words[1:] if keep_end else words[:-1]
    return "…" + words if keep_end else words + "…"
