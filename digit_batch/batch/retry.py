"""The error rows of a finished run, read again; every other row stays as it is, byte for byte."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from digit_batch.batch.chunks import Rows, Settings, cut_chunks
from digit_batch.batch.engine import classify_chunks
from digit_batch.errors import InputError
from digit_batch.images import Source, is_url, walk
from digit_batch.images.storage import check_url, trouble_of
from digit_batch.model import Model
from digit_batch.parquet import open_table
from digit_batch.predictions import (
    COLUMNS,
    PROBABILITY_COLUMNS,
    Record,
    cells,
    group_records,
    read_header,
    read_records,
    row_text,
)

_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")


def retry_errors(
    table: Path, model: Model, *, settings: Settings = Settings(), jobs: int | None = None
) -> Iterator[tuple[str, Rows, bool]]:
    """Yield the rows of a predictions table, those of unreadable files replaced by what is read now.

    Parameters
    ----------
    table : Path
        The rows of a finished run, CSV or Parquet.
    model, settings, jobs
        As in `digit_batch.batch.classify`.

    Yields
    ------
    text : str
        Rows of one file as they stand in a CSV; the header first.
    rows : list of Prediction
        The same rows; none for the header.
    again : bool
        Whether the file was read again.

    Raises
    ------
    InputError
        The table cannot be read, or is not one that `classify` wrote.
    """
    names = _check_table(table)
    probabilities = len(names) > len(COLUMNS)
    yield row_text(names), [], False
    # The table is read twice, once ahead for the files to read again, so that neither pass holds it.
    failed = find_sources(group[0].prediction.path for group in _groups(table) if _has_error(group))
    answers = (
        rows for chunk in classify_chunks(cut_chunks(failed), model, settings=settings, jobs=jobs) for rows in chunk
    )
    for group in _groups(table):
        if _has_error(group):
            rows = next(answers)
            yield "".join(row_text(cells(row, probabilities=probabilities)) for row in rows), rows, True
        else:
            yield "".join(record.raw.decode() for record in group), [record.prediction for record in group], False


def find_sources(paths: Iterator[str]) -> Iterator[Source]:
    """Yield the source of each path that stands in a CSV, in their order; one that is gone has its trouble in it."""
    archive, members = "", iter(())  # type: tuple[str, Iterator[Source]]
    for path in paths:
        if is_url(path):
            yield _find_url(path)
            continue
        real = _real_path(path)
        holder = _find_archive(real)
        if not holder:
            yield Source(path, real)
            continue
        if holder != archive:
            archive, members = holder, _members(holder)
        # Rows stand in the order of the walk, so one pass over the archive finds them all.
        found = next((member for member in members if member.name == path), None)
        yield found or Source(path, holder, trouble="no such file in the archive")


def _find_url(url: str) -> Source:
    try:
        check_url(url)
    except InputError as error:
        return Source(url, url, trouble=trouble_of(error))
    return Source(url, url)


def _members(archive: str) -> Iterator[Source]:
    return (thing for thing in walk([archive]) if isinstance(thing, Source))


def _real_path(path: str) -> str:
    r"""Return what the system opens for a path of the CSV, where bytes that are not UTF-8 stand as ``\xNN``."""
    if os.path.lexists(path) or not _ESCAPE.search(path):
        return path
    raw = os.fsdecode(
        _ESCAPE.sub(lambda found: chr(0xDC00 + int(found[1], 16)), path).encode("utf-8", "surrogateescape")
    )
    return raw if os.path.lexists(raw) else path


def _find_archive(path: str) -> str:
    """Return the file on the way to a path that cannot be a folder; empty where there is none."""
    if os.path.lexists(path):
        return ""
    while path and path != os.path.dirname(path):
        path = os.path.dirname(path)
        if os.path.lexists(path):
            return "" if os.path.isdir(path) else path
    return ""


def _groups(table: Path) -> Iterator[list[Record]]:
    return group_records(_records(table))


def _has_error(group: list[Record]) -> bool:
    return any(record.prediction.status == "error" for record in group)


def _records(table: Path) -> Iterator[Record]:
    try:
        with open_table(table) as stream:
            yield from read_records(stream, read_header(stream))
    except (OSError, ValueError) as error:
        raise _unreadable(table, error) from error


def _check_table(table: Path) -> tuple[str, ...]:
    try:
        with open_table(table) as stream:
            names = read_header(stream)
    except (OSError, ValueError) as error:
        raise _unreadable(table, error) from error
    if names not in (COLUMNS, COLUMNS + PROBABILITY_COLUMNS):
        raise InputError(f"{table} has columns that `classify` does not write. Give the table that `classify` wrote.")
    return names


def _unreadable(table: Path, error: OSError | ValueError) -> InputError:
    why = error.strerror if isinstance(error, OSError) else error
    return InputError(f"Cannot read the rows of {table}: {why}. Give the table of a finished run.")
