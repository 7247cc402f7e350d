"""The rows that a page shows, chosen while a run goes by; what is held does not grow with the run."""

import heapq
from dataclasses import dataclass

from digit_batch.evaluation.confidence import STEPS
from digit_batch.predictions import Prediction

MOST = 20_000  # rows of a page: about 20 MB with their pictures, which browsers open in a second
WORTH = {"review": 2, "error": 1, "ok": 0}  # of a look; that of a mistake is above all


@dataclass(frozen=True, slots=True)
class Shown:
    """A row of a page.

    Attributes
    ----------
    place : int
        Of the row in its table, from 0.
    row : Prediction
        What was read.
    true : int or None
        The true digit, where it is known.
    """

    place: int
    row: Prediction
    true: int | None = None


class Kept:
    """The rows most worth a look, and how sure all of them were.

    Parameters
    ----------
    most : int
        Rows that are kept: mistakes first, the surest before the others; then those for a person, those that could
        not be read, and last those accepted; of each sort the least sure.

    Attributes
    ----------
    count : int
        Rows that went by.
    sure : list of list of int, (2, `STEPS` + 1)
        How many rows with a label had each confidence, in ten-thousandths: first the good ones, then the others.
        Good is what is right where the true digit is known, and accepted where none is known.
    """

    def __init__(self, most: int = MOST) -> None:
        self.count = 0
        self.sure = [[0] * (STEPS + 1), [0] * (STEPS + 1)]
        self._most = most
        self._heap: list[tuple[tuple[int, float, int], Shown]] = []

    def add(self, row: Prediction, true: int | None = None) -> None:
        """Count a row, and keep it if it is worth more than what is kept."""
        place, self.count = self.count, self.count + 1
        if row.confidence is not None:
            good = row.status == "ok" if true is None else row.label == true
            self.sure[not good][round(row.confidence * STEPS)] += 1
        worth = (*_worth(row, true), -place)
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, (worth, Shown(place, row, true)))
        elif worth > self._heap[0][0]:
            heapq.heapreplace(self._heap, (worth, Shown(place, row, true)))

    @property
    def rows(self) -> list[Shown]:
        """The rows kept, in the order of the table."""
        return sorted((shown for _, shown in self._heap), key=lambda shown: shown.place)


def _worth(row: Prediction, true: int | None) -> tuple[int, float]:
    """Return how much a row is worth a look, larger for more: mistakes above all."""
    sure = row.confidence or 0.0
    if true is not None and row.label != true and row.status != "error":
        return 3, sure
    return WORTH[row.status], -sure
