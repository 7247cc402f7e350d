"""Standard output and error as streams of bytes: their encodings, and a reader who has gone. Loads nothing heavy."""

import io
import os
import sys
from typing import TextIO


def show_any_text() -> None:
    """Let a terminal or pipe that is not UTF-8 show what it cannot write as an escape, instead of ending the run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def stdout_for_rows() -> TextIO:
    r"""Return stdout as the CSV needs it: UTF-8 and ``\n``, whatever the terminal's own are."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    return sys.stdout


def close_stdout() -> None:
    """Drop what is still to be written to a stdout that nobody reads, or Python complains at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
