"""Ctrl-C: one is enough wherever it comes, and what hangs does not hold it up."""

import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import ROOT

from digit_batch.cli.interrupt import SIGNALS, interruptible
from digit_batch.training.fitting import fitting_threads

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise")


@pytest.fixture(autouse=True)
def _as_before():
    """Heed signals after a test as before: behind an interrupted command they are ignored."""
    before = [(number, signal.getsignal(number)) for number in SIGNALS]
    yield
    for number, handler in before:
        signal.signal(number, handler)


class Cleared:
    """An object in whose clearing away an interrupt comes, as in those of Python's imports."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)
        time.sleep(0)


def test_one_that_python_drops_while_an_object_is_cleared_away_comes_again():
    with pytest.raises(KeyboardInterrupt), interruptible():
        Cleared()
        time.sleep(60)


def test_what_else_fails_while_an_object_is_cleared_away_is_complained_of_as_ever(monkeypatch):
    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: complaints.append(lost.exc_type))

    class Broken:
        def __del__(self):
            raise ValueError

    with interruptible():
        Broken()
    assert complaints == [ValueError]


def test_it_does_not_wait_for_a_fit():
    fitted = threading.Event()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), fitting_threads(1) as threads:
        threads.submit(fitted.wait, 60)
        raise KeyboardInterrupt
    assert time.monotonic() - began < 30
    fitted.set()


def run(script):
    """Run a script in a process of its own; return it, and its seconds."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    return done, time.monotonic() - began


def test_a_process_ends_with_its_code_and_words_while_threads_still_work():
    done, seconds = run(
        "import threading, time\n"
        "from digit_batch.cli.interrupt import leave_threads\n"
        "print('told')\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "leave_threads()\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "told\n", "")
    assert seconds < 30


@posix
def test_who_asks_again_after_long_ends_what_hangs():
    done, seconds = run(
        "import signal, time\n"
        "from digit_batch.cli import interrupt\n"
        "interrupt.HANGING = 0.5\n"
        "with interrupt.interruptible():\n"
        "    try:\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "    except KeyboardInterrupt:\n"
        "        signal.raise_signal(signal.SIGINT)\n"  # too soon
        "        time.sleep(0.6)\n"
        "        signal.raise_signal(signal.SIGTERM)\n"
        "        time.sleep(60)\n"
    )
    assert (done.returncode, done.stderr) == (130, "")
    assert 0.6 < seconds < 30
