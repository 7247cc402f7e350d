"""Outputs held against each other and against what is read: none may take the place of another file of the command."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from digit_batch.errors import OutputError

Names = Iterable[Path | str | None]


def check_apart(outputs: Names, inputs: Names = (), *, pictures: Names = ()) -> None:
    """Refuse, before any work, an output that would be lost to another, or that is read; ``--force`` is no leave.

    Parameters
    ----------
    outputs : iterable of Path or str or None
        Tables, pages, models: never written over an image, wherever it lies. None, ``-`` and URLs are passed over.
    inputs : iterable of Path or str or None
        Files and folders that are read.
    pictures : iterable of Path or str or None
        Outputs that are images themselves: they may take the place of an earlier one, but not of one in a folder that
        is read.

    Raises
    ------
    OutputError
        One sentence: what, why, and the cure.
    """
    read = {os.path.realpath(name) for name in _on_disk(inputs)}
    folders = tuple(os.path.join(place, "") for place in read if os.path.isdir(place))
    tables, drawn = list(_on_disk(outputs)), list(_on_disk(pictures))
    written: set[str] = set()
    for name in (*tables, *drawn):
        place = os.path.realpath(name)
        if place in written:
            raise OutputError(f"{name} is named for two outputs, and one would replace the other. Name two files.")
        if place in read and os.path.isfile(place):
            raise OutputError(f"{name} is read here, and is not written over. Name another file.")
        if name in tables and _is_image(place):
            raise OutputError(f"{name} is an image, which would be lost. Name another file.")
        if name in drawn and place.startswith(folders) and _is_scan(place):
            raise OutputError(f"{name} is an image of a folder that is read here. Name a file outside of that folder.")
        written.add(place)


def _on_disk(names: Names) -> Iterator[str]:
    return (str(name) for name in names if name is not None and str(name) != "-" and "://" not in str(name))


def _is_scan(place: str) -> bool:
    """Tell whether a walk of its folder would read a file: by its name, or by what it holds."""
    from digit_batch.images.formats import has_image_extension

    return os.path.isfile(place) and (has_image_extension(place) or _is_image(place))


def _is_image(place: str) -> bool:
    from digit_batch.images.formats import HEAD_BYTES, sniff

    if not os.path.isfile(place):
        return False
    try:
        with open(place, "rb") as stream:
            return sniff(stream.read(HEAD_BYTES)) is not None
    except OSError:  # who may not read it is told by what writes it
        return False
