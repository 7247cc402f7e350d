"""Outputs held against each other and against what is read: none may take the place of another file of the command."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from digit_batch.errors import OutputError

Names = Iterable[Path | str | None]
ZIP = b"PK"  # begins a model file too


def check_apart(outputs: Names, inputs: Names = (), *, models: Names = (), pictures: Names = ()) -> None:
    """Refuse, before any work, an output that would be lost to another, or that is read; ``--force`` is no leave.

    Parameters
    ----------
    outputs : iterable of Path or str or None
        Tables and pages: never written over an image, an archive or a model, wherever it lies. None, ``-`` and URLs are
        passed over.
    inputs : iterable of Path or str or None
        Files and folders that are read.
    models : iterable of Path or str or None
        Outputs that are models: they may take the place of an earlier one.
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
    tables, fitted, drawn = list(_on_disk(outputs)), list(_on_disk(models)), list(_on_disk(pictures))
    written: set[str] = set()
    for name in (*tables, *fitted, *drawn):
        place = os.path.realpath(name)
        if place in written:
            raise OutputError(f"{name} is named for two outputs, and one would replace the other. Name two files.")
        if place in read and os.path.isfile(place):
            raise OutputError(f"{name} is read here, and is not written over. Name another file.")
        if name not in drawn and (loss := _find_loss(place, model=name in fitted)):
            raise OutputError(f"{name} is {loss}, which would be lost. Name another file.")
        if name in drawn and place.startswith(folders) and _is_scan(place):
            raise OutputError(f"{name} is an image of a folder that is read here. Name a file outside of that folder.")
        written.add(place)


def _on_disk(names: Names) -> Iterator[str]:
    return (str(name) for name in names if name is not None and str(name) != "-" and "://" not in str(name))


def _find_loss(place: str, *, model: bool) -> str:
    """Return in words what a file is that no table, page or model is put in the place of; empty for all else."""
    from digit_batch.images.archives import find_archive_kind
    from digit_batch.images.formats import describe, sniff

    head = _read_head(place)
    if sniff(head):
        return "an image"
    if find_archive_kind(place) and head and describe(head) != "text file":  # rows may have been given such a name
        return "an archive"
    return "a model" if not model and head.startswith(ZIP) and _is_model(place) else ""


def _is_model(place: str) -> bool:
    from digit_batch.model import is_model

    return is_model(Path(place))


def _is_scan(place: str) -> bool:
    """Tell whether a walk of its folder would read a file: by its name, or by what it holds."""
    from digit_batch.images.formats import has_image_extension, sniff

    return os.path.isfile(place) and (has_image_extension(place) or sniff(_read_head(place)) is not None)


def _read_head(place: str) -> bytes:
    """Return the first bytes of a file, none where there is none."""
    from digit_batch.images.formats import HEAD_BYTES

    if not os.path.isfile(place):
        return b""
    try:
        with open(place, "rb") as stream:
            return stream.read(HEAD_BYTES)
    except OSError:  # who may not read it is told by what writes it
        return b""
