r"""Paths of a table -> sources: the walk, backwards.

A path says how a name is shown, and that loses something: an archive may hold one name twice, as after ``tar -r``, and
the byte FF and the letters ``\xff`` are shown alike. Where it cannot be told which file a row was read from, the source
has that as its trouble: an answer never moves to a neighbour.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

from digit_batch.errors import InputError
from digit_batch.images.archives import find_archive_kind
from digit_batch.images.sources import Source, show_name
from digit_batch.images.storage import check_url, is_url, trouble_of
from digit_batch.images.walk import walk

__all__ = ["Wanted", "find_sources", "number_files"]

T = TypeVar("T")

# Files looked up together, about 1 kB each: an archive is listed once for all of its own among them, in whatever order
# they come, so that a table that was sorted costs no listing a row.
WINDOW = 1 << 15
PART = re.compile("/+|[^/]+")
ESCAPE = re.compile(r"\\[xu][0-9a-f]")  # what `show_name` writes for what is not UTF-8


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that a table has rows of.

    Attributes
    ----------
    path
        As it stands in the table.
    number
        Which it is of the files of this path that are neighbours in the table, from 0.
    count
        How many these are.
    """

    path: str
    number: int = 0
    count: int = 1


def number_files(files: Iterable[tuple[str, T]]) -> Iterator[tuple[Wanted, T]]:
    """Tell neighbouring files of one path apart.

    Parameters
    ----------
    files
        The path of each file in the order of the table, and anything that goes with it.
    """
    for path, run in groupby(files, key=itemgetter(0)):
        things = [thing for _, thing in run]
        for number, thing in enumerate(things):
            yield Wanted(path, number, len(things)), thing


def find_sources(files: Iterable[Wanted]) -> Iterator[Source]:
    """Yield the source of each file of a table, in their order; one that cannot be found has its trouble in it.

    Up to `WINDOW` files are asked for before the first is given.
    """
    disk = _Disk()
    waiting: list[tuple[Wanted, Source | str]] = []
    for wanted in files:
        found = _find_url(wanted.path) if is_url(wanted.path) else disk.find(wanted.path)
        if isinstance(found, Source) and not waiting:
            yield found
            continue
        waiting.append((wanted, found))
        if len(waiting) == WINDOW:
            yield from _look_into_archives(waiting)
            waiting = []
    yield from _look_into_archives(waiting)


def _find_url(url: str) -> Source:
    try:
        check_url(url)
    except InputError as error:
        return Source(url, url, trouble=trouble_of(error))
    return Source(url, url)


class _Disk:
    """Files by the names that the walk shows; knows the folder that it last had to list."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._names: dict[str, list[str]] = {}

    def find(self, path: str) -> Source | str:
        """Return the file of a path, or the archive that it leads into."""
        real = ""
        for part in PART.findall(path):
            names = self._shown_as(part, real) if ESCAPE.search(part) else [part]
            if len(names) > 1:
                return Source(
                    path, path, trouble="cannot be told from another file whose name is written so: rename that"
                )
            real += names[0] if names else part
            if find_archive_kind(part) and os.path.isfile(real):
                return real
        return Source(path, real)

    def _shown_as(self, part: str, folder: str) -> list[str]:
        """Return the names in a folder that are shown so."""
        if folder != self._folder:
            self._folder, self._names = folder, defaultdict(list)
            with suppress(OSError):
                for name in os.listdir(folder or "."):
                    shown = show_name(f"/{name}")[1:]  # in a folder, no name starts a formula
                    if ESCAPE.search(shown):
                        self._names[shown].append(name)
        return self._names.get(part, [])


def _look_into_archives(waiting: list[tuple[Wanted, Source | str]]) -> Iterator[Source]:
    """Yield what was found, and the members for what leads into an archive."""
    members: dict[str, dict[str, list[Source]]] = defaultdict(dict)  # of each archive: by their names
    for wanted, found in waiting:
        if isinstance(found, str):
            members[found].update({wanted.path: [], show_name(found): []})
    for archive, named in members.items():
        for thing in walk([archive], missing_ok=True):
            if isinstance(thing, Source) and thing.name in named:
                named[thing.name].append(thing)
    for wanted, found in waiting:
        yield found if isinstance(found, Source) else _choose(wanted, found, members[found])


def _choose(wanted: Wanted, archive: str, named: dict[str, list[Source]]) -> Source:
    """Return the member that is meant, or why there is none; a broken archive is listed as one of its own files."""
    found, itself = named[wanted.path], named[show_name(archive)]
    if found and (len(found) == wanted.count or found is itself):
        return found[min(wanted.number, len(found) - 1)]
    if found:
        trouble = "cannot be told from others of its name in the archive: classify that again, or unpack it"
    elif found is itself:
        trouble = "the archive can be read now: classify it again"
    else:
        trouble = itself[0].trouble if itself else "no such file in the archive"
    return Source(wanted.path, archive, trouble=trouble)
