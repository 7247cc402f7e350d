"""Predictions as a Parquet table: the CSV's columns with their types, and the facts of the run in its metadata.

Alone knows pyarrow, which the extra `cluster` brings. Rows are packed and unpacked a row group at a time.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from digit_batch.errors import DigitBatchError, InputError, missing_extra
from digit_batch.output import Pack, whole_path
from digit_batch.predictions import (
    CLASSES,
    COLUMNS,
    PROBABILITY_COLUMNS,
    STATUSES,
    Prediction,
    load_predictions,
    row_text,
    stream_of,
)

T = TypeVar("T")

ENDING = ".parquet"
FACTS = b"digit-batch"  # the key of the metadata that holds the facts of the run, as JSON
GROUP_ROWS = 1 << 16  # of a row group: 25 MB while it is packed
# Arrow's name of a column's type, and what a cell of the CSV becomes; any other column is text. Chances have four
# decimals, as in the CSV: the same number is read back from either.
TYPES: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "frame": ("int32", int),
    "label": ("int8", int),
    "confidence": ("float64", float),
    **dict.fromkeys(PROBABILITY_COLUMNS, ("float64", float)),
    "true_label": ("int8", int),
    "correct": ("bool_", lambda cell: cell == "1"),
}


def is_parquet(path: Path) -> bool:
    """Tell from its name whether a table is Parquet."""
    return path.suffix.lower() == ENDING


def packing(path: Path, facts: Mapping[str, str]) -> Pack | None:
    """Return what makes an output from its whole rows, a CSV; None where its name asks for that very CSV.

    Parameters
    ----------
    path : Path
        The output.
    facts : mapping of str to str
        As `pack` takes them.

    Raises
    ------
    DigitBatchError
        pyarrow is not installed: told before any work.
    """
    if not is_parquet(path):
        return None
    _load()

    def pack_file(rows: Path) -> None:
        with rows.open(encoding="utf-8", newline="") as stream:
            cells = csv.reader(stream)
            pack(cells, path, next(cells), facts)

    return pack_file


def pack(rows: Iterable[Sequence[str]], path: Path, names: Sequence[str], facts: Mapping[str, str]) -> None:
    """Write rows as a Parquet table, which appears under its name only when it is whole.

    Parameters
    ----------
    rows : iterable of sequence of str
        Their cells, as a CSV has them.
    path : Path
        The table; one that stands there is replaced.
    names : sequence of str
        The columns.
    facts : mapping of str to str
        What decided the rows, for the metadata; `read_facts` gives them back.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    arrow = _load()
    types, parsers = zip(*(TYPES.get(name, ("string", str)) for name in names), strict=True)
    fields = [(name, getattr(arrow, kind)()) for name, kind in zip(names, types, strict=True)]
    schema = arrow.schema(fields).with_metadata({FACTS: json.dumps(dict(facts)).encode()})
    with (
        whole_path(path, ".packing") as part,  # ``.part`` has the rows
        arrow.parquet.ParquetWriter(part, schema, compression="zstd") as writer,
    ):
        for group in _groups(rows):
            columns = [
                [parse(cell) if cell or parse is str else None for cell in column]
                for parse, column in zip(parsers, zip(*group, strict=True), strict=True)
            ]
            writer.write_batch(arrow.record_batch(columns, schema=schema))


def load_table(path: Path) -> Iterator[Prediction]:
    """Yield the rows of a table that was made earlier, CSV or Parquet by its name, one at a time.

    Raises
    ------
    InputError
        It is missing, or no table of predictions.
    """
    return _unpack(path) if is_parquet(path) else load_predictions(path)


def open_table(path: Path) -> BinaryIO:
    """Open a table as a CSV, which a Parquet one becomes as it is read."""
    if not is_parquet(path):
        return path.open("rb")
    return stream_of(row_text(row).encode() for row in _cells(path))


def read_facts(path: Path) -> dict[str, str]:
    """Return the facts of the run that made a table; none where it tells nothing of them, as a CSV does.

    Raises
    ------
    InputError
        It is missing, or no table of predictions.
    """
    if not is_parquet(path):
        return {}
    with _open(path) as file:
        metadata = file.schema_arrow.metadata or {}
    try:
        return dict(json.loads(metadata.get(FACTS, b"{}")))
    except (ValueError, TypeError) as error:
        raise _foreign(path, "what it tells of its run is damaged") from error


def _groups(rows: Iterable[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    rows = iter(rows)
    return iter(lambda: list(islice(rows, GROUP_ROWS)), [])


def _load() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise missing_extra("Parquet", error) from error
    return pyarrow


def _open(path: Path) -> Any:
    arrow = _load()
    try:
        return arrow.parquet.ParquetFile(path)
    except FileNotFoundError as error:
        raise InputError(f"Cannot read {path}: it does not exist. Check the name.") from error
    except (OSError, arrow.ArrowException) as error:
        raise _foreign(path, "it is damaged, or of another format") from error


def _names(path: Path) -> tuple[str, ...]:
    with _open(path) as file:
        names = tuple(file.schema_arrow.names)
    if names[: len(COLUMNS)] != COLUMNS:
        raise _foreign(path, f"its columns are not {','.join(COLUMNS)}")
    return names


def _unpack(path: Path) -> Iterator[Prediction]:
    chances = PROBABILITY_COLUMNS if set(PROBABILITY_COLUMNS) <= set(_names(path)) else ()
    yield from _read(path, (*COLUMNS, *chances), _prediction)


def _cells(path: Path) -> Iterator[Sequence[str]]:
    """Yield the names of the columns, then each row, as a CSV has them."""
    names = _names(path)
    yield names
    yield from _read(path, names, lambda row: [_show(name, cell) for name, cell in zip(names, row, strict=True)])


def _show(name: str, cell: Any) -> str:
    if cell is None:
        return ""
    kind, _ = TYPES.get(name, ("string", str))
    if kind == "string":
        return str(cell)
    return f"{cell:.4f}" if kind == "float64" else str(int(cell))


def _read(path: Path, names: Sequence[str], convert: Callable[[tuple[Any, ...]], T]) -> Iterator[T]:
    """Yield rows, a row group of them in memory."""
    with _open(path) as file:
        try:
            for batch in file.iter_batches(batch_size=GROUP_ROWS, columns=list(names)):
                yield from map(convert, zip(*(column.to_pylist() for column in batch.columns), strict=True))
        except (OSError, ValueError, TypeError, DigitBatchError) as error:  # Arrow's own are kinds of these
            raise _foreign(path, "a row of it is damaged") from error


def _prediction(row: tuple[Any, ...]) -> Prediction:
    path, frame, label, confidence, status, reason, *chances = row
    if status not in STATUSES or not isinstance(path, str) or not (label is None or 0 <= label < CLASSES) or frame < 0:
        raise ValueError(path)
    if not all(chance is None or 0 <= chance <= 1 for chance in (confidence, *chances)):
        raise ValueError(path)
    known = tuple(chances) if chances and None not in chances else None
    digit = None if label is None else int(label)
    return Prediction(path, int(frame), digit, confidence, status, reason or "", known)


def _foreign(path: Path, why: str) -> InputError:
    return InputError(f"{path} is no predictions table: {why}. Give one made by `digit-batch classify`.")
