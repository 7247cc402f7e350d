"""The record of one answer, and the CSV that keeps it.

The CSV is a contract: a change of a column or of its order raises `CSV_VERSION` and is a breaking change.

1. path, frame, label, confidence, status, reason; `p0`..`p9` on request; `true_label`, `correct` from `evaluate`.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO, TypeVar, cast

from digit_batch.errors import InputError
from digit_batch.plurals import counted

CSV_VERSION = 1
CLASSES = 10  # the digits 0 to 9
COLUMNS = ("path", "frame", "label", "confidence", "status", "reason")
# No row is longer, and a torn quote swallows no more of the file: a name in a tar has up to 1 MB, and each of its bytes
# may stand as \xNN. The limit of the csv module, 128 kB a cell, is one of the whole process.
RECORD_BYTES = 5 << 20
csv.field_size_limit(max(csv.field_size_limit(), RECORD_BYTES))
NEEDS_QUOTES = re.compile('[,"\r\n]')
SEPARATORS = {";": "semicolons", "\t": "tabs"}  # that spreadsheets of other languages put between cells
DECIMAL_COMMA = re.compile(r"\d+,\d+")  # as these write 0.9
NO_TEXT = "it is no text in UTF-8, but perhaps an image, or saved in another encoding; save it as UTF-8"
PROBABILITY_COLUMNS = tuple(f"p{digit}" for digit in range(CLASSES))

T = TypeVar("T")
Status = Literal["ok", "review", "error"]
STATUSES: tuple[Status, ...] = ("ok", "review", "error")


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was read on one image, or why nothing was.

    Attributes
    ----------
    path : str
        The input as typed, then the path below it, with ``/``.
    frame : int
        Page of a multi-page file, from 0.
    label : int or None
        The digit, 0 to 9; None where there is none to tell.
    confidence : float or None
        Estimated chance that the label is right, 0 to 1.
    status : {"ok", "review", "error"}
        Accepted; a person should look; unreadable.
    reason : str
        Why the status is not ``ok``, in words.
    probabilities : tuple of float, or None
        The estimated chance of each digit, when asked for.
    box : bytes or None
        The 32x32 box that the features were counted on, 0 to 255 row by row, when asked for.
    """

    path: str
    frame: int
    label: int | None
    confidence: float | None
    status: Status
    reason: str = ""
    probabilities: tuple[float, ...] | None = None
    box: bytes | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes by the fields alone: half the time of what a dataclass with slots does by itself."""
        return Prediction, _fields_of(self)


_fields_of = attrgetter(*Prediction.__slots__)


def header(*, probabilities: bool = False, truth: bool = False) -> tuple[str, ...]:
    """Return the names of the columns, in order."""
    names = COLUMNS + (PROBABILITY_COLUMNS if probabilities else ())
    return names + (("true_label", "correct") if truth else ())


def cells(prediction: Prediction, *, probabilities: bool = False) -> list[str]:
    """Return one row as text, four decimals for every chance."""
    row = [
        prediction.path,
        str(prediction.frame),
        "" if prediction.label is None else str(prediction.label),
        "" if prediction.confidence is None else f"{prediction.confidence:.4f}",
        prediction.status,
        prediction.reason,
    ]
    if probabilities:
        chances = prediction.probabilities
        row += [f"{chance:.4f}" for chance in chances] if chances else [""] * CLASSES
    return row


def write_rows(stream: TextIO, rows: Iterable[Iterable[str]]) -> None:
    r"""Write rows as RFC 4180 says, with ``\n`` at the end of each.

    Not by `csv.writer`: given ``\n`` as the line end, it leaves a ``\r`` in a name unquoted, and the row falls apart
    when it is read.
    """
    stream.writelines(",".join(map(_quote, row)) + "\n" for row in rows)


def _quote(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if NEEDS_QUOTES.search(cell) else cell


def row_text(row: Iterable[str]) -> str:
    """Return one row as it stands in the file, its line end included."""
    buffer = io.StringIO()
    write_rows(buffer, [row])
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Record:
    """One row as it stands in a file.

    Attributes
    ----------
    prediction : Prediction
        What it says.
    raw : bytes
        Its bytes, line end included.
    end : int
        Where the next row begins, in bytes from the start of the file.
    """

    prediction: Prediction
    raw: bytes
    end: int


def read_header(stream: BinaryIO) -> tuple[str, ...]:
    """Read the names of the columns; leaves the stream at the first row.

    Raises
    ------
    ValueError
        They are not those of a predictions CSV.
    """
    first = stream.readline(RECORD_BYTES)
    line = first + _rest_of_row(stream, first, 1) if first else first
    names = tuple(_split(line.removeprefix(codecs.BOM_UTF8), 1))  # a spreadsheet may quote every cell
    _check_columns(names)
    return names


def read_records(stream: BinaryIO, names: tuple[str, ...], start: int = 0) -> Iterator[Record]:
    """Yield the rows of a predictions CSV after its header, one at a time, with their places in the file.

    Parameters
    ----------
    stream : binary file
        At the first row.
    names : tuple of str
        The columns, as `read_header` gave them.
    start : int
        Where the first row begins, in bytes.

    Raises
    ------
    ValueError
        A row is torn or does not fit the columns; the message names the line. The rows before it were yielded.
    """
    place = _check_columns(names)
    line, end = 1, start
    while raw := stream.readline(RECORD_BYTES):
        line += 1
        raw += _rest_of_row(stream, raw, line)
        end += len(raw)
        yield Record(_prediction(_split(raw, line), names, place, line), raw, end)


def _split(raw: bytes, line: int) -> list[str]:
    """Return the cells of one row."""
    try:
        return next(csv.reader([raw.decode("utf-8")], strict=True), [])
    except UnicodeDecodeError:
        raise ValueError(f"line {line}: {NO_TEXT}") from None
    except csv.Error as error:
        raise ValueError(f"line {line}: {_explain(error)}") from None


def _explain(error: csv.Error) -> str:
    """Return what is wrong with a row; of a quote that is not before a comma, in plainer words than the module's."""
    if "expected after" in str(error):
        return "no comma stands after a quoted cell, but perhaps a semicolon; save it with commas"
    return str(error)


def _rest_of_row(stream: BinaryIO, first: bytes, line: int) -> bytes:
    """Read what follows the first line of a row: a name may hold line ends, between its quotes."""
    rest: list[bytes] = []
    last, size, open_quote = first, len(first), first.count(b'"') % 2
    while open_quote or not last.endswith(b"\n"):
        last = stream.readline(RECORD_BYTES)
        if not last or size > RECORD_BYTES:
            raise ValueError(f"line {line}: the row is torn")
        rest.append(last)
        size += len(last)
        open_quote ^= last.count(b'"') % 2
    return b"".join(rest)


def group_records(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Yield the rows of each file together."""
    return group_files(records, attrgetter("prediction"))


def group_files(things: Iterable[T], row_of: Callable[[T], Prediction]) -> Iterator[list[T]]:
    """Yield the things whose rows are of one file together: its pages ascend, and a neighbour's begin anew."""
    group: list[T] = []
    for thing in things:
        if group:
            row, before = row_of(thing), row_of(group[-1])
            if row.path != before.path or row.frame <= before.frame:
                yield group
                group = []
        group.append(thing)
    if group:
        yield group


def read_predictions(stream: TextIO) -> Iterator[Prediction]:
    """Yield the rows of a predictions CSV, one at a time.

    Raises
    ------
    ValueError
        The columns are not those of a predictions CSV, or a row does not fit them; the message names the line.
    """
    rows = csv.reader(stream, strict=True)
    try:
        names = tuple(next(rows, ()))
        place = _check_columns(names)
        for row in rows:
            yield _prediction(row, names, place, rows.line_num)
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num}: {_explain(error)}") from None


def _check_columns(names: tuple[str, ...]) -> list[int]:
    """Refuse columns that are not the contract's; return the places of those with chances."""
    if names[: len(COLUMNS)] != COLUMNS:
        wanted = f"line 1: the columns are not {','.join(COLUMNS)}"
        for mark, what in SEPARATORS.items():
            if names and names[0].startswith(mark.join(COLUMNS)):  # the whole line is then one cell
                raise ValueError(f"{wanted}: {what} stand between them, where commas belong; save it with commas")
        raise ValueError(wanted)
    place = [names.index(column) for column in PROBABILITY_COLUMNS if column in names]
    if place and len(place) < CLASSES:
        raise ValueError("line 1: of the columns p0 to p9 some are missing")
    return place


def load_predictions(path: Path) -> Iterator[Prediction]:
    """Yield the rows of a predictions CSV that was made earlier, one at a time.

    Raises
    ------
    InputError
        It is missing, or no predictions CSV; the message names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:  # Excel and Notepad put a mark before the text
            yield from read_predictions(stream)
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}. Check the name.") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is no predictions CSV: {NO_TEXT}. Give one made by `digit-batch classify`."
        ) from error
    except ValueError as error:
        raise InputError(f"{path} is no predictions CSV: {error}. Give one made by `digit-batch classify`.") from error


def _prediction(row: list[str], names: tuple[str, ...], place: list[int], line: int) -> Prediction:
    if len(row) != len(names):
        raise ValueError(f"line {line}: {counted(len(row), 'cell')} where the header has {len(names)}")
    path, frame, label, confidence, status, reason = row[: len(COLUMNS)]
    known = {name: name for name in STATUSES}
    if status not in known:
        raise ValueError(f"line {line}: status {status!r} is none of {', '.join(STATUSES)}")
    if label not in {"", *"0123456789"}:
        raise ValueError(f"line {line}: label {label!r} is no digit")
    if not (frame.isascii() and frame.isdecimal()):
        raise ValueError(f"line {line}: frame {frame!r} is no number of a page")
    try:
        return Prediction(
            path=path,
            frame=int(frame),
            label=int(label) if label else None,
            confidence=_chance(confidence) if confidence else None,
            status=known[status],
            reason=reason,
            probabilities=tuple(_chance(row[i]) for i in place) if place and row[place[0]] else None,
        )
    except ValueError as error:
        raise ValueError(f"line {line}: {error}") from None


def _chance(cell: str) -> float:
    try:
        chance = float(cell)
    except ValueError:
        cure = "; save it with decimal points" if DECIMAL_COMMA.fullmatch(cell) else ""
        raise ValueError(f"{cell!r} is no number{cure}") from None
    if not 0 <= chance <= 1:  # nan is not, either
        raise ValueError(f"{cell!r} is no chance between 0 and 1")
    return chance


class Stream(io.RawIOBase):
    """Pieces of bytes as one stream, so that rows that are in no file are read as if they were."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")
        self._given = 0

    def tell(self) -> int:
        """Return the bytes given so far."""
        return self._given

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the next piece goes."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        self._given += count
        return count


def stream_of(pieces: Iterable[bytes]) -> BinaryIO:
    """Return pieces of bytes as one file to read."""
    return cast(BinaryIO, io.BufferedReader(Stream(iter(pieces))))
