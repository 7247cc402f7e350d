"""The error rows of a finished run, read again; every other row stays as it is, byte for byte."""

from collections.abc import Iterator
from pathlib import Path

from digit_batch.batch.chunks import Rows, Settings, cut_chunks
from digit_batch.batch.engine import classify_chunks
from digit_batch.errors import InputError
from digit_batch.images import find_sources, number_files
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
from digit_batch.process import Process


def retry_errors(
    table: Path,
    model: Model,
    *,
    settings: Settings = Settings(),
    jobs: int | None = None,
    started: list[Process] | None = None,
) -> Iterator[tuple[str, Rows, bool]]:
    """Yield the rows of a predictions table, those of unreadable files replaced by what is read now.

    Parameters
    ----------
    table : Path
        The rows of a finished run, CSV or Parquet.
    model, settings, jobs, started
        As in `digit_batch.batch.classify_chunks`.

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
    files = number_files((group[0].prediction.path, group) for group in _groups(table))
    failed = find_sources(wanted for wanted, group in files if _has_error(group))
    chunks = classify_chunks(cut_chunks(failed), model, settings=settings, jobs=jobs, started=started)
    answers = (rows for chunk in chunks for rows in chunk)
    for group in _groups(table):
        if _has_error(group):
            rows = next(answers)
            yield "".join(row_text(cells(row, probabilities=probabilities)) for row in rows), rows, True
        else:
            yield "".join(record.raw.decode() for record in group), [record.prediction for record in group], False


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
