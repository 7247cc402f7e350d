"""What the terminal shows while a command works."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

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
