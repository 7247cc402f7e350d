"""How a command is stopped: Ctrl-C and SIGTERM end it alike, and what follows the first of them does not disturb."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let the first signal end the block by a KeyboardInterrupt; all others, until the process has ended, do nothing.

    While the block tidies up they are taken and dropped rather than ignored: Python complains of one that came before
    it was. Behind the block nothing is left to interrupt but the process's own end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupted = False

    def interrupt(number: int, frame: Any) -> None:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            raise KeyboardInterrupt

    heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # a shell ignores for `&`
    before = [(number, signal.signal(number, interrupt)) for number in heeded]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, signal.SIG_IGN if interrupted else handler)
