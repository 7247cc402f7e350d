"""A user's own labelled digits, read as `classify` reads, and what was found wrong with them.

Nothing is dropped in silence: what could not be read or holds no digit, copies of one picture, and pictures that are
there under two labels are all named.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digit_batch.features import BOX
from digit_batch.labels import Truth, folder_of
from digit_batch.predictions import CLASSES, Prediction

FEW = 10  # images of a digit, below which the user is warned
WRITERS = 5  # source folders from which on they are kept apart; with fewer, a split would hold out half of the hands
SURE = 0.99  # confidence of another digit, from which on a label is doubted


@dataclass(frozen=True)
class OwnDigits:
    """A user's own digits.

    Attributes
    ----------
    boxes : ndarray of uint8, shape (n, 32, 32)
        The boxes that features are counted on, 0 to 255.
    labels : ndarray of int, shape (n,)
    groups : ndarray of int, shape (n,)
        From 0; one for each source folder where there are `WRITERS` or more, otherwise one for each digit.
    names : tuple of str
        The files, n of them.
    read_right : int
        How many of them the model that ships read right.
    doubted : tuple of (str, int, int)
        File, its label, and the other digit that the model that ships is sure to see.
    unreadable, no_ink : tuple of (str, str)
        File and reason, of those that could not be read, and of those in which no digit was found.
    copies : tuple of (str, str)
        File left out, and the one that holds the very same digit.
    contradictions : tuple of (str, str)
        Files that hold the very same digit under two labels; both are left out.
    unlabelled : tuple of (str, int)
        Folders whose images have no label, and how many.
    """

    boxes: NDArray[np.uint8]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    names: tuple[str, ...]
    read_right: int
    doubted: tuple[tuple[str, int, int], ...]
    unreadable: tuple[tuple[str, str], ...]
    no_ink: tuple[tuple[str, str], ...]
    copies: tuple[tuple[str, str], ...]
    contradictions: tuple[tuple[str, str], ...]
    unlabelled: tuple[tuple[str, int], ...]

    @property
    def met(self) -> bool:
        """Whether there was any image at all."""
        return bool(len(self.labels) or self.unreadable or self.no_ink or self.contradictions or self.unlabelled)

    @property
    def counts(self) -> list[int]:
        """How many there are of each digit, 0 to 9."""
        return [int(count) for count in np.bincount(self.labels, minlength=CLASSES)]

    def figures(self) -> dict[str, Any]:
        """Return what was found as plain data, for JSON."""
        return {
            "images": len(self.labels),
            "counts": self.counts,
            "read_right_by_the_model_that_ships": self.read_right,
            "doubted": [list(each) for each in self.doubted],
            "unreadable": [list(each) for each in self.unreadable],
            "no_ink": [list(each) for each in self.no_ink],
            "copies": [list(each) for each in self.copies],
            "contradictions": [list(each) for each in self.contradictions],
            "unlabelled": [list(each) for each in self.unlabelled],
        }

    @property
    def warnings(self) -> list[str]:
        """What a user should know before trusting a model of these digits, in sentences."""
        missing = [str(digit) for digit, count in enumerate(self.counts) if not count]
        few = [f"{count} of {digit}" for digit, count in enumerate(self.counts) if 0 < count < FEW]
        return [
            *([f"There is no image of {', '.join(missing)}."] if missing else []),
            *([f"Few images of a digit teach little: {', '.join(few)}."] if few else []),
            *(f"Two labels for one picture, both left out: {one} and {other}." for one, other in self.contradictions),
        ]


def gather(rows: Iterable[tuple[Prediction, int | None]], truth: Truth) -> OwnDigits:
    """Take in rows with their boxes and true labels.

    Parameters
    ----------
    rows : iterable of (Prediction, int or None)
        Read with ``Settings.box``; a row without a label is left out.
    truth : Truth
        Where the labels came from.
    """
    seen: dict[bytes, tuple[int, str]] = {}  # digest of the box to its label and file
    kept: dict[bytes, tuple[bytes, bool, str]] = {}
    no_digit: Counter[str] = Counter()
    doubted: list[tuple[str, int, int]] = []
    unreadable: list[tuple[str, str]] = []
    no_ink: list[tuple[str, str]] = []
    copies: list[tuple[str, str]] = []
    contradictions: list[tuple[str, str]] = []
    for row, label in rows:
        if label is None:
            no_digit[folder_of(row.path)] += 1
            continue
        if row.box is None:
            (unreadable if row.status == "error" else no_ink).append((row.path, row.reason))
            continue
        digest = blake2b(row.box, digest_size=16).digest()
        if digest in seen:
            before, name = seen[digest]
            (copies if before == label else contradictions).append((row.path, name))
            if before != label:
                kept.pop(digest, None)
            continue
        seen[digest] = (label, row.path)
        kept[digest] = (row.box, row.label == label, truth.writer(row.path))
        if row.label is not None and row.label != label and (row.confidence or 0) >= SURE:
            doubted.append((row.path, label, row.label))
    return OwnDigits(
        boxes=np.frombuffer(b"".join(box for box, _, _ in kept.values()), np.uint8).reshape(-1, BOX, BOX),
        labels=np.array([seen[digest][0] for digest in kept], np.int64),
        groups=_groups([writer for _, _, writer in kept.values()]),
        names=tuple(seen[digest][1] for digest in kept),
        read_right=sum(right for _, right, _ in kept.values()),
        doubted=tuple(doubted),
        unreadable=tuple(unreadable),
        no_ink=tuple(no_ink),
        copies=tuple(copies),
        contradictions=tuple(contradictions),
        unlabelled=tuple(no_digit.most_common()),
    )


def _groups(writers: list[str]) -> NDArray[np.int64]:
    places = {writer: place for place, writer in enumerate(dict.fromkeys(writers))}
    if len(places) < WRITERS:
        return np.arange(len(writers))
    return np.array([places[writer] for writer in writers], np.int64)
