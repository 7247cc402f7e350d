"""Speckles: ink in dots, as faxes, thermal paper and copies of copies have it, run together to strokes."""

import numpy as np
from numpy.typing import NDArray

from digit_batch.ink.ground import blur_matrix

SPREAD = 0.8  # px at a digit of 64 px: how far each dot is spread (standard deviation of a Gaussian)
STRONG = 0.8  # quantile of the spread ink that counts as full
FAINT, FULL = 0.25, 0.75  # of that: no ink below, all ink above


def run_together(amount: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the (h, w) amounts of ink, 0..1, with speckles run together and gaps between them filled."""
    height, width = amount.shape
    spread = SPREAD * max(height, width) / 64
    blurred = _weigh(height, spread) @ amount @ _weigh(width, spread).T
    inked = blurred[blurred > 0.05]
    if not len(inked):
        return amount
    strength = np.quantile(inked, STRONG)
    return np.asarray(np.clip((blurred / strength - FAINT) / (FULL - FAINT), 0, 1), np.float32)


def _weigh(length: int, spread: float) -> NDArray[np.float32]:
    """Return the (length, length) weights of a Gaussian; of each row they add up to one."""
    weights = blur_matrix(length, spread)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
