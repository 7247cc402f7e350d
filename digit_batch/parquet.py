"""Predictions as a Parquet table: the CSV's columns with their types, and the facts of the run in its metadata.

Alone knows pyarrow, which the extra `cluster` brings. Rows are packed and unpacked a row group at a time.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from digit_batch.errors import DigitBatchError, InputError, missing_extra
from digit_batch.output import unwritable
from digit_batch.predictions import (
    CLASSES,
    COLUMNS,
    PROBABILITY_COLUMNS,
    STATUSES,
    Prediction,
    cells,
    header,
    load_predictions,
    row_text,
    stream_of,
)

if TYPE_CHECKING:
    import pyarrow

ENDING = ".parquet"
FACTS = b"digit-batch"  # the key of the metadata that holds the facts of the run, as JSON
GROUP_ROWS = 1 << 16  # of a row group: 25 MB while it is packed


def is_parquet(path: Path) -> bool:
    """Tell from its name whether a table is Parquet."""
    return path.suffix.lower() == ENDING


def check_parquet() -> None:
    """Refuse, before any work, what cannot be packed here.

    Raises
    ------
    DigitBatchError
        pyarrow is not installed.
    """
    _load()


def pack(rows: Iterable[Prediction], path: Path, facts: Mapping[str, str], *, probabilities: bool = False) -> None:
    """Write rows as a Parquet table, which appears under its name only when it is whole.

    Parameters
    ----------
    rows : iterable of Prediction
        In their order.
    path : Path
        The table; one that stands there is replaced.
    facts : mapping of str to str
        What decided the rows, for the metadata; `read_facts` gives them back.
    probabilities : bool
        With the columns p0 to p9.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    arrow = _load()
    schema = _schema(arrow, probabilities).with_metadata({FACTS: json.dumps(dict(facts)).encode()})
    part = path.with_name(path.name + ".packing")
    try:
        with arrow.parquet.ParquetWriter(part, schema, compression="zstd") as writer:
            for group in _groups(rows):
                writer.write_batch(arrow.record_batch(_columns(group, probabilities), schema=schema))
        part.replace(path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritable(path, error) from error
        raise


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
    probabilities = set(PROBABILITY_COLUMNS) <= set(_open(path).schema_arrow.names)
    rows = (cells(row, probabilities=probabilities) for row in _unpack(path))
    return stream_of(row_text(row).encode() for row in chain([header(probabilities=probabilities)], rows))


def read_facts(path: Path) -> dict[str, str]:
    """Return the facts of the run that a Parquet table was made by.

    Raises
    ------
    InputError
        It is missing, or no table of predictions.
    """
    metadata = _open(path).schema_arrow.metadata
    try:
        return dict(json.loads(metadata[FACTS]))
    except (ValueError, KeyError, TypeError) as error:
        raise _foreign(path, "it tells nothing of its run") from error


def _groups(rows: Iterable[Prediction]) -> Iterator[list[Prediction]]:
    rows = iter(rows)
    return iter(lambda: list(islice(rows, GROUP_ROWS)), [])


def _load() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise missing_extra("Parquet", error) from error
    return pyarrow


def _schema(arrow: Any, probabilities: bool) -> "pyarrow.Schema":
    types = {
        "path": arrow.string(),
        "frame": arrow.int32(),
        "label": arrow.int8(),
        "confidence": arrow.float64(),  # four decimals, as in the CSV: the same number is read back from either
        "status": arrow.string(),
        "reason": arrow.string(),
    }
    assert tuple(types) == COLUMNS
    if probabilities:
        types |= dict.fromkeys(PROBABILITY_COLUMNS, arrow.float64())
    return arrow.schema(types)


def _columns(rows: Sequence[Prediction], probabilities: bool) -> list[list[object]]:
    def shorten(chance: float | None) -> float | None:
        return None if chance is None else round(chance, 4)

    columns: list[list[object]] = [[getattr(row, name) for row in rows] for name in COLUMNS]
    place = COLUMNS.index("confidence")
    columns[place] = [shorten(row.confidence) for row in rows]
    if probabilities:
        for digit in range(CLASSES):
            columns.append([shorten(row.probabilities[digit]) if row.probabilities else None for row in rows])
    return columns


def _open(path: Path) -> Any:
    arrow = _load()
    try:
        return arrow.parquet.ParquetFile(path)
    except FileNotFoundError as error:
        raise InputError(f"Cannot read {path}: it does not exist. Check the name.") from error
    except (OSError, arrow.ArrowException) as error:
        raise _foreign(path, "it is damaged, or of another format") from error


def _unpack(path: Path) -> Iterator[Prediction]:
    with _open(path) as file:
        names = tuple(file.schema_arrow.names)
        if names[: len(COLUMNS)] != COLUMNS:
            raise _foreign(path, f"its columns are not {','.join(COLUMNS)}")
        wanted = [*COLUMNS, *(PROBABILITY_COLUMNS if set(PROBABILITY_COLUMNS) <= set(names) else ())]
        try:
            for batch in file.iter_batches(batch_size=GROUP_ROWS, columns=wanted):
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    yield _prediction(row)
        except (OSError, ValueError, TypeError, DigitBatchError) as error:  # Arrow's own are kinds of these
            raise _foreign(path, "a row of it is damaged") from error


def _prediction(row: tuple[Any, ...]) -> Prediction:
    path, frame, label, confidence, status, reason, *chances = row
    if status not in STATUSES or not isinstance(path, str) or not (label is None or 0 <= label < CLASSES):
        raise ValueError(path)
    known = tuple(chances) if chances and None not in chances else None
    return Prediction(path, int(frame), label, confidence, status, reason or "", known)


def _foreign(path: Path, why: str) -> InputError:
    return InputError(f"{path} is no predictions table: {why}. Give one made by `digit-batch classify`.")
