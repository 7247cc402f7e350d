"""What a person said about rows: a CSV with the columns ``path,frame,label``, and how it gets into the table.

The label is a digit, or ``x`` where the picture holds none. The same file serves `evaluate` and `train` as labels.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from digit_batch.errors import InputError
from digit_batch.labels import HOW_TO_SAY, read_said
from digit_batch.parquet import open_table
from digit_batch.predictions import Prediction, read_header, read_records, row_text

REVIEWED = "reviewed"
NO_DIGIT_REASON = f"{REVIEWED}: no digit"
NAMED = 20  # troubles that a message names; the rest are counted

Corrections = Mapping[tuple[str, int], int | None]  # (path, frame) -> digit, None for no digit


def read_corrections(path: Path) -> Corrections:
    """Read a corrections CSV.

    Raises
    ------
    InputError
        It cannot be read, or some of its lines are wrong: each is named.
    """
    cure = "Give the CSV that the review page saved."
    said, troubles = read_said(path, "corrections", ("path", "frame", "label"), cure, frame=0)
    if troubles:
        raise InputError(f"Nothing was changed. {path}, {name_all(troubles)}. {HOW_TO_SAY}")
    return {(name, frame or 0): digit for (name, frame), digit in said.items()}


def name_all(troubles: list[str]) -> str:
    """Return troubles in words: each is named, up to `NAMED`."""
    more = len(troubles) - NAMED
    return "; ".join(troubles[:NAMED]) + (f"; and {more:,} more" if more > 0 else "")


def check_corrections(corrections: Corrections, rows: Iterable[Prediction], table: str) -> None:
    """Refuse corrections of rows that a table does not have, or has more than once.

    Raises
    ------
    InputError
        Names each of them.
    """
    met = dict.fromkeys(corrections, 0)
    for row in rows:
        if (key := (row.path, row.frame)) in met:
            met[key] += 1
    absent = [key for key, count in met.items() if not count]
    if absent:
        raise InputError(
            f"Nothing was changed. {table} has no row for {len(absent):,} of the corrections: {_name_rows(absent)}. "
            "Give the table that they were made from."
        )
    doubled = [key for key, count in met.items() if count > 1]
    if doubled:  # as of an archive that holds a name twice: the correction may be of either
        raise InputError(
            f"Nothing was changed. {table} has several rows for {len(doubled):,} of the corrections: "
            f"{_name_rows(doubled)}. Leave these out, or give each image a name of its own and classify again."
        )


def _name_rows(keys: list[tuple[str, int]]) -> str:
    return name_all([f"{path} (frame {frame})" if frame else path for path, frame in keys])


def apply_corrections(table: Path, corrections: Corrections, counts: Counter[str]) -> Iterator[str]:
    """Yield a table as text, its header, then row by row, with the corrections in their rows; others keep their bytes.

    A corrected row has the label, the confidence 1, the status ``ok`` and the reason ``reviewed``; one without a digit
    has no label and no confidence. Where the table has true labels, ``correct`` is told anew.

    Parameters
    ----------
    table : Path
        A predictions CSV.
    corrections : Corrections
        What was said.
    counts : Counter
        Told how many rows were ``changed`` and how many ``confirmed``.

    Raises
    ------
    InputError
        The table cannot be read, or is no predictions CSV.
    """
    try:
        with open_table(table) as stream:
            names = read_header(stream)
            yield row_text(names)
            for record in read_records(stream, names):
                key = (record.prediction.path, record.prediction.frame)
                if key not in corrections:
                    yield record.raw.decode("utf-8")
                    continue
                digit = corrections[key]
                counts["confirmed" if digit == record.prediction.label else "changed"] += 1
                (row,) = csv.reader([record.raw.decode("utf-8")], strict=True)
                yield row_text(_correct(dict(zip(names, row, strict=True)), digit))
    except OSError as error:
        raise InputError(f"Cannot read {table}: {error.strerror}. Check the name.") from error
    except ValueError as error:
        raise InputError(f"{table} is no predictions CSV: {error}. Give one made by `digit-batch classify`.") from error


def _correct(row: dict[str, str], digit: int | None) -> Iterable[str]:
    row |= {
        "label": "" if digit is None else str(digit),
        "confidence": "" if digit is None else "1.0000",
        "status": "ok",
        "reason": NO_DIGIT_REASON if digit is None else REVIEWED,
    }
    if row.get("true_label") and "correct" in row:
        row["correct"] = str(int(row["label"] == row["true_label"]))
    return row.values()
