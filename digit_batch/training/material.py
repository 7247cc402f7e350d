"""Everything that a model may be fitted on, row by row: scikit-learn's digits, drawn ones, and a user's own."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from digit_batch.features import TURNED, count_blocks
from digit_batch.training.own import OwnDigits
from digit_batch.training_set import COPIES, GRID, REAL_WEIGHT, make_training_set, read_features
from digit_batch.variation import enlarge, rewrite, wear

SETS = ("scikit-learn's digits", "own digits")  # what is held out and scored, each for itself
NEVER_SCORED = -1  # the set of variations and of drawn digits
BATCH = 2_000  # digits varied at a time: 13 MB of pixels
OWN_GROUPS = 1 << 20  # first group of own digits, above all rows of scikit-learn's
COPIED_TO = 2_000  # own digits and their variations together, about, where there are few
MOST_COPIES = 16  # as of scikit-learn's
OWN_SHARE = 0.1  # weight of all own digits together that is aimed at, as a share of the others'
MOST_WEIGHT = 3 * REAL_WEIGHT


@dataclass(frozen=True)
class Material:
    """Digits to fit on.

    Attributes
    ----------
    features : ndarray of float32, shape (n, 64)
        0 to 16.
    labels : ndarray of int, shape (n,)
    groups : ndarray of int, shape (n,)
        What a split keeps together: a digit and its variations, or all that one writer wrote. -1: a drawn digit, which
        is never held out.
    sets : ndarray of int, shape (n,)
        Index in `SETS` of a digit that may be scored; -1 for variations and drawn digits.
    weights : ndarray of float, shape (n,)
        How much each digit weighs in a fit.
    names : sequence of str, n of them
        Of the digits that may be scored; empty for the others.
    inks : sequence of ndarray or None, n of them
        Of the digits that may be scored, what `classify` would read again in doubt: (32, 32) ink, 0 to 255 as uint8;
        None for the others.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    sets: NDArray[np.int64]
    weights: NDArray[np.float64]
    names: NDArray[np.object_]
    inks: NDArray[np.object_]

    def take(self, rows: NDArray[Any]) -> "Material":
        """Return some of the rows, told by a mask or by their numbers."""
        return Material(*(column[rows] for column in vars(self).values()))


def collect(
    own: OwnDigits | None = None,
    *,
    seed: int = 0,
    drawn: int = 0,
    copies: int = COPIES,
    default: bool = True,
    plain: bool = False,
    jobs: int = 1,
    progress: Callable[[int], object] = lambda made: None,
) -> Material:
    """Return everything to fit on, the digits that may be scored first.

    Parameters
    ----------
    own : OwnDigits or None
        Read from boxes of the kind that `plain` asks for.
    seed : int
        Of everything drawn and varied.
    drawn : int
        Digits drawn with a pen.
    copies : int
        Variations of each of scikit-learn's digits.
    default : bool
        Take scikit-learn's digits, their variations and the drawn ones.
    plain : bool
        Take scikit-learn's counts as they are, nothing varied or drawn.
    jobs : int
        Processes that simulate scans.
    progress : callable
        Called with the number of digits made since its last call.
    """
    if not default:
        assert own is not None
        return own_material(own, seed=seed, plain=plain, progress=progress)
    material = _plain_digits() if plain else _recipe_digits(seed, drawn, copies, jobs, progress)
    return material if own is None else add_own(material, own, seed=seed, plain=plain, progress=progress)


def add_own(
    material: Material,
    own: OwnDigits,
    *,
    seed: int = 0,
    plain: bool = False,
    progress: Callable[[int], object] = lambda made: None,
) -> Material:
    """Return the material with a user's digits at its end, weighing enough to be heard, and no less than any other."""
    added = own_material(own, seed=seed, plain=plain, progress=progress)
    if not plain:
        weight = choose_weight(len(added.labels), len(material.labels))
        added = replace(added, weights=np.full(len(added.labels), weight))
        material = replace(material, weights=np.minimum(material.weights, weight))
    columns = zip(vars(material).values(), vars(added).values(), strict=True)
    return Material(*(np.concatenate(column) for column in columns))


def _plain_digits() -> Material:
    data = load_digits()
    count = len(data.target)
    return Material(
        data.data.astype(np.float32),
        data.target,
        np.arange(count),
        np.zeros(count, int),
        np.ones(count),
        _row_names(count),
        _list_inks([], count),
    )


def _recipe_digits(seed: int, drawn: int, copies: int, jobs: int, progress: Callable[[int], object]) -> Material:
    made = make_training_set(seed, drawn=drawn, copies=copies, jobs=jobs, progress=progress)
    count, rows = made.groups.max() + 1, len(made.labels)
    sets = np.where(np.arange(rows) < count, 0, NEVER_SCORED)  # scikit-learn's own come first
    weights = np.where(made.groups < 0, 1.0, REAL_WEIGHT)
    names = np.concatenate([_row_names(count), np.full(rows - count, "", object)])
    inks = _list_inks(255 * enlarge(load_digits().data).astype(np.uint8), rows)  # of 0 and 1
    return Material(made.features, made.labels, made.groups, sets, weights, names, inks)


def _list_inks(first: Iterable[NDArray[np.uint8]], rows: int) -> NDArray[np.object_]:
    """Return the inks of the first digits, and None for the other rows."""
    inks = np.full(rows, None, object)
    for place, ink in enumerate(first):
        inks[place] = ink
    return inks


def _row_names(count: int) -> NDArray[np.object_]:
    return np.array([f"load_digits() row {row}" for row in range(count)], object)


def own_material(
    own: OwnDigits,
    *,
    seed: int = 0,
    plain: bool = False,
    progress: Callable[[int], object] = lambda made: None,
) -> Material:
    """Return a user's digits, and unless plain their variations: turned a little, and rewritten where they are few."""
    count, copies = len(own.labels), 0 if plain else choose_copies(len(own.labels))
    slopes = () if plain else TURNED
    rng = np.random.default_rng(seed + 1)
    parts = [to_features(own)]
    for slope in slopes:
        parts += [read_features(boxes, slope) for boxes in _batches(own)]
        progress(count)
    for _ in range(copies):
        parts += [read_features(wear(rng, rewrite(rng, boxes))) for boxes in _batches(own)]
        progress(count)
    times = 1 + len(slopes) + copies
    rows = count * times
    return Material(
        np.concatenate(parts),
        np.tile(own.labels, times),
        OWN_GROUPS + np.tile(own.groups, times),
        np.where(np.arange(rows) < count, 1, NEVER_SCORED),
        np.ones(rows),
        np.concatenate([np.array(own.names, object), np.full(rows - count, "", object)]),
        _list_inks([] if plain else own.boxes, rows),
    )


def to_features(own: OwnDigits) -> NDArray[np.float32]:
    """Return the features (n, 64) of a user's digits, 0 to 16."""
    return np.concatenate([round_counts(count_blocks(boxes)) for boxes in _batches(own)])


def _batches(own: OwnDigits) -> Iterator[NDArray[np.float32]]:
    """Yield the boxes as amounts, 0 to 1."""
    for start in range(0, len(own.labels), BATCH):
        yield to_amounts(own.boxes[start : start + BATCH])


def to_amounts(inks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return shares of ink, 0 to 1, from bytes, 0 to 255."""
    return inks.astype(np.float32) / np.float32(255)


def round_counts(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return features on the `GRID` of all that is fitted on."""
    rounded: NDArray[np.float32] = np.round(features / GRID) * np.float32(GRID)
    return rounded


def choose_copies(count: int) -> int:
    """Return how often to rewrite each own digit: the fewer there are, the more; many vary enough by themselves."""
    return int(np.clip(COPIED_TO // max(count, 1), 0, MOST_COPIES))


def choose_weight(rows: int, others: int) -> float:
    """Return what an own digit weighs beside so many others of weight 1: few ones would be outvoted."""
    return float(np.clip(OWN_SHARE * others / max(rows, 1), 1, MOST_WEIGHT))
