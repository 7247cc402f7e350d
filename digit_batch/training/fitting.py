"""Features and labels in, a calibrated model out: every model of this package is fitted by `fit_model`."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.model_selection import GroupShuffleSplit
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from digit_batch.model import Calibration, Model, calibrate, see_directions
from digit_batch.model.confidence import Weights
from digit_batch.model.duels import Duels
from digit_batch.model.fitted import STRANGER
from digit_batch.training_set import REAL_WEIGHT, make_strangers, make_training_set

C, GAMMA = 3.0, 0.12  # of the directions in the recipe's features
PLAIN_C, PLAIN_GAMMA = 100, 0.001  # of plain counts 0 to 16: the classic walk-through's
FIRST_C = 3.0  # of the first look
FIRST_DIGITS = 5_000  # that the first look is fitted on
STRANGERS = 0.2  # of what is no digit, to one digit, that the large classifier is fitted on
FIRST_STRANGERS = 0.8  # and the first look
LEAST_STRANGERS = 100
UNSEEN_SEED = 1 << 20  # added to the seed: what sets the confidence was drawn apart from what was fitted
UNSEEN_DRAWN = 12_000  # that set the confidence
UNSEEN_HASTE = 0.9  # they are drawn with more care than those of the fit, as often misread as real scans are
CALIBRATED_ON = 0.1  # of a plain model: share of the groups that sets the confidence
CALIBRATED_WITH = 20_000  # and digits of the fit that sets it: a model that saw a part, asked about the rest

CACHE = 2_000  # MB, of the large fit's kernel
AXES = 64  # along which digits are compared
EVENED = 0.2  # 0 leaves the axes as long as they are, 0.5 makes them all as long
LEAST_LENGTH = 1e-6  # of the longest axis: a shorter one is chance
SIFTED_FROM, SIFTED_AT_ONCE = 30_000, 4_096  # samples
SURE = 1.0  # narrowest duel at first look of samples that are left out

F32 = NDArray[np.float32]
Labels = NDArray[np.int64]
Fitted = tuple[F32, Labels, NDArray[np.float64]]  # points, labels, weights


@contextmanager
def fitting_threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads to fit in, side by side, because libsvm fits without Python's lock; an interrupt awaits no fit."""
    threads = ThreadPoolExecutor(count)
    try:
        yield threads
    except BaseException:
        threads.shutdown(wait=False, cancel_futures=True)
        raise
    threads.shutdown()


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
    seed: int = 0,
    strangers: F32 | None = None,
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
        Of a plain model: digits of one group are seen together or not at all by the fit that sets the confidence; a
        digit of group -1, or without groups, stands alone.
    c, gamma : float
        Of the classifier.
    plain : bool
        Fit the features as they are, as the classic walk-through does.
    calibrated : bool
        Let the model know what is no digit, and set its confidence; without, only its labels are of use.
    seed : int
        Of what the first look is fitted on, and of what sets the confidence.
    strangers : ndarray of float32, shape (m, 64), or None
        Features of what is no digit, of which the first `count_strangers` are taken; drawn here where None.
    """
    weights = np.ones(len(labels)) if weights is None else weights
    if plain:
        svc = _fit(SVC(C=c, gamma=gamma), features, labels, weights)
        apart = _calibrate_apart(features, labels, weights, groups, c, gamma) if calibrated else Calibration().second
        return Model(svc, calibration=Calibration(second=apart), plain=True)
    count = count_strangers(len(labels)) if calibrated else 0
    strangers = make_strangers(seed, count) if strangers is None and count else strangers
    strangers = strangers[:count] if strangers is not None and count else None
    axes = find_axes(features)
    points = see_directions(features, axes)
    strange = None if strangers is None else see_directions(strangers, axes)
    some = _choose(labels, weights, seed)
    few = None if strange is None else strange[: max(LEAST_STRANGERS, round(FIRST_STRANGERS * len(some)))]
    first = _fit(SVC(C=FIRST_C, gamma=gamma), *_join(points[some], labels[some], weights[some], few))
    sifted = _sift(first, *_join(points, labels, weights, strange))
    svc = _fit(SVC(C=c, gamma=gamma, cache_size=CACHE), *sifted)
    if not calibrated:
        return Model(svc, axes=axes)
    model = Model(svc, first, axes=axes)
    return replace(model, calibration=calibrate_on(model, *draw_unseen(seed)))


def count_strangers(digits: int) -> int:
    """Return how much of what is no digit is fitted beside so many digits."""
    return max(LEAST_STRANGERS, round(STRANGERS * digits))


def find_axes(features: F32) -> F32:
    """Return the axes along which digits (n, 64) are compared, (128, k): `AXES` of them, fewer for few digits.

    They are the principal axes of what is seen of the digits, the long ones shortened: in what digits differ most they
    also differ within a class, and there a difference says less.
    """
    seen = see_directions(features)
    if not np.ptp(seen, axis=0).any():  # digits that are all alike
        return np.eye(seen.shape[1], AXES, dtype=np.float32)
    found = PCA(min(AXES, len(seen)), svd_solver="covariance_eigh").fit(seen)
    lengths = found.explained_variance_
    kept = lengths > LEAST_LENGTH * lengths[0]
    weights = lengths[kept] ** -EVENED
    weights *= (seen.var(axis=0).sum() / (lengths[kept] * weights**2).sum()) ** 0.5  # as far apart as they were
    return np.ascontiguousarray(found.components_[kept].T * weights, np.float32)


def _fit(svc: SVC, points: F32, labels: Labels, weights: NDArray[np.float64]) -> SVC:
    return svc.fit(points.astype(np.float64), labels, sample_weight=weights)


def _join(points: F32, labels: Labels, weights: NDArray[np.float64], strangers: F32 | None) -> Fitted:
    """Return digits and what is none as one set."""
    if strangers is None:
        return points, labels, weights
    return (
        np.concatenate([points, strangers]),
        np.concatenate([labels, np.full(len(strangers), STRANGER)]),
        np.concatenate([weights, np.ones(len(strangers))]),
    )


def _sift(first: SVC, points: F32, labels: Labels, weights: NDArray[np.float64]) -> Fitted:
    """Leave out of many samples those that the first look tells surely: they would be no support vectors.

    Of the samples left out of an earlier model 1 in 40 would have been one, and the fit takes half the time.
    """
    if len(labels) < SIFTED_FROM:
        return points, labels, weights
    rows = np.arange(len(labels))
    kept, duels = weights > 1, Duels(first)
    for start in range(0, len(labels), SIFTED_AT_ONCE):
        part = rows[start : start + SIFTED_AT_ONCE]
        margins = duels.decide(points[part])[np.arange(len(part)), labels[part]]
        margins[np.arange(len(part)), labels[part]] = np.inf
        kept[part] |= margins.min(axis=1) < SURE
    return points[kept], labels[kept], weights[kept]


def _choose(labels: Labels, weights: NDArray[np.float64], seed: int) -> NDArray[np.intp]:
    """Return the digits that the first look is fitted on, a user's own rather; every digit is among them.

    scikit-learn's digits are no more likely than drawn ones: what is answered at first look must hold for any hand.
    """
    rng = np.random.default_rng([seed, 3])
    count = min(FIRST_DIGITS, len(labels))
    likely = np.maximum(weights / REAL_WEIGHT, 1)
    some = rng.choice(len(labels), count, replace=False, p=likely / likely.sum())
    return np.union1d(some, np.unique(labels, return_index=True)[1])


@lru_cache(maxsize=2)
def draw_unseen(seed: int) -> tuple[F32, Labels]:
    """Return features and labels of drawn digits that no fit with this seed has seen."""
    digits = make_training_set(seed + UNSEEN_SEED, rows=np.arange(0), copies=0, drawn=UNSEEN_DRAWN, haste=UNSEEN_HASTE)
    return digits.features, digits.labels


def calibrate_on(model: Model, features: F32, labels: Labels) -> Calibration:
    """Return the calibration of a model on digits that it has not seen."""
    with threadpool_limits(1):  # the products are small: threads would wait for each other most of the time
        answers = model.answer(features)
    right = answers.labels == labels

    def fit(rows: NDArray[np.bool_]) -> Weights:
        return calibrate(answers.margin[rows], answers.likeness[rows], right[rows])

    return Calibration(fit(answers.clear), fit(~answers.clear))


def _calibrate_apart(
    features: F32,
    labels: Labels,
    weights: NDArray[np.float64],
    groups: NDArray[np.int64] | None,
    c: float,
    gamma: float,
) -> Weights:
    """Return the calibration of a smaller plain model on digits that it has not seen."""
    rng = np.random.default_rng(0)
    alone = np.arange(len(labels)) + (0 if groups is None else groups.max() + 1)
    parted = alone if groups is None else np.where(groups < 0, alone, groups)
    splitter = GroupShuffleSplit(1, test_size=CALIBRATED_ON, random_state=0)
    seen, unseen = next(splitter.split(features, labels, parted))
    seen = rng.permutation(seen)[:CALIBRATED_WITH]
    if len(np.unique(labels[seen])) < len(np.unique(labels)):  # too few digits to part
        return Calibration().second
    part = Model(_fit(SVC(C=c, gamma=gamma), features[seen], labels[seen], weights[seen]), plain=True)
    answers = part.answer(features[unseen])
    return calibrate(answers.margin, answers.likeness, answers.labels == labels[unseen])
