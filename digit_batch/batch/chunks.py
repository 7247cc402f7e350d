"""A chunk of files: where the walk is cut, and how one chunk is read.

Where chunks begin and end depends on the walk alone, never on the number of workers, and nothing that a digit is read
together with shows in its row (`TOGETHER` in `model/duels.py`). That is why one process, eight, shares of a folder, and
a run continued after a crash all give the same bytes.

A path travels with its pixels from the walk to its row, so that an answer can never move to a neighbour.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from digit_batch.images import Frame, Limits, Source, Unreadable, fetch_ahead, read_frames
from digit_batch.model import Model
from digit_batch.predictions import Prediction
from digit_batch.reading import MIN_CONFIDENCE, Box, Polarity, read_pictures

CHUNK_FILES = 512  # a few dozen calls of NumPy more or less are then nothing to each image; few enough to stop quickly
CHUNK_BYTES = 8 << 20  # of files on disk; ten A4 pages, quicker than twice five, and no worker ends late
BATCH_PIXELS = 16_000_000  # held at once while a chunk is read; one larger picture is held alone

Rows = list[Prediction]  # of one source, a row a frame


@dataclass(frozen=True)
class Settings:
    """How each image is read; the same for every image of a run.

    Attributes
    ----------
    polarity : {"auto", "dark", "light"}
        Whether the ink is darker or lighter than the paper.
    min_confidence : float
        Below it, a row asks for a person.
    limits : Limits
        What one file may cost.
    timeout : float
        Seconds that one image may take in a worker process.
    box : {"none", "filled", "stretched"}
        Whether each row carries the box that was read, for training: of the recipe, or of a plain model.
    """

    polarity: Polarity = "auto"
    min_confidence: float = MIN_CONFIDENCE
    limits: Limits = Limits()
    timeout: float = 60.0
    box: Box = "none"


def cut_chunks(sources: Iterable[Source]) -> Iterator[list[Source]]:
    """Yield the sources in lists of at most `CHUNK_FILES`, each ended by the file that fills `CHUNK_BYTES`."""
    chunk: list[Source] = []
    size = 0
    for source in sources:
        chunk.append(source)
        size += size_of(source)
        if len(chunk) == CHUNK_FILES or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def size_of(source: Source) -> int:
    """Return the bytes of an image, 0 where they cannot be told."""
    if source.place is not None:
        return source.place.size
    try:
        return os.stat(source.path).st_size
    except (OSError, ValueError):
        return 0


def read_chunk(
    chunk: Sequence[Source], model: Model, settings: Settings, breathe: Callable[[], None] = lambda: None
) -> Iterator[list[tuple[int, Prediction]]]:
    """Read the files of one chunk.

    Parameters
    ----------
    chunk : sequence of Source
        Files in the order of the walk.
    model : Model
        The fitted model.
    settings : Settings
        How each image is read.
    breathe : callable
        Called after every frame, so that whoever waits knows that the reader lives.

    Yields
    ------
    list of (int, Prediction)
        The rows of some frames, each with the place of its file in the chunk; all in order. A yield frees the pixels.
    """
    batch: list[tuple[int, str, Frame | Unreadable]] = []
    pixels = 0
    for place, source in enumerate(fetch_ahead(chunk, breathe)):
        for item in read_frames(source, settings.limits):
            breathe()
            batch.append((place, source.name, item))
            pixels += item.pixels.size if isinstance(item, Frame) else 0
            del item  # the next one is decoded while this loop still holds its name
            if pixels >= BATCH_PIXELS or len(batch) == CHUNK_FILES:
                yield _read_batch(batch, model, settings)
                batch, pixels = [], 0
    if batch:
        yield _read_batch(batch, model, settings)


def _read_batch(
    batch: Sequence[tuple[int, str, Frame | Unreadable]], model: Model, settings: Settings
) -> list[tuple[int, Prediction]]:
    """Read pictures together; where that fails, one by one, so that only the one at fault pays."""
    pictures = [item.pixels for _, _, item in batch if isinstance(item, Frame)]
    try:
        readings = iter(
            read_pictures(model, pictures, polarity=settings.polarity, min_confidence=settings.min_confidence)
        )
        return [
            (
                place,
                next(readings).prediction(name, item.index, settings.box)
                if isinstance(item, Frame)
                else _error_row(name, item),
            )
            for place, name, item in batch
        ]
    except Exception as error:
        if len(batch) > 1:
            return [row for single in batch for row in _read_batch([single], model, settings)]
        ((place, name, item),) = batch
        return [(place, _error_row(name, Unreadable(item.index, _explain(error))))]


def _error_row(name: str, trouble: Unreadable) -> Prediction:
    return Prediction(name, trouble.index, None, None, "error", trouble.reason)


def _explain(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "too large for the memory"
    return f"could not be analysed: {type(error).__name__}"
