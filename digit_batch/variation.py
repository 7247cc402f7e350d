"""Variations of digits: scikit-learn's own enlarged to crisp bitmaps and rewritten, and the wear that any scan adds."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from digit_batch.features import BLOCK, BOX, LEVELS, SIDE, spread

F32 = NDArray[np.float32]

CANVAS = 40  # px, height and width of a varied digit: the 32 px box and room to lean and turn


def enlarge(counts: NDArray[np.float64]) -> F32:
    """Return (n, 32, 32) bitmaps of 0 and 1 whose 4x4 blocks hold exactly `counts` (n, 64; whole numbers 0..16) pixels.

    The data set gives how many pixels of each block were inked, not which. A smooth surface over the counts says which
    are likely; taking the highest in each block, smoothing the bitmap and taking again makes strokes with smooth rims.
    """
    n = len(counts)
    grid = np.asarray(counts, np.float32).reshape(n, SIDE, SIDE)
    surface = ndi.zoom(grid, (1, BLOCK, BLOCK), order=3, mode="grid-constant", grid_mode=True)
    bitmap = pick(surface, grid)
    for sigma in (1.5, 1.2, 1.0, 1.0):
        bitmap = pick(ndi.gaussian_filter(bitmap, sigma, axes=(1, 2)), grid)
    return bitmap


def pick(surface: F32, grid: F32) -> F32:
    """Return the bitmap of the `grid[b]` highest pixels of the surface in each block b."""
    n = len(surface)
    blocks = surface.reshape(n, SIDE, BLOCK, SIDE, BLOCK).transpose(0, 1, 3, 2, 4).reshape(n, SIDE, SIDE, LEVELS)
    rank = np.argsort(np.argsort(-blocks, axis=-1), axis=-1)
    chosen = (rank < grid[..., None]).astype(np.float32)
    return chosen.reshape(n, SIDE, SIDE, BLOCK, BLOCK).transpose(0, 1, 3, 2, 4).reshape(n, BOX, BOX)


def rewrite(rng: np.random.Generator, bitmaps: F32, *, strength: float = 1.0) -> F32:
    """Return (n, 40, 40) amounts: the bitmaps leaned, turned, squeezed and bent at random, with other stroke widths."""
    n, side, _ = bitmaps.shape
    y, x = (np.mgrid[:CANVAS, :CANVAS].astype(np.float32) + 0.5 - CANVAS / 2) / (side / 2)
    basis = np.stack([x, y, x * y, x * x, y * y, np.sin(np.pi * y), np.sin(np.pi * x), np.ones_like(x)], -1)
    terms = rng.normal(0, 0.06 * strength, (n, 2, basis.shape[-1]))
    terms[:, 0, 0] += np.exp(rng.normal(0, 0.12 * strength, n))
    terms[:, 1, 1] += np.exp(rng.normal(0, 0.05 * strength, n))
    terms[:, 0, 1] += rng.normal(0, 0.25 * strength, n)
    angle = rng.normal(0, 0.10 * strength, n)
    terms[:, 0, 1] += angle
    terms[:, 1, 0] -= angle
    at = (basis.reshape(-1, basis.shape[-1]) @ terms.transpose(0, 2, 1)).astype(np.float32)  # (n, pixels, 2)
    moved = sample(bitmaps, at * (side / 2) + side / 2 - 0.5).reshape(n, CANVAS, CANVAS)
    return change_width(rng, moved)


def sample(stack: F32, at: F32) -> F32:
    """Return the stack (n, h, w) read at points (n, m, 2) x, y by bilinear interpolation, 0 outside."""
    n, height, width = stack.shape
    padded = np.pad(stack, ((0, 0), (1, 2), (1, 2))).reshape(n, -1)
    x = np.clip(at[..., 0] + 1, 0, width + 1)
    y = np.clip(at[..., 1] + 1, 0, height + 1)
    left, top = x.astype(np.int32), y.astype(np.int32)
    x, y = x - left, y - top
    index = top * (width + 3) + left
    corner = [np.take_along_axis(padded, index + step, axis=1) for step in (0, 1, width + 3, width + 4)]
    upper = corner[0] + x * (corner[1] - corner[0])
    lower = corner[2] + x * (corner[3] - corner[2])
    return (upper + y * (lower - upper)).astype(np.float32)


def change_width(rng: np.random.Generator, stack: F32) -> F32:
    """Return the stack with strokes up to 2 px thinner or thicker."""
    change = np.clip(rng.normal(0, 0.7, len(stack)), -1, 1.2).astype(np.float32)[:, None, None]
    thick, thin = spread(stack), 1 - spread(1 - stack)
    return np.where(change > 0, stack + change * (thick - stack), stack - change * (thin - stack)).clip(0, 1)


def wear(rng: np.random.Generator, stack: F32) -> F32:
    """Return (n, h, w) amounts as scans leave them: blurred, thresholded, with gaps, cut off by the frame."""
    n = len(stack)
    worn = stack.copy()
    kind = rng.random(n)
    for low, high, sigma in ((0.3, 0.55, 0.6), (0.55, 0.8, 0.9), (0.8, 1.0, 1.3)):
        chosen = (kind >= low) & (kind < high)
        worn[chosen] = ndi.gaussian_filter(worn[chosen], sigma, axes=(1, 2))
    worn = wash_out(rng, worn)
    worn = cut_off(rng, worn)
    sharp = rng.random(n) < 0.6
    gain = rng.uniform(1.0, 4.0, (int(sharp.sum()), 1, 1)).astype(np.float32)
    peak = np.maximum(worn[sharp].max(axis=(1, 2), keepdims=True), 1e-3)
    worn[sharp] = np.clip((worn[sharp] / peak - 0.5) * gain + 0.5, 0, 1)
    return worn


def wash_out(rng: np.random.Generator, stack: F32, share: float = 0.2) -> F32:
    """Return the stack where in a share of the digits the ink fades in soft spots."""
    (chosen,) = np.nonzero(rng.random(len(stack)) < share)
    spots = ndi.zoom(rng.random((len(chosen), 8, 8), dtype=np.float32), (1, 5, 5), order=1)
    spots = spots[:, : stack.shape[1], : stack.shape[2]]
    depth = rng.uniform(0.1, 0.3, (len(chosen), 1, 1))
    stack[chosen] *= np.clip((spots - depth) / 0.15, 0, 1)
    return stack


def cut_off(rng: np.random.Generator, stack: F32, share: float = 0.06) -> F32:
    """Return the stack where a share of the digits lose up to 3 px of ink at one side, as behind a frame."""
    for index in np.nonzero(rng.random(len(stack)) < share)[0]:
        turned = np.rot90(stack[index], int(rng.integers(4)))
        rows = np.nonzero(turned.max(axis=1) > 0.5)[0]
        if len(rows):
            turned[: rows[0] + rng.integers(1, 4)] = 0
    return stack
