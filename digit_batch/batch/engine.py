"""The engine: a lazy walk in, rows in the walk's order out, in constant memory.

The engine holds a window of chunks, gives them to workers, and yields the oldest when it is whole. A worker that dies
or falls silent costs one image: its chunk is read once more as it was (a death may be nobody's fault), and if that
kills again, file by file; the file that kills two readers alone, or hangs one, gets the row that says so.
"""

import pickle
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from os import PathLike, fspath
from queue import Empty, SimpleQueue

from threadpoolctl import threadpool_limits

from digit_batch.batch.chunks import Rows, Settings, cut_chunks, read_chunk, size_of
from digit_batch.batch.workers import PREFETCH, Chunk, Event, Task, Worker
from digit_batch.errors import DigitBatchError
from digit_batch.images import Skipped, Source, walk
from digit_batch.model import Model
from digit_batch.predictions import Prediction
from digit_batch.process import Process, end, start, usable_cores

WINDOW = 8  # chunks under way for each worker; bounds memory whatever the size of the folder
SMALL_FILES = 256  # below both, starting a second worker process costs more than it saves
SMALL_BYTES = 8 << 20
LOOK_EVERY = 0.5  # s between two looks for workers that hang
STARTS = 3  # workers in a row that may die before they are ready
START_SECONDS = 300.0  # imports from a slow network disk

KILLED = "killed its reader: out of memory?"


def classify(
    inputs: str | PathLike[str] | Iterable[str | PathLike[str]],
    model: Model,
    *,
    settings: Settings = Settings(),
    jobs: int | None = None,
    on_skip: Callable[[Skipped], None] | None = None,
) -> Iterator[Prediction]:
    """Yield one prediction for every image found, in the order of the walk, in constant memory.

    Parameters
    ----------
    inputs : str or path, or iterable of these
        Files and folders; URLs as str.
    model : Model
        The fitted model.
    settings : Settings
        How each image is read.
    jobs : int or None
        Worker processes; None takes all cores, and one where the folder is small; as in joblib, -1 takes all, -2 all
        but one. With 0 this process reads: at once, but an image that kills or hangs its reader then ends the run.
    on_skip : callable or None
        Told of every thing met that is no image.

    Raises
    ------
    InputError
        An input does not exist.
    DigitBatchError
        Worker processes cannot be started.
    """
    names = [inputs] if isinstance(inputs, str | PathLike) else inputs
    images = images_among(walk(fspath(name) for name in names), on_skip)
    return classify_sources(images, model, settings=settings, jobs=jobs)


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
    for chunk in classify_chunks(cut_chunks(sources), model, settings=settings, jobs=jobs):
        for rows in chunk:
            yield from rows


def classify_chunks(
    chunks: Iterable[Sequence[Source]],
    model: Model,
    *,
    settings: Settings = Settings(),
    jobs: int | None = None,
    started: list[Process] | None = None,
) -> Generator[list[Rows], None, None]:
    """Yield the rows of each chunk, in order: a list of rows for each of its files; closing it ends the workers.

    Parameters
    ----------
    chunks : iterable of sequence of Source
        As `cut_chunks` gives them; taken a window at a time.
    model, settings, jobs
        As in `classify`.
    started : list of Process or None
        Worker processes that the caller started ahead, for the first workers; None starts one here, before the walk
        and the model's packing, which take a moment. All are ended.
    """
    chunks = iter(chunks)
    with ExitStack() as stack:
        if jobs == 0:
            stack.callback(end, started or [])
            stack.enter_context(threadpool_limits(1))  # as in a worker: more threads could round otherwise
            for chunk in chunks:
                yield _sort_rows(len(chunk), (row for rows in read_chunk(chunk, model, settings) for row in rows))
            return
        started = [start()] if started is None else started
        stack.callback(end, started)
        if jobs is None:
            first, small = _take_small(chunks)
            chunks, jobs = chain(first, chunks), 1 if small else usable_cores()
        elif jobs < 0:
            jobs = max(usable_cores() + 1 + jobs, 1)
        crew = Crew(pickle.dumps((model.bare(), settings)), jobs, settings.timeout, started)
        stack.callback(crew.end)
        yield from crew.read(chunks)


def _take_small(chunks: Iterator[Sequence[Source]]) -> tuple[list[Sequence[Source]], bool]:
    """Take chunks until they are not small any more, and tell whether all were taken before that."""
    first: list[Sequence[Source]] = []
    files = size = 0
    for chunk in chunks:
        first.append(chunk)
        files += len(chunk)
        size += sum(map(size_of, chunk))
        if files >= SMALL_FILES or size >= SMALL_BYTES:
            return first, False
    return first, True


def _sort_rows(files: int, rows: Iterable[tuple[int, Prediction]]) -> list[Rows]:
    """Return the rows of each file from rows with the place of their file."""
    sorted_rows: list[Rows] = [[] for _ in range(files)]
    for place, row in rows:
        sorted_rows[place].append(row)
    return sorted_rows


class Crew:
    """The workers of one run and the chunks under way; what is started already is taken for the first of them."""

    def __init__(self, payload: bytes, jobs: int, timeout: float, started: list[Process] | None = None) -> None:
        self._payload = payload
        self._jobs = jobs
        self._timeout = timeout
        self._started = started or []
        self._workers: list[Worker] = []
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._window: deque[Chunk] = deque()
        self._waiting: deque[Task] = deque()
        self._failed_starts = 0
        self._looked = time.monotonic()

    def read(self, chunks: Iterator[Sequence[Source]]) -> Iterator[list[Rows]]:
        """Yield the rows of each chunk, in order."""
        more = True
        while True:
            while more and len(self._window) < WINDOW * self._jobs:
                sources = next(chunks, None)
                if sources is None:
                    more = False
                else:
                    chunk = Chunk(sources)
                    self._window.append(chunk)
                    self._waiting.append(Task(chunk, range(len(sources))))
                    self._give_out()  # at once: the walk may be slow
            if not self._window:
                return
            self._give_out()
            self._wait()
            while self._window and None not in self._window[0].rows:
                yield [rows for rows in self._window.popleft().rows if rows is not None]

    def end(self) -> None:
        """End every worker at once."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def _give_out(self) -> None:
        """Hand waiting tasks to the workers with the fewest; start another worker while there are too few."""
        while self._waiting:
            worker = min(self._workers, key=lambda worker: len(worker.tasks), default=None)
            if (worker is None or worker.tasks) and len(self._workers) < self._jobs:
                worker = self._start_another() or worker
            if worker is None or len(worker.tasks) >= PREFETCH:
                return
            if not worker.tasks:
                worker.heard = time.monotonic()
            worker.give(self._waiting.popleft())

    def _start_another(self) -> Worker | None:
        """Start a worker; where the system has no room for another, those that work are all there will be."""
        try:
            process = self._started[-1] if self._started else start()
        except DigitBatchError:
            if not self._workers:
                raise
            self._jobs = len(self._workers)
            return None
        worker = Worker(process, self._payload, self._events)
        self._workers.append(worker)
        if self._started:  # not before it has an owner who ends it
            self._started.pop()
        return worker

    def _wait(self) -> None:
        """Take in every event there is, or the next one; now and then look for workers that hang."""
        try:
            self._take_in(*self._events.get(timeout=LOOK_EVERY))
            while True:
                self._take_in(*self._events.get_nowait())
        except Empty:
            pass
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY:
            return
        if now - self._looked > 10 * LOOK_EVERY:  # this process itself was stopped, or its reader paused
            for worker in self._workers:
                worker.heard = now
        self._looked = now
        for worker in list(self._workers):
            if worker.tasks and now - worker.heard > (self._timeout if worker.ready else START_SECONDS):
                self._lose(worker, hung=True)

    def _take_in(self, worker: Worker, kind: str, rows: list[tuple[int, Prediction]] | None) -> None:
        if worker not in self._workers:
            return  # the last words of one that was ended
        worker.heard = time.monotonic()
        if kind == "ready":
            worker.ready = True
            self._failed_starts = 0
        elif kind == "rows":
            worker.rows += rows or []
        elif kind == "done":
            task = worker.tasks.popleft()
            self._keep(task, worker.rows)
            worker.rows = []
        elif kind == "died":
            self._lose(worker, hung=False)

    def _keep(self, task: Task, rows: Iterable[tuple[int, Prediction]]) -> None:
        for place, found in zip(task.places, _sort_rows(len(task.places), rows), strict=True):
            task.chunk.rows[place] = found

    def _lose(self, worker: Worker, *, hung: bool) -> None:
        """End a worker that died or hangs, and put its tasks back: all but the first as they were."""
        worker.end()
        self._workers.remove(worker)
        self._waiting.extendleft(list(worker.tasks)[:0:-1])
        if worker.ready:
            self._waiting.extendleft(reversed(self._narrow(worker, hung)))
            return
        self._waiting.extendleft(list(worker.tasks)[:1])
        self._failed_starts += 1
        if self._failed_starts == STARTS:
            raise DigitBatchError(
                "Worker processes cannot start here. Free some memory, or read the folder in small parts with --jobs 1."
            )

    def _narrow(self, worker: Worker, hung: bool) -> list[Task]:
        """Return what is to be read again for the task that a worker was lost with."""
        if not worker.tasks:
            return []
        task = worker.tasks[0]
        if not hung and not task.deaths:
            return [Task(task.chunk, task.places, deaths=1)]
        if len(task.places) > 1:
            return [Task(task.chunk, [place]) for place in task.places]
        # The frames before the fatal one have their rows; those after it cannot be reached.
        name, (place,) = task.sources[0].name, task.places
        reason = f"took longer than {self._timeout:g} s" if hung else KILLED
        last = worker.rows[-1][1].frame + 1 if worker.rows else 0
        error = Prediction(name, last, None, None, "error", reason)
        task.chunk.rows[place] = [row for _, row in worker.rows] + [error]
        return []
