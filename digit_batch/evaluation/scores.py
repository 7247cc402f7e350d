"""Rows and true labels -> an `Evaluation`, in one pass, whatever the number of rows.

What is kept while rows go by is tables of counts and the surest mistakes; the scores themselves are scikit-learn's,
with the counts as sample weights.
"""

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

from digit_batch.evaluation import confidence
from digit_batch.evaluation.confidence import Confidences
from digit_batch.labels import folder_of
from digit_batch.predictions import CLASSES, Prediction

NONE_SAID = CLASSES  # the column of the confusion matrix for images that were given no label
MISTAKES_KEPT = 1000
FOLDERS_KEPT = 1000  # folders of images without a true label that are remembered by name


@dataclass(frozen=True)
class ClassScore:
    """How well one digit is read; precision, recall and F1 from 0 to 1, support in images."""

    label: int
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Mistake:
    """An image whose label is wrong."""

    path: str
    frame: int
    true: int
    said: int | None
    confidence: float


@dataclass(frozen=True)
class Evaluation:
    """How well a folder of labelled images was read.

    Attributes
    ----------
    images : int
        Readable images with a true label; what accuracy is a share of.
    correct : int
        Of these, the ones whose label is right, whatever their status.
    unreadable : int
        Labelled images that could not be read; not part of `images`.
    unlabelled : int
        Images whose true label is not known; not part of `images`.
    accepted : int
        Images whose row is marked ``ok``.
    accepted_correct : int
        Of these, the ones whose label is right.
    confusion : ndarray of int, shape (10, 11)
        Row: true digit. Column: digit said; the last, no digit said.
    mistakes : tuple of Mistake
        Surest first; at most `MISTAKES_KEPT`.
    confidences : Confidences
        What confidences are worth.
    no_digit : tuple of (str, int)
        Folders of images without a true label and how many, the fullest first; at most `FOLDERS_KEPT`.
    """

    images: int
    correct: int
    unreadable: int
    unlabelled: int
    accepted: int
    accepted_correct: int
    confusion: NDArray[np.int64]
    mistakes: tuple[Mistake, ...]
    confidences: Confidences = field(default_factory=lambda: Confidences(0, confidence.empty_counts()))
    no_digit: tuple[tuple[str, int], ...] = ()

    @property
    def accuracy(self) -> float:
        """Share of readable images whose label is right; one without a label is wrong."""
        return self.correct / self.images if self.images else 0.0

    @property
    def accepted_accuracy(self) -> float:
        """Share of the rows marked ``ok`` whose label is right."""
        return self.accepted_correct / self.accepted if self.accepted else 0.0

    @property
    def coverage(self) -> float:
        """Share of readable images whose row is marked ``ok``."""
        return self.accepted / self.images if self.images else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of the accuracy."""
        return wilson(self.correct, self.images)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the recalls of the digits that occur."""
        recalls = [score.recall for score in self.classes if score.support]
        return sum(recalls) / len(recalls) if recalls else 0.0

    @property
    def classes(self) -> tuple[ClassScore, ...]:
        """Precision, recall, F1 and support of each digit, 0 to 9."""
        true, said, count = self._pairs()
        if not len(count):
            return ()
        precision, recall, f1, support = precision_recall_fscore_support(
            true, said, labels=range(CLASSES), sample_weight=count, zero_division=0.0
        )
        return tuple(
            ClassScore(k, float(precision[k]), float(recall[k]), float(f1[k]), int(support[k])) for k in range(CLASSES)
        )

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the digits that occur."""
        scores = [score.f1 for score in self.classes if score.support]
        return sum(scores) / len(scores) if scores else 0.0

    @property
    def confusion_shares(self) -> NDArray[np.float64]:
        """`confusion` as shares of each true digit, (10, 11); rows of digits that occur add up to 1."""
        shares: NDArray[np.float64] = self.confusion / np.maximum(self.confusion.sum(axis=1, keepdims=True), 1)
        return shares

    @property
    def confused(self) -> list[tuple[int, int, int]]:
        """(true, said, how often) of wrong labels, most frequent first."""
        wrong = [(t, s, int(n)) for (t, s), n in np.ndenumerate(self.confusion) if n and t != s and s != NONE_SAID]
        return sorted(wrong, key=lambda pair: (-pair[2], pair))

    def figures(self) -> dict[str, Any]:
        """Return every figure as plain data, for JSON."""
        return {
            "images": self.images,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "accuracy_interval_95": list(self.interval),
            "balanced_accuracy": self.balanced_accuracy,
            "macro_f1": self.macro_f1,
            "accepted": self.accepted,
            "accepted_accuracy": self.accepted_accuracy,
            "coverage": self.coverage,
            "unreadable": self.unreadable,
            "unlabelled": self.unlabelled,
            "unlabelled_folders": [list(folder) for folder in self.no_digit],
            "classes": [asdict(score) for score in self.classes],
            "confusion": self.confusion.tolist(),
            "confusion_shares": self.confusion_shares.tolist(),
            "confused": [{"true": true, "said": said, "count": count} for true, said, count in self.confused],
            **dict(confidence.figures(self.confidences)),
            "mistakes": [asdict(mistake) for mistake in self.mistakes],
        }

    def _pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        true, said = np.nonzero(self.confusion)
        return true, said, self.confusion[true, said]


def evaluate(pairs: Iterable[tuple[Prediction, int | None]]) -> Evaluation:
    """Score predictions against true labels, in one pass and constant memory.

    Parameters
    ----------
    pairs : iterable of (Prediction, int or None)
        Each prediction with its true label; None where that is not known.
    """
    confusion, counts = np.zeros((CLASSES, CLASSES + 1), dtype=np.int64), confidence.empty_counts()
    no_digit: Counter[str] = Counter()
    unreadable = unlabelled = accepted = accepted_correct = 0
    surest: list[tuple[float, int, Mistake]] = []
    for place, (prediction, true) in enumerate(pairs):
        if true is None:
            unlabelled += 1
            if len(no_digit) < FOLDERS_KEPT or folder_of(prediction.path) in no_digit:
                no_digit[folder_of(prediction.path)] += 1
            continue
        if prediction.status == "error":
            unreadable += 1
            continue
        said = NONE_SAID if prediction.label is None else prediction.label
        confusion[true, said] += 1
        if said != NONE_SAID:
            confidence.count_one(counts, prediction, said == true)
        if prediction.status == "ok":
            accepted += 1
            accepted_correct += said == true
        if said != true:
            mistake = Mistake(prediction.path, prediction.frame, true, prediction.label, prediction.confidence or 0.0)
            push = heapq.heappush if len(surest) < MISTAKES_KEPT else heapq.heappushpop
            push(surest, (mistake.confidence, -place, mistake))
    return Evaluation(
        images=int(confusion.sum()),
        correct=int(confusion[:, :CLASSES].trace()),
        unreadable=unreadable,
        unlabelled=unlabelled,
        accepted=accepted,
        accepted_correct=accepted_correct,
        confusion=confusion,
        mistakes=tuple(mistake for _, _, mistake in sorted(surest, key=lambda kept: kept[:2], reverse=True)),
        confidences=Confidences(int(confusion.sum()), counts),
        no_digit=tuple(no_digit.most_common()),
    )


def wilson(correct: int, images: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the Wilson interval of a share (E. B. Wilson, JASA 22, 1927); 95 % by default."""
    if not images:
        return 0.0, 1.0
    share, spread = correct / images, z * z / images
    middle = (share + spread / 2) / (1 + spread)
    half = z * sqrt(share * (1 - share) / images + spread / (4 * images)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
