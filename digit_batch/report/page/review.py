"""The review page: one picture after the other, and a key for each answer."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from digit_batch.batch import Settings
from digit_batch.model import Model
from digit_batch.report.page.fill import write_page
from digit_batch.report.page.kept import Shown
from digit_batch.report.page.sheets import make_sheets

SIDES = ((500, 256), (2_000, 160))  # px of a tile, for so many rows at most
SMALLEST = 64  # px, for more


def write_review(
    path: Path,
    rows: Sequence[Shown],
    table: str,
    *,
    model: Model,
    settings: Settings,
    jobs: int | None = None,
    force: bool = False,
    progress: Callable[[int], object] = lambda drawn: None,
) -> int:
    """Write the page to review rows on.

    Parameters
    ----------
    path : Path
        The page.
    rows : sequence of Shown
        In the order of their table.
    table : str
        What the table is called.
    model, settings
        How the pictures were read; they are read again in the same way.
    jobs : int or None
        Processes for that.
    force : bool
        Replace a page that exists.
    progress : callable
        Called with the number of rows drawn since the last call.

    Returns
    -------
    int
        How many rows have a picture; the others show why not.

    Raises
    ------
    OutputError
        The page cannot be written.
    """
    side = next((side for most, side in SIDES if len(rows) <= most), SMALLEST)
    photos = {"whole": side, "around": side}
    return write_page(
        path,
        "review.html",
        "review.js",
        rows,
        make_sheets([shown.row for shown in rows], photos, model=model, settings=settings, jobs=jobs),
        progress,
        force=force,
        table=table,
        memory=_name_memory(rows),
        shown=len(rows),
        views={**photos, "ink": 32, "grid": 8},
    )


def _name_memory(rows: Sequence[Shown]) -> str:
    """Return the name under which a browser keeps the progress: other rows, or other answers, have another."""
    said = repr([(shown.row.path, shown.row.frame, shown.row.label) for shown in rows])
    return "digit-batch review " + hashlib.sha256(said.encode("utf-8", "backslashreplace")).hexdigest()[:16]
