"""Rows of a run that can be continued: in ``OUT.part``, and in ``OUT.part.json`` what it was begun with."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from digit_batch.errors import OutputError
from digit_batch.output.whole import Pack, check_output, conclude, facts_of, let_go, locked, part_of, unwritable
from digit_batch.plurals import counted

SYNC_EVERY = 1.0  # s; a power cut costs at most this, a killed run nothing. (A sync a row: 341 rows/s.)
COMMITTED_DIGITS = 20  # width of the number that ends the facts file, so that it can be overwritten in place


class Part:
    """The rows of an unfinished run.

    Attributes
    ----------
    path : Path
        The output they will be.
    stream : binary file
        ``OUT.part``, open for reading and writing, unbuffered.
    resumed : bool
        It holds the rows of an earlier run.
    """

    def __init__(
        self, path: Path, stream: BinaryIO, facts: BinaryIO, *, resumed: bool, committed: int, pack: Pack | None = None
    ) -> None:
        self.path = path
        self.stream = stream
        self.resumed = resumed
        self._standing = (committed, 0)  # bytes and rows, one value: no interrupt comes between the two
        self._facts = facts
        self._pack = pack
        self._head = ""
        self._synced = time.monotonic()

    @property
    def committed(self) -> int:
        """Bytes that are surely whole chunks, as the last write or an earlier run left them."""
        return self._standing[0]

    @property
    def rows(self) -> int:
        """How many rows these are, once the run has begun or was continued."""
        return self._standing[1]

    @property
    def place(self) -> str:
        """Where its rows are until it is whole."""
        return str(part_of(self.path))

    def reopen(self) -> BinaryIO:
        """Open the rows written so far."""
        return part_of(self.path).open("rb")

    def begin(self, head: str) -> None:
        """Begin anew with a header; it is written with the first rows."""
        self.cut(0, 0)
        self._head = head

    def cut(self, size: int, rows: int) -> None:
        """Keep the first bytes, which hold so many rows, and go on behind them."""
        self.stream.truncate(size)
        self.stream.seek(size)
        self._stand(size, rows)

    def write(self, text: str, rows: int) -> None:
        """Append whole rows, with one call of the system, so that a killed run ends between two chunks.

        What a full disk or a Ctrl-C lets in only in part is cut off again.

        Raises
        ------
        OutputError
            The disk would not take them; the rows before them are kept.
        """
        data = (self._head + text).encode("utf-8")
        try:
            written = 0
            while written < len(data):  # a full disk takes a part first, then refuses
                written += self.stream.write(data[written:])
            self._head = ""
            self._stand(self.committed + len(data), self.rows + rows)
            if time.monotonic() - self._synced > SYNC_EVERY:
                self.sync()
        except BaseException as error:
            with suppress(OSError):
                self.stream.truncate(self.committed)
            if isinstance(error, OSError):
                raise self._unwritable(error) from error
            raise

    def sync(self) -> None:
        """Have the disk keep what was written."""
        os.fsync(self.stream.fileno())
        self._synced = time.monotonic()

    def finish(self) -> None:
        """Give the rows their name."""
        try:
            self.sync()
            let_go(self.stream, self._facts)
            conclude(self.path, self._pack)
            facts_of(self.path).unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def drop(self) -> None:
        """Remove a run that has no row."""
        let_go(self.stream, self._facts)
        part_of(self.path).unlink(missing_ok=True)
        facts_of(self.path).unlink(missing_ok=True)

    def _stand(self, size: int, rows: int) -> None:
        self._standing = (size, rows)
        self._facts.seek(-COMMITTED_DIGITS - 1, os.SEEK_END)
        self._facts.write(b"%*d\n" % (COMMITTED_DIGITS, size))

    def _unwritable(self, error: OSError) -> OutputError:
        before = counted(self.rows, "row before that is", "rows before that are")
        kept = f"; the {before} in {part_of(self.path)}" if self.rows else ""
        return OutputError(
            f"Cannot write {self.path}: {error.strerror or error}{kept}. "
            f"Free the disk{' and continue with --resume' if kept else ' or name another place with -o'}."
        )


@contextmanager
def open_part(
    path: Path, facts: Mapping[str, str], *, resume: bool = False, force: bool = False, pack: Pack | None = None
) -> Iterator[Part]:
    """Open ``OUT.part`` for a run; when the block ends well, it becomes ``OUT``, and otherwise it is kept.

    Parameters
    ----------
    path : Path
        The output.
    facts : mapping of str to str
        What decides the rows, in the words of the command line: a run is continued only with the same.
    resume : bool
        Continue an unfinished run, if there is one.
    force : bool
        Replace an existing output; without `resume`, an unfinished run too.
    pack : callable or None
        Makes the output from the whole rows, given their path, where it is to be something else than these rows.

    Raises
    ------
    OutputError
        It cannot be written, must not be replaced, is being written by another run, or was begun with other facts.
    """
    check_output(path, force=force, resume=resume)
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(locked(path))
            resumed = resume and os.fstat(stream.fileno()).st_size > 0
            committed = _check_facts(path, facts) if resumed else 0
            kept = stack.enter_context(facts_of(path).open("r+b" if resumed else "w+b", buffering=0))
            if not resumed:
                stream.truncate(0)
                kept.write(json.dumps(facts, indent=1).encode() + b"\n%*d\n" % (COMMITTED_DIGITS, 0))
        except OSError as error:
            raise unwritable(path, error) from error
        part = Part(path, stream, kept, resumed=resumed, committed=committed, pack=pack)
        try:
            yield part
        except BaseException:
            if not part.rows and not resumed:
                part.drop()
            raise
        part.finish()


def _check_facts(path: Path, facts: Mapping[str, str]) -> int:
    """Refuse other facts than an unfinished run was begun with; return how many of its bytes are surely whole."""
    part = part_of(path)
    try:
        text, _, committed = facts_of(path).read_text(encoding="utf-8").rstrip("\n").rpartition("\n")
        begun = dict(json.loads(text))
        size = int(committed)
    except (OSError, ValueError, TypeError):
        raise OutputError(
            f"{part} cannot be continued: {facts_of(path)}, which tells how it was begun, is missing or damaged. "
            "Begin anew with --force."
        ) from None
    check_facts(str(part), begun, facts)
    return size


def check_facts(part: str, begun: Mapping[str, object], facts: Mapping[str, str]) -> None:
    """Refuse other facts than an unfinished run was begun with.

    Raises
    ------
    OutputError
        Names the first that differs.
    """
    for what in [*facts, *begun]:
        if begun.get(what) != facts.get(what):
            raise OutputError(
                f"{part} was begun with {_say(what, begun.get(what))}, and this is {_say(what, facts.get(what))}. "
                "Resume with the same, or begin anew with --force."
            )


def _say(what: str, value: object) -> str:
    return f"{what} {value}" if value else f"no {what}"
