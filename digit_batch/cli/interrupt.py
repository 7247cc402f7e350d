"""How a command is stopped: Ctrl-C and SIGTERM end it alike, and what follows the first of them does not disturb."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from digit_batch.cli.codes import INTERRUPTED

SIGNALS = (signal.SIGINT, signal.SIGTERM)
HANGING = 10.0  # s after the first signal: tidying up takes two at most, and who asks again after ten is not kept
AGAIN = 0.05  # s until an interrupt that was lost is sent again


@contextmanager
def interruptible() -> Iterator[None]:
    """Let the first signal end the block by a KeyboardInterrupt; all others, until the process has ended, do nothing.

    While the block tidies up they are taken and dropped rather than ignored: Python complains of one that came before
    it was. Behind the block nothing is left to interrupt but the process's own end. A block that hangs is ended, with
    its process, by the first signal after `HANGING`: what a kill leaves can be resumed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    first: float | None = None

    def interrupt(number: int, frame: Any) -> None:
        nonlocal first
        if first is None:
            first = time.monotonic()
            raise KeyboardInterrupt
        if time.monotonic() - first > HANGING:
            os._exit(INTERRUPTED)

    def complain(lost: Any) -> None:
        """Python goes on after what is raised while it clears away an object, as imports do: interrupt it again."""
        nonlocal first
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            complain_before(lost)
            return
        first = None
        again = threading.Timer(AGAIN, _send, heeded[:1])
        again.daemon = True
        again.start()

    heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # a shell ignores for `&`
    before = [(number, signal.signal(number, interrupt)) for number in heeded]
    complain_before, sys.unraisablehook = sys.unraisablehook, complain
    try:
        yield
    finally:
        sys.unraisablehook = complain_before
        for number, handler in before:
            signal.signal(number, handler if first is None else signal.SIG_IGN)


def _send(number: signal.Signals) -> None:
    """Send a signal to the main thread, which it wakes where it waits."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        signal.raise_signal(number)


def leave_threads() -> None:
    """End an interrupted process where threads still work, as a fit may for minutes: Python would wait for them."""
    others = set(threading.enumerate()) - {threading.main_thread()}
    if any(not thread.daemon for thread in others):
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, OSError, ValueError):  # one that is closed
                stream.flush()
        os._exit(INTERRUPTED)
