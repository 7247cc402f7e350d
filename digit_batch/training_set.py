"""The digits a model is fitted on: scikit-learn's, their variations, digits drawn with a pen; and what is no digit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import ndimage as ndi
from sklearn.datasets import load_digits

from digit_batch.features import BLOCK, LEVELS, SIDE, UPRIGHT, count_blocks, extract_features, fill_boxes
from digit_batch.ink import find_inks
from digit_batch.paper import KINDS, Kind, draw_scan
from digit_batch.strokes import HASTE, crop, draw_digits, draw_strangers
from digit_batch.variation import enlarge, rewrite, wear

F32 = NDArray[np.float32]

COPIES = 12  # variations of each of scikit-learn's digits
SAVED = 4  # ways that people enlarge them and save them as pictures
DRAWN = 100_000  # digits drawn with a pen
REAL_WEIGHT = 3.0  # in a fit, of what people wrote, beside drawn digits of weight 1
SCANNED = 0.3  # the share of what is drawn that goes over paper and through the ink finder
PAPERS = tuple(sorted(set(KINDS) - {"graph", "cut-off", "tiny"}))  # whose ink is found whole
MOST_SIDE = 170.0  # px of a simulated scan's frame: larger ones read alike and take longer
LEFT_OUT = 0.4  # height of what the ink finder left out over the digit's: more, and it took a part for the whole
GRID = 0.5  # features are rounded to this: support vectors of 33 values pack well, and read the same
BATCH = 2_000  # digits made at a time: 13 MB of pixels
SCANS = 500  # scans made at a time, each lot from its own seed, so that many processes make the same


@dataclass(frozen=True)
class TrainingSet:
    """What a model is fitted on.

    Attributes
    ----------
    features
        (n, 64) float32, 0..16.
    labels
        (n,) digits 0..9.
    groups
        (n,) the row of scikit-learn's digits that a digit varies, so that copies stay together in a split; -1: drawn.
    """

    features: F32
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]


def make_training_set(
    seed: int,
    *,
    rows: NDArray[np.int64] | None = None,
    copies: int = COPIES,
    drawn: int = DRAWN,
    haste: float = HASTE,
    jobs: int = 1,
    progress: Callable[[int], object] = lambda made: None,
) -> TrainingSet:
    """Return scikit-learn's digits, variations of each, and drawn digits; the same for the same seed.

    Parameters
    ----------
    rows
        Which of scikit-learn's 1,797 digits may be used, all by default. Leave out the rows to measure on.
    copies
        Variations of each; with any, also `SAVED` ways of saving it as a picture.
    drawn
        Digits drawn with a pen, of which `SCANNED` go through simulated scans.
    haste
        How far the hand that draws them strays from the ways it knows.
    jobs
        Processes that make these.
    progress
        Called with the number of digits made since the last call.
    """
    rng = np.random.default_rng(seed)
    data = load_digits()
    chosen = np.arange(len(data.target)) if rows is None else np.asarray(rows)
    bitmaps, targets = enlarge(data.data[chosen]), data.target[chosen]
    parts = [read_features(bitmaps)]
    progress(len(chosen))
    for saved in save_as_people_do(data.data[chosen]) if copies else ():
        parts.append(read_features(saved))
        progress(len(chosen))
    for _ in range(copies):
        parts.append(read_features(wear(rng, rewrite(rng, bitmaps))))
        progress(len(chosen))
    times = len(parts)
    labels = np.arange(drawn) % 10
    plain = round((1 - SCANNED) * drawn)
    for start in range(0, plain, BATCH):
        drawings = draw_digits(rng, labels[start : min(start + BATCH, plain)], haste=haste)
        parts.append(read_features(wear(rng, drawings)))
        progress(len(drawings))
    for features in scan_digits(seed, labels[plain:], haste=haste, jobs=jobs):
        parts.append(features)
        progress(len(features))
    return TrainingSet(
        np.concatenate(parts),
        np.concatenate([np.tile(targets, times), labels]),
        np.concatenate([np.tile(chosen, times), np.full(drawn, -1)]),
    )


def make_strangers(seed: int, count: int) -> F32:
    """Return the (count, 64) features of what is no digit: letters, signs, scribbles, spoiled digits, pairs."""
    return _kept_strangers(seed).take(count)


class _Strangers:
    """What is no digit, drawn in batches and kept: fits side by side want the same, a few more or less at the end."""

    def __init__(self, seed: int) -> None:
        self._start = np.random.default_rng([seed, 2]).bit_generator.state
        self._batches: list[tuple[F32, Any]] = []  # each with the generator's state behind it, also after an interrupt
        self._lock = Lock()

    def take(self, count: int) -> F32:
        """Return the features of the first ones, as if so many had been drawn from the start."""
        whole, rest = divmod(count, BATCH)
        with self._lock:
            while len(self._batches) < whole:
                self._batches.append(self._draw(len(self._batches), BATCH))
        parts = [features for features, _ in self._batches[:whole]]
        if rest:
            parts.append(self._draw(whole, rest)[0])
        return np.concatenate(parts)

    def _draw(self, place: int, count: int) -> tuple[F32, Any]:
        """Draw the batch of a place, or only its first ones."""
        rng = np.random.default_rng()
        rng.bit_generator.state = self._batches[place - 1][1] if place else self._start
        drawings = draw_strangers(rng, count)
        plain = round((1 - SCANNED) * count)
        features = np.concatenate([read_features(wear(rng, drawings[:plain])), _scan(rng, drawings[plain:])])
        return features, rng.bit_generator.state


_kept_strangers = lru_cache(maxsize=1)(_Strangers)


def save_as_people_do(counts: NDArray[np.float64]) -> Iterator[F32]:
    """Yield (n, h, w) amounts of scikit-learn's digits (n, 64) as pictures: as they are, in squares, smoothed."""
    grid = (counts.reshape(-1, SIDE, SIDE) / LEVELS).astype(np.float32)
    yield grid
    yield np.kron(grid, np.ones((1, BLOCK, BLOCK), np.float32))
    for order in (1, 3):
        smooth = ndi.zoom(grid, (1, BLOCK, BLOCK), order=order, mode="grid-constant", grid_mode=True)
        yield np.clip(smooth, 0, 1)


def scan_digits(seed: int, labels: NDArray[np.int64], *, haste: float = HASTE, jobs: int = 1) -> Iterator[F32]:
    """Yield features (some, 64) of drawn digits that went over simulated paper and through the ink finder, in order."""
    lots = [(seed, start, labels[start : start + SCANS], haste) for start in range(0, len(labels), SCANS)]
    yield from Parallel(n_jobs=jobs, return_as="generator")(delayed(_scan_lot)(*lot) for lot in lots)


def _scan_lot(seed: int, start: int, labels: NDArray[np.int64], haste: float) -> F32:
    rng = np.random.default_rng([seed, 1, start])
    return _scan(rng, draw_digits(rng, labels, haste=haste))


def _scan(rng: np.random.Generator, drawings: F32) -> F32:
    """Return the features of drawings that went over simulated paper; of those not found whole, from the drawing."""
    papers = rng.choice(PAPERS, len(drawings))
    inks = find_inks([draw_scan(rng, crop(d), _small(str(p))) for d, p in zip(drawings, papers, strict=True)])
    features = extract_features([ink.amount for ink in inks])
    lost = [place for place, ink in enumerate(inks) if ink.blank or ink.others > LEFT_OUT]
    features[lost] = read_features(drawings[lost]) if lost else 0
    return _on_grid(features)


def _small(paper: str) -> Kind:
    kind = KINDS[paper]
    low, high = (min(side, MOST_SIDE) for side in kind.side)
    return replace(kind, side=(min(low, 90.0), high))


def read_features(stacked: F32, slope: float = UPRIGHT) -> F32:
    """Return (n, 64) features of (n, h, w) amounts, by the same steps as a scan, on the `GRID`; sloped as asked."""
    parts = [count_blocks(fill_boxes(stacked[start : start + BATCH], slope)) for start in range(0, len(stacked), BATCH)]
    return _on_grid(np.concatenate([np.zeros((0, SIDE * SIDE), np.float32), *parts]))


def _on_grid(features: F32) -> F32:
    rounded: F32 = np.round(features / GRID) * np.float32(GRID)
    return rounded
