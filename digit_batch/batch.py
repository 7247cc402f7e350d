"""Many images: chunks of files to worker processes, rows back in order.

A path travels with its pixels from the walk to its row, so that an answer can never move to a neighbour.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from joblib import Parallel, delayed

from digit_batch.images import Frame, Limits, Skipped, Source, read_frames, walk
from digit_batch.model import Model
from digit_batch.predictions import Prediction
from digit_batch.reading import MIN_CONFIDENCE, Polarity, read_pictures

CHUNK = 64  # files a task: enough for matrix products, few enough to stop quickly
WINDOW = 8  # chunks under way for each worker; bounds memory whatever the size of the folder
SMALL = 256  # files; below it, starting worker processes costs more than it saves


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
    """

    polarity: Polarity = "auto"
    min_confidence: float = MIN_CONFIDENCE
    limits: Limits = Limits()


def classify(
    inputs: Sequence[str],
    model: Model,
    *,
    settings: Settings = Settings(),
    jobs: int | None = None,
    on_skip: Callable[[Skipped], None] | None = None,
) -> Iterator[Prediction]:
    """Yield one prediction for every image found, in the order of the walk, in constant memory.

    Parameters
    ----------
    inputs : sequence of str
        Files and folders.
    model : Model
        The fitted model.
    settings : Settings
        How each image is read.
    jobs : int or None
        Worker processes; None takes all cores.
    on_skip : callable or None
        Told of every thing met that is no image.

    Raises
    ------
    InputError
        An input does not exist.
    """
    return classify_sources(images_among(walk(inputs), on_skip), model, settings=settings, jobs=jobs)


def images_among(met: Iterable[Source | Skipped], on_skip: Callable[[Skipped], None] | None = None) -> Iterator[Source]:
    """Yield the images of a walk, and tell of what is none."""
    for thing in met:
        if isinstance(thing, Source):
            yield thing
        elif on_skip is not None:
            on_skip(thing)


def classify_sources(
    sources: Iterable[Source], model: Model, *, settings: Settings = Settings(), jobs: int | None = None
) -> Iterator[Prediction]:
    """Yield the predictions of image files, in their order."""
    sources = iter(sources)
    jobs = jobs or os.cpu_count() or 1
    first = list(islice(sources, SMALL))
    if jobs == 1 or len(first) < SMALL:
        for chunk in chunks(chain(first, sources)):
            yield from read_chunk(chunk, model, settings)
        return
    work = chunks(chain(first, sources))
    with Parallel(n_jobs=jobs, return_as="generator", batch_size=1) as parallel:
        # joblib's generator has no back-pressure: it is fed a window at a time, or it would pull the whole walk.
        while window := list(islice(work, WINDOW * jobs)):
            for rows in parallel(delayed(read_chunk)(chunk, model, settings) for chunk in window):
                yield from rows


def chunks(sources: Iterable[Source]) -> Iterator[list[Source]]:
    """Yield the sources in lists of `CHUNK`."""
    sources = iter(sources)
    while chunk := list(islice(sources, CHUNK)):
        yield chunk


def read_chunk(chunk: Sequence[Source], model: Model, settings: Settings) -> list[Prediction]:
    """Read the files of one chunk: one prediction for every frame, in order."""
    found = [(source.name, item) for source in chunk for item in read_frames(source, settings.limits)]
    pictures = [item.pixels for _, item in found if isinstance(item, Frame)]
    readings = iter(read_pictures(model, pictures, polarity=settings.polarity, min_confidence=settings.min_confidence))
    return [
        next(readings).prediction(name, item.index)
        if isinstance(item, Frame)
        else Prediction(name, item.index, None, None, "error", item.reason)
        for name, item in found
    ]
