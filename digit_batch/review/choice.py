"""Which rows of a table a person should look at."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from digit_batch.predictions import Prediction


@dataclass(frozen=True)
class Choice:
    """The rows for a person.

    Attributes
    ----------
    rows : list of (int, Prediction)
        Each with its place in the table, from 0; in the order of the table.
    review : int
        Rows of the table that are marked ``review``.
    unreadable : int
        Rows marked ``error``: these want their file mended, not a label, and are not chosen.
    images : int
        Rows of the table.
    """

    rows: list[tuple[int, Prediction]]
    review: int
    unreadable: int
    images: int


def choose_rows(table: Iterable[Prediction], limit: int) -> Choice:
    """Choose rows: those marked ``review`` first, then the least sure of the others, `limit` in all.

    One pass; what is held does not grow with the table.
    """
    heap: list[tuple[bool, float, int, Prediction]] = []
    review = unreadable = images = 0
    for place, row in enumerate(table):
        images += 1
        review += row.status == "review"
        if row.status == "error":
            unreadable += 1
            continue
        item = (row.status == "review", -(row.confidence or 0.0), -place, row)
        if len(heap) < limit:
            heapq.heappush(heap, item)
        elif item[:3] > heap[0][:3]:
            heapq.heapreplace(heap, item)
    return Choice(sorted((-place, row) for *_, place, row in heap), review, unreadable, images)
