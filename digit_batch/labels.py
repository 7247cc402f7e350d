"""The true labels of images: from the folders that hold them, or from a table.

A table is a CSV with the columns ``path`` and ``label``, in any order and among others. Its paths are those of the
rows, or relative to the input; a label holds for every frame of its file, or for the one that a column ``frame`` names.
The label `NO_DIGIT` is a person's word that a picture holds no digit: it counts as no true label.
"""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from digit_batch.errors import InputError

DIGITS = "0123456789"
NO_DIGIT = "x"

Labels = Mapping[tuple[str, int | None], int | None]  # (path, frame or None for all) -> digit or None for no digit


def read_labels(path: Path) -> Labels:
    """Read a table of true labels: path and frame (None for every frame) to digit (None for no digit).

    Raises
    ------
    InputError
        The table is missing, lacks a column, or a line of it has no digit or contradicts an earlier one.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream, strict=True)
            if missing := {"path", "label"} - set(rows.fieldnames or ()):
                raise InputError(
                    f"{path} lacks the column {' and '.join(sorted(missing))}. Its first line must name path and label."
                )
            labels: dict[tuple[str, int | None], int | None] = {}
            for row in rows:
                _add(labels, row["path"], row.get("frame"), row["label"], f"{path}, line {rows.line_num}")
    except OSError as error:
        raise InputError(f"Cannot read the labels {path}: {error.strerror}. Check the name.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The labels {path} are not UTF-8. Save them as CSV UTF-8.") from error
    except csv.Error as error:
        raise InputError(f"The labels {path} are no CSV: line {rows.line_num}: {error}.") from error
    return labels


def _add(
    labels: dict[tuple[str, int | None], int | None], name: str | None, frame: str | None, label: str | None, place: str
) -> None:
    if not name:
        raise InputError(f"{place}: the path is empty. Name an image.")
    said, page = (label or "").strip(), (frame or "").strip()
    if said != NO_DIGIT and (len(said) != 1 or said not in DIGITS):
        raise InputError(f"{place}: the label {label or ''!r} is no digit. Write 0 to 9, or {NO_DIGIT} for no digit.")
    if page and not (page.isascii() and page.isdigit()):
        raise InputError(f"{place}: the frame {page!r} is no number. Write 0 for the first page, or nothing for all.")
    digit = None if said == NO_DIGIT else int(said)
    key = (name, int(page) if page else None)
    if labels.setdefault(key, digit) != digit:
        before = NO_DIGIT if labels[key] is None else labels[key]
        raise InputError(f"{place}: {name} was given the label {before} before. Keep one of the two.")


def folder_label(path: str) -> int | None:
    """Return the digit that an image's parent folder is named after, or None."""
    name = PurePosixPath(path).parent.name
    return int(name) if len(name) == 1 and name in DIGITS else None


def table_label(path: str, labels: Labels, source: str, frame: int = 0) -> int | None:
    """Return the label that a table gives to the image of a row, or None; one for the frame outranks one for all."""
    keys = ((name, page) for page in (frame, None) for name in _names(path, source))
    return next((labels[key] for key in keys if key in labels), None)


def check_labels(labels: Labels, paths: Iterable[str], source: str) -> None:
    """Refuse a table that names images which are not there: a slip in the paths would make a silent score.

    Raises
    ------
    InputError
        Says how many, and the first of them.
    """
    absent = dict.fromkeys(name for name, _ in labels)
    for path in paths:
        for name in _names(path, source):
            absent.pop(name, None)
    if absent:
        raise InputError(
            f"The labels name {len(absent):,} images that are not in {source}, the first is {next(iter(absent))}. "
            "Write the paths as the rows of `classify` have them, or relative to the input."
        )


def _names(path: str, source: str) -> tuple[str, ...]:
    """Return what a table may call the image of a row: its path, or its path below the input."""
    top = source if source.endswith("/") else f"{source}/"
    for start in (top, f"./{top}"):  # a row has ./ before an input that would start a formula
        if path.startswith(start):
            below = path.removeprefix(start)
            return path, below, f"./{below}"
    return (path,)
