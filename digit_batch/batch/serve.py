"""The worker's side: a process that reads chunks for its parent until its input ends.

Talk is pickles over its own stdin and stdout, between two processes of one run. In: the model and the settings once,
then lists of sources. Out: ``("ready", None)``, then for each list any number of ``("alive", None)`` and
``("rows", [(place, row), ...])``, and ``("done", None)``.
"""

import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from typing import BinaryIO

from digit_batch.batch.chunks import Settings, read_chunk

MEMORY = 1_500_000_000  # bytes of data a worker may hold; a picture of 100 million pixels fits
PIXELS = 100_000_000  # the pixels that MEMORY is meant for; a larger --max-pixels gets more in proportion
ALIVE_EVERY = 0.25  # s, at most one sign of life in
LONGEST = 7 * 86_400  # s of a timeout that the alarm goes by: the system has no alarm for any number of them
GRACE = 30  # s beyond the timeout, after which a worker whose parent is gone ends itself


def serve() -> None:
    """Read chunks until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    requests, replies = sys.stdin.buffer, _take_stdout()
    model, settings = pickle.load(requests)
    limit_memory(settings)
    _send(replies, "ready", None)
    while True:
        try:
            chunk = pickle.load(requests)
        except EOFError:
            return
        for rows in read_chunk(chunk, model, settings, breathe=_breathing(replies, settings)):
            _send(replies, "rows", rows)
        _set_alarm(0)
        _send(replies, "done", None)


def limit_memory(settings: Settings) -> None:
    """Let an image too large end in a MemoryError, and so in a row, before the system kills some process for it.

    The limit is on private data, which leaves out mapped libraries and reserved addresses. Where the system has no
    such limit, a worker that is killed still costs one image only.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    wanted = min(MEMORY * max(PIXELS, settings.limits.max_pixels) // PIXELS, sys.maxsize)
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, most))
    except (ValueError, OSError):  # a system that knows the name only
        return


def _take_stdout() -> BinaryIO:
    """Keep stdout for the replies alone: whatever else writes to it goes where stderr goes."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return replies


def _send(replies: BinaryIO, kind: str, content: object) -> None:
    pickle.dump((kind, content), replies, protocol=pickle.HIGHEST_PROTOCOL)
    replies.flush()  # raises where the parent is gone, and so ends this process too


def _breathing(replies: BinaryIO, settings: Settings) -> Callable[[], None]:
    """Return what to call after each frame: it tells the parent now and then, and winds the alarm up again."""
    last = time.monotonic()
    seconds = int(min(LONGEST, settings.timeout)) + GRACE
    _set_alarm(seconds)

    def breathe() -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= ALIVE_EVERY:
            last = now
            _set_alarm(seconds)
            _send(replies, "alive", None)

    return breathe


def _set_alarm(seconds: int) -> None:
    if hasattr(signal, "alarm"):  # its signal ends a process that hangs in C, with nobody left to kill it
        signal.alarm(seconds)
