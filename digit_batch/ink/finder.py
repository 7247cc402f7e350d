"""Finding the ink: from pictures to the one digit that each of them holds."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from digit_batch.ink.cut import cut_again, scale_amounts
from digit_batch.ink.grids import Grid, average_blocks, lay_grid, pool_blocks, stack_canvases
from digit_batch.ink.ground import is_coherent, measure_polarity, subtract_ground
from digit_batch.ink.parts import NEAR, Choice, choose_parts, find_lines, find_parts, pick_best, rate_parts
from digit_batch.ink.rules import find_rules, measure_pen
from digit_batch.ink.sliding import slide

Polarity = Literal["auto", "dark", "light"]

STRENGTH = 0.5  # of the digit's mean ink: weaker is show-through or shadow
LEAST_SIZE = 0.09  # of the picture's longer side: a smaller digit is dust
LEAST_SHARE = 0.35  # of all ink in the digit's box: less is noise that someone thresholded
LEAST_COHERENCE = 0.3  # likeness of neighbouring pixels: 0 to 0.15 in noise, from 0.4 for strokes one pixel wide
LEAST_CONTRAST = 8.0  # grey levels between ink and paper; JPEG makes differences of 2 to 5 on blank paper
LEAST_SIGNAL = 4.7  # ink over the paper's noise; pure noise, split in two by any threshold, reaches 3.5
FRAME, FRAME_FILL = 0.5, 0.3  # of the sides that a frame spans, of its area that is ink: less ink, and more span
CROSSING, SLENDER = 0.85, 0.15  # of the sides, along and across a ruled line that is all there is
TOUCHING, ROOM = 0.02, 0.4  # of the side: the gap to a frame that cuts, and the space on the other side
TIGHT = 3  # sides on which dark and light meet, where a digit was cut out along its ink
SURE = 0.75  # lean of the polarity: of 1,700 simulated scans that lean more none is wrong, of 400 others 20
PAPER = 1.0  # in doubt, dark ink on paper is the likelier: exp(1) to 1
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
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
    cut
        Share of a side of the digit that lies on the frame, 0..1, where the picture has room on its other side: the
        frame cuts through it there. (A digit that was cropped tightly touches the frame all around.)
    parts
        Connected strokes kept.
    removed
        What was left out, in words.
    contrast
        Ink against paper, grey levels, 0..255.
    signal
        Contrast over the paper's own noise (at least one grey level).
    stroke
        Width of the strokes, px of the picture.
    left_out
        How many pieces of ink were left out: lines, specks and others.
    others
        Height of the tallest sizeable part left out, as a share of the digit's height: near 1, it may be another digit.
    lean
        How surely the ink is light (above 0) or dark (below), by the picture's tones alone; ``SURE`` or its negative
        where the polarity was given.
    tight
        Dark and light meet on nearly every side of the picture, as where a digit was cut out along its ink.
    """

    amount: NDArray[np.float32]
    box: tuple[int, int, int, int]
    light_on_dark: bool
    clipped: bool
    cut: float
    parts: int
    removed: tuple[str, ...]
    contrast: float
    signal: float
    stroke: float
    left_out: int
    others: float
    lean: float
    tight: bool

    @property
    def breadth(self) -> float:
        """Width of the digit over its height; 0 where there is none."""
        top, left, bottom, right = self.box
        return (right - left) / (bottom - top) if bottom > top else 0.0

    @property
    def blank(self) -> bool:
        """No ink was found."""
        return self.amount.size == 0


def find_inks(pictures: Sequence[NDArray[np.uint8]], polarity: Polarity = "auto", *, gather: bool = False) -> list[Ink]:
    """Find the digit's ink in each picture.

    Parameters
    ----------
    pictures
        (h, w) grey or (h, w, 3) RGB, uint8, upright. Many at once are quicker than one by one, and give the same.
    polarity
        "dark" for dark ink on light paper, "light" for the reverse, "auto" to decide for each picture.
    gather
        Take every piece of writing for the digit, however far apart: a second look at what was left out.

    Returns
    -------
    One Ink for each picture, in order.
    """
    grids = [lay_grid(picture) for picture in pictures]
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, grid in enumerate(grids):
        groups[grid.canvas].append(index)
    inks: dict[int, Ink] = {}
    for members in groups.values():
        found = _find_group([pictures[i] for i in members], [grids[i] for i in members], polarity, gather)
        inks.update(zip(members, found, strict=True))
    return [inks[index] for index in range(len(pictures))]


def _find_group(pictures: list[NDArray[np.uint8]], grids: list[Grid], polarity: Polarity, gather: bool) -> list[Ink]:
    """Find the inks of pictures that share a canvas."""
    averages = [average_blocks(grid.grey, grid.pool) for grid in grids]
    stack = stack_canvases(averages, grids[0].canvas)
    if polarity == "auto":
        lean = measure_polarity(stack)
    else:
        lean = np.full(len(grids), SURE if polarity == "light" else -SURE, np.float32)
    # Where the polarity is in doubt both are read, and what was found decides.
    dark, light = np.flatnonzero(lean < SURE), np.flatnonzero(lean > -SURE)
    which, flip = np.concatenate([dark, light]), np.arange(len(dark) + len(light)) >= len(dark)
    blank = _find_noise(averages, grids)[which]
    if all(grid.pool == 1 for grid in grids):
        canvases = stack[which]
    else:
        pooled = [pool_blocks(grids[i].grey, grids[i].pool, bool(f)) for i, f in zip(which, flip, strict=True)]
        canvases = stack_canvases(pooled, grids[0].canvas)
    tones = list(zip(lean.tolist(), _find_tight(stack).tolist(), strict=True))
    known = [(pictures[i], grids[i], tones[i]) for i in which.tolist()]
    inks = _read_canvases(canvases, known, flip, blank, gather)
    readings: list[list[Ink]] = [[] for _ in grids]
    for i, ink in zip(which, inks, strict=True):
        readings[i].append(ink)
    return [
        found[0] if len(found) == 1 else _settle(found, picture.shape)
        for found, picture in zip(readings, pictures, strict=True)
    ]


def _find_tight(stack: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Say on which (n, h, w) canvases dark and light meet on three sides or all four."""
    levels = stack.reshape(len(stack), -1)
    middle = (levels.min(axis=1).astype(np.uint16) + levels.max(axis=1) + 1)[:, None] // 2
    sides = [side < middle for side in (stack[:, 0], stack[:, -1], stack[:, :, 0], stack[:, :, -1])]
    return np.asarray(sum(side.any(axis=1) & ~side.all(axis=1) for side in sides) >= TIGHT)


def _find_noise(averages: list[NDArray[np.uint8]], grids: list[Grid]) -> NDArray[np.bool_]:
    """Say which pictures hold noise and no ink, as only their averages tell.

    Taking the strongest pixel of each block makes solid patches of black and white noise; averages leave it noise. They
    hold the paper's noise too, so that half the likeness of neighbouring pixels is enough there.
    """
    noise = np.zeros(len(grids), bool)
    shapes: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for i, (grid, average) in enumerate(zip(grids, averages, strict=True)):
        if grid.pool > 1:
            shapes[average.shape].append(i)
    for members in shapes.values():
        stack = np.stack([averages[i] for i in members]).astype(np.float32)
        noise[members] = ~is_coherent(stack, LEAST_COHERENCE / 2)
    return noise


def _settle(readings: list[Ink], shape: tuple[int, ...]) -> Ink:
    """Choose between the readings of a picture whose polarity is in doubt.

    The wrong one makes ink of the ground: it touches the frame, its "strokes" are broad, and stand out less from the
    noise. The weights are those of a logistic regression, the same for either polarity, over 243 simulated scans in
    doubt; it errs in 11, the lean alone in 20.
    """
    dark, light = readings
    if dark.blank or light.blank:
        return light if dark.blank else dark
    margin = -PAPER + 4.8 * dark.lean + 3.3 * np.log((light.signal + 1) / (dark.signal + 1))
    margin -= 11.5 * (_breadth(light) - _breadth(dark)) + 1.5 * (_contact(light, shape) - _contact(dark, shape))
    return light if margin > 0 else dark


def _breadth(ink: Ink) -> float:
    """Width of the strokes over the longer side of the digit."""
    top, left, bottom, right = ink.box
    return ink.stroke / max(bottom - top, right - left)


def _contact(ink: Ink, shape: tuple[int, ...]) -> float:
    """Share of the picture's frame, 0..1, that the ink touches."""
    top, left, bottom, right = ink.box
    edges = (
        (ink.amount[0], top),
        (ink.amount[-1], shape[0] - bottom),
        (ink.amount[:, 0], left),
        (ink.amount[:, -1], shape[1] - right),
    )
    touching = [float((edge > 0.5).mean()) for edge, gap in edges if gap <= 0.02 * max(shape[:2])]
    return sum(touching) / 4


def _read_canvases(
    canvases: NDArray[np.uint8],
    known: Sequence[tuple[NDArray[np.uint8], Grid, tuple[float, bool]]],
    light: NDArray[np.bool_],
    blank: NDArray[np.bool_],
    gather: bool,
) -> list[Ink]:
    """Find the ink on each canvas, whose ink is light or dark, unless the canvas is known to be blank.

    Known of each are its picture, the picture's grid, and its lean and whether it is tight.
    """
    n = len(canvases)
    canvases[light] = 255 - canvases[light]
    shape = canvases.shape[1:]
    sides = np.array([[side // grid.pool for side in grid.grey.shape] for _, grid, _ in known])
    inside = [np.arange(shape[axis]) < sides[:, axis : axis + 1] for axis in (0, 1)]
    valid = inside[0][:, :, None] & inside[1][:, None, :]
    sides = sides.astype(float)
    ink, threshold, noise, ground = subtract_ground(canvases, valid, light)
    floor = np.maximum(np.maximum(0.5 * threshold, 3 * noise), 3)
    mask = ink > floor[:, None, None]
    near, across = find_rules(mask, sides)
    parts = find_parts(ink, mask & ~across)
    best = pick_best(parts, rate_parts(parts, sides, find_lines(parts, sides, near)), n)
    found = best >= 0
    level = np.zeros(n, np.float32)
    level[found] = parts.ink[best[found]] / parts.area[best[found]]
    # The digit's own strength decides what is ink: weaker is show-through or shadow.
    floor = np.maximum(floor, STRENGTH * level)
    mask = (ink > floor[:, None, None]) & ~across
    parts = find_parts(ink, mask)
    lines = find_lines(parts, sides, near)
    best = pick_best(parts, rate_parts(parts, sides, lines), n)
    cut: NDArray[np.bool_] = np.logical_or.reduce(across, axis=(1, 2))
    ends = np.searchsorted(parts.canvas, np.arange(n + 1)).tolist()
    reach = np.inf if gather else NEAR
    choices = [
        choose_parts(parts, range(ends[i], ends[i + 1]), int(best[i]), lines, int(cut[i]), reach) for i in range(n)
    ]
    chosen = np.zeros(len(parts.area), bool)
    chosen[[k for choice in choices for k in choice.kept]] = True
    kept = parts.paint(chosen)
    # Soft edges lie next to the strokes, but what belongs to other parts stays out.
    wide = slide(slide(kept, 1, 1, True), 1, 2, True) & ~((mask | across) & ~kept) & valid
    amount = scale_amounts(ink, level[:, None, None]) * wide
    boxes = _find_boxes(kept)
    stroke = measure_pen(kept)
    signal = level / np.maximum(noise, 1)
    dense = (parts.paint(~chosen & (parts.area < parts.area[best[parts.canvas]])) & ~near).sum(axis=(1, 2))
    share = kept.sum(axis=(1, 2)) / np.maximum(kept.sum(axis=(1, 2)) + dense, 1)
    size = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    blank = (
        blank
        | ~is_coherent(np.maximum(ink, 0), LEAST_COHERENCE)
        | (level < LEAST_CONTRAST)
        | (signal < LEAST_SIGNAL)
        | (size < LEAST_SIZE * sides.max(axis=1))
        | (share < LEAST_SHARE)
        | _find_frames(kept, boxes, sides, np.concatenate([lines, [False]])[best])
    )
    inks = []
    for i, (picture, grid, tones) in enumerate(known):
        top, left, bottom, right = box = tuple(boxes[i].tolist())
        height, width = sides[i].tolist()
        if blank[i]:
            inks.append(_say_blank(bool(light[i]), choices[i], float(level[i]), float(signal[i]), *tones))
            continue
        if grid.factor == 1:
            crop = amount[i, top:bottom, left:right].copy()
        else:
            crop, box = cut_again(picture, grid, wide[i], ground[i], bool(light[i]), box)
        inks.append(
            Ink(
                amount=crop,
                box=box,
                light_on_dark=bool(light[i]),
                clipped=top == 0 or left == 0 or bottom == height or right == width,
                cut=_find_cut(crop, box, picture.shape),
                parts=len(choices[i].kept),
                removed=choices[i].removed,
                contrast=float(level[i]),
                signal=float(signal[i]),
                stroke=float(stroke[i]) * grid.factor,
                left_out=choices[i].left_out,
                others=choices[i].others,
                lean=tones[0],
                tight=tones[1],
            )
        )
    return inks


def _find_frames(kept: NDArray[np.bool_], boxes: NDArray[np.intp], sides: Floats, line: Mask) -> Mask:
    """Say where all that is left of the writing is a ruled line, a frame, or a corner of one.

    A line crosses the picture and is slender beside its width, as a 1 that is alone in a narrow picture is not.
    """
    size = boxes[:, 2:] - boxes[:, :2]
    thin = kept.sum(axis=(1, 2)) < FRAME_FILL * size.prod(axis=1)
    frame = (size > FRAME * sides).all(axis=1) & thin
    rule = ((size >= CROSSING * sides) & (size < SLENDER * sides)[:, ::-1]).any(axis=1)
    return np.asarray(line & (frame | rule))


def _find_cut(crop: NDArray[np.float32], box: tuple[int, ...], shape: tuple[int, ...]) -> float:
    """Return the largest share of a side of the crop that lies on the frame with room on the other side."""
    top, left, bottom, right = box
    height, width = shape[:2]
    edges = (
        (top, height - bottom, height, crop[0]),
        (height - bottom, top, height, crop[-1]),
        (left, width - right, width, crop[:, 0]),
        (width - right, left, width, crop[:, -1]),
    )
    return max(
        float((edge > 0.5).mean()) if gap <= TOUCHING * side and room > ROOM * side else 0.0
        for gap, room, side, edge in edges
    )


def _say_blank(light: bool, choice: Choice, contrast: float, signal: float, lean: float, tight: bool) -> Ink:
    """Return the ink of a picture that has none."""
    left_out = choice.left_out
    return Ink(
        NO_INK, (0, 0, 0, 0), light, False, 0.0, 0, choice.removed, contrast, signal, 0.0, left_out, 0.0, lean, tight
    )


def _find_boxes(kept: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return (n, 4) top, left, bottom, right of what is kept on each canvas; zeros where nothing is."""
    rows: NDArray[np.bool_] = np.logical_or.reduce(kept, axis=2)
    columns: NDArray[np.bool_] = np.logical_or.reduce(kept, axis=1)
    bottom = rows.shape[1] - rows[:, ::-1].argmax(axis=1)
    right = columns.shape[1] - columns[:, ::-1].argmax(axis=1)
    boxes = np.stack([rows.argmax(axis=1), columns.argmax(axis=1), bottom, right], axis=1)
    return np.where(np.logical_or.reduce(rows, axis=1)[:, np.newaxis], boxes, 0)
