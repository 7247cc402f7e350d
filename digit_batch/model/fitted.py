"""The fitted model: a small classifier answers what is clear at first look, a large one what is doubtful."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digit_batch.features import extract_features, stretch_crops
from digit_batch.model.confidence import Calibration, estimate, share
from digit_batch.model.directions import see_directions
from digit_batch.model.duels import Arrays, Duels, narrowest
from digit_batch.predictions import CLASSES

F32 = NDArray[np.float32]

STRANGER = CLASSES  # the class of what is no digit
CLEAR = 0.9  # narrowest duel from which the first look is believed, with other digits and with strangers
UNCALIBRATED = Calibration()
RUNNERS = 4  # digits that the large classifier decides among: the right one is missing in 0.1 % of MNIST's images
SPAN = 1.5  # by which a third or fourth digit may lose to the first at first look: 1 answer in 3,500 more is lost so
HOPELESS = 0.03  # chance below which a third or fourth digit is not asked about again: no answer was seen to change


@dataclass(frozen=True)
class Answers:
    """What a model says to n digits.

    Attributes
    ----------
    chances
        (n, 10) float32: the estimated chance of each digit; rows add up to 1.
    margin
        (n,) float32: the label's narrowest duel with another digit.
    likeness
        (n,) float32: its duel with what is no digit; negative for what is rather none, infinite where it was not asked.
    clear
        (n,) bool: answered at first look.
    """

    chances: F32
    margin: F32
    likeness: F32
    clear: NDArray[np.bool_]

    @property
    def labels(self) -> NDArray[np.intp]:
        """(n,) the likeliest digits."""
        labels: NDArray[np.intp] = self.chances.argmax(axis=1)
        return labels


@dataclass(frozen=True)
class Model:
    """A fitted support vector classifier and what a user of it must know.

    Attributes
    ----------
    svc : sklearn.svm.SVC or Arrays
        Fitted on `points`, for the labels 0 to 9, and `STRANGER` where it knows what is no digit; or its arrays, which
        are enough to read digits.
    first : sklearn.svm.SVC, Arrays or None
        A small one of the same classes for the first look.
    calibration : Calibration
        From margins to chances.
    fitted_on : str
        The data it was fitted on, in words.
    scores : dict of str to float
        Held-out figures from the time of fitting.
    plain : bool
        It was fitted on scikit-learn's counts as they are, 0 to 16, and reads crops stretched over the 8x8 grid:
        the classic walk-through's model, without this package's recipe and without `see_directions`.
    axes : ndarray of float32, shape (128, k), or None
        Along which the classifiers compare what `see_directions` makes of 64 features; None: as it is.
    """

    svc: Any
    first: Any = None
    calibration: Calibration = UNCALIBRATED
    fitted_on: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    plain: bool = False
    axes: F32 | None = None

    def bare(self) -> "Model":
        """Return the same model by its arrays alone, so that another process reads it without scikit-learn."""
        return replace(self, svc=Arrays.of(self.svc), first=None if self.first is None else Arrays.of(self.first))

    def look(self, amounts: Sequence[F32]) -> F32:
        """Return the 64 features, 0 to 16, that this model reads of each digit's ink (h, w), 0 to 1; (n, 64)."""
        return stretch_crops(amounts) if self.plain else extract_features(amounts)

    def points(self, features: F32) -> F32:
        """Return what the classifiers compare of (n, 64) features: (n, k)."""
        return features.astype(np.float32) if self.plain else see_directions(features, self.axes)

    def margins(self, features: F32) -> F32:
        """Return the one-vs-one decision values of the large classifier, (n, 45), or 55 where it knows strangers.

        The same numbers, in the same order, as ``SVC.decision_function`` with ``decision_function_shape="ovo"``.
        """
        first, second = np.triu_indices(self._duels.classes, 1)
        margins: F32 = self._duels.decide(self.points(features))[:, first, second]
        return margins

    def chances(self, features: F32) -> F32:
        """Return the estimated chance of each digit, (n, 10), rows adding up to 1."""
        return self.answer(features).chances

    def answer(self, features: F32) -> Answers:
        """Return the answers to (n, 64) features, 0 to 16."""
        points = self.points(features)
        narrow, likeness, clear = self._compare(points)
        margin = narrow.max(axis=1)
        first, second = (estimate(margin, likeness, w) for w in (self.calibration.first, self.calibration.second))
        return Answers(share(narrow, np.where(clear, first, second)), margin, likeness, clear)

    def reconsider(self, before: Answers, readings: Sequence[F32]) -> Answers:
        """Return the answers to digits that were read in several ways: the duels of the likeliest few, averaged.

        Parameters
        ----------
        before
            The n answers so far.
        readings
            The (n, 64) features of the same digits, read so and so.
        """
        asked = self._mark_likely(before.chances, before.chances >= HOPELESS)
        narrow = narrowest(self._average(readings, asked))
        margin = narrow.max(axis=1)
        top = estimate(margin, before.likeness, self.calibration.second)
        return Answers(share(narrow, top), margin, before.likeness, np.zeros(len(margin), bool))

    def liken(self, labels: NDArray[np.intp], readings: Sequence[F32]) -> F32:
        """Return each label's duel with what is no digit, (n,), averaged over several readings of the same digits.

        Parameters
        ----------
        labels
            (n,) the digits that they were taken for.
        readings
            The (n, 64) features of the same digits, read so and so.
        """
        if self._duels.classes == CLASSES:
            return np.full(len(labels), np.inf, np.float32)
        rows = np.arange(len(labels))
        asked = np.zeros((len(labels), self._duels.classes), bool)
        asked[rows, labels] = asked[:, STRANGER] = True
        likeness: F32 = self._average(readings, asked)[rows, labels, STRANGER]
        return likeness

    def _average(self, readings: Sequence[F32], asked: NDArray[np.bool_]) -> F32:
        """Return the large classifier's duels among asked classes, (n, classes, classes), averaged over readings."""
        points = self.points(np.concatenate(readings))
        margins = self._duels.decide_among(points, np.tile(asked, (len(readings), 1)))
        averaged: F32 = margins.reshape(len(readings), *asked.shape, -1).mean(axis=0)
        return averaged

    def _compare(self, points: F32) -> tuple[F32, F32, NDArray[np.bool_]]:
        """Return each digit's narrowest duel, the best one's duel with strangers, and who answered at first look."""
        if self.first is None:
            narrow, likeness = _sum_up(self._duels.decide(points))
            return narrow, likeness, np.zeros(len(points), bool)
        narrow, likeness = _sum_up(self._first_duels.decide(points))
        clear = (narrow.max(axis=1) >= CLEAR) & (likeness >= CLEAR)
        (doubtful,) = np.nonzero(~clear)
        early = narrow[doubtful]
        asked = self._mark_likely(early, early >= early.max(axis=1, keepdims=True) - SPAN)
        asked[:, CLASSES:] = True
        narrow[doubtful], likeness[doubtful] = _sum_up(self._duels.decide_among(points[doubtful], asked))
        return narrow, likeness, clear

    def _mark_likely(self, scores: F32, likely: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which of the large classifier's classes to ask, (n, classes).

        They are, of the `RUNNERS` first digits by their (n, 10) scores, the first two and those that are likely.
        """
        order = np.argsort(-scores, axis=1)
        asked = np.zeros((len(scores), self._duels.classes), bool)
        runners = np.take_along_axis(likely, order[:, :RUNNERS], axis=1)
        runners[:, :2] = True
        np.put_along_axis(asked, order[:, :RUNNERS], runners, axis=1)
        return asked

    @cached_property
    def _duels(self) -> Duels:
        return Duels(self.svc)

    @cached_property
    def _first_duels(self) -> Duels:
        assert self.first is not None
        return Duels(self.first)


def _sum_up(margins: F32) -> tuple[F32, F32]:
    """Return each digit's narrowest duel, (n, 10), and the best digit's duel with strangers, (n,)."""
    narrow = narrowest(margins)
    if margins.shape[1] == CLASSES:
        return narrow, np.full(len(margins), np.inf, np.float32)
    likeness: F32 = margins[np.arange(len(margins)), narrow.argmax(axis=1), STRANGER]
    return narrow, likeness
