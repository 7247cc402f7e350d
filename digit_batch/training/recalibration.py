"""The confidence of a fitted model set again on a user's own labelled scans; its answers stay what they are."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from digit_batch.errors import InputError
from digit_batch.model import Calibration, Model
from digit_batch.model.confidence import Weights
from digit_batch.plurals import counted

LEAST_IMAGES = 30  # fewer say nothing about a confidence
PRIOR = 3.0  # images' worth of trust in the confidence as it is: a hundred right answers do not prove certainty


@dataclass(frozen=True)
class Recalibration:
    """A model whose confidence was set on labelled scans, and how.

    Attributes
    ----------
    model : Model
        The same classifiers with the new confidence.
    shift, stretch : float
        Of the log-odds of every confidence: new = shift + stretch * old.
    digits : int
        That it was set on.
    """

    model: Model
    shift: float
    stretch: float
    digits: int


def recalibrate(model: Model, features: NDArray[np.float32], labels: NDArray[np.int64]) -> Recalibration:
    """Set the confidence again: its log-odds are shifted and stretched until they fit (J. Platt, 1999).

    Parameters
    ----------
    model : Model
    features : ndarray of float32, shape (n, 64)
        Of digits that the model was not fitted on, 0 to 16.
    labels : ndarray of int, shape (n,)

    Raises
    ------
    InputError
        There are fewer than `LEAST_IMAGES`.
    """
    if len(labels) < LEAST_IMAGES:
        few = counted(len(labels), "labelled image is", "labelled images are")
        raise InputError(
            f"{few} too few to set a confidence on. Give {LEAST_IMAGES} or more, as they come: easy ones too."
        )
    answers = model.answer(features)
    top = answers.chances.max(axis=1).astype(float)
    shift, stretch = _fit(np.log(top / (1 - top)), answers.labels == labels)
    old = model.calibration
    new = replace(model, calibration=Calibration(*(_move(w, shift, stretch) for w in (old.first, old.second))))
    return Recalibration(new, shift, stretch, len(labels))


def _fit(logit: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the shift and stretch of least log loss, drawn a little towards 0 and 1."""
    sign = np.where(right, -1.0, 1.0)

    def loss(move: NDArray[np.float64]) -> float:
        wrong = np.logaddexp(0, sign * (move[0] + move[1] * logit)).sum()
        return float(wrong + PRIOR * (move[0] ** 2 + (move[1] - 1) ** 2))

    found = minimize(loss, np.array([0.0, 1.0]), bounds=[(-5, 5), (0.05, 5)])
    return float(found.x[0]), float(found.x[1])


def _move(weights: Weights, shift: float, stretch: float) -> Weights:
    constant, margin, likeness = weights
    return shift + stretch * constant, stretch * margin, stretch * likeness
