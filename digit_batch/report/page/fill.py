"""Templates -> a page on the disk, written piece by piece, so that no page is held in memory."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from digit_batch import __version__
from digit_batch.output import whole_file
from digit_batch.predictions import STATUSES
from digit_batch.report.names import plain
from digit_batch.report.page.kept import Shown
from digit_batch.report.page.sheets import COLUMNS, TILES, Sheet


@cache
def environment() -> Environment:
    """Return what fills the templates: everything is escaped, and nothing may be missing."""
    made = Environment(
        loader=PackageLoader("digit_batch.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["plain"] = plain
    made.globals["version"] = __version__
    return made


def write_page(
    path: Path,
    template: str,
    script: str,
    rows: Sequence[Shown],
    sheets: Iterator[Sheet],
    progress: Callable[[int], object],
    *,
    force: bool,
    **facts: Any,
) -> int:
    """Fill a template and write it, whole or not at all; return how many rows have a picture.

    Parameters
    ----------
    path : Path
        The page.
    template : str
        Its name.
    script : str
        The name of its script. Nothing else on the page may run: the page carries the script's checksum.
    rows : sequence of Shown
        The rows that it holds.
    sheets : iterator of Sheet
        Their pictures, made while the page is written.
    progress : callable
        Called with the number of rows drawn since the last call.
    force : bool
        Replace a page that exists.
    **facts
        What the template shows.

    Raises
    ------
    OutputError
        It exists and `force` is false, or the disk would not take it.
    """
    seen = 0

    def drawn() -> Iterator[Sheet]:
        nonlocal seen
        for number, sheet in enumerate(sheets):
            held = min(TILES, len(rows) - number * TILES)
            seen += held - len(sheet["trouble"])
            yield sheet
            progress(held)

    code = "\n".join(_load(name) for name in ("sheets.js", script))
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    pieces = (
        environment()
        .get_template(template)
        .generate(
            style=Markup(_load("page.css")),
            script=Markup(code),
            digest=digest,
            data=pack_rows(rows) | {"tiles": TILES, "columns": COLUMNS},
            sheets=drawn(),
            **facts,
        )
    )
    with whole_file(path, force=force) as stream:
        for piece in pieces:
            stream.write(piece)
    return seen


def _load(name: str) -> str:
    """Return a file of the project's own; the checksum is of its characters as they stand in the page."""
    return (
        files("digit_batch.report.page").joinpath("templates", name).read_text(encoding="utf-8").replace("\r\n", "\n")
    )


def pack_rows(rows: Sequence[Shown]) -> dict[str, Any]:
    """Return rows column by column: names would else be three quarters of the text."""
    return {
        "place": [shown.place for shown in rows],
        "path": [shown.row.path for shown in rows],
        "frame": [shown.row.frame for shown in rows],
        "label": [-1 if shown.row.label is None else shown.row.label for shown in rows],
        "confidence": [None if shown.row.confidence is None else round(shown.row.confidence, 4) for shown in rows],
        "status": [STATUSES.index(shown.row.status) for shown in rows],
        "reason": [shown.row.reason for shown in rows],
        "true": [-1 if shown.true is None else shown.true for shown in rows],
    }
