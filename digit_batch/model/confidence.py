"""From duels to chances: how likely a label is right, and how the rest is shared among the other digits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digit_batch.predictions import CLASSES

F32 = NDArray[np.float32]
Weights = tuple[float, float, float]  # of a constant, of the margin, of the likeness

LIKENESS = 1.0  # a duel won or lost by more tells no more
LEAST, MOST = 1 / CLASSES, 0.9999  # of the ten chances the largest is at least this; and nothing is certain
HALVINGS = 24  # of the slope's interval, on a log scale: the chance is then right to the fifth decimal
SLOPES = 1e-4, 1e4


@dataclass(frozen=True)
class Calibration:
    """A logistic regression of "the label is right" on what the duels say.

    Attributes
    ----------
    first, second : tuple of float
        Weights of a constant, the label's narrowest duel with another digit, and its duel with what is no digit (-1 to
        1): for answers at first look, and for those of the large classifier.
    """

    first: Weights = (0.0, 3.0, 0.0)
    second: Weights = (0.0, 3.0, 0.0)


def estimate(margin: F32, likeness: F32, weights: Weights) -> F32:
    """Return the estimated chance that each label is right, (n,), from (n,) margins and duels with strangers."""
    logit = (_evidence(margin, likeness) * np.array(weights)).sum(axis=1)  # no product: its bits depend on n
    return np.asarray(np.clip(1 / (1 + np.exp(-logit)), LEAST, MOST), np.float32)


def calibrate(margin: F32, likeness: F32, right: NDArray[np.bool_]) -> Weights:
    """Fit the weights on answers the classifier gave to digits that it had not seen.

    Parameters
    ----------
    margin, likeness
        (n,) of each answer.
    right
        (n,) whether it was right.
    """
    from sklearn.linear_model import LogisticRegression

    if right.all() or not right.any():  # nothing to tell apart
        return Calibration().first
    fitted = LogisticRegression(C=100.0).fit(_evidence(margin, likeness)[:, 1:], right)
    return float(fitted.intercept_[0]), float(fitted.coef_[0, 0]), float(fitted.coef_[0, 1])


def _evidence(margin: F32, likeness: F32) -> F32:
    return np.stack([np.ones_like(margin), margin, np.clip(likeness, -LIKENESS, LIKENESS)], axis=1)


def share(narrow: F32, top: F32) -> F32:
    """Return (n, 10) chances whose largest is the estimated one: a softmax, its slope set for each row.

    Parameters
    ----------
    narrow
        (n, 10) each digit's narrowest duel.
    top
        (n,) the chance of the first digit, from a tenth to just under one.
    """
    behind = narrow - narrow.max(axis=1, keepdims=True)
    low, high = (np.full(len(top), np.log(slope), np.float32) for slope in SLOPES)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        flat = 1 / np.exp(np.exp(middle)[:, None] * behind).sum(axis=1) < top
        low, high = np.where(flat, middle, low), np.where(flat, high, middle)
    weights = np.exp(np.exp(high)[:, None] * behind)
    chances: F32 = weights / weights.sum(axis=1, keepdims=True)
    return chances
