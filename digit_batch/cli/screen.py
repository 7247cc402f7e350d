"""What the terminal shows while a command works."""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from digit_batch.cli.streams import drop

T = TypeVar("T")


class _Screen(Console):
    """A console whose reader may go away, as `head` does: the command goes on and ends with its own exit code."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        drop(self.file)


out = _Screen(soft_wrap=False, highlight=False)
err = _Screen(stderr=True, highlight=False)


class _Rate(ProgressColumn):
    """Images a second, of late."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="dim")


@contextmanager
def meter(
    what: str, *, quiet: bool = False, count: Callable[[], Iterable[object]] | None = None
) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr; none where stderr is no terminal.

    Parameters
    ----------
    what : str
        What goes on.
    quiet : bool
        Show nothing.
    count : callable
        Gives an iterable as long as the whole; it is run through in the background, and only for a bar that shows.

    Yields
    ------
    callable
        To be called with the number of things done since its last call.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda done: None
        return
    columns = (SpinnerColumn(), TextColumn(what), BarColumn(), MofNCompleteColumn(), _Rate())
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=err, transient=True) as progress:
        task = progress.add_task(what, total=None)
        ended = threading.Event()

        def count_all() -> None:
            total = 0
            try:
                for _ in count() if count else ():
                    total += 1
                    if ended.is_set():
                        return
            except Exception:  # the run meets the same trouble, and tells it
                return
            progress.update(task, total=total or None)

        threading.Thread(target=count_all, daemon=True).start()
        try:
            yield lambda done: progress.advance(task, done)
        finally:
            ended.set()


def follow(items: Iterable[T], what: str, *, quiet: bool = False) -> Iterator[T]:
    """Yield items behind a progress bar on stderr; none where stderr is no terminal."""
    with meter(what, quiet=quiet) as advance:
        for item in items:
            yield item
            advance(1)


@contextmanager
def steps(*, quiet: bool = False) -> Iterator[Callable[[int, int, str], None]]:
    """Give a function that shows steps done, of how many, and what comes next, on stderr."""
    shown = not quiet and sys.stderr.isatty()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not shown) as progress:
        task = progress.add_task("")
        yield lambda done, total, step: progress.update(task, completed=done, total=total, description=step)
