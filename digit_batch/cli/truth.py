"""Where true labels come from, as the command line says it."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from digit_batch.labels import Truth
    from digit_batch.predictions import Prediction


def is_named_as_table(source: str) -> bool:
    """Tell whether a name is that of a table of predictions."""
    return source.lower().endswith((".csv", ".parquet"))


def is_table(source: str) -> bool:
    """Tell whether an input is predictions made earlier; refuses those in a storage."""
    from digit_batch.errors import InputError
    from digit_batch.images import is_url, show_url

    named_so = is_named_as_table(source)
    if named_so and is_url(source):
        raise InputError(f"{show_url(source)} is a table, and tables are read on this machine. Copy it here first.")
    return named_so and os.path.isfile(source)  # a Path raises for what may not be looked at


def find_truth(sources: Sequence[str], table: Path | None, pattern: str | None) -> "Truth":
    """Return what tells the true labels; refuses what cannot be understood."""
    from digit_batch.labels import Truth, read_labels

    if table and pattern:
        raise typer.BadParameter("--labels and --label-pattern both tell the labels: give one of them.")
    return Truth(sources, None if table is None else read_labels(table), None if pattern is None else _compile(pattern))


def check_truth(truth: "Truth", sources: Sequence[str], rows: Path | None = None) -> None:
    """Refuse a table of labels that names images which are not there, before anything is read.

    Parameters
    ----------
    truth : Truth
        Has no table, or one to be checked.
    sources : sequence of str
        Files and folders.
    rows : Path or None
        A predictions CSV that is looked at instead.
    """
    from digit_batch.batch import images_among
    from digit_batch.images import walk
    from digit_batch.labels import check_labels
    from digit_batch.parquet import load_table

    if truth.table is None:
        return
    paths: Iterable[str] = (
        (image.name for image in images_among(walk(sources)))
        if rows is None
        else (row.path for row in load_table(rows))
    )
    check_labels(truth.table, paths, sources)


def with_truth(rows: "Iterable[Prediction]", truth: "Truth") -> "Iterator[tuple[Prediction, int | None]]":
    """Yield rows with their true digits; refuses at the end a table of labels that names pages which no file had."""
    from digit_batch.labels import LaterPages

    pages = LaterPages(truth.table or {}, truth.sources)
    for row in rows:
        pages.meet(row.path, row.frame, readable=row.status != "error")
        yield row, truth.label(row.path, row.frame)
    pages.check()


def _compile(pattern: str) -> "re.Pattern[str]":
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise typer.BadParameter(f"--label-pattern is no regular expression: {error}.") from None
    if not compiled.groups:
        raise typer.BadParameter(r"--label-pattern needs a group that holds the digit, as in digit_(\d)_.*")
    return compiled
