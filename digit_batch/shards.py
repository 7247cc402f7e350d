"""Shares of one walk for many machines that know nothing of each other, and their tables joined again.

Every job walks the whole folder and reads its own share: which file is whose depends on the file's name alone. Beside
its table each leaves a roll, ``OUT.share``: what the run was, then a number for each of its files, how many files of
other shares lie before it. The rolls together are the walk, so joining them shows a file that is missing or doubled,
and gives the rows the order of the walk, byte for byte what one run would have written, whatever that order is.

The roll, version 1: a line of JSON, a number a line, and as the last one how many files lie after the share's last.
"""

import hashlib
import heapq
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from digit_batch.errors import InputError
from digit_batch.images import Source
from digit_batch.output import whole_path
from digit_batch.predictions import Prediction, group_records, read_header, read_records, row_text

ROLL_VERSION = 1
HASH_BYTES = 8  # of BLAKE2b: the shares of a million files differ by chance alone
SHOWN = 5  # shares named in a sentence; there can be thousands missing

Joined = tuple[str, list[Prediction]]  # rows of one file: as they stand in the CSV, and what they say


@dataclass(frozen=True)
class Share:
    """A fixed part of whatever is walked.

    Attributes
    ----------
    number : int
        Which one, from 1.
    of : int
        How many there are.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "Share":
        """Read ``3/64``.

        Raises
        ------
        ValueError
            It is not of that form, or there is no such share.
        """
        number, slash, of = text.partition("/")
        share = cls(int(number), int(of)) if slash else cls(0, 0)
        if not 1 <= share.number <= share.of:
            raise ValueError(text)
        return share

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def holds(self, name: str) -> bool:
        """Tell whether a file, by its name in the rows, is of this share."""
        digest = hashlib.blake2b(name.encode("utf-8"), digest_size=HASH_BYTES).digest()
        return int.from_bytes(digest, "big") % self.of == self.number - 1


def roll_of(table: Path) -> Path:
    """Return the place of the roll that belongs to a share's table."""
    return table.with_name(table.name + ".share")


class Roll:
    """The files of one share, called one by one from the walk and written down.

    Attributes
    ----------
    found : int
        Files met so far, of every share.
    """

    def __init__(self, share: Share, stream: TextIO) -> None:
        self.found = 0
        self._share = share
        self._stream = stream

    def call(self, sources: Iterable[Source]) -> Iterator[Source]:
        """Yield the files of the share, in their order."""
        others = 0
        for source in sources:
            self.found += 1
            if self._share.holds(source.name):
                self._stream.write(f"{others}\n")
                others = 0
                yield source
            else:
                others += 1
        self._stream.write(f"{others}\n")


@contextmanager
def open_roll(table: Path, share: Share, facts: Mapping[str, str]) -> Iterator[Roll]:
    """Open the roll of a share's table; it is kept only when the block ends well, and made anew by a resumed run.

    Until then it is ``OUT.share.part``, and the roll of a finished share stays beside its table.

    Parameters
    ----------
    table : Path
        The CSV of the share.
    share : Share
        Which one.
    facts : mapping of str to str
        What decides the rows; only shares of the same facts are joined.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    with whole_path(roll_of(table)) as part, part.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps({"roll": ROLL_VERSION, "share": [share.number, share.of], "run": facts}) + "\n")
        yield Roll(share, stream)


def read_run(table: Path) -> dict[str, str]:
    """Return what decided the rows of a share, from its roll.

    Raises
    ------
    InputError
        There is no roll, or it is damaged.
    """
    with ExitStack() as stack:
        return dict(_Part(table, stack).run)


def merge(tables: Sequence[Path]) -> Iterator[Joined]:
    """Join the tables of all shares into what one run would have written, in constant memory.

    Parameters
    ----------
    tables : sequence of Path
        The CSV of every share, in any order, each with its roll beside it.

    Yields
    ------
    text : str
        The rows of one file as they stand in the CSV, line ends included; first of all the header.
    rows : list of Prediction
        What they say; none for the header.

    Raises
    ------
    InputError
        A share is missing or given twice, shares are of different runs, or a file is missing or doubled.
    """
    with ExitStack() as stack:
        _raise_open_files(3 * len(tables))
        parts = [_Part(table, stack) for table in tables]
        _check_parts(parts)
        yield row_text(parts[0].names), []
        place = 0
        for place, (ordinal, text, rows) in enumerate(heapq.merge(*parts, key=lambda file: file[0])):
            if ordinal != place:
                raise _changed("a file is missing" if ordinal > place else f"{rows[0].path} is in two shares")
            yield text, rows
        if len({part.found for part in parts}) > 1:
            raise _changed("they met different numbers of files")


class _Part:
    """One share's table beside its roll: yields (place in the walk, rows as text, rows) file by file."""

    def __init__(self, table: Path, stack: ExitStack) -> None:
        if os.path.isdir(table):
            raise InputError(f"{table} is a folder. Give the CSV of every share, as in out-*.csv.")
        self.table = table
        self.found = 0
        self._roll = stack.enter_context(_opening(roll_of(table), "r"))
        self._stream = stack.enter_context(_opening(table, "rb"))
        try:
            head = json.loads(self._roll.readline())
            self.share, self.run = Share(*map(int, head["share"])), head["run"]
            if head["roll"] != ROLL_VERSION:
                raise ValueError
        except (ValueError, TypeError, KeyError, AttributeError):
            raise InputError(
                f"{roll_of(table)} is damaged or of another version. Make the share again with this version."
            ) from None
        self.names = self._checked(lambda: read_header(self._stream))

    def __iter__(self) -> Iterator[tuple[int, str, list[Prediction]]]:
        groups = group_records(read_records(self._stream, self.names))
        others = self._count_others()
        while True:
            group = self._checked(lambda: next(groups, None))
            gap, ended = next(others, (0, True))
            self.found += gap
            if group is None or ended:
                if group is not None or not ended:
                    raise self._unequal()
                return
            rows = [record.prediction for record in group]
            if not self.share.holds(rows[0].path):
                raise InputError(f"{self.table} has a row of {rows[0].path}, which is not of share {self.share}.")
            yield self.found, b"".join(record.raw for record in group).decode(), rows
            self.found += 1

    def _count_others(self) -> Iterator[tuple[int, bool]]:
        """Yield how many files of other shares lie before the next file of this one; with the last, that it ends."""
        try:
            gap = int(next(self._roll))
            for line in self._roll:
                yield gap, False
                gap = int(line)
        except (ValueError, StopIteration):
            raise self._unequal() from None
        yield gap, True

    def _checked(self, read: "Callable[[], Any]") -> Any:
        try:
            return read()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise InputError(f"{self.table} is no table of a share: {why}. Make it again with --shard.") from error

    def _unequal(self) -> InputError:
        return InputError(
            f"{self.table} and {roll_of(self.table)} do not hold the same files: one of them is cut short, or of "
            f"another run. Copy both again, or make share {self.share} again."
        )


@contextmanager
def _opening(path: Path, mode: str) -> Iterator[Any]:
    try:
        stream = path.open(mode, encoding=None if "b" in mode else "utf-8")
    except OSError as error:
        raise InputError(
            f"Cannot read {path}: {error.strerror}. Give the CSV of every share, each with its file .share beside it."
        ) from error
    with stream:
        yield stream


def _check_parts(parts: Sequence[_Part]) -> None:
    """Refuse shares of different runs, missing ones and doubled ones."""
    first = parts[0]
    for part in parts:
        if part.share.of != first.share.of:
            raise InputError(
                f"{first.table} is share {first.share} and {part.table} is {part.share}. Give the shares of one run."
            )
        if differing := [what for what in {**first.run, **part.run} if first.run.get(what) != part.run.get(what)]:
            raise InputError(
                f"{first.table} and {part.table} are of different runs: {differing[0]} is "
                f"{first.run.get(differing[0])!r} and {part.run.get(differing[0])!r}. Make the shares with the same."
            )
        if part.names != first.names:
            raise InputError(f"{first.table} and {part.table} have different columns. Make the shares with the same.")
    count = Counter(part.share.number for part in parts)
    if doubled := [number for number in sorted(count) if count[number] > 1]:
        raise InputError(f"Given twice, of {first.share.of} shares: {_name(doubled)}. Give each once.")
    if missing := [number for number in range(1, first.share.of + 1) if number not in count]:
        raise InputError(f"Missing, of {first.share.of} shares: {_name(missing)}. Give the CSV of every share.")


def _name(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return ", ".join(map(str, numbers[:SHOWN])) + more


def _changed(what: str) -> InputError:
    return InputError(
        f"The shares do not fit together: {what}. The folder changed while they were made; make again "
        "those that saw it otherwise."
    )


def _raise_open_files(wanted: int) -> None:
    """Let this process open a file or two for each share, where the system has a limit and lets it be raised."""
    try:
        import resource
    except ImportError:  # Windows has none
        return
    spare = 64
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if now != resource.RLIM_INFINITY and now < wanted + spare:
        raised = wanted + spare if most == resource.RLIM_INFINITY else min(wanted + spare, most)
        with suppress(ValueError, OSError):  # macOS names no maximum and has one: opening tells what is too much
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, raised), most))
