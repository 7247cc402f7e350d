"""Images in a folder a digit, for people who work with folders: laid out from a table, and read back when corrected.

``DIR/7/`` holds what was read as a 7 and accepted, ``DIR/review/`` what a person should look at, ``DIR/x/`` what a
person said is no digit. Files are named ``row-name``, so that two of the same name do not collide, and
``DIR/sorted.csv`` tells which row each of them is. Whoever moves a file to another folder corrects its row.
"""

import csv
import os
import re
import shutil
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import tee
from pathlib import Path, PurePosixPath

from digit_batch.errors import InputError, OutputError
from digit_batch.images import Frame, Limits, Source, Unreadable, find_sources, number_files, read_frames
from digit_batch.images.save import save_png
from digit_batch.labels import DIGITS, NO_DIGIT
from digit_batch.output import unwritable, whole_file
from digit_batch.predictions import Prediction, group_files, write_rows
from digit_batch.review.corrections import NAMED, Corrections, name_all

INDEX = "sorted.csv"
INDEX_COLUMNS = ("file", "path", "frame", "folder")
REVIEW = "review"
FOLDERS = (*DIGITS, NO_DIGIT, REVIEW)
UNSAFE = re.compile(r"[^\w.() -]+")  # in a file's name on some system; controls, quotes and slashes among them
# A file system takes names of 255 bytes, one that encrypts them of 143: of that, a row's number and page take up to 25.
STEM_BYTES = 96
SUFFIX_BYTES = 16
COPY_BYTES = 1 << 20  # read at once


@dataclass
class Sorted:
    """What came of sorting.

    Attributes
    ----------
    files : int
        Laid out.
    unreadable : int
        Rows whose picture could not be read or found: these are in no folder.
    troubles : list of str
        The first of them, each with its reason.
    """

    files: int = 0
    unreadable: int = 0
    troubles: list[str] = field(default_factory=list)


def sort_into(folder: Path, rows: Iterable[Prediction], *, link: bool = False, limits: Limits = Limits()) -> Sorted:
    """Lay the images of a table into a folder a digit.

    An image of its own file is copied, or linked, as it is; a page of a larger file, or a member of an archive, is
    saved as PNG.

    Parameters
    ----------
    folder : Path
        Made where it is missing; must be empty otherwise.
    rows : iterable of Prediction
        In the order of their table.
    link : bool
        Link to the files instead of copying them.
    limits : Limits
        What one file may cost.

    Raises
    ------
    OutputError
        The folder holds something, or cannot be written. What was laid out until then is removed.
    """
    done = Sorted()
    try:
        with _new_folders(folder), whole_file(folder / INDEX) as index:
            write_rows(index, [INDEX_COLUMNS])
            for source, group in _with_sources(rows):
                whole = source.member is None and not source.trouble and len(group) == 1 and os.path.isfile(source.path)
                laid = _lay_whole if whole else _lay_pages
                for row, name, trouble in laid(folder, source, group, link, limits):
                    if trouble:
                        done.unreadable += 1
                        if len(done.troubles) < NAMED:
                            done.troubles.append(f"{row.path}: {trouble}")
                    else:
                        done.files += 1
                        write_rows(index, [(name, row.path, str(row.frame), _home(row))])
    except OSError as error:
        raise unwritable(folder, error) from error
    return done


@contextmanager
def _new_folders(folder: Path) -> Iterator[None]:
    """Make the folders; when the block fails they go, with what was laid there: no index would tell its rows."""
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise OutputError(f"{folder} is not empty, and its files would be mixed up with others. Name a new folder.")
    try:
        for name in FOLDERS:
            (folder / name).mkdir()
        yield
    except BaseException:
        for name in FOLDERS:
            shutil.rmtree(folder / name, ignore_errors=True)
        if made:
            with suppress(OSError):
                folder.rmdir()
        raise


Placed = tuple[int, Prediction]  # a row and its place in the table
Laid = Iterator[tuple[Prediction, str, str]]  # a row, the name of its file, and why there is none


def _with_sources(rows: Iterable[Prediction]) -> Iterator[tuple[Source, list[Placed]]]:
    """Yield each file with its rows; those that are being looked for wait in the tee."""
    groups = group_files(enumerate(rows), lambda placed: placed[1])
    asked, files = tee(number_files((group[0][1].path, group) for group in groups))
    for source, (_, group) in zip(find_sources(wanted for wanted, _ in asked), files, strict=True):
        yield source, group


def _lay_whole(folder: Path, source: Source, group: list[Placed], link: bool, limits: Limits) -> Laid:
    """Copy a file, or link to it."""
    for place, row in group:
        name = _name(place, row, PurePosixPath(row.path).suffix)
        yield row, name, row.reason if row.status == "error" else _copy(source.path, folder / _home(row) / name, link)


class _Unread(Exception):
    """Why a file cannot be copied, in words of its row; what the folder would not take stays an `OSError`."""


def _copy(path: str, target: Path, link: bool) -> str:
    """Copy or link; return why the file cannot be read."""
    if link:
        target.symlink_to(os.path.abspath(path))
        return ""
    try:
        with target.open("wb") as copy:
            copy.writelines(_pieces(path))
    except _Unread as trouble:
        target.unlink()  # no row of the index is of it
        return str(trouble)
    return ""


def _pieces(path: str) -> Iterator[bytes]:
    try:
        with open(path, "rb", buffering=0) as scan:
            while piece := scan.read(COPY_BYTES):
                yield piece
    except OSError as error:  # it went away in this moment, or its disk fails: the others may be whole
        raise _Unread(f"unreadable file: {(error.strerror or str(error)).lower()}") from error


def _lay_pages(folder: Path, source: Source, group: list[Placed], link: bool, limits: Limits) -> Laid:
    """Save the pages of a file, each as a picture of its own."""
    items = read_frames(source, limits)
    for place, row in group:
        name, trouble = _name(place, row, ".png"), row.reason
        if row.status != "error":
            item = next((item for item in items if item.index >= row.frame), None)
            trouble = item.reason if isinstance(item, Unreadable) else source.trouble or "no such page"
            if isinstance(item, Frame) and item.index == row.frame:
                save_png(item.pixels, folder / _home(row) / name)
                trouble = ""
        yield row, name, trouble


def _home(row: Prediction) -> str:
    """Return the folder that a row belongs in."""
    if row.status != "ok":
        return REVIEW
    return NO_DIGIT if row.label is None else str(row.label)


def _name(place: int, row: Prediction, suffix: str) -> str:
    """Return the name of a row's file: its number in the table, and the name that it had, as any system takes it."""
    page = f"-page{row.frame + 1}" if row.frame else ""
    stem = UNSAFE.sub("_", PurePosixPath(row.path).stem).encode()[-STEM_BYTES:]
    ending = UNSAFE.sub("_", suffix).encode()[:SUFFIX_BYTES]
    return f"{place + 1}-{_whole_letters(stem)}{page}{_whole_letters(ending)}"


def _whole_letters(cut: bytes) -> str:
    """Return text that was cut to so many bytes, without the letters that the cut went through."""
    return cut.decode("utf-8", "ignore")


def read_sorted(folder: Path) -> Corrections:
    """Read what someone corrected by moving files between the folders of `sort_into`.

    A file that lies where it was put says nothing; one in the folder of another digit, or in ``x``, corrects its row.
    Files in ``review`` and files that were deleted say nothing either.

    Raises
    ------
    InputError
        The folder was not made by `sort_into`; or it holds files that were not put there, that lie in the folders of
        two digits, or that lie where they say nothing: each is named.
    """
    rows = _read_index(folder / INDEX)
    homes: dict[str, str] = {}  # of the files that say something
    strangers, twice = [], []
    for home in FOLDERS:
        for entry in sorted((folder / home).iterdir()) if (folder / home).is_dir() else ():
            if entry.name not in rows:
                strangers.append(f"{home}/{entry.name}")
            elif home != REVIEW and homes.setdefault(entry.name, home) != home:
                twice.append(f"{homes[entry.name]}/{entry.name} and {home}/{entry.name}")
    for holds, troubles, cure in (
        (f"files that are no row of {INDEX}", strangers, "Keep the files' names, and only what was sorted."),
        ("images in two folders", twice, "Leave each in one of them."),
        ("images where they say nothing", _find_astray(folder, rows), "Move them into 0 to 9, x or review."),
    ):
        if troubles:
            raise InputError(f"Nothing was changed. {folder} holds {holds}: {name_all(troubles)}. {cure}")
    return {rows[name][:2]: _digit(home) for name, home in homes.items() if home != rows[name][2]}


def _digit(home: str) -> int | None:
    return None if home == NO_DIGIT else int(home)


def _find_astray(folder: Path, rows: Container[str]) -> list[str]:
    """Return the sorted files that lie in the folder itself, or in one that `sort_into` did not make."""
    astray = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders).difference(FOLDERS if place == str(folder) else ()))
        astray += [Path(place, name).relative_to(folder).as_posix() for name in sorted(files) if name in rows]
    return astray


def _read_index(path: Path) -> dict[str, tuple[str, int, str]]:
    """Return what each file is: the path and frame of its row, and the folder that it was put in."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(stream, strict=True)
            return {row["file"]: (row["path"], int(row["frame"]), row["folder"]) for row in rows}
    except FileNotFoundError:
        raise InputError(
            f"{path} is missing, which tells the rows of the files. Give a folder made with --sort-into."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"Cannot read {path}: {error}. Sort the table anew with --sort-into.") from error
