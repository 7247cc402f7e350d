"""What the terminal shows while a command works."""

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

T = TypeVar("T")

out = Console(soft_wrap=False, highlight=False)
err = Console(stderr=True, highlight=False)


def follow(items: Iterable[T], what: str, *, quiet: bool = False, total: int | None = None) -> Iterator[T]:
    """Yield items behind a progress bar on stderr; none where stderr is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield from items
        return
    columns = (SpinnerColumn(), TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        yield from progress.track(items, total=total)


@contextmanager
def steps(*, quiet: bool = False) -> Iterator[Callable[[int, int, str], None]]:
    """Give a function that shows steps done, of how many, and what comes next, on stderr."""
    shown = not quiet and sys.stderr.isatty()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not shown) as progress:
        task = progress.add_task("")
        yield lambda done, total, step: progress.update(task, completed=done, total=total, description=step)


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
