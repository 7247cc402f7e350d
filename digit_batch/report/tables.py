"""The summary of a batch as rich tables for the terminal, and what all tables share.

Every name that came from a disk goes through `plain`: it may hold markup, escape codes or a line end.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray
from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from digit_batch.predictions import CLASSES, STATUSES, Prediction
from digit_batch.report.names import plain
from digit_batch.report.signs import SHADES, Drawn

STATUS_STYLES = {"ok": "green", "review": "yellow", "error": "red"}
TOGETHER = CLASSES, CLASSES // 2, 2, 1  # digits side by side; the others stand in further tables below
PADDINGS = (0, 1), (0, 0)  # of a cell: with the second, a blank between two columns is left
WIDEST = 1000  # columns, wider than any of these tables: it is measured as it would like to be


@dataclass
class Tally:
    """Counts of a run, kept while its rows go by; its size does not grow with their number."""

    labels: Counter[int] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    confidence: float = 0.0
    kept: int = 0  # rows of an earlier run among them, which took no time in this one

    def add(self, prediction: Prediction) -> None:
        """Count one row."""
        self.statuses[prediction.status] += 1
        if prediction.label is not None:
            self.labels[prediction.label] += 1
            self.confidence += prediction.confidence or 0.0
        if prediction.reason:
            self.reasons[prediction.reason.split(":")[0]] += 1

    @property
    def images(self) -> int:
        """Rows counted."""
        return self.statuses.total()

    @property
    def mean_confidence(self) -> float | None:
        """Mean confidence of the rows that have a label."""
        total = self.labels.total()
        return self.confidence / total if total else None


def summary(tally: Tally, seconds: float, place: str) -> RenderableType:
    """Return the summary of a batch: counts by status and by label, confidence, speed, what was skipped."""
    facts = fact_table()
    facts.add_row("images", f"{tally.images:,}")
    for status in STATUSES:
        count = tally.statuses[status]
        share = f"{count / tally.images:6.1%}" if tally.images else ""
        facts.add_row(status, Text.assemble((f"{count:,}  {share}", STATUS_STYLES[status] if count else "dim")))
    for reason, count in tally.reasons.most_common():
        facts.add_row("", Text(f"{count:,} {plain(reason)}", style="dim"))
    if (mean := tally.mean_confidence) is not None:
        facts.add_row("mean confidence", f"{mean:.3f}")
    facts.add_row("speed", f"{(tally.images - tally.kept) / max(seconds, 1e-9):,.0f} images/s, {seconds:.1f} s")
    if tally.skipped:
        facts.add_row("skipped", Text(", ".join(f"{n:,} {plain(why)}" for why, n in tally.skipped.most_common())))
    facts.add_row("rows in", Text(plain(place)))
    return Group(digit_counts("Labels", [tally.labels[digit] for digit in range(CLASSES)]), facts)


def headed(title: str, *columns: str) -> Table:
    """Return an empty table with a title and columns of figures."""
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    for name in columns:
        table.add_column(name, justify="right")
    return table


class DigitColumns:
    """A table with a column for each digit; what is too wide is set closer, or folded into several tables.

    Parameters
    ----------
    title
        Stands over the first table.
    rows
        The cells of the digits 0 to 9, and those of the columns that are `more`.
    names
        What each row is of; empty where that needs no column.
    more
        Names of the columns after the digits'.
    """

    def __init__(
        self, title: str, rows: Sequence[Sequence[RenderableType]], names: Sequence[str] = (), more: Sequence[str] = ()
    ) -> None:
        self.title, self.rows, self.names = title, rows, names
        self.columns = (*map(str, range(CLASSES)), *more)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the widest layout that fits, or the narrowest one where none does."""
        asked = options.update(max_width=WIDEST)
        for tables in self._layouts():
            if max(Measurement.get(console, asked, table).minimum for table in tables) <= options.max_width:
                break
        yield from tables

    def _layouts(self) -> Iterator[list[Table]]:
        """Yield what it may look like, the widest first."""
        for together in TOGETHER:
            starts = range(0, CLASSES, together)
            # The last table takes the columns after the digits', too.
            slices = [slice(start, None if start == starts[-1] else start + together) for start in starts]
            for padding in PADDINGS:
                yield [self._table(part, padding) for part in slices]

    def _table(self, part: slice, padding: tuple[int, int]) -> Table:
        named = bool(self.names)
        table = headed("" if part.start else self.title, *[""] * named, *self.columns[part])
        table.padding = padding
        for place, row in enumerate(self.rows):
            table.add_row(*[Text(name, style="bold") for name in self.names[place : place + named]], *row[part])
        return table


def digit_counts(title: str, counts: Sequence[int] | NDArray[Any], none_style: str = "") -> DigitColumns:
    """Return how many there are of each digit, 0 to 9; a count of 0 in a style of its own."""
    return DigitColumns(title, [[Text(f"{count:,}", style="" if count else none_style) for count in counts]])


def fact_table() -> Table:
    """Return an empty table of captions and what they say."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column()
    return table


def grid(features: Sequence[float] | NDArray[Any], side: int = 8, levels: int = 16) -> Drawn:
    """Return an 8x8 grid drawn in shades, two columns a block."""
    rows = [features[start : start + side] for start in range(0, side * side, side)]
    shade = [
        "".join(SHADES[min(len(SHADES) - 1, round(float(v) / levels * (len(SHADES) - 1)))] * 2 for v in row)
        for row in rows
    ]
    return Drawn(Text("\n".join(shade)))
