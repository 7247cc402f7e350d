"""What confidences are worth: how far they are from the shares that are right, and what a threshold lets through.

All of it comes from counts of right and wrong labels by confidence, at the four decimals of the CSV, so that a table
made earlier gives the same figures as its folder, and a million rows take no more memory than ten.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digit_batch.predictions import Prediction

STEPS = 10_000  # of confidence, from 0 to 1
ECE_BINS = 10  # of equal width
THRESHOLDS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
CURVE_POINTS = 200  # of the risk-coverage curve at most
LOW_CONFIDENCE = "low confidence"  # how the reason of a row begins that a lower threshold would accept


@dataclass(frozen=True)
class Threshold:
    """What would be accepted from a confidence on.

    Attributes
    ----------
    confidence : float
        The threshold, as for ``--min-confidence``.
    accepted, correct : int
        Rows at or above it that nothing else makes doubtful, and how many of their labels are right.
    images : int
        All readable images, accepted or not.
    """

    confidence: float
    accepted: int
    correct: int
    images: int

    @property
    def coverage(self) -> float:
        """Share of the images that is accepted."""
        return self.accepted / self.images if self.images else 0.0

    @property
    def accuracy(self) -> float:
        """Share of the accepted whose label is right."""
        return self.correct / self.accepted if self.accepted else 0.0

    @property
    def wrong(self) -> int:
        """Mistakes that are let through."""
        return self.accepted - self.correct

    def figures(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {
            "confidence": self.confidence,
            "accepted": self.accepted,
            "wrong": self.wrong,
            "coverage": self.coverage,
            "accuracy": self.accuracy,
        }


@dataclass(frozen=True)
class Confidences:
    """Labels counted by their confidence.

    Attributes
    ----------
    images : int
        Readable images with a true label, those that were given no label among them.
    counts : ndarray of int, shape (2, 2, STEPS + 1)
        By whether something but the confidence asks for a person, whether the label is right, and the confidence.
    """

    images: int
    counts: NDArray[np.int64]

    @property
    def calibration_error(self) -> float:
        """The expected calibration error: the mean gap between confidence and the share right, over equal bins.

        As of Naeini et al., AAAI 2015, of all labels; a bin holds its upper end, as scikit-learn's `calibration_curve`.
        """
        wrong, right = self.counts.sum(axis=0)
        steps = np.arange(STEPS + 1)
        bins = np.maximum(-(-steps * ECE_BINS // STEPS) - 1, 0)
        gaps = np.bincount(bins, right - (right + wrong) * steps / STEPS)
        total = (right + wrong).sum()
        return float(np.abs(gaps).sum() / total) if total else 0.0

    def at(self, confidence: float) -> Threshold:
        """Return what a threshold accepts."""
        return self._from(max(0, int(np.ceil(confidence * STEPS - 1e-6))), confidence)

    @property
    def thresholds(self) -> list[Threshold]:
        """What the usual thresholds accept."""
        return [self.at(confidence) for confidence in THRESHOLDS]

    @property
    def curve(self) -> list[Threshold]:
        """The risk-coverage curve: thresholds from the highest down, at most `CURVE_POINTS` evenly chosen."""
        (steps,) = np.nonzero(self.counts[0].sum(axis=0))
        chosen = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), CURVE_POINTS)).astype(int))
        return [self._from(int(step), int(step) / STEPS) for step in steps[chosen][::-1]] if len(steps) else []

    def reaching(self, accuracy: float) -> Threshold | None:
        """Return the threshold that accepts most of those whose accepted labels are right often enough, or None.

        It lies where a row that rounds to the lowest accepted step is accepted and one of the step below is not: the
        rows of a new run have more decimals than these counts.
        """
        wrong, right = self.counts[0][:, ::-1].cumsum(axis=1)[:, ::-1]
        enough = (right + wrong > 0) & (right >= accuracy * (right + wrong) - 1e-9)
        present = self.counts[0].sum(axis=0) > 0
        steps = np.nonzero(enough & present)[0]
        if not len(steps):
            return None
        step = int(steps[0])
        free = step == 0 or not present[step - 1]
        return self._from(step, max(0, step - 1) / STEPS if free else (step - 0.5) / STEPS)

    def _from(self, step: int, confidence: float) -> Threshold:
        wrong, right = (int(count) for count in self.counts[0][:, step:].sum(axis=1))
        return Threshold(confidence, right + wrong, right, self.images)


def count_one(counts: NDArray[np.int64], row: Prediction, right: bool) -> None:
    """Add a row with a label to counts as `Confidences` holds them."""
    doubtful = row.status != "ok" and not row.reason.startswith(LOW_CONFIDENCE)
    counts[int(doubtful), int(right), round(STEPS * (row.confidence or 0.0))] += 1


def empty_counts() -> NDArray[np.int64]:
    """Return counts of nothing."""
    return np.zeros((2, 2, STEPS + 1), dtype=np.int64)


def figures(confidences: Confidences) -> Iterator[tuple[str, Any]]:
    """Yield the names and figures of confidences as plain data."""
    yield "expected_calibration_error", confidences.calibration_error
    yield "thresholds", [threshold.figures() for threshold in confidences.thresholds]
    yield "risk_coverage", [[point.coverage, 1 - point.accuracy, point.confidence] for point in confidences.curve]
