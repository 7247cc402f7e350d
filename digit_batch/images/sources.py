"""What a walk finds: images to read, and things passed over; and how their names are written and ordered."""

import os
import re
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from digit_batch.plurals import counted

__all__ = ["LOCKED", "OPEN_FLAGS", "Place", "Refused", "Skipped", "Source", "natural_key", "say_truncated", "show_name"]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes a cell that starts so for a formula
# Opens anything at once: a named pipe without its writer would else be waited on for ever.
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
LOCKED = "unreadable folder"  # begins the reason of one: what it holds has no row, which nothing else here is true of
DIGITS = re.compile("0*([0-9]+)")


class Refused(Exception):
    """Why a file is not read, in the words of its row; never leaves this room."""


def say_truncated(missing: int, *, at_least: bool = False) -> str:
    """Return the reason of a file that was cut short by so many bytes, or by at least so many."""
    return f"truncated file: {'at least ' * at_least}{counted(missing, 'byte')} short".replace(",", " ")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of an archive's member lie, so that any process can read it without the archive's list.

    Attributes
    ----------
    method
        How the archive packs: ``"zip"``, ``"tar"``, ``"tar.gz"``, ``"tar.bz2"`` or ``"tar.xz"``;
        ``"url"`` for a file in a storage.
    offset
        Of the member's local header in a zip; of its first byte in the (unpacked) tar.
    size
        Unpacked bytes, as the archive declares them.
    packed
        Bytes in the archive (zip only).
    compression
        The number of the zip method: 0 stored, 8 deflate, 12 bzip2.
    checksum
        CRC-32 of the unpacked bytes (zip only).
    """

    method: str
    offset: int
    size: int
    packed: int = 0
    compression: int = 0
    checksum: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    r"""One image to read; small and picklable, it travels to the process that reads it.

    Attributes
    ----------
    name
        The CSV's ``path``: the input as typed, then the path below it with ``/``. Never starts a formula,
        always UTF-8 (see `show_name`).
    path
        What the operating system opens: the file, or the archive that holds it; or the URL of a storage.
        Undecodable bytes are kept as `os.fsdecode` keeps them.
    member
        The name within the archive or storage, None for a plain file.
    place
        Where that member lies.
    trouble
        What the walk already knows to be wrong, in words; `read_frames` gives it as the row's reason.
    content
        Its bytes, where they were fetched before.
    """

    name: str
    path: str
    member: str | None = None
    place: Place | None = None
    trouble: str = ""
    content: bytes | None = field(default=None, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes by the fields alone: half the time of what a dataclass with slots does by itself."""
        return Source, _fields_of(self)


_fields_of = attrgetter(*Source.__slots__)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something the walk met that is no image, and why it was passed over, in words."""

    name: str
    reason: str


def show_name(raw: str) -> str:
    r"""Write a file's name so that it is UTF-8 and never starts a formula.

    Bytes that are not UTF-8 are written ``\xNN``; a ``./`` is put before a name that starts with
    ``=``, ``+``, ``-``, ``@``, a tab or a return. Everything else is kept, newlines and escape codes too:
    the CSV quotes them, and what shows names on a terminal or a page has its own escaping.

    Parameters
    ----------
    raw
        A name as the operating system gave it (`os.fsdecode`).

    Examples
    --------
    >>> show_name("=1+2.png"), show_name("caf\udce9.png")
    ('./=1+2.png', 'caf\\xe9.png')
    """
    if not raw.isascii():
        try:
            raw = raw.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        except UnicodeEncodeError:  # a lone surrogate that stands for no byte, as Windows allows
            raw = raw.encode("utf-8", "backslashreplace").decode("utf-8")
    return f"./{raw}" if raw.startswith(FORMULA_STARTS) else raw


def natural_key(name: str) -> str:
    """Give the key that sorts ``9.png`` before ``10.png``: each number is preceded by its length.

    One short string for a name, where lists of numbers and words would take five times its memory in a folder
    of a million.
    """
    return DIGITS.sub(lambda found: f"0{chr(len(found[1]))}{found[1]}", name)
