"""Where the rows of a run go: a CSV, a Parquet file, a storage, stdout; and what is told at the end."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from digit_batch.cli.codes import UNREADABLE
from digit_batch.plurals import counted

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from digit_batch.images import Source
    from digit_batch.output import Part
    from digit_batch.parts import Parts
    from digit_batch.report.tables import Tally


@dataclass(frozen=True)
class Target:
    """Where the rows go."""

    output: str
    probabilities: bool
    resume: bool
    force: bool
    parts: bool = False

    @property
    def away(self) -> bool:
        """Rows go to a storage, or to a folder of parts."""
        return self.parts or "://" in self.output

    @property
    def to_stdout(self) -> bool:
        """Rows go to stdout, and everything else to stderr."""
        return self.output == "-"

    def check(self, *, sharing: bool) -> None:
        """Refuse what makes no sense together, and an output that must not be replaced or cannot be written."""
        from digit_batch.output import check_output
        from digit_batch.parquet import is_parquet

        packed = is_parquet(Path(self.output))
        if self.parts and self.to_stdout:
            raise typer.BadParameter("--parts needs a folder or a URL to write to: name it with -o.")
        if self.away and packed:
            raise typer.BadParameter("A .parquet is written to a file of this machine: name another with -o.")
        if sharing and (self.away or self.to_stdout or packed):
            raise typer.BadParameter("--shard writes a CSV and a file beside it, here: name it with -o.")
        if not self.to_stdout and not self.away:
            check_output(Path(self.output), force=self.force, resume=self.resume)

    def open(self, facts: dict[str, str], begun: dict[str, str]) -> "AbstractContextManager[Part | Parts]":
        """Open what takes the rows; `begun` is what an unfinished run must have been begun with."""
        if self.away:
            from digit_batch.parts import open_parts

            return open_parts(self.output, begun, resume=self.resume, force=self.force, stay=self.parts)
        from digit_batch.output import open_part
        from digit_batch.parquet import packing

        place = Path(self.output)
        return open_part(place, begun, resume=self.resume, force=self.force, pack=packing(place, facts))

    def is_own(self, source: "Source") -> bool:
        """Tell whether a file is this run's own output, which is never read."""
        path = source.path
        return os.path.basename(path) == os.path.basename(self.output) and (
            os.path.realpath(path) == os.path.realpath(self.output)
        )


@contextmanager
def telling(part: "Part | Parts") -> Iterator[None]:
    """Tell whoever interrupts where the rows are."""
    try:
        yield
    except KeyboardInterrupt:
        if not part.rows:
            raise
        raise KeyboardInterrupt(
            f"Interrupted: {counted(part.rows, 'row is', 'rows are')} in {part.place}. Continue with --resume."
        ) from None


@contextmanager
def write_to_stdout() -> Iterator[Callable[[str, int], None]]:
    """Give what writes rows to stdout. A reader who has had enough (``| head``) ends the run well, in `app`."""
    from digit_batch.cli.streams import close_stdout, stdout_for_rows
    from digit_batch.errors import OutputError

    stream = stdout_for_rows()

    def write(text: str, rows: int) -> None:
        stream.write(text)
        stream.flush()

    try:
        yield write
    except BrokenPipeError:
        raise
    except OSError as error:
        close_stdout()
        raise OutputError(f"Cannot write to stdout: {error.strerror}. Name a file with -o.") from error


def conclude(tally: "Tally", seconds: float, place: str, *, quiet: bool) -> None:
    """Print the summary, and exit as the rows deserve."""
    from digit_batch.cli.screen import err, out
    from digit_batch.report.tables import summary

    if not quiet:
        (err if place == "-" else out).print(summary(tally, seconds, "stdout" if place == "-" else place))
    if tally.statuses["error"]:
        raise typer.Exit(UNREADABLE)
