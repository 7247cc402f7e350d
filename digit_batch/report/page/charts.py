"""Figures computed for drawing: bars and curves as numbers from 0 to 1, which the template turns into SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from digit_batch.evaluation import Evaluation
from digit_batch.evaluation.confidence import STEPS
from digit_batch.plurals import counted

BARS = 20  # of the histogram of confidence


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart.

    Attributes
    ----------
    name : str
        What it stands for.
    height : float
        Of the whole bar, 0 to 1.
    other : float
        Of its lower part, 0 to `height`.
    words : str
        The same in words, for who points at it or listens.
    """

    name: str
    height: float
    other: float
    words: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Share of rows answered (x, 0 to 1) against share of these that are wrong (y, from 0 to `top`), as SVG points."""

    points: tuple[tuple[float, float], ...]
    top: float

    @property
    def words(self) -> str:
        """The same in words."""
        at = [next((p for p in self.points if p[0] >= share), self.points[-1]) for share in (0.5, 0.8, 0.9, 1.0)]
        return "; ".join(f"{share:.0%} answered, {risk:.2%} of these wrong" for share, risk in at)


def histogram(sure: Sequence[Sequence[int]], names: tuple[str, str]) -> tuple[list[Bar], int]:
    """Return the bars of confidence, and the count of the highest.

    Heights go by the square root of the count, or the last bar would hide the others.

    Parameters
    ----------
    sure : (2, STEPS + 1) counts
        Rows by confidence, in ten-thousandths: the good ones, then the others.
    names : (str, str)
        What those two are called.
    """
    counts = [[0] * BARS, [0] * BARS]
    for kind, row in enumerate(sure):
        for step, count in enumerate(row):
            counts[kind][min(step * BARS // STEPS, BARS - 1)] += count
    most = max(map(sum, zip(*counts, strict=True))) or 1
    bars = []
    for place, (good, other) in enumerate(zip(*counts, strict=True)):
        total = good + other
        height = sqrt(total / most)
        low, high = place / BARS, (place + 1) / BARS
        words = f"confidence {low:.2f} to {high:.2f}: {good:,} {names[0]}, {other:,} {names[1]}"
        bars.append(Bar(f"{low:.2f}", height, height * other / total if total else 0.0, words))
    return bars, most


def label_bars(counts: Mapping[int, int], digits: int) -> list[Bar]:
    """Return how often each digit was read, as shares of the most frequent."""
    most = max(counts.values(), default=0) or 1
    return [
        Bar(str(d), counts.get(d, 0) / most, 0.0, f"{d}: {counted(counts.get(d, 0), 'image')}") for d in range(digits)
    ]


def recall_bars(result: Evaluation) -> list[Bar]:
    """Return the recall of each digit."""
    return [
        Bar(
            str(score.label),
            score.recall,
            0.0,
            f"{score.label}: recall {score.recall:.1%}, precision {score.precision:.1%}, "
            + counted(score.support, "image"),
        )
        for score in result.classes
    ]


def risk_coverage(result: Evaluation) -> Curve | None:
    """Return how the share of wrong answers grows as less sure rows are answered too; None where none is answered."""
    points = tuple((point.coverage, 1 - point.accuracy) for point in result.confidences.curve)
    return Curve(points, _round_up(max(risk for _, risk in points))) if points else None


def _round_up(share: float) -> float:
    """Return the end of an axis that holds a share."""
    return next((top for top in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if share <= top), 1.0)
