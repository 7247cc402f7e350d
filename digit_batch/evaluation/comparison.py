"""The same folder read twice: what one reading got right that the other did not."""

import heapq
from dataclasses import asdict, dataclass
from typing import Any

from digit_batch.predictions import Prediction

CHANGES_KEPT = 1000  # of each kind, the surest


@dataclass(frozen=True)
class Change:
    """An image that one reading got right and the other wrong."""

    path: str
    frame: int
    true: int
    before: int | None
    said: int | None
    confidence: float


@dataclass(frozen=True)
class Comparison:
    """How a reading differs from another one of the same images.

    Attributes
    ----------
    both_right, both_wrong : int
        Images that are the same in this.
    fixed : int
        Wrong in the other reading, right in this one.
    broken : int
        Right in the other reading, wrong in this one.
    fixes, breaks : tuple of Change
        Which ones, the surest first; at most `CHANGES_KEPT` each.
    """

    both_right: int
    both_wrong: int
    fixed: int
    broken: int
    fixes: tuple[Change, ...] = ()
    breaks: tuple[Change, ...] = ()

    @property
    def images(self) -> int:
        """Images with a true label that both readings could read."""
        return self.both_right + self.both_wrong + self.fixed + self.broken

    @property
    def accuracy(self) -> float:
        """Of this reading, on these images."""
        return (self.both_right + self.fixed) / self.images if self.images else 0.0

    @property
    def other_accuracy(self) -> float:
        """Of the other reading, on these images."""
        return (self.both_right + self.broken) / self.images if self.images else 0.0

    @property
    def p_value(self) -> float:
        """McNemar's exact p: how often chance alone gives so uneven a number of fixed and broken images."""
        from scipy.stats import binomtest

        changed = self.fixed + self.broken
        return float(binomtest(self.fixed, changed).pvalue) if changed else 1.0

    def figures(self) -> dict[str, Any]:
        """Return every figure as plain data, for JSON."""
        return {
            "images": self.images,
            "accuracy": self.accuracy,
            "other_accuracy": self.other_accuracy,
            "both_right": self.both_right,
            "both_wrong": self.both_wrong,
            "fixed": self.fixed,
            "broken": self.broken,
            "mcnemar_p": self.p_value,
            "fixes": [asdict(change) for change in self.fixes],
            "breaks": [asdict(change) for change in self.breaks],
        }


class Tournament:
    """Takes in two readings of each image, one image at a time; its size does not grow with their number."""

    def __init__(self) -> None:
        self._counts = {(mine, others): 0 for mine in (True, False) for others in (True, False)}
        self._changes: dict[bool, list[tuple[float, int, Change]]] = {True: [], False: []}

    def add(self, row: Prediction, other: Prediction, true: int | None) -> None:
        """Count one image; one without a true label, or that either could not read, does not count."""
        if true is None or "error" in (row.status, other.status):
            return
        mine, others = row.label == true, other.label == true
        self._counts[mine, others] += 1
        if mine == others:
            return
        change = Change(row.path, row.frame, true, other.label, row.label, row.confidence or 0.0)
        kept = self._changes[mine]
        push = heapq.heappush if len(kept) < CHANGES_KEPT else heapq.heappushpop
        push(kept, (change.confidence, -sum(self._counts.values()), change))

    def result(self) -> Comparison:
        """Return the comparison of what was taken in."""
        fixes, breaks = (
            tuple(change for *_, change in sorted(self._changes[mine], key=lambda kept: kept[:2], reverse=True))
            for mine in (True, False)
        )
        counts = self._counts
        return Comparison(
            counts[True, True], counts[False, False], counts[True, False], counts[False, True], fixes, breaks
        )
