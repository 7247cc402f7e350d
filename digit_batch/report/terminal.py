"""What was seen on one picture, for the terminal: the picture, the straightened ink, the 8x8 grid, the answer.

With colours, two pixels share a character (its upper half and its ground); without, a shade stands for a pixel.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.color import Color
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from digit_batch.features import LEVELS, SIDE
from digit_batch.report.names import plain
from digit_batch.report.seen import Seen, candidates, facts, straighten
from digit_batch.report.signs import FULL, NOTHING, REST, SHADES, Drawn
from digit_batch.report.tables import STATUS_STYLES
from digit_batch.report.tiles import INK, PAPER, draw_around, mix

HEIGHT = 12  # lines of a tile
PIXELS = 2 * HEIGHT  # along the side of a tile
BAR = 16  # characters of a full confidence bar; with its figures as wide as the grid
CAPTION = 8  # characters, the longest caption


class Tile:
    """A square picture, 0 to 255 RGB, that draws itself as the console allows.

    Parameters
    ----------
    pixels
        (`PIXELS`, `PIXELS`, 3) uint8.
    ink
        The same, (`PIXELS`, `PIXELS`) from 0 to 1: what to show where there are no colours.
    """

    def __init__(self, pixels: NDArray[np.uint8], ink: NDArray[np.float32]) -> None:
        self.pixels, self.ink = pixels, ink

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the tile as one block of text."""
        if console.color_system is None or console.no_color or options.ascii_only:
            yield Drawn(Text(shade(self.ink), no_wrap=True))
        else:
            yield halve(self.pixels)


def halve(pixels: NDArray[np.uint8]) -> Text:
    """Return pixels as half blocks: each character is two of them, one above the other."""
    text = Text(no_wrap=True)
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        for above, below in zip(upper, lower, strict=True):
            text.append("▀", Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below)))
        text.append("\n")
    text.right_crop()
    return text


def shade(ink: NDArray[np.float32]) -> str:
    """Return ink amounts, 0 to 1, as characters, each for two pixels, one above the other."""
    pairs = ink.reshape(len(ink) // 2, 2, -1).mean(axis=1)
    levels = np.rint(np.clip(pairs, 0, 1) * (len(SHADES) - 1)).astype(int)
    return "\n".join("".join(SHADES[level] for level in row) for row in levels)


def explanation(seen: Seen) -> RenderableType:
    """Return what was seen on one picture: its steps side by side, the answer and the runners-up, the reasons."""
    title = Text(seen.name, style="bold", overflow="fold")
    if seen.reading is None or seen.picture is None:
        trouble = Text.assemble(("unreadable", STATUS_STYLES["error"]), f"  {plain(seen.reason)}")
        return Padding(Group(title, trouble), (0, 0, 1, 0))
    steps = Table.grid(padding=(0, 2))
    steps.add_row(*(Text(caption, style="dim") for caption in ("around the digit", "straightened", "8x8")))
    steps.add_row(_picture(seen), _box(seen), Group(grid(seen.reading.features), "", _candidates(seen)))
    return Padding(Group(title, steps, _answer(seen)), (0, 0, 1, 0))


def grid(features: NDArray[np.float32]) -> Drawn:
    """Return the 8x8 grid, 0 to 16: each block in its shade, with its number."""
    text = Text(no_wrap=True)
    for row in features.reshape(SIDE, SIDE):
        for value in row:
            share, number = float(value) / LEVELS, round(float(value))
            paint = PAPER if share > 0.5 else mix(0.7)
            style = Style(color=Color.from_rgb(*paint), bgcolor=Color.from_rgb(*mix(share)))
            text.append(f"{number or NOTHING:>3}", style)
        text.append("\n")
    text.right_crop()
    return Drawn(text)


def _picture(seen: Seen) -> Tile:
    """Return the tile of the picture around the digit; what is outside of the crop is dim."""
    assert seen.reading is not None and seen.picture is not None
    ink = seen.reading.ink
    drawn = draw_around(seen.picture, seen.size, ink, 8 * PIXELS).resize((PIXELS, PIXELS), Image.Resampling.BOX)
    grey = np.asarray(drawn.convert("L"), np.float32) / 255
    dark = grey if ink.light_on_dark else 1 - grey
    ground = float(np.median(dark))
    share = (dark - ground) / max(float(dark.max()) - ground, 0.1)
    # The paper within the crop is up to 0.2 darker than the dimmed paper around it, and is no ink.
    return Tile(np.asarray(drawn), np.asarray((share - 0.3) / 0.7, np.float32))


def _box(seen: Seen) -> Tile:
    """Return the tile of the straightened ink."""
    assert seen.reading is not None
    box = Image.fromarray(straighten(seen.reading))
    ink = np.asarray(box.resize((PIXELS, PIXELS), Image.Resampling.BOX))
    colours = np.array(PAPER) + (np.array(INK) - np.array(PAPER)) * ink[..., None]
    return Tile(np.clip(np.rint(colours), 0, 255).astype(np.uint8), ink.astype(np.float32))


def _candidates(seen: Seen) -> Drawn:
    """Return a line for the label and each runner-up: its chance in figures and as a bar."""
    assert seen.reading is not None
    if seen.reading.label is None:
        return Drawn(Text("no label", "bold"))
    text = Text(no_wrap=True)
    for place, (digit, chance) in enumerate(candidates(seen.reading)):
        full = round(BAR * chance)
        text.append(f"{digit} {chance:.3f} ", "bold" if not place else "dim")
        text.append(FULL * full, "cyan" if not place else "dim")
        text.append(REST * (BAR - full) + "\n", "dim")
    text.right_crop()
    return Drawn(text)


def _answer(seen: Seen) -> Table:
    """Return the status with its reason, and what was found out on the way."""
    assert seen.reading is not None
    reading = seen.reading
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=CAPTION)
    table.add_column()
    status = Text.assemble((reading.status, f"bold {STATUS_STYLES[reading.status]}"), f"  {plain(reading.reason)}")
    table.add_row(Text("status", style="dim"), status)
    for caption, words in facts(seen):
        table.add_row(Text(caption, style="dim"), Text(words))
    return table
