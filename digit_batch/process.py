"""A process that reads: how it is started, which asks for no import that takes time.

So `classify` starts one before it imports what reading needs, and both import it at the same time.
"""

import errno
import os
import pickle
import subprocess
import sys
from contextlib import suppress

from digit_batch.errors import DigitBatchError

_SERVE = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from digit_batch.batch.serve import serve; serve()"
)
ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"),
    # For glibc, in bytes: what NumPy frees is kept for its next array. To get fresh pages from the system for each one
    # takes ten times as long as most of the work that is done on it. Arrays of a picture beyond these sizes go back.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "MALLOC_TOP_PAD_": str(16 << 20),
}
FULL = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)
ENDING = 1.0  # s that an end is waited for: a process that waits for a dead disk outlives even SIGKILL

Process = subprocess.Popen[bytes]


def start() -> Process:
    """Start a process that reads; `digit_batch.batch.serve` says what it is told and what it answers.

    Raises
    ------
    DigitBatchError
        The system starts no more processes.
    """
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _SERVE],  # without -P, a pickle.py among the scans would be run
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | ENVIRONMENT,
        )
    except OSError as error:
        full = error.errno in FULL
        cure = (
            "Free some memory, or raise the limits of `ulimit`." if full else f"See that {sys.executable} can be run."
        )
        raise DigitBatchError(f"No process can be started to read: {error.strerror}. {cure}") from error
    assert process.stdin
    with suppress(OSError):  # that it died already is told by the end of its pipe
        process.stdin.write(pickle.dumps(sys.path))
        process.stdin.flush()
    return process


def usable_cores() -> int:
    """Return how many cores this process may use: a job array or a container often gives it fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def end(processes: list[Process]) -> None:
    """End processes that have no work yet, and forget them."""
    while processes:
        process = processes.pop()
        process.kill()
        with suppress(OSError, subprocess.TimeoutExpired):
            process.communicate(timeout=ENDING)
