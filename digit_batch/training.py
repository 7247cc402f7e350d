"""What a model is fitted on, and how well it does on what was held out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from digit_batch.evaluation import Evaluation, evaluate
from digit_batch.features import extract_features
from digit_batch.model import Calibration, Model, chances, prepare
from digit_batch.predictions import Prediction

C = 10.0
GAMMA = 0.2
SAMPLE_ROWS = 100  # the last rows of scikit-learn's digits stay out of the shipped model: samples/ is drawn from them


@dataclass(frozen=True)
class Split:
    """One random split of scikit-learn's digits: what was fitted, and how the held-out part was read."""

    seed: int
    fitted: int
    evaluation: Evaluation


def train(
    *,
    seed: int = 0,
    repeats: int = 3,
    test_size: float = 0.25,
    c: float = C,
    gamma: float = GAMMA,
    on_step: Callable[[str], None] = lambda step: None,
) -> tuple[Model, list[Split]]:
    """Fit a model on scikit-learn's digits, and score the same recipe on what random splits hold out.

    Parameters
    ----------
    seed : int
        The splits take `seed`, `seed` + 1 and so on.
    repeats : int
        Random splits.
    test_size : float
        Share of the digits that each split holds out, between 0 and 1.
    c, gamma : float
        Of the SVC.
    on_step : callable
        Told what is being done, in words.
    """
    amounts, labels = digits_as_ink()
    features = extract_features(amounts)
    splits = []
    for split_seed in range(seed, seed + repeats):
        on_step(f"split {split_seed}")
        fit, held = train_test_split(np.arange(len(labels)), test_size=test_size, random_state=split_seed)
        svc = fit_svc(features[fit], labels[fit], c, gamma)
        splits.append(Split(split_seed, len(fit), score(Model(svc), features[held], labels[held])))
    on_step("fitting the model")
    kept = slice(0, len(labels) - SAMPLE_ROWS)
    svc = fit_svc(features[kept], labels[kept], c, gamma)
    accuracies = [split.evaluation.accuracy for split in splits]
    scores = {"held_out_accuracy": float(np.mean(accuracies)), "held_out_spread": float(np.std(accuracies))}
    fitted_on = f"scikit-learn's digits, rows 0 to {len(labels) - SAMPLE_ROWS - 1}"
    return Model(svc, Calibration(), fitted_on, scores), splits


def fit_svc(features: NDArray[np.float32], labels: NDArray[np.int64], c: float, gamma: float) -> SVC:
    """Fit the classifier on (n, 64) features, 0 to 16."""
    return SVC(C=c, gamma=gamma, cache_size=1000).fit(prepare(features).astype(np.float64), labels)


def score(model: Model, features: NDArray[np.float32], labels: NDArray[np.int64]) -> Evaluation:
    """Evaluate a model on features and their true labels."""
    found = chances(model.margins(features), model.calibration)
    pairs = (
        (Prediction(str(row), 0, int(chance.argmax()), float(chance.max()), "ok"), int(true))
        for row, (chance, true) in enumerate(zip(found, labels, strict=True))
    )
    return evaluate(pairs)


def digits_as_ink() -> tuple[list[NDArray[np.float32]], NDArray[np.int64]]:
    """Return scikit-learn's digits as ink amounts of 32x32, and their labels."""
    digits = load_digits()
    return [np.kron(image / 16, np.ones((4, 4))).astype(np.float32) for image in digits.images], digits.target
