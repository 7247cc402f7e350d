"""Fitting a model, and what the same recipe scores on digits that were held out of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from digit_batch.evaluation import Evaluation, evaluate
from digit_batch.model import Model, calibrate, prepare
from digit_batch.predictions import Prediction
from digit_batch.training_set import DRAWN, TrainingSet, make_training_set

C = 10.0
GAMMA = 0.12
SAMPLE_ROWS = 100  # the last rows of scikit-learn's digits stay out of the shipped model: samples/ is drawn from them


@dataclass(frozen=True)
class Split:
    """One random split of scikit-learn's digits: what was fitted, and how the held-out part was read.

    Attributes
    ----------
    seed : int
        Of the split.
    fitted : int
        How many of scikit-learn's digits were in the fitted part.
    evaluation : Evaluation
        Of the held-out part, plain.
    """

    seed: int
    fitted: int
    evaluation: Evaluation


def train(
    *,
    seed: int = 0,
    repeats: int = 3,
    test_size: float = 0.25,
    drawn: int = DRAWN,
    c: float = C,
    gamma: float = GAMMA,
    progress: Callable[[int, int, str], object] = lambda done, total, step: None,
) -> tuple[Model, list[Split]]:
    """Fit a model on scikit-learn's digits and on drawn ones, and score the recipe on what random splits hold out.

    Parameters
    ----------
    seed : int
        Of everything drawn and varied; the splits take `seed`, `seed` + 1 and so on.
    repeats : int
        Random splits. Each one's model is fitted on the other digits, their variations, and the drawn digits.
    test_size : float
        Share of scikit-learn's digits that each split holds out, between 0 and 1.
    drawn : int
        Digits drawn with a pen; fewer fit faster and read other people's scans worse.
    c, gamma : float
        Of the SVC.
    progress : callable
        Told how many of how many steps are done, and what comes next in words.

    Returns
    -------
    model : Model
        Fitted on all of scikit-learn's digits but the last `SAMPLE_ROWS`.
    splits : list of Split
    """
    total = repeats + 3
    progress(0, total, "drawing digits")
    whole = make_training_set(seed, drawn=drawn)
    splits = []
    for done, split_seed in enumerate(range(seed, seed + repeats), 1):
        progress(done, total, f"split {done} of {repeats}")
        splits.append(hold_out(whole, split_seed, test_size, c, gamma))
    progress(repeats + 1, total, "fitting the model")
    last = whole.groups.max() + 1 - SAMPLE_ROWS
    kept = whole.groups < last
    svc = fit_svc(whole.features[kept], whole.labels[kept], c, gamma)
    progress(repeats + 2, total, "calibrating its confidence")
    unseen = make_training_set(seed + 1, rows=np.arange(last, last + SAMPLE_ROWS), copies=8, drawn=4000)
    calibration = calibrate(Model(svc).margins(unseen.features), unseen.labels)
    accuracies = [split.evaluation.accuracy for split in splits]
    scores = {"held_out_mean": float(np.mean(accuracies)), "held_out_deviation": float(np.std(accuracies))}
    copies = int(kept.sum()) - drawn - int(last)
    fitted_on = f"scikit-learn's digits, rows 0 to {last - 1}; {copies:,} variations of them; {drawn:,} drawn digits"
    progress(total, total, "done")
    return Model(svc, calibration, f"{fitted_on}; seed {seed}", scores), splits


def hold_out(whole: TrainingSet, seed: int, test_size: float, c: float, gamma: float) -> Split:
    """Fit on a random part of scikit-learn's digits and all drawn ones, and read the digits held out.

    All variations of a held-out digit are held out with it; only the digit itself is scored.
    """
    digits = load_digits()
    fit, held = train_test_split(np.arange(len(digits.target)), test_size=test_size, random_state=seed)
    chosen = ~np.isin(whole.groups, held)
    svc = fit_svc(whole.features[chosen], whole.labels[chosen], c, gamma)
    return Split(seed, len(fit), score(Model(svc), whole.features[held], whole.labels[held]))


def fit_svc(features: NDArray[np.float32], labels: NDArray[np.int64], c: float, gamma: float) -> SVC:
    """Fit the classifier on (n, 64) features, 0 to 16."""
    return SVC(C=c, gamma=gamma, cache_size=2000).fit(prepare(features).astype(np.float64), labels)


def score(model: Model, features: NDArray[np.float32], labels: NDArray[np.int64]) -> Evaluation:
    """Evaluate a model on features and their true labels."""
    pairs = (
        (Prediction(str(row), 0, int(chance.argmax()), float(chance.max()), "ok"), int(true))
        for row, (chance, true) in enumerate(zip(model.chances(features), labels, strict=True))
    )
    return evaluate(pairs)
