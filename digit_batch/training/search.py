"""C and gamma by cross-validation: digits of one writer, and a digit and its variations, are in one fold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import mean, pstdev

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from digit_batch.errors import InputError
from digit_batch.predictions import CLASSES
from digit_batch.training.fitting import fit_model, fitting_threads
from digit_batch.training.material import Material
from digit_batch.training.splits import score

FOLDS = 3
FITTED = 6_000  # digits that each fit of the search takes at most; the order of the candidates hardly depends on it
CS, GAMMAS = (1.0, 3.0, 10.0, 30.0), (0.06, 0.12, 0.24)
PLAIN_CS, PLAIN_GAMMAS = (1, 10, 100), (0.0005, 0.001, 0.002)

Fold = tuple[NDArray[np.bool_], NDArray[np.bool_]]  # rows to fit on, rows to score


@dataclass(frozen=True)
class Trial:
    """One pair of C and gamma, and its accuracy on each fold, 0 to 1."""

    c: float
    gamma: float
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean accuracy of the folds."""
        return mean(self.accuracies)

    @property
    def deviation(self) -> float:
        """Standard deviation of the folds' accuracies."""
        return pstdev(self.accuracies)


def search(
    material: Material,
    cs: Sequence[float],
    gammas: Sequence[float],
    *,
    seed: int = 0,
    plain: bool = False,
    jobs: int = 1,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> list[Trial]:
    """Score every pair of C and gamma on the same folds, and return the trials, best first; of equals the smoother.

    Parameters
    ----------
    material : Material
        Own digits decide where there are some, otherwise scikit-learn's.
    cs, gammas : sequence of float
        The candidates.
    seed : int
        Of the folds and of what each fit takes.
    plain : bool
        As in `fit_model`.
    jobs : int
        Fits at a time.
    progress : callable
        Called with the number of fits done and their total.

    Raises
    ------
    InputError
        There are too few digits or writers to make folds of.
    """
    folds = make_folds(material, seed)
    pairs = list(product(sorted(cs), sorted(gammas)))

    def accuracy(task: tuple[tuple[float, float], Fold]) -> float:
        (c, gamma), (fit, held) = task
        some, scored = material.take(fit), material.take(held)
        model = fit_model(some.features, some.labels, some.weights, c=c, gamma=gamma, plain=plain, calibrated=False)
        rows = score(model, scored.features, scored.labels)
        return sum(row.label == true for row, true in rows) / len(rows)

    tasks, found = list(product(pairs, folds)), []
    with fitting_threads(jobs) as threads:
        for result in threads.map(accuracy, tasks):
            found.append(result)
            progress(len(found), len(tasks))
    trials = [Trial(*pair, tuple(found[k * FOLDS : (k + 1) * FOLDS])) for k, pair in enumerate(pairs)]
    return sorted(trials, key=lambda trial: -trial.mean)


def make_folds(material: Material, seed: int) -> list[Fold]:
    """Return the rows to fit on and to score of each fold: no group is in both, and every label is fitted on."""
    scored = np.nonzero(material.sets == material.sets.max())[0]
    labels, groups = material.labels[scored], material.groups[scored]
    if len(np.unique(groups)) < FOLDS or min(np.bincount(labels)[np.unique(labels)]) < FOLDS:
        raise InputError(
            f"A search needs at least {FOLDS} images of each digit, and {FOLDS} folders where they are kept apart."
        )
    rng = np.random.default_rng(seed)
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    folds = []
    for _, held in splitter.split(labels, labels, groups):
        fit = np.nonzero(~np.isin(material.groups, groups[held]))[0]
        fit = rng.permutation(fit)[:FITTED]
        if len(np.unique(material.labels[fit])) < CLASSES:
            raise InputError("A fold of the search lacks a digit. Add images of each digit from several folders.")
        folds.append((_mask(fit, material), _mask(scored[held], material)))
    return folds


def _mask(rows: NDArray[np.int64], material: Material) -> NDArray[np.bool_]:
    mask = np.zeros(len(material.labels), bool)
    mask[rows] = True
    return mask
