"""The digits a model is fitted on: scikit-learn's, their variations, and digits drawn with a pen."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from digit_batch.features import count_blocks, fill_boxes
from digit_batch.strokes import draw_digits
from digit_batch.variation import enlarge, rewrite, wear

F32 = NDArray[np.float32]

COPIES = 16  # variations of each of scikit-learn's digits
DRAWN = 80_000  # digits drawn with a pen
GRID = 0.5  # features are rounded to this: support vectors of 33 values pack well, and read the same
BATCH = 2_000  # digits made at a time: 13 MB of pixels


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
    progress: Callable[[int], object] = lambda made: None,
) -> TrainingSet:
    """Return scikit-learn's digits, `copies` variations of each, and `drawn` digits; the same for the same seed.

    Parameters
    ----------
    rows
        Which of scikit-learn's 1,797 digits may be used, all by default. Leave out the rows to measure on.
    progress
        Called with the number of digits made since the last call.
    """
    rng = np.random.default_rng(seed)
    data = load_digits()
    chosen = np.arange(len(data.target)) if rows is None else np.asarray(rows)
    bitmaps, targets = enlarge(data.data[chosen]), data.target[chosen]
    parts = [read_features(bitmaps)]
    progress(len(chosen))
    for _ in range(copies):
        parts.append(read_features(wear(rng, rewrite(rng, bitmaps))))
        progress(len(chosen))
    labels = np.arange(drawn) % 10
    for start in range(0, drawn, BATCH):
        drawings = draw_digits(rng, labels[start : start + BATCH])
        parts.append(read_features(wear(rng, drawings)))
        progress(len(drawings))
    return TrainingSet(
        np.concatenate(parts),
        np.concatenate([np.tile(targets, 1 + copies), labels]),
        np.concatenate([np.tile(chosen, 1 + copies), np.full(drawn, -1)]),
    )


def read_features(stacked: F32) -> F32:
    """Return (n, 64) features of (n, h, w) amounts, by the same steps as a scan, on the `GRID`."""
    parts = [count_blocks(fill_boxes(stacked[start : start + BATCH])) for start in range(0, len(stacked), BATCH)]
    rounded: F32 = np.round(np.concatenate(parts) / GRID) * np.float32(GRID)
    return rounded
