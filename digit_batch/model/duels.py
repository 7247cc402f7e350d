"""A support vector classifier's duels of one class against another, as matrix products in single precision."""

from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digit_batch.predictions import CLASSES

F32 = NDArray[np.float32]

# Points of a matrix product, always, side by side in its columns: with OpenBLAS a point then gets the same bits
# wherever it stands and whatever else its chunk holds. As rows, or among more than 16 columns, it would not: kernels
# for AVX2 take them in sixes, fours and twos, and each of these adds up in another order.
TOGETHER = 16
PIECE = 128  # support vectors, at most, whose voices are added up in single precision


@dataclass(frozen=True)
class Arrays:
    """What a fitted RBF SVC decides by, under the names that ``sklearn.svm.SVC`` has for it.

    Enough to read digits, without the second that importing scikit-learn takes.
    """

    kernel: str
    classes_: NDArray[np.int64]
    n_support_: NDArray[np.int32]
    support_vectors_: NDArray[np.floating]
    dual_coef_: NDArray[np.floating]
    intercept_: NDArray[np.float64]
    _gamma: float

    @classmethod
    def of(cls, svc: Any) -> "Arrays":
        """Return the arrays of a classifier, the large ones no more precise than `Duels` needs them: they travel.

        Those that were made so already are returned as they are.
        """
        if isinstance(svc, cls) and svc.dual_coef_.dtype == np.float32:
            return svc
        parts = {field.name: getattr(svc, field.name) for field in fields(cls)}
        vectors, coefficients = parts["support_vectors_"], parts["dual_coef_"].astype(np.float32)
        with np.errstate(over="ignore"):
            half = vectors.astype(np.float16)  # holds what `see_directions` gives exactly
        vectors = half if np.array_equal(half, vectors) else vectors.astype(np.float32)
        return cls(**parts | {"support_vectors_": vectors, "dual_coef_": coefficients})


class Duels:
    """An RBF SVC's decision function for every pair of its classes.

    The same numbers as ``SVC.decision_function`` with ``decision_function_shape="ovo"``, by a few matrix products for
    a whole chunk instead of a loop over support vectors.
    """

    def __init__(self, svc: Any) -> None:
        self.classes = len(svc.classes_)
        self.intercept = square(svc.intercept_[None].astype(np.float32))[0]
        ends = np.concatenate([[0], np.cumsum(svc.n_support_)]).tolist()
        voices = [slice(start, end) for start, end in pairwise(ends)]  # libsvm's layout
        self._coefficients = [_cut(svc.dual_coef_[:, voice]) for voice in voices]
        self._weights = [
            _weigh(svc.support_vectors_[voice], float(svc._gamma), pieces.shape[0] * pieces.shape[2])
            for voice, pieces in zip(voices, self._coefficients, strict=True)
        ]

    def decide(self, points: F32) -> F32:
        """Return by how much each class beats each other one for (n, m) points: (n, classes, classes)."""
        said = np.zeros((len(points), self.classes, self.classes - 1), np.float32)
        for start in range(0, len(points), TOGETHER):
            some = slice(start, start + TOGETHER)
            columns = _lay_side_by_side(points[some])
            for voice in range(self.classes):
                said[some, voice] = self._hear(voice, columns)[: len(points) - start]
        return self._judge(said)

    def decide_among(self, points: F32, asked: NDArray[np.bool_]) -> F32:
        """Return the same where only some classes may be the answer, for less work; minus infinity for the others.

        Parameters
        ----------
        points
            (n, m) points, of what the classifier was fitted on.
        asked
            (n, classes) which classes may be the answer for each point.
        """
        said = np.zeros((len(points), self.classes, self.classes - 1), np.float32)
        for voice in range(self.classes):
            (rows,) = np.nonzero(asked[:, voice])
            for start in range(0, len(rows), TOGETHER):
                some = rows[start : start + TOGETHER]
                said[some, voice] = self._hear(voice, _lay_side_by_side(points[some]))[: len(some)]
        margins = np.where(asked[:, None, :], self._judge(said), np.inf)
        return np.asarray(np.where(asked[:, :, None], margins, -np.inf), np.float32)

    def _judge(self, said: F32) -> F32:
        """Return the margins from (n, classes, classes - 1): what each class's support vectors say in its duels."""
        n = self.classes
        said_of = np.zeros((len(said), n, n), np.float32)
        upper, lower = np.triu_indices(n, 1), np.tril_indices(n, -1)
        said_of[:, upper[0], upper[1]] = said[:, upper[0], upper[1] - 1]
        said_of[:, lower[0], lower[1]] = said[:, lower[0], lower[1]]
        duels = said_of + said_of.transpose(0, 2, 1)
        margins: F32 = duels * np.sign(np.arange(n) - np.arange(n)[:, None]).astype(np.float32) + self.intercept
        return margins

    def _hear(self, voice: int, columns: F32) -> NDArray[np.float64]:
        """Return what one class's support vectors say to points that lie side by side: (TOGETHER, classes - 1)."""
        pieces = self._coefficients[voice]
        kernel = self._weights[voice] @ columns
        np.exp(kernel, out=kernel)
        # Thousands of terms of both signs nearly cancel out: single precision is for a few of them at a time.
        heard: NDArray[np.float64] = (pieces @ kernel.reshape(len(pieces), -1, TOGETHER)).sum(axis=0, dtype=np.float64)
        return heard.T


def _lay_side_by_side(points: F32) -> F32:
    """Return (m + 2, TOGETHER) columns: of up to so many (n, m) points each with 1 and its square below, then zeros."""
    columns = np.zeros((points.shape[1] + 2, TOGETHER), np.float32)
    columns[:-2, : len(points)] = points.T
    columns[-2] = 1
    columns[-1, : len(points)] = np.einsum("ij,ij->i", points, points)
    return columns


def _cut(coefficients: NDArray[np.floating]) -> F32:
    """Return (duels, k) coefficients in equal pieces of at most `PIECE`, (pieces, duels, n), zeros at their end."""
    duels, count = coefficients.shape
    pieces = -(-count // PIECE)
    length = -(-count // pieces)
    filled = np.zeros((duels, pieces * length), np.float32)
    filled[:, :count] = coefficients
    return np.ascontiguousarray(filled.reshape(duels, pieces, length).swapaxes(0, 1))


def _weigh(vectors: NDArray[np.floating], gamma: float, length: int) -> F32:
    """Return the (length, m + 2) matrix that takes points, with 1 and their squares below, to exponents of the kernel.

    -g |x - v|^2 = 2g x.v - g v.v - g x.x is one product. Rows beyond the vectors are zero.
    """
    exact = vectors.astype(np.float32)
    weights = np.zeros((length, exact.shape[1] + 2), np.float32)
    weights[: len(exact), :-2] = 2 * gamma * exact
    weights[: len(exact), -2] = -gamma * np.einsum("ij,ij->i", exact, exact)
    weights[: len(exact), -1] = -gamma
    return weights


def square(margins: F32) -> F32:
    """Return (n, classes, classes) margins from (n, pairs) in libsvm's order, positive for the first of a pair."""
    n = round((1 + (1 + 8 * margins.shape[1]) ** 0.5) / 2)
    squared = np.zeros((len(margins), n, n), np.float32)
    first, second = np.triu_indices(n, 1)
    squared[:, first, second] = margins
    squared[:, second, first] = -margins
    return squared


def narrowest(margins: F32) -> F32:
    """Return each digit's narrowest duel with another digit, (n, 10): how far the digit is from losing to one.

    Parameters
    ----------
    margins
        (n, classes, classes) of `Duels`; the digits are the first ten classes.
    """
    with_itself = np.eye(CLASSES, dtype=bool)
    least: F32 = np.where(with_itself, np.float32(np.inf), margins[:, :CLASSES, :CLASSES]).min(axis=2)
    return least
