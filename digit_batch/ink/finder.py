"""Finding the ink: from pictures to the one digit that each of them holds."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from digit_batch.ink.grids import (
    Grid,
    average_blocks,
    lay_grid,
    mix_colours,
    pool_blocks,
    shape_canvas,
    stack_canvases,
)
from digit_batch.ink.ground import _spread, measure_polarity, subtract_ground
from digit_batch.ink.parts import Parts, find_lines, find_parts, rate_parts

Polarity = Literal["auto", "dark", "light"]

CUT_SIDE = 64  # px: a digit smaller than this on its canvas is cut from the picture again, this large if it can be
AMOUNT_SIDE = 128  # px: longest side of an amount
LEAST_CONTRAST = 8.0  # grey levels between ink and paper; JPEG makes differences of 2 to 5 on blank paper
LEAST_SIGNAL = 4.5  # ink over the paper's noise; pure noise, split in two by any threshold, reaches 3.5
NO_INK = np.zeros((0, 0), np.float32)


@dataclass(frozen=True)
class Ink:
    """The digit's ink in one picture.

    Attributes
    ----------
    amount
        (h, w) 0..1, share of ink in each pixel of the tight crop of the digit; longest side at most 128 (larger
        digits are reduced by area); (0, 0) when the picture is blank.
    box
        Top, left, bottom, right of the crop in the picture, px, half-open.
    light_on_dark
        The polarity found: True for light ink on a dark ground.
    clipped
        The digit touches the frame of the picture.
    parts
        Connected strokes kept.
    removed
        What was left out, in words.
    contrast
        Ink against paper, grey levels, 0..255.
    signal
        Contrast over the paper's own noise (at least one grey level).
    others
        Size of the largest part left out that could be another digit, as a share of the digit's height.
    """

    amount: NDArray[np.float32]
    box: tuple[int, int, int, int]
    light_on_dark: bool
    clipped: bool
    parts: int
    removed: tuple[str, ...]
    contrast: float
    signal: float
    others: float

    @property
    def blank(self) -> bool:
        """No ink was found."""
        return self.amount.size == 0


def find_inks(pictures: Sequence[NDArray[np.uint8]], polarity: Polarity = "auto") -> list[Ink]:
    """Find the digit's ink in each picture.

    Parameters
    ----------
    pictures
        (h, w) grey or (h, w, 3) RGB, uint8, upright. Many at once are quicker than one by one, and give the same.
    polarity
        "dark" for dark ink on light paper, "light" for the reverse, "auto" to decide for each picture.

    Returns
    -------
    One Ink for each picture, in order.
    """
    grids = [lay_grid(picture) for picture in pictures]
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, grid in enumerate(grids):
        height, width = grid.grey.shape
        groups[shape_canvas((height // grid.pool, width // grid.pool))].append(index)
    inks: dict[int, Ink] = {}
    for shape, members in groups.items():
        found = _find_group([pictures[i] for i in members], [grids[i] for i in members], shape, polarity)
        inks.update(zip(members, found, strict=True))
    return [inks[index] for index in range(len(pictures))]


def _lay_canvases(
    grids: list[Grid], shape: tuple[int, int], polarity: Polarity
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]:
    """Bring grids to one stack with dark ink; return it with what is picture in it, and which ink was light."""
    if polarity == "auto":
        if any(grid.pool > 1 for grid in grids):
            coarse = [average_blocks(grid.grey, grid.pool) for grid in grids]
        else:
            coarse = [grid.grey for grid in grids]
        light = measure_polarity(stack_canvases(coarse, shape)) > 0
    else:
        light = np.full(len(grids), polarity == "light")
    greys = [pool_blocks(grid.grey, grid.pool, bool(flip)) for grid, flip in zip(grids, light, strict=True)]
    canvases = stack_canvases(greys, shape)
    canvases[light] = 255 - canvases[light]
    sides = np.array([grey.shape for grey in greys])
    rows = np.arange(shape[0]) < sides[:, :1]
    columns = np.arange(shape[1]) < sides[:, 1:]
    return canvases, rows[:, :, None] & columns[:, None, :], light


def _pick(parts: Parts, rating: NDArray[np.float64], n: int) -> NDArray[np.intp]:
    """Return the best part of each of n canvases, -1 where there is none."""
    best = np.full(n, -1, np.intp)
    order = np.argsort(rating, kind="stable")
    best[parts.canvas[order]] = order
    return best


def _find_group(
    pictures: list[NDArray[np.uint8]], grids: list[Grid], shape: tuple[int, int], polarity: Polarity
) -> list[Ink]:
    """Find the inks of pictures that share a canvas."""
    n = len(pictures)
    canvases, valid, light = _lay_canvases(grids, shape, polarity)
    sides = np.stack([valid[:, :, 0].sum(axis=1), valid[:, 0].sum(axis=1)], axis=1).astype(float)
    ink, threshold, noise, ground = subtract_ground(canvases, valid)
    floor = np.maximum(np.maximum(0.5 * threshold, 3 * noise), 3)
    parts = find_parts(ink, ink > floor[:, None, None])
    best = _pick(parts, rate_parts(parts, sides), n)
    level = np.zeros(n)
    has = best >= 0
    level[has] = parts.ink[best[has]] / parts.area[best[has]]
    # The digit's own strength decides what is ink: weaker is show-through or shadow.
    floor = np.maximum(floor, 0.5 * level)
    mask = ink > floor[:, None, None].astype(np.float32)
    parts = find_parts(ink, mask)
    rating = rate_parts(parts, sides)
    best = _pick(parts, rating, n)
    lines = find_lines(parts, sides)
    keep, others, removed = choose_parts(parts, rating, lines, best, sides, n)
    kept = np.concatenate([[False], keep])[parts.labels]
    dropped = np.concatenate([[False], ~keep])[parts.labels]
    near = kept.copy()
    near[:, 1:] |= kept[:, :-1]
    near[:, :-1] |= kept[:, 1:]
    wide = near.copy()
    wide[:, :, 1:] |= near[:, :, :-1]
    wide[:, :, :-1] |= near[:, :, 1:]
    wide &= ~dropped & valid
    contrast = level
    amount = np.clip((ink / np.maximum(level, 1)[:, None, None].astype(np.float32) - 0.15) / 0.75, 0, 1)
    amount *= wide
    rows, columns = kept.any(axis=2), kept.any(axis=1)
    counts = np.bincount(parts.canvas[keep], minlength=n)
    inks = []
    for i in range(n):
        signal = contrast[i] / max(noise[i], 1.0)
        height, width = (int(side) for side in sides[i])
        if best[i] < 0 or contrast[i] < LEAST_CONTRAST or signal < LEAST_SIGNAL:
            inks.append(Ink(NO_INK, (0, 0, 0, 0), bool(light[i]), False, 0, removed[i], contrast[i], signal, 0.0))
            continue
        ys, xs = np.flatnonzero(rows[i]), np.flatnonzero(columns[i])
        top, bottom, left, right = int(ys[0]), int(ys[-1]) + 1, int(xs[0]), int(xs[-1]) + 1
        clipped = top == 0 or left == 0 or bottom == height or right == width
        grid = grids[i]
        if grid.factor == 1:
            box = (top, left, bottom, right)
            crop = amount[i, top:bottom, left:right].copy()
        else:
            crop, box = _cut_again(
                pictures[i], grid, wide[i], ground[i], bool(light[i]), shape, (top, left, bottom, right)
            )
        inks.append(
            Ink(
                crop,
                box,
                bool(light[i]),
                clipped,
                int(counts[i]),
                removed[i],
                float(contrast[i]),
                float(signal),
                others[i],
            )
        )
    return inks


def choose_parts(
    parts: Parts,
    rating: NDArray[np.float64],
    lines: NDArray[np.bool_],
    best: NDArray[np.intp],
    sides: NDArray[np.float64],
    n: int,
) -> tuple[NDArray[np.bool_], list[float], list[tuple[str, ...]]]:
    """Choose the parts that make the digit: the best one, and those that are near it and no speck or line."""
    keep = np.zeros(len(parts.area), bool)
    keep[best[best >= 0]] = True
    others = [0.0] * n
    removed: list[tuple[str, ...]] = [()] * n
    starts = np.searchsorted(parts.canvas, np.arange(n + 1))
    for i in np.flatnonzero(np.diff(starts) > 1):
        members = np.arange(starts[i], starts[i + 1])
        seed = best[i]
        box = np.array([parts.top[seed], parts.left[seed], parts.bottom[seed], parts.right[seed]])
        rest = [k for k in members if k != seed and not lines[k]]
        specks = 0
        grown = True
        while grown:
            grown = False
            size = max(box[2] - box[0], box[3] - box[1])
            for k in list(rest):
                down = max(box[0] - parts.bottom[k], parts.top[k] - box[2], 0)
                across = max(box[1] - parts.right[k], parts.left[k] - box[3], 0)
                if parts.area[k] < 0.03 * parts.area[seed]:
                    continue
                if max(down, 1.5 * across) <= 0.2 * size:
                    keep[k] = True
                    rest.remove(k)
                    box = np.array(
                        [
                            min(box[0], parts.top[k]),
                            min(box[1], parts.left[k]),
                            max(box[2], parts.bottom[k]),
                            max(box[3], parts.right[k]),
                        ]
                    )
                    grown = True
        words = []
        if lines[members].any():
            words.append("line at the border")
        specks = sum(parts.area[k] < 0.1 * parts.area[seed] for k in rest)
        if specks:
            words.append(f"{specks} specks" if specks > 1 else "a speck")
        big = [k for k in rest if parts.area[k] >= 0.1 * parts.area[seed]]
        if big:
            words.append(f"{len(big)} other parts" if len(big) > 1 else "another part")
            others[i] = float(max(parts.bottom[k] - parts.top[k] for k in big) / (box[2] - box[0]))
        removed[i] = tuple(words)
    return keep, others, removed


def _cut_again(
    picture: NDArray[np.uint8],
    grid: Grid,
    near: NDArray[np.bool_],
    ground: NDArray[np.float32],
    light: bool,
    shape: tuple[int, int],
    box: tuple[int, int, int, int],
) -> tuple[NDArray[np.float32], tuple[int, int, int, int]]:
    """Cut a digit, located on its canvas, from the picture at a finer scale."""
    factor = grid.factor
    height, width = picture.shape[:2]
    top, left = max(0, (box[0] - 1) * factor), max(0, (box[1] - 1) * factor)
    bottom, right = min(height, (box[2] + 1) * factor), min(width, (box[3] + 1) * factor)
    fine = max(1, -(-max(bottom - top, right - left) // AMOUNT_SIDE), round(max(bottom - top, right - left) / CUT_SIDE))
    cut = mix_colours(average_blocks(picture[top:bottom, left:right], fine), grid.weights, grid.offset)
    grey = cut.astype(np.float32)
    if light:
        grey = 255 - grey
    y = ((top + (np.arange(grey.shape[0]) + 0.5) * fine) / factor).astype(np.intp).clip(0, shape[0] - 1)
    x = ((left + (np.arange(grey.shape[1]) + 0.5) * fine) / factor).astype(np.intp).clip(0, shape[1] - 1)
    paper = _spread(ground[None], shape)[0]
    where = near[np.ix_(y, x)]
    ink = paper[np.ix_(y, x)] - grey
    outside = ~where
    if outside.any():
        ink -= np.median(ink[outside])  # the strongest of each block was kept on the canvas, so its ground is darker
    inside = ink[where]
    level = np.partition(inside, int(0.9 * (len(inside) - 1)))[int(0.9 * (len(inside) - 1))]
    amount = np.clip((ink / max(float(level), 1.0) - 0.15) / 0.75, 0, 1) * where
    amount = amount.astype(np.float32)
    strong = amount > 0.4
    ys, xs = np.flatnonzero(strong.any(axis=1)), np.flatnonzero(strong.any(axis=0))
    crop = amount[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    return crop, (
        int(top + ys[0] * fine),
        int(left + xs[0] * fine),
        int(min(height, top + (ys[-1] + 1) * fine)),
        int(min(width, left + (xs[-1] + 1) * fine)),
    )
