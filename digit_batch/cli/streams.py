"""Standard output and error as streams of bytes: their encodings, and a reader who has gone. Loads nothing heavy."""

import errno
import io
import os
import sys
from typing import IO, TextIO

from digit_batch.errors import OutputError

FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)


def fill_closed() -> None:
    """Let what is said on a closed stderr (``2>&-``) go nowhere.

    A closed stream's number is given to nothing else: the first file that is opened would take it, as a table of rows
    that then gets the words of every library. A closed stdout stays None, and is no place for rows.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free: this one
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)


def show_any_text() -> None:
    """Let a terminal or pipe that is not UTF-8 show what it cannot write as an escape, instead of ending the run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def stdout_for_rows() -> TextIO:
    r"""Return stdout as the CSV needs it: UTF-8 and ``\n``, whatever the terminal's own are."""
    if sys.stdout is None:  # `>&-`
        raise OutputError("Cannot write to stdout: it is closed. Name a file with -o.")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    return sys.stdout


def is_of_stdout(error: Exception) -> bool:
    """Tell whether a stdout on a full or failing disk brought an error: it then takes not even a line end."""
    if not isinstance(error, OSError) or error.errno not in FULL or sys.stdout is None:
        return False
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        return True
    return False


def close_stdout() -> None:
    """Drop what is still to be written to a stdout that nobody reads, or Python complains at exit."""
    drop(sys.stdout)


def drop(stream: IO[str]) -> None:
    """Let what is still to be written to a stream go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
