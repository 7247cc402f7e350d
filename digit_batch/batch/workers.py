"""The processes that read: each spoken to and ended on its own.

Why not joblib: a killed worker breaks its whole pool (`TerminatedWorkerError`), the unfinished window is lost, and
nobody is told which task was at fault; a hanging one is never noticed. `concurrent.futures` is the same. With a pipe
to each process its death is the end of its pipe and its hanging is silence: both are known at once, for one worker,
and the others go on. Plain subprocesses rather than `multiprocessing`: nothing is forked from a process with
threads, and a user's script needs no ``if __name__ == "__main__"``.

Every worker has one thread here, which does all that can block. A process that not even SIGKILL ends (a dead network
disk) so costs a thread, and not the run.
"""

import pickle
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

from digit_batch.images import Source
from digit_batch.predictions import Prediction
from digit_batch.process import Process

PREFETCH = 2  # tasks given to a worker: one being read, one waiting


@dataclass
class Task:
    """Files for one worker.

    Attributes
    ----------
    chunk : Chunk
        The chunk they belong to.
    places : sequence of int
        Their places in it.
    deaths : int
        Workers that died of it so far.
    """

    chunk: "Chunk"
    places: Sequence[int]
    deaths: int = 0

    @property
    def sources(self) -> list[Source]:
        """The files."""
        return [self.chunk.sources[place] for place in self.places]


@dataclass
class Chunk:
    """Files of the walk and their rows, as far as they are known."""

    sources: Sequence[Source]
    rows: list[list[Prediction] | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows = [None] * len(self.sources)


Event = tuple["Worker", str, list[tuple[int, Prediction]] | None]  # who, "ready" | "alive" | "rows" | "done" | "died"


class Worker:
    """One process, and the tasks it was given.

    Parameters
    ----------
    process : Process
        As `digit_batch.process.start` gives it.
    payload : bytes
        The pickled model and settings.
    events : SimpleQueue
        Where its replies go, and ``"died"`` when its pipe ends.
    """

    def __init__(self, process: Process, payload: bytes, events: "SimpleQueue[Event]") -> None:
        self.tasks: deque[Task] = deque()
        self.rows: list[tuple[int, Prediction]] = []  # of the first task, so far
        self.ready = False
        self.heard = 0.0  # time.monotonic() of its last sign of life
        self._events = events
        self._inbox: SimpleQueue[bytes | None] = SimpleQueue()
        self._inbox.put(payload)
        self._process = process
        threading.Thread(target=self._talk, name="digit_batch worker", daemon=True).start()

    def give(self, task: Task) -> None:
        """Hand over a task; never blocks."""
        self.tasks.append(task)
        self._inbox.put(pickle.dumps(task.sources))

    def end(self) -> None:
        """End the process at once, whatever it is doing."""
        self._process.kill()
        self._inbox.put(None)

    def _talk(self) -> None:
        """Send what is in the inbox and pass replies on, until the process or the run ends."""
        process = self._process
        assert process.stdin and process.stdout
        try:
            with process.stdin, process.stdout:
                awaited = "ready"
                while (message := self._inbox.get()) is not None:
                    process.stdin.write(message)
                    process.stdin.flush()
                    kind = ""
                    while kind != awaited:
                        kind, content = pickle.load(process.stdout)
                        self._events.put((self, kind, content))
                    awaited = "done"
        except Exception:  # it died, in the middle of a word too; or there is no memory for what it says
            self._events.put((self, "died", None))
        finally:
            process.kill()
            process.wait()
