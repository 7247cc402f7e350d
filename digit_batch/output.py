"""Output files that appear under their name only when they are whole, and unfinished ones that can be continued.

While a run goes on its rows stand in ``OUT.part``, and beside it, in ``OUT.part.json``, what the run was begun with and
how far its rows are surely whole. Both are gone when ``OUT`` appears. Nothing that took hours is ever replaced unasked.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from digit_batch.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows, which has no such locks
    fcntl = None  # type: ignore[assignment]

SYNC_EVERY = 1.0  # s; a power cut costs at most this, a killed run nothing. (A sync a row: 341 rows/s.)
COMMITTED_DIGITS = 20  # width of the number that ends the facts file, so that it can be overwritten in place

Pack = Callable[[Path], None]


def part_of(path: Path) -> Path:
    """Return the name that an output has until it is whole."""
    return path.with_name(path.name + ".part")


def facts_of(path: Path) -> Path:
    """Return the name of what an unfinished output was begun with."""
    return path.with_name(path.name + ".part.json")


@contextmanager
def whole_file(path: Path, *, force: bool = False, pack: Pack | None = None, keep: bool = True) -> Iterator[TextIO]:
    """Open a text file that appears under its name only when it is whole; until then it is ``NAME.part``.

    Parameters
    ----------
    path : Path
        The output.
    force : bool
        Replace what stands there.
    pack : callable or None
        As in `open_part`.
    keep : bool
        Leave what was written in ``NAME.part`` when the block fails: rows are of use, half a page is not.

    Raises
    ------
    OutputError
        It exists and `force` is false, another run is writing it, or it cannot be written. What stood under the name is
        left as it was.
    """
    check_output(path, force=force)
    with _locked(path) as part:
        try:
            part.truncate(0)
            facts_of(path).unlink(missing_ok=True)  # of an unfinished run, whose rows are gone now
            with open(part.fileno(), "w", encoding="utf-8", newline="", closefd=False) as stream:
                yield stream
            os.fsync(part.fileno())  # before it takes the place of what may be the only other copy
            _let_go(part)
            _conclude(path, pack)
        except BaseException as error:
            if not keep:
                _let_go(part)
                part_of(path).unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise unwritable(path, error) from error
            raise


@contextmanager
def whole_path(path: Path, ending: str = ".part") -> Iterator[Path]:
    """Give the name to write a file under; it gets its own when the block ends well, and is gone otherwise.

    The disk has all of it before it gets its name, so that a power cut leaves either what stood there or the whole.

    Parameters
    ----------
    path : Path
        The output; what stands there is replaced.
    ending : str
        What its name ends in until then.

    Raises
    ------
    OutputError
        It cannot be written. What stood under the name is left as it was.
    """
    part = path.with_name(path.name + ending)
    try:
        yield part
        with part.open("r+b") as stream:  # Windows syncs no file that is only open to be read
            os.fsync(stream.fileno())
        part.replace(path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritable(path, error) from error
        raise


def check_output(path: Path, *, force: bool = False, resume: bool = False) -> None:
    """Refuse, before any work, an output that must not be replaced or cannot be written.

    Parameters
    ----------
    path : Path
        The output.
    force : bool
        What stands there may be replaced.
    resume : bool
        An unfinished run is to be continued.

    Raises
    ------
    OutputError
        One sentence: what, why, and the cure.
    """
    if str(path) == "-":
        raise OutputError("Cannot write to stdout here: only the rows of `classify` go there. Name a file.")
    if path.is_dir():
        raise OutputError(f"Cannot write {path}: it is a folder. Name a file with -o.")
    if path.exists() and not path.is_file():  # a rename would put a file in the place of /dev/null
        raise OutputError(f"Cannot write {path}: it is a pipe or a device, and no file. Name a file.")
    if path.is_symlink():
        raise OutputError(f"{path} is a link, which would be lost. Name {os.path.realpath(path)} itself.")
    if path.exists() and not force:
        raise OutputError(
            f"{path} is whole: there is nothing to resume. Give --force to make it anew."
            if resume and not part_of(path).exists()
            else f"{path} exists and is not replaced. Give --force, or another name with -o."
        )
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"Cannot write {path}: the folder {path.parent} does not exist. Make it first.")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"Cannot write {path}: the folder {path.parent} is read-only. Name another place with -o.")
    if not (force or resume):
        check_unfinished(path)


def check_unfinished(path: Path) -> None:
    """Refuse an output that an unfinished run left its rows for.

    Raises
    ------
    OutputError
        One sentence: what, why, and the cure.
    """
    if _is_unfinished(path):
        raise OutputError(
            f"{part_of(path)} holds an unfinished run. Continue it with --resume, or begin anew with --force."
        )


def unwritable(path: Path, error: OSError) -> OutputError:
    """Return the sentence for an output that the disk would not take."""
    return OutputError(f"Cannot write {path}: {error.strerror or error}. Free the disk or name another place with -o.")


def _let_go(*streams: BinaryIO) -> None:
    """Close files that get another name or are removed, on Windows, which does neither to an open one.

    Elsewhere they stay open until it is done, and the lock with them: another run that opened ``OUT.part`` in between
    would go on writing in what is ``OUT`` by then.
    """
    if not fcntl:
        for stream in streams:
            stream.close()


def _conclude(path: Path, pack: Pack | None) -> None:
    """Give whole rows their name, or make of them what is to have it."""
    if pack is None:
        part_of(path).replace(path)
    else:
        pack(part_of(path))
        part_of(path).unlink()


def _is_unfinished(path: Path) -> bool:
    try:
        return facts_of(path).exists() and part_of(path).stat().st_size > 0
    except OSError:
        return False


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
            _let_go(self.stream, self._facts)
            _conclude(self.path, self._pack)
            facts_of(self.path).unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def drop(self) -> None:
        """Remove a run that has no row."""
        _let_go(self.stream, self._facts)
        part_of(self.path).unlink(missing_ok=True)
        facts_of(self.path).unlink(missing_ok=True)

    def _stand(self, size: int, rows: int) -> None:
        self._standing = (size, rows)
        self._facts.seek(-COMMITTED_DIGITS - 1, os.SEEK_END)
        self._facts.write(b"%*d\n" % (COMMITTED_DIGITS, size))

    def _unwritable(self, error: OSError) -> OutputError:
        kept = f"; the {self.rows:,} rows before that are in {part_of(self.path)}" if self.rows else ""
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
            stream = stack.enter_context(_locked(path))
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


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """Open ``OUT.part`` so that no second run can write it."""
    part = part_of(path)
    try:
        stream = os.fdopen(
            os.open(part, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b", buffering=0
        )
    except OSError as error:
        raise unwritable(path, error) from error
    with stream:
        try:
            if fcntl:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(stream.fileno()), part.stat()):
                raise FileNotFoundError
        except (BlockingIOError, FileNotFoundError):  # the latter: another run finished between two lines here
            raise OutputError(f"Another run is writing {path}. Wait for it, or name another place with -o.") from None
        except OSError:  # a network disk without locks
            pass
        yield stream


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
