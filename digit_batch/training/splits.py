"""What the same fit scores on digits that were held out of it, over several random splits."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from digit_batch.errors import InputError
from digit_batch.evaluation import Evaluation, evaluate
from digit_batch.evaluation.confidence import LOW_CONFIDENCE
from digit_batch.model import Model
from digit_batch.predictions import CLASSES, Prediction, Status
from digit_batch.reading import MIN_CONFIDENCE, reconsider
from digit_batch.training.fitting import GAMMA, C, fit_model
from digit_batch.training.material import SETS, Material, to_amounts

Scored = tuple[Prediction, int]


@dataclass(frozen=True)
class Sample:
    """One held-out digit.

    Attributes
    ----------
    features : ndarray of float32, shape (64,)
        0 to 16.
    true, said : int
        Its label, and what the model took it for.
    """

    features: NDArray[np.float32]
    true: int
    said: int


@dataclass(frozen=True)
class Split:
    """One random split: what was fitted, and how the held-out part of one set was read.

    Attributes
    ----------
    seed : int
        Of the split.
    test_size : float
        Share that was held out.
    digits : str
        Whose digits were held out: one of `SETS`.
    fitted : int
        How many digits of that set were in the fitted part, variations not counted.
    evaluation : Evaluation
        Of the held-out part.
    rows : tuple of (Prediction, int)
        The answers that it was computed from.
    samples : tuple of Sample
        The held-out digits themselves, in the order of `rows`.
    """

    seed: int
    test_size: float
    digits: str
    fitted: int
    evaluation: Evaluation
    rows: tuple[Scored, ...] = field(repr=False, default=())
    samples: tuple[Sample, ...] = field(repr=False, default=())


def hold_out(
    material: Material,
    seed: int,
    test_size: float = 0.25,
    c: float = C,
    gamma: float = GAMMA,
    *,
    plain: bool = False,
    calibrated: bool = True,
    strangers: NDArray[np.float32] | None = None,
) -> list[Split]:
    """Fit on a random part of the material, and read the digits held out: a split for each set that may be scored.

    All variations of a held-out digit are held out with it, and all that its writer wrote where writers are known; only
    the digits themselves are scored. Not `calibrated`, only the labels are of use, and the fit takes less time;
    `strangers` are as in `fit_model`.

    Raises
    ------
    InputError
        The part that is left lacks a digit.
    """
    held = {
        number: _draw_groups(material, number, seed, test_size) for number in np.unique(material.sets) if number >= 0
    }
    out = np.isin(material.groups, np.concatenate(list(held.values())))
    fitted = material.take(~out)
    if lacking := sorted(set(range(CLASSES)) - set(fitted.labels.tolist())):
        raise InputError(
            f"With seed {seed}, holding out {test_size:g} leaves no {lacking[0]} to fit on. "
            "Add images of it, or hold out less with --test-size."
        )
    model = fit_model(
        fitted.features,
        fitted.labels,
        fitted.weights,
        fitted.groups,
        c=c,
        gamma=gamma,
        plain=plain,
        calibrated=calibrated,
        strangers=strangers,
    )
    return [
        _split(model, _in_order(material, number, groups), seed, test_size, int((fitted.sets == number).sum()))
        for number, groups in held.items()
    ]


def _in_order(material: Material, number: int, groups: NDArray[np.int64]) -> Material:
    """Return the digits of a set that belong to groups, in the order of the groups."""
    places = {int(group): place for place, group in enumerate(groups)}
    rows = np.nonzero((material.sets == number) & np.isin(material.groups, groups))[0]
    return material.take(np.array(sorted(rows, key=lambda row: places[int(material.groups[row])])))


def _draw_groups(material: Material, number: int, seed: int, test_size: float) -> NDArray[np.int64]:
    """Return the groups of a set that are held out; of single digits, of each label in proportion where that can be.

    scikit-learn's digits are split as ``train_test_split(X, y, test_size=test_size, random_state=seed)`` splits them.
    """
    rows = material.sets == number
    groups, first = np.unique(material.groups[rows], return_index=True)
    labels = material.labels[rows][first]
    singles = len(groups) == rows.sum()
    if len(groups) < 2:
        raise InputError("One digit cannot be split into a part to fit and a part to hold out. Add some images.")
    each = np.bincount(labels)
    enough = min(each[each > 0]) >= 2 and test_size * len(groups) >= CLASSES <= (1 - test_size) * len(groups)
    stratify = labels if number and singles and enough else None
    _, held = train_test_split(groups, test_size=test_size, random_state=seed, stratify=stratify)
    return np.asarray(held)


def _split(model: Model, held: Material, seed: int, test_size: float, fitted: int) -> Split:
    rows = score(model, held.features, held.labels, held.names, held.inks)
    samples = tuple(
        Sample(features, true, said)
        for features, (row, true) in zip(held.features, rows, strict=True)
        if (said := row.label) is not None
    )
    return Split(seed, test_size, SETS[held.sets[0]], fitted, evaluate(rows), tuple(rows), samples)


def score(
    model: Model,
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    names: Iterable[str] | None = None,
    inks: Iterable[NDArray[np.uint8]] | None = None,
) -> list[Scored]:
    """Return a model's answers to features (n, 64), each with its true label; with their inks, as `classify` reads.

    A plain model answers as scikit-learn's ``predict`` does, which in one of some 3,000 digits is another answer than
    the likeliest: it counts the duels won, whatever their margins.
    """
    with threadpool_limits(1):  # the products are small: threads would wait for each other most of the time
        answers = model.answer(features)
        chances = answers.chances
        if inks is not None and not model.plain:
            chances = reconsider(model, answers, features, [to_amounts(ink) for ink in inks])
    said = model.svc.predict(features) if model.plain else chances.argmax(axis=1)
    sure = chances[np.arange(len(chances)), said]
    names = map(str, range(len(labels))) if names is None else names
    return [
        (Prediction(name, 0, int(label), float(chance), *_judge(chance)), int(true))
        for name, label, chance, true in zip(names, said, sure, labels, strict=True)
    ]


def _judge(chance: float) -> tuple[Status, str]:
    return ("ok", "") if chance >= MIN_CONFIDENCE else ("review", LOW_CONFIDENCE)
