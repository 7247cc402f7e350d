"""A Dask worker's side: what it keeps for a run, and how it reads a parcel of chunks.

A chunk is not read by the Dask worker itself but by a reader process beside it, the very one that a local run uses:
an image that takes all memory or never ends costs its own row and not the worker with whatever else it holds, and
every row is the same as locally. Each thread of the Dask worker has its own reader.
"""

import pickle
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from distributed import WorkerPlugin, get_worker

from digit_batch import __version__
from digit_batch.batch.chunks import Rows
from digit_batch.batch.engine import Crew
from digit_batch.batch.resume import find_versions
from digit_batch.features import RECIPE_VERSION
from digit_batch.images import Source

IDLE_SECONDS = 60.0  # after which readers without work end: the client may have been killed

Versions = dict[str, str]
Parcel = Sequence[Sequence[Source]]  # chunks


@dataclass(frozen=True)
class Answer:
    """What became of a parcel.

    Attributes
    ----------
    worker : str
        The name of the Dask worker.
    began, ended : float
        By that worker's clock, in seconds.
    chunks : list of list of Rows
        The rows of each file of each chunk.
    differing : dict of str to str
        For a worker that joined late and does not fit: its versions. It has read nothing.
    """

    worker: str
    began: float
    ended: float
    chunks: list[list[Rows]]
    differing: Versions | None = None


def describe_versions() -> Versions:
    """Return the versions that decide the rows, by the names that a person installs them by."""
    return {"digit-batch": __version__, "the feature recipe": str(RECIPE_VERSION), **find_versions()}


class Station(WorkerPlugin):  # type: ignore[misc]
    """Keeps the model of one run on a worker, and its readers; Dask sends it once to each worker, late ones too.

    Parameters
    ----------
    run : str
        The name of the run, under which `read_parcel` finds its station.
    payload : bytes
        The pickled model and settings.
    timeout : float
        Seconds that one image may take.
    expected : dict of str to str
        The client's `describe_versions`.
    """

    def __init__(self, run: str, payload: bytes, timeout: float, expected: Versions) -> None:
        self.name = run
        self._payload = payload
        self._timeout = timeout
        self._expected = expected

    def setup(self, worker: Any) -> None:
        """Begin on a worker."""
        found = describe_versions()
        self.differing = found if found != self._expected else None
        self._free: list[Crew] = []
        self._lock = threading.Lock()
        self._used = time.monotonic()
        self._timer: threading.Timer | None = None
        self._closed = False

    def teardown(self, worker: Any) -> None:
        """End every reader that is not at work; those at work end with their parcel."""
        self._closed = True
        self._end_free()

    @contextmanager
    def reader(self) -> Iterator[Crew]:
        """Lend a reader to one thread."""
        with self._lock:
            crew = self._free.pop() if self._free else Crew(self._payload, 1, self._timeout)
        try:
            yield crew
        except BaseException:
            crew.end()
            raise
        with self._lock:
            self._free.append(crew)
            self._used = time.monotonic()
            if self._timer is None:
                self._wind(IDLE_SECONDS)
        if self._closed:
            self._end_free()

    def _wind(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._end_idle)
        self._timer.daemon = True
        self._timer.start()

    def _end_idle(self) -> None:
        """End the readers when they have had nothing to do for long; else look again when that could be so."""
        with self._lock:
            left = self._used + IDLE_SECONDS - time.monotonic()
            self._timer = None
            if left > 0 and not self._closed:
                self._wind(left)
                return
        self._end_free()

    def _end_free(self) -> None:
        with self._lock:
            while self._free:
                self._free.pop().end()


def pack_parcel(parcel: Parcel) -> bytes:
    """Return a parcel as it is sent: Dask's scheduler keeps the last thousand messages to each worker.

    As objects, the names of 1,024 files would be 300 KB of each; packed they are 6 to 27, and it need not look inside.
    """
    return zlib.compress(pickle.dumps(parcel, pickle.HIGHEST_PROTOCOL), 1)


def read_parcel(run: str, packed: bytes) -> Answer:
    """Read the chunks of a packed parcel, in a reader beside this Dask worker."""
    worker = get_worker()
    station: Station = worker.plugins[run]
    name, began = str(worker.name), time.time()
    if station.differing is not None:
        return Answer(name, began, began, [], station.differing)
    parcel: Parcel = pickle.loads(zlib.decompress(packed))
    with station.reader() as crew:
        chunks = list(crew.read(iter(parcel)))
    return Answer(name, began, time.time(), chunks)
