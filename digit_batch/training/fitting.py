"""Features and labels in, a calibrated model out: every model of this package is fitted by `fit_model`."""

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit
from sklearn.svm import SVC

from digit_batch.model import Calibration, Model, calibrate, prepare

C, GAMMA = 10.0, 0.12  # of the recipe's features, as shares of ink under the root
PLAIN_C, PLAIN_GAMMA = 100, 0.001  # of plain counts 0 to 16: the classic walk-through's
CALIBRATED_ON = 0.1  # share of the groups that sets the confidence
CALIBRATED_WITH = 20_000  # digits of the fit that sets it: a model that saw a part, asked about the rest

F32 = NDArray[np.float32]
Labels = NDArray[np.int64]


def fit_model(
    features: F32,
    labels: Labels,
    weights: NDArray[np.float64] | None = None,
    groups: NDArray[np.int64] | None = None,
    *,
    c: float = C,
    gamma: float = GAMMA,
    plain: bool = False,
    calibrated: bool = True,
) -> Model:
    """Fit a model and its confidence.

    Parameters
    ----------
    features : ndarray of float32, shape (n, 64)
        0 to 16.
    labels : ndarray of int, shape (n,)
        All of 0 to 9 occur.
    weights : ndarray, shape (n,), or None
        How much each digit weighs: its C is `c` times that; None for 1 each.
    groups : ndarray of int, shape (n,), or None
        Digits of one group are seen together or not at all by the fit that sets the confidence; a digit of
        group -1, or without groups, stands alone.
    c, gamma : float
        Of the classifier.
    plain : bool
        Fit the features as they are, as the classic walk-through does.
    calibrated : bool
        Set the confidence too; without, only the labels of the model's answers are of use.
    """
    model = Model(_fit_svc(features, labels, weights, c, gamma, plain), plain=plain)
    if not calibrated:
        return model
    weights = np.ones(len(labels)) if weights is None else weights
    calibration = _calibrate_apart(features, labels, weights, groups, c, gamma, plain)
    return Model(model.svc, calibration, plain=plain)


def _fit_svc(
    features: F32, labels: Labels, weights: NDArray[np.float64] | None, c: float, gamma: float, plain: bool
) -> SVC:
    svc = SVC(C=c, gamma=gamma) if plain else SVC(C=c, gamma=gamma, cache_size=2000)
    return svc.fit((features if plain else prepare(features)).astype(np.float64), labels, sample_weight=weights)


def _calibrate_apart(
    features: F32,
    labels: Labels,
    weights: NDArray[np.float64],
    groups: NDArray[np.int64] | None,
    c: float,
    gamma: float,
    plain: bool,
) -> Calibration:
    """Return the calibration of a smaller model on digits that it has not seen."""
    rng = np.random.default_rng(0)
    alone = np.arange(len(labels)) + (0 if groups is None else groups.max() + 1)
    parted = alone if groups is None else np.where(groups < 0, alone, groups)
    splitter = GroupShuffleSplit(1, test_size=CALIBRATED_ON, random_state=0)
    seen, unseen = next(splitter.split(features, labels, parted))
    seen = rng.permutation(seen)[:CALIBRATED_WITH]
    if len(np.unique(labels[seen])) < len(np.unique(labels)):  # too few digits to part
        return Calibration()
    part = Model(_fit_svc(features[seen], labels[seen], weights[seen], c, gamma, plain), plain=plain)
    return calibrate(part.margins(features[unseen]), labels[unseen])
