"""An unfinished run, continued: the rows it has are held against the walk, and the walk goes on behind them."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from digit_batch import __version__
from digit_batch.batch.chunks import CHUNK_BYTES, CHUNK_FILES, Settings
from digit_batch.errors import ModelError, OutputError
from digit_batch.features import RECIPE_VERSION
from digit_batch.images import Source
from digit_batch.model import shipped_model
from digit_batch.output import Part
from digit_batch.parts import Parts
from digit_batch.predictions import CSV_VERSION, Prediction, Record, read_header, read_records, row_text

DECIDING = ("scikit-learn", "scikit-image", "numpy", "pillow")  # packages whose versions may show in a row


def describe_run(model: Path | None, settings: Settings, asked: Mapping[str, str]) -> dict[str, str]:
    """Return what decides the rows of a run, in the words of the command line; a run is resumed only with the same.

    Parameters
    ----------
    model : Path or None
        The model file; None for the one that ships.
    settings : Settings
        How each image is read. The timeout is left out, as the number of workers is: they belong to the machine.
    asked : mapping of str to str
        The inputs and the options that choose among them.

    Raises
    ------
    ModelError
        The model file cannot be read.
    """
    try:
        digest = hashlib.sha256((model or shipped_model()).read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"Cannot read the model {model}: {error.strerror}. Give a model file with --model.") from error
    inner = f"{CHUNK_FILES}, {CHUNK_BYTES}, {settings.limits.enough}"
    return {
        **asked,
        "a model with the checksum": digest[:16],
        "--polarity": settings.polarity,
        "--min-confidence": str(settings.min_confidence),
        "--max-pixels": str(settings.limits.max_pixels),
        "--max-frames": str(settings.limits.max_frames),
        "digit-batch": f"{__version__} (recipe {RECIPE_VERSION}, CSV {CSV_VERSION}, {inner})",
        **find_versions(),
    }


def find_versions() -> dict[str, str]:
    """Return the versions of the packages that decide the rows; "none" of one that was installed by another name."""
    found = {}
    for package in DECIDING:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def begin_or_continue(
    part: Part | Parts,
    header: Sequence[str],
    chunks: Iterator[Sequence[Source]],
    on_row: Callable[[Prediction], None] = lambda row: None,
) -> Iterator[Sequence[Source]]:
    """Write the header of a new run, or find where an unfinished one goes on.

    Parameters
    ----------
    part : Part or Parts
        The rows so far; torn ones at its end are cut off.
    header : sequence of str
        The names of the columns.
    chunks : iterator of sequence of Source
        The walk, cut as it was cut before.
    on_row : callable
        Told of every row that is kept.

    Returns
    -------
    iterator of sequence of Source
        The chunks still to be read.

    Raises
    ------
    OutputError
        The rows do not fit the walk: the folder has changed.
    """
    with part.reopen() as stream:
        if not _has_header(stream, header):  # nothing, or not even that was written whole
            part.begin(row_text(header))
            return chunks
        start = stream.tell()
        return _continue(part, _Rows(read_records(stream, tuple(header), start), start), chunks, on_row)


def _continue(
    part: Part | Parts, rows: "_Rows", chunks: Iterator[Sequence[Source]], on_row: Callable[[Prediction], None]
) -> Iterator[Sequence[Source]]:
    """Hold the rows against the walk, and return the chunks behind them."""
    while chunk := next(chunks, None):
        end, kept = rows.end, rows.taken
        found = [_take_rows(rows, source, part) for source in chunk]
        if rows.record is None and (not all(found) or rows.end != part.committed):
            # The last chunk may lack rows: of its last file, pages; so it is read again, wherever it was torn.
            part.cut(end, kept)
            return chain([chunk], chunks)
        for prediction in chain.from_iterable(found):
            on_row(prediction)
        if rows.record is None:
            break
    if rows.record is not None:
        raise _changed(part, rows.record.prediction.path, "nothing")
    part.cut(rows.end, rows.taken)
    return chunks


@dataclass
class _Rows:
    """The rows of a file with one looked at ahead; a torn row is its end."""

    records: Iterator[Record]
    end: int  # bytes, of the rows taken
    taken: int = 0
    record: Record | None = None

    def __post_init__(self) -> None:
        self._look()

    def take(self) -> Prediction:
        """Return the row that was looked at."""
        assert self.record
        prediction, self.end = self.record.prediction, self.record.end
        self.taken += 1
        self._look()
        return prediction

    def _look(self) -> None:
        try:
            self.record = next(self.records, None)
        except ValueError:
            self.record = None


def _has_header(stream: BinaryIO, header: Sequence[str]) -> bool:
    try:
        return read_header(stream) == tuple(header)
    except ValueError:
        return False


def _take_rows(rows: _Rows, source: Source, part: Part | Parts) -> list[Prediction]:
    """Take the rows of one file, a row a frame; none where the rows have ended."""
    found: list[Prediction] = []
    while (record := rows.record) and (record.prediction.frame > found[-1].frame if found else True):
        if record.prediction.path != source.name:
            if found:
                break
            raise _changed(part, record.prediction.path, source.name)
        found.append(rows.take())
    return found


def _changed(part: Part | Parts, was: str, found: str) -> OutputError:
    return OutputError(
        f"The inputs have changed since {part.place} was begun: it has {was!r} where {found!r} is now. "
        "Put them back as they were, or begin anew with --force."
    )
