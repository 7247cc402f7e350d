"""Files that appear under their name only when they are whole; until then they are ``NAME.part``."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from digit_batch.errors import InputError, OutputError

try:
    import fcntl
except ImportError:  # Windows, which has no such locks
    fcntl = None  # type: ignore[assignment]

Pack = Callable[[Path], None]


def part_of(path: Path) -> Path:
    """Return the name that an output has until it is whole."""
    return path.with_name(path.name + ".part")


def facts_of(path: Path) -> Path:
    """Return the name of what an unfinished output was begun with."""
    return path.with_name(path.name + ".part.json")


@contextmanager
def whole_file(path: Path, *, force: bool = False, pack: Pack | None = None) -> Iterator[TextIO]:
    """Open a text file that appears under its name only when it is whole; until then it is ``NAME.part``.

    Nothing is left of it when the block fails: rows that a later run can go on from are those of `open_part`.

    Parameters
    ----------
    path : Path
        The output.
    force : bool
        Replace what stands there.
    pack : callable or None
        As in `open_part`.

    Raises
    ------
    OutputError
        It exists and `force` is false, another run is writing it, or it cannot be written. What stood under the name is
        left as it was.
    """
    check_output(path, force=force)
    with locked(path) as part:
        try:
            part.truncate(0)
            facts_of(path).unlink(missing_ok=True)  # of an unfinished run, whose rows are gone now
            with open(part.fileno(), "w", encoding="utf-8", newline="", closefd=False) as stream:
                yield stream
            os.fsync(part.fileno())  # before it takes the place of what may be the only other copy
            let_go(part)
            conclude(path, pack)
        except BaseException as error:
            let_go(part)
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
    try:
        _check_place(path, force=force, resume=resume)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror}. Name another place with -o.") from error
    if not (force or resume):
        check_unfinished(path)


def _check_place(path: Path, *, force: bool, resume: bool) -> None:
    """Refuse what stands under a name, or its folder.

    Raises
    ------
    OutputError
        One sentence: what, why, and the cure.
    OSError
        The name is too long, or may not be looked at: whether something is there, nobody can tell.
    """
    if path.is_dir():
        raise OutputError(f"Cannot write {path}: it is a folder. Name a file with -o.")
    with suppress(FileNotFoundError, NotADirectoryError):
        facts_of(path).lstat()  # the longest of the names that are needed
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


def check_finished(table: Path) -> None:
    """Refuse a table that holds the rows of an unfinished run, which may be writing it at this moment.

    Raises
    ------
    InputError
        One sentence: what, why, and the cure.
    """
    whole = table.with_suffix("")
    if table.suffix == ".part" and facts_of(whole).exists():
        raise InputError(f"{table} is the part of an unfinished run. Finish it with --resume first, then give {whole}.")


def unwritable(path: Path, error: OSError) -> OutputError:
    """Return the sentence for an output that the disk would not take."""
    return OutputError(f"Cannot write {path}: {error.strerror or error}. Free the disk or name another place with -o.")


@contextmanager
def locked(path: Path) -> Iterator[BinaryIO]:
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


def let_go(*streams: BinaryIO) -> None:
    """Close files that get another name or are removed, on Windows, which does neither to an open one.

    Elsewhere they stay open until it is done, and the lock with them: another run that opened ``OUT.part`` in between
    would go on writing in what is ``OUT`` by then.
    """
    if not fcntl:
        for stream in streams:
            stream.close()


def conclude(path: Path, pack: Pack | None) -> None:
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
