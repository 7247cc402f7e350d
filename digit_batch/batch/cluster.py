"""The same chunks on a Dask cluster: parcels of them as futures, rows back in order, the same bytes as locally.

The client holds a window of parcels, so that neither it nor the scheduler ever knows the whole run. Dask itself does a
parcel again whose worker was lost, and gives up on one that was there when several died (its setting
``allowed-failures``); such a parcel is cut down here, with nothing else under way, until the file at fault is alone.
"""

import asyncio
import json
import logging
import os
import pickle
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import islice, takewhile
from pathlib import Path
from threading import Thread
from typing import Any

from digit_batch.batch.chunks import Rows, Settings
from digit_batch.batch.engine import KILLED
from digit_batch.errors import DigitBatchError, missing_extra
from digit_batch.images import Source, is_url
from digit_batch.model import Model
from digit_batch.predictions import Prediction
from digit_batch.process import usable_cores

PARCEL_CHUNKS = 2  # a task of Dask costs some milliseconds of client, scheduler and worker; a chunk 90 or more
WINDOW = 3  # parcels under way for each thread of the cluster
LOOK_EVERY = 0.5  # s between two looks at the cluster's health
COUNT_EVERY = 5.0  # s between two counts of its workers: clusters grow and shrink
FIRST_WORKER = 120.0  # s that the first worker may take to come, and that a run waits when all are gone
PATIENCE = 3.0  # s without a worker before the user is told what is waited for
CONNECT_SECONDS = 10.0
SHOWN_WORDS = 80  # characters of what a worker said went wrong
SHOWN = 5  # workers named in a sentence
LOUD = ("distributed", "tornado", "asyncio")  # loggers that would write tracebacks over the one sentence

Chunk = Sequence[Source]


@dataclass
class Efforts:
    """Who did what in a run on a cluster; filled while it goes on.

    Attributes
    ----------
    images : dict of str to int
        Rows by the name of their worker.
    began, ended : dict of str to float
        Its first parcel's begin and its last one's end, by its own clock.
    retries : int
        Parcels that were done again because a worker was lost.
    """

    images: dict[str, int] = field(default_factory=dict)
    began: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    retries: int = 0

    def add(self, worker: str, rows: int, began: float, ended: float) -> None:
        """Count a parcel."""
        self.images[worker] = self.images.get(worker, 0) + rows
        self.began[worker] = min(began, self.began.get(worker, began))
        self.ended[worker] = max(ended, self.ended.get(worker, ended))

    def speed(self, worker: str) -> float:
        """Return a worker's images a second, from its first parcel to its last."""
        return self.images[worker] / max(self.ended[worker] - self.began[worker], 1e-9)


def classify_on_cluster(
    chunks: Iterable[Chunk],
    model: Model,
    address: str,
    *,
    settings: Settings = Settings(),
    workers: int | None = None,
    efforts: Efforts | None = None,
    on_wait: Callable[[str], None] = lambda sentence: None,
) -> Generator[list[Rows], None, None]:
    """Yield the rows of each chunk, in order, as `digit_batch.batch.classify_chunks` does, from a Dask cluster.

    Parameters
    ----------
    chunks : iterable of sequence of Source
        As `cut_chunks` gives them; taken a window at a time. Files must have the same paths on every worker.
    model, settings
        As in `digit_batch.batch.classify`.
    address : str
        ``tcp://host:8786`` or ``tls://...``, a Dask scheduler file, or ``local`` for a cluster of this machine.
    workers : int or None
        Of a ``local`` cluster; None takes all cores.
    efforts : Efforts or None
        To be filled with who did what.
    on_wait : callable
        Told in a sentence that the cluster has no workers, and how long they are waited for.

    Raises
    ------
    DigitBatchError
        Nothing answers at the address, workers do not fit this installation, or the cluster was lost. The rows
        yielded before stay good.
    """
    with _connect(address, workers) as client:
        _check_workers(client, address, on_wait)
        run = _Run(client, address, efforts or Efforts(), on_wait)
        try:
            run.begin(model, settings)
            yield from run.read(iter(chunks))
        finally:
            run.end()


def import_ahead() -> None:
    """Begin to import Dask in a thread: that takes a fifth of a second, as long as reading the model."""

    def load() -> None:
        with suppress(ImportError):  # told where it is needed
            import_module("distributed")

    Thread(target=load, daemon=True).start()


@contextmanager
def _connect(address: str, workers: int | None) -> Iterator[Any]:
    """Open a client; what Dask logs meanwhile is kept off the terminal."""
    try:
        import dask
        import distributed
    except ImportError as error:
        raise missing_extra("--cluster", error) from error
    local = None
    with _quiet(), dask.config.set({"distributed.scheduler.allowed-failures": 1}):  # of the scheduler, if it is ours
        try:
            if address == "local":
                count = workers or usable_cores()
                local = distributed.LocalCluster(
                    n_workers=count, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
                )
            else:
                _reach(address)
            client = distributed.Client(local or _read_address(address), set_as_default=False, timeout=CONNECT_SECONDS)
        except (OSError, ValueError, TypeError, RuntimeError, KeyError) as error:
            if local is not None:
                local.close(timeout=5)
            raise DigitBatchError(
                f"No Dask scheduler answers at {address} ({type(error).__name__}). Start one with `dask scheduler`, or "
                "check the address, and Dask's own settings where it wants TLS."
            ) from error
        try:
            yield client
        finally:
            client.close(timeout=2)
            if local is not None:
                local.close(timeout=5)


def _reach(address: str) -> None:
    """Find out whether a scheduler answers: a client that fails to connect would go on failing until its process ends.

    Raises
    ------
    Exception
        It does not; or Dask has no TLS settings for a ``tls://`` address.
    """
    from distributed import Security
    from distributed.comm import connect

    async def say_hello() -> None:
        arguments = Security().get_connection_args("client")
        comm = await connect(_read_address(address), timeout=CONNECT_SECONDS, **arguments)
        await comm.close()

    asyncio.run(say_hello())


def _read_address(address: str) -> str:
    """Return the address that stands in a scheduler file, or the address as it is."""
    if not os.path.isfile(address) and not address.endswith(".json"):
        return address
    try:
        return str(json.loads(Path(address).read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds no address"
        raise DigitBatchError(
            f"Cannot take the scheduler's address from {address}: {why}. Give the file that "
            "`dask scheduler --scheduler-file` writes, or the address itself."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the loggers of Dask: what matters is a sentence of ours."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in LOUD]
    before = [(logger, logger.level) for logger in map(logging.getLogger, {*names, *LOUD})]
    for logger, _ in before:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in before:
            logger.setLevel(level)


def _check_workers(client: Any, address: str, on_wait: Callable[[str], None]) -> None:
    """Refuse, before any work, workers whose rows would not be the same as here."""
    from digit_batch.batch.station import describe_versions

    try:
        _wait_for_first(client, address, on_wait)
        found: Mapping[str, Any] = client.run(describe_versions, on_error="return")
        names = {place: str(worker["name"]) for place, worker in client.scheduler_info(n_workers=-1)["workers"].items()}
    except (OSError, TimeoutError) as error:
        raise DigitBatchError(
            f"No worker came to the Dask scheduler at {address} in {FIRST_WORKER:g} s. Start some with "
            f"`dask worker {address}`."
        ) from error
    here = describe_versions()
    differing = [
        f"{names.get(place, place)} has {_differ(versions, here)}"
        for place, versions in found.items()
        if versions != here
    ]
    if differing:
        raise _unfit(differing, address)


def _wait_for_first(client: Any, address: str, on_wait: Callable[[str], None]) -> None:
    """Wait until there is a worker, and not for long without a word."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        left = FIRST_WORKER - PATIENCE
        on_wait(f"{address} has no workers yet: waiting {left:g} s more. Start some with `dask worker {address}`.")
        client.wait_for_workers(1, timeout=left)


def _unfit(differing: Sequence[str], address: str) -> DigitBatchError:
    more = f"; and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
    return DigitBatchError(
        f"Workers at {address} would not give the same rows: {'; '.join(sorted(differing)[:SHOWN])}{more}. "
        "Install the same versions there, or stop these workers."
    )


def _differ(there: Any, here: Mapping[str, str]) -> str:
    """Say what of a worker's versions is not as here."""
    if not isinstance(there, dict):
        absent = "No module named" in str(there)  # Dask passes on what was raised there as words
        return "no digit-batch" if absent else f"no answer ({type(there).__name__}: {str(there)[:SHOWN_WORDS]})"
    found = [f"{what} {there.get(what)} (here {here[what]})" for what in here if there.get(what) != here[what]]
    return ", ".join(found)


@dataclass
class _Sent:
    """A parcel under way."""

    parcel: Sequence[Chunk]
    future: Any


class _Run:
    """One run's parcels on a cluster."""

    def __init__(self, client: Any, address: str, efforts: Efforts, on_wait: Callable[[str], None]) -> None:
        self._client = client
        self._address = address
        self._efforts = efforts
        self._on_wait = on_wait
        self._name = f"digit-batch-{uuid.uuid4().hex[:12]}"
        self._sent = 0
        self._window: deque[_Sent] = deque()
        self._threads = 1
        self._counted = 0.0
        self._last_worker = time.monotonic()
        self._told = False  # that there are no workers just now

    def begin(self, model: Model, settings: Settings) -> None:
        """Send the model, once to each worker; those that come later get it from the scheduler."""
        from digit_batch.batch.station import Station, describe_versions

        payload = pickle.dumps((model.bare(), settings))
        self._client.register_plugin(Station(self._name, payload, settings.timeout, describe_versions()))

    def end(self) -> None:
        """Let go of everything on the cluster, if there still is one."""
        self._window.clear()
        if self._client.status != "running":
            return
        try:
            self._efforts.retries += self._count_repeated()
            self._client.unregister_worker_plugin(self._name)
        except Exception:  # it is being lost just now; the run's own trouble is the one to tell
            return

    def read(self, chunks: Iterator[Chunk]) -> Iterator[list[Rows]]:
        """Yield the rows of each chunk, in order."""
        parcels = iter(lambda: list(islice(chunks, PARCEL_CHUNKS)), [])
        more = True
        while True:
            self._count_workers()
            while more and len(self._window) < WINDOW * self._threads:
                parcel = next(parcels, None)
                if parcel is None:
                    more = False
                else:
                    self._window.append(self._send(parcel))
            if not self._window:
                return
            yield from self._take()

    def _send(self, parcel: Sequence[Chunk]) -> _Sent:
        from digit_batch.batch.station import pack_parcel, read_parcel

        self._sent += 1
        packed = pack_parcel([[_absolute(source) for source in chunk] for chunk in parcel])
        key = f"{self._name}-{self._sent}"
        return _Sent(parcel, self._client.submit(read_parcel, self._name, packed, key=key, pure=False))

    def _take(self) -> Iterator[list[Rows]]:
        """Yield the rows of the oldest parcel, and of all behind it that are done as well."""
        self._wait(self._window[0])
        done = list(takewhile(lambda sent: sent.future.status == "finished", self._window))
        if not done:
            yield from self._cut_down(self._window.popleft())
            return
        for answer in self._fetch(done):
            self._window.popleft()
            yield from self._open(answer)

    def _fetch(self, done: Sequence[_Sent]) -> list[Any]:
        """Return the answers to parcels that are done; none where a worker was lost with one: the next look tells."""
        try:
            answers: list[Any] = self._client.gather([sent.future for sent in done])
        except Exception:
            if all(sent.future.status == "finished" for sent in done):
                raise
            return []
        return answers

    def _open(self, answer: Any) -> list[list[Rows]]:
        if answer.differing is not None:
            from digit_batch.batch.station import describe_versions

            raise _unfit([f"{answer.worker} has {_differ(answer.differing, describe_versions())}"], self._address)
        rows = sum(len(rows) for chunk in answer.chunks for rows in chunk)
        self._efforts.add(answer.worker, rows, answer.began, answer.ended)
        chunks: list[list[Rows]] = answer.chunks
        return chunks

    def _cut_down(self, sent: _Sent) -> Iterator[list[Rows]]:
        """Read a parcel that Dask gave up on in parts, each alone on the cluster, so that none is blamed wrongly."""
        self._check_failure(sent)
        for other in self._window:
            self._wait(other)
        if len(sent.parcel) > 1:
            for chunk in sent.parcel:
                yield from self._read_alone([chunk])
            return
        (chunk,) = sent.parcel
        if len(chunk) > 1:
            yield [rows for source in chunk for part in self._read_alone([[source]]) for rows in part]
            return
        yield [[Prediction(chunk[0].name, 0, None, None, "error", KILLED)]]

    def _read_alone(self, parcel: Sequence[Chunk]) -> Iterator[list[Rows]]:
        self._efforts.retries += 1
        sent = self._send(parcel)
        while True:
            self._wait(sent)
            if sent.future.status != "finished":
                yield from self._cut_down(sent)
                return
            if answers := self._fetch([sent]):
                yield from self._open(answers[0])
                return

    def _check_failure(self, sent: _Sent) -> None:
        """Raise what ended a parcel, unless it is that workers died of it."""
        from distributed import KilledWorker

        error = sent.future.exception()
        if isinstance(error, KilledWorker):
            return
        if isinstance(error, DigitBatchError):
            raise error
        raise DigitBatchError(
            f"A worker at {self._address} failed: {type(error).__name__}. See its log; what is done can be resumed."
        ) from error

    def _wait(self, sent: _Sent) -> None:
        """Wait for a parcel, and notice when scheduler or workers are gone."""
        from distributed import wait

        while True:
            if self._client.status != "running" or sent.future.status == "cancelled":
                raise DigitBatchError(
                    f"The Dask scheduler at {self._address} was lost. Everything finished is kept: start it again, and "
                    "continue with --resume."
                )
            if sent.future.status not in ("pending", "lost"):  # what was lost with its worker is done again
                return
            try:
                with self._client.as_current():  # `wait` asks the current client, and refuses where there is none
                    wait([sent.future], timeout=LOOK_EVERY)
            except TimeoutError:
                self._count_workers()
            except Exception:  # cancelled under our hands: the next look tells why
                time.sleep(LOOK_EVERY)

    def _count_workers(self) -> None:
        """Look now and then how large the cluster is; give up when it has been empty for long."""
        now = time.monotonic()
        if now - self._counted < COUNT_EVERY:
            return
        self._counted = now
        try:
            threads = sum(self._client.nthreads().values())
        except Exception:  # `_wait` tells of a lost scheduler
            return
        if threads:
            self._threads, self._last_worker, self._told = threads, now, False
        elif now - self._last_worker > FIRST_WORKER:
            raise DigitBatchError(
                f"All workers at {self._address} are lost. Everything finished is kept: start some with "
                f"`dask worker {self._address}`, and continue with --resume."
            )
        elif not self._told:
            self._told = True
            self._on_wait(
                f"{self._address} has no workers any more: waiting up to {FIRST_WORKER:g} s for new ones. "
                f"Start some with `dask worker {self._address}`."
            )

    def _count_repeated(self) -> int:
        """Count the parcels that Dask did again because their worker was lost, from its log of events."""
        lost = (event for _, event in self._client.get_events("all") if event.get("action") == "remove-worker")
        keys = (
            key for event in lost for kind in ("processing-tasks", "lost-computed-tasks") for key in event.get(kind, ())
        )
        return sum(str(key).startswith(self._name) for key in keys)


def _absolute(source: Source) -> Source:
    """Return a source as another machine can find it."""
    if is_url(source.path) or os.path.isabs(source.path):
        return source
    return replace(source, path=str(Path(source.path).absolute()))
