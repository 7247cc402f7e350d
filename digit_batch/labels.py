"""The true labels of images: from the folders that hold them, from a table, or from their names.

A table is a CSV with the columns ``path`` and ``label``, in any order and among others. Its paths are those of the
rows, or relative to an input; a label holds for every frame of its file, or for the one that a column ``frame`` names.
The label `NO_DIGIT` is a person's word that a picture holds no digit: it counts as no true label.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

from digit_batch.errors import InputError

DIGITS = "0123456789"
NO_DIGIT = "x"
FRAME = re.compile("[0-9]{1,9}")  # no file has a billion pages, and `int` takes no more than 4,300 digits
HOW_TO_SAY = f"Write 0 to 9, or {NO_DIGIT} for no digit, once for an image; the frame of a first page is 0."

Labels = Mapping[tuple[str, int | None], int | None]  # (path, frame or None for all) -> digit or None for no digit


@dataclass(frozen=True)
class Truth:
    """Tells the true label of each image of a run.

    Attributes
    ----------
    sources : sequence of str
        The inputs as typed.
    table : mapping or None
        As `read_labels` gives it; then nothing else counts.
    pattern : re.Pattern or None
        Found in the file's name, its first group is the digit; then the folder's name does not count.
    """

    sources: Sequence[str]
    table: Labels | None = None
    pattern: re.Pattern[str] | None = None

    def label(self, path: str, frame: int = 0) -> int | None:
        """Return the true digit of a row, or None where it has none."""
        if self.table is not None:
            return table_label(path, self.table, self.sources, frame)
        return folder_label(path) if self.pattern is None else name_label(path, self.pattern)

    def writer(self, path: str) -> str:
        """Return the folder that tells images of one source from another's: the one with the digits' folders in it."""
        folder = PurePosixPath(path).parent
        return str(folder.parent if self.table is None and self.pattern is None else folder)

    @property
    def cure(self) -> str:
        """What to do where no image has a label."""
        if self.table is not None:
            return "Give a table that names some of them."
        if self.pattern is not None:
            return f"None of their names matches {self.pattern.pattern}, with a digit in its first group."
        return "Put each in a folder named after its digit, 0 to 9, or give --labels or --label-pattern."


def read_labels(path: Path) -> Labels:
    """Read a table of true labels: path and frame (None for every frame) to digit (None for no digit).

    Raises
    ------
    InputError
        The table is missing, lacks a column, or a line of it has no digit or contradicts an earlier one.
    """
    labels, troubles = read_said(path, "labels", ("path", "label"), "Its first line must name path and label.")
    if troubles:
        raise InputError(f"{path}, {troubles[0]}. {HOW_TO_SAY}")
    return labels


def read_said(
    path: Path, what: str, columns: Sequence[str], cure: str, frame: int | None = None
) -> tuple[Labels, list[str]]:
    """Read a CSV of images and their digits; return what it says, and what is wrong with some of its lines.

    Parameters
    ----------
    what, cure : str
        In the sentence of an error: what it holds, and what to do where it lacks one of the columns.
    frame : int or None
        What a line means that names none.

    Raises
    ------
    InputError
        It cannot be read, is no CSV, or lacks a column.
    """
    said: dict[tuple[str, int | None], int | None] = {}
    troubles = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream, strict=True)
            if missing := set(columns) - set(rows.fieldnames or ()):
                raise InputError(f"{path} lacks the column {' and '.join(sorted(missing))}. {cure}")
            for row in rows:
                if trouble := _add(said, row, frame):
                    troubles.append(f"line {rows.line_num}: {trouble}")
    except OSError as error:
        raise InputError(f"Cannot read the {what} {path}: {error.strerror}. Check the name.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The {what} {path} are not UTF-8. Save them as CSV UTF-8.") from error
    except csv.Error as error:
        raise InputError(f"The {what} {path} are no CSV: line {rows.line_num}: {error}.") from error
    return said, troubles


def _add(said: dict[tuple[str, int | None], int | None], row: Mapping[str, str | None], frame: int | None) -> str:
    """Take one line in; return what is wrong with it."""
    name, label, page = row["path"], (row["label"] or "").strip(), (row.get("frame") or "").strip()
    if not name:
        return "the path is empty"
    if label != NO_DIGIT and (len(label) != 1 or label not in DIGITS):
        return f"the label {label!r} is no digit"
    if page and not FRAME.fullmatch(page):
        return f"the frame {page[:20]!r} is no number of a page"
    key, digit = (name, int(page) if page else frame), int(label) if label in DIGITS else None
    if said.setdefault(key, digit) != digit:
        return f"{name} was given the label {_say(said[key])} before"
    return ""


def _say(digit: int | None) -> str:
    return NO_DIGIT if digit is None else str(digit)


def folder_of(path: str) -> str:
    """Return the folder of a row, for showing."""
    return str(PurePosixPath(path).parent)


def folder_label(path: str) -> int | None:
    """Return the digit that an image's parent folder is named after, or None."""
    name = PurePosixPath(path).parent.name
    return int(name) if len(name) == 1 and name in DIGITS else None


def name_label(path: str, pattern: re.Pattern[str]) -> int | None:
    """Return the digit in the first group of a pattern found in an image's name, or None."""
    found = pattern.search(PurePosixPath(path).name)
    said = (found[1] or "") if found else ""
    return int(said) if len(said) == 1 and said in DIGITS else None


def table_label(path: str, labels: Labels, sources: Sequence[str], frame: int = 0) -> int | None:
    """Return the label that a table gives to the image of a row, or None; one for the frame outranks one for all."""
    keys = ((name, page) for page in (frame, None) for name in _names(path, sources))
    return next((labels[key] for key in keys if key in labels), None)


def check_labels(labels: Labels, paths: Iterable[str], sources: Sequence[str]) -> None:
    """Refuse a table that names images which are not there, or one by two names: either would make a silent score.

    Raises
    ------
    InputError
        Says how many are not there, and the first of them; or which image has two labels.
    """
    frames: dict[str, list[int | None]] = {}
    for name, frame in labels:
        frames.setdefault(name, []).append(frame)
    absent = dict.fromkeys(frames)
    for path, _ in groupby(paths):  # the frames of one file, in a table of rows
        said: dict[int | None, str] = {}  # each frame, and the name that it has a label by
        for name in _names(path, sources):
            absent.pop(name, None)
            for frame in frames.get(name, ()):
                other = said.setdefault(frame, name)
                if labels[other, frame] != labels[name, frame]:
                    raise InputError(
                        f"The labels name {path} twice, {_say(labels[other, frame])} as {other} and "
                        f"{_say(labels[name, frame])} as {name}. Leave one of the two."
                    )
    if absent:
        raise InputError(
            f"The labels name {len(absent):,} images that are not in {' or '.join(sources)}, the first is "
            f"{next(iter(absent))}. Write the paths as the rows of `classify` have them, or relative to the input."
        )


class LaterPages:
    """The pages after the first that a table of labels names, until rows are met that they are of.

    Which pages a file has is known when it is read, and not before.
    """

    def __init__(self, labels: Labels, sources: Sequence[str]) -> None:
        self._sources = sources
        self._left: dict[str, set[int]] = {}
        for name, frame in labels:
            if frame:
                self._left.setdefault(name, set()).add(frame)

    def meet(self, path: str, frame: int, *, readable: bool) -> None:
        """Look at a row; which pages a file has that cannot be read, or not to its end, is not known."""
        if not self._left:
            return
        for name in _names(path, self._sources):
            if not readable:
                self._left.pop(name, None)
            elif name in self._left:
                self._left[name].discard(frame)

    def check(self) -> None:
        """Refuse a table that names pages which are not there, as `check_labels` refuses images.

        Raises
        ------
        InputError
            Names the first of them.
        """
        for name, frames in self._left.items():
            if frames:
                raise InputError(
                    f"The labels name the frame {min(frames)} of {name}, which has no such page. "
                    "Leave it out; the frame of a first page is 0."
                )


def _names(path: str, sources: Sequence[str]) -> list[str]:
    """Return what a table may call the image of a row: its path, or its path below an input."""
    names = [path]
    for source in sources:
        top = source if source.endswith("/") else f"{source}/"
        for start in (top, f"./{top}"):  # a row has ./ before an input that would start a formula
            if path.startswith(start):
                below = path.removeprefix(start)
                names += [below, f"./{below}"]
    return names
