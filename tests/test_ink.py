"""The ink finder: one digit, one ink, whatever it was written on; and no ink where nothing was written."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from digit_batch.ink import Ink, find_inks, find_tight_inks, may_be
from digit_batch.ink.grids import average_blocks
from digit_batch.ink.ground import find_middle

DIGITS = load_digits().images[:200] / 16
NOISE = np.random.default_rng(0)
digits = st.integers(0, len(DIGITS) - 1)


def draw(index: int, height: int = 64) -> NDArray[np.float64]:
    """Return a digit of scikit-learn's set as smooth strokes, `height` px high, in a tight crop, 0..1."""
    image = Image.fromarray(np.pad(DIGITS[index], 1).astype(np.float32))
    smooth = np.asarray(image.resize((10 * height // 8,) * 2, Image.Resampling.BICUBIC))
    stroke = 1 / (1 + np.exp(-16 * (smooth - 0.5)))
    inside = stroke > 0.5
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return np.asarray(stroke[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def write(
    stroke: NDArray[np.float64],
    margin: int = 14,
    paper: tuple[int, int, int] = (235, 235, 235),
    pen: tuple[int, int, int] = (30, 30, 30),
    noise: float = 0.0,
) -> NDArray[np.uint8]:
    """Write strokes on paper with a margin, as an RGB picture."""
    amount = np.pad(stroke, margin)[..., None]
    picture = amount * np.array(pen) + (1 - amount) * np.array(paper)
    picture += noise * NOISE.normal(size=(*amount.shape[:2], 1))
    return np.clip(picture, 0, 255).astype(np.uint8)


def fit(amount: NDArray[np.floating], side: int = 24) -> NDArray[np.float64]:
    """Bring an amount to a square of one size."""
    image = Image.fromarray(np.asarray(amount, np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.BOX), np.float64)


def overlap(ink: Ink, stroke: NDArray[np.float64]) -> float:
    """Share of the ink found and the ink written that is the same, 0..1, on a common box."""
    if ink.blank:
        return 0.0
    found, written = fit(ink.amount), fit(stroke)
    return float(np.minimum(found, written).sum() / np.maximum(found, written).sum())


def test_what_is_found_is_what_was_written() -> None:
    strokes = [draw(i) for i in range(100)]
    inks = find_inks([write(stroke) for stroke in strokes])
    assert min(overlap(ink, stroke) for ink, stroke in zip(inks, strokes, strict=True)) > 0.75
    for ink, stroke in zip(inks, strokes, strict=True):
        assert np.abs(np.array(ink.box) - (14, 14, 14 + stroke.shape[0], 14 + stroke.shape[1])).max() <= 4
        assert not ink.light_on_dark
        assert not ink.clipped


def test_alone_and_in_a_chunk_the_answer_is_the_same() -> None:
    """Pictures of many sizes share stacks; none may see its neighbours."""
    pictures = [write(draw(i, 20 + 3 * i), margin=i % 9, noise=3) for i in range(60)]
    for together, picture in zip(find_inks(pictures), pictures, strict=True):
        (alone,) = find_inks([picture])
        assert np.array_equal(together.amount, alone.amount)
        assert (together.box, together.removed, together.signal) == (alone.box, alone.removed, alone.signal)


def test_no_pictures_give_no_inks() -> None:
    assert find_inks([]) == []


@settings(max_examples=60, deadline=None)
@given(digits)
def test_inverted_pictures_give_the_same_ink(index: int) -> None:
    picture = write(draw(index))[..., 0]
    dark, light = find_inks([picture, 255 - picture])
    assert (dark.light_on_dark, light.light_on_dark) == (False, True)
    assert np.abs(np.array(dark.box) - light.box).max() <= 1
    assert overlap(dark, light.amount.astype(float)) > 0.9


@settings(max_examples=60, deadline=None)
@given(digits, st.integers(8, 200))
def test_added_margin_does_not_change_the_ink(index: int, margin: int) -> None:
    stroke = draw(index)
    (ink,) = find_inks([write(stroke, margin)])
    assert overlap(ink, stroke) > 0.75


def test_a_digit_cut_out_along_its_ink_is_found_whole_in_its_own_tone_only() -> None:
    strokes = [draw(i) for i in range(100)]
    dark = [write(stroke, margin=0) for stroke in strokes]
    for tone, other, pictures in (("dark", "light", dark), ("light", "dark", [255 - picture for picture in dark])):
        inks = find_tight_inks(pictures, tone)
        found = [(ink, stroke) for ink, stroke in zip(inks, strokes, strict=True) if ink is not None]
        assert len(found) > 90, "the others are in more than one piece"
        for ink, stroke in found:
            assert overlap(ink, stroke) > 0.75
            assert np.abs(np.array(ink.box) - (0, 0, *stroke.shape)).max() <= 4
            assert ink.light_on_dark == (tone == "light")
        assert sum(ink is not None for ink in find_tight_inks(pictures, other)) < 30


def test_a_digit_cut_out_along_its_ink_is_told_from_one_on_paper() -> None:
    strokes = [draw(i) for i in range(100)]
    for ink in find_inks([write(stroke) for stroke in strokes]):
        assert not ink.tight
        assert may_be(ink, "dark")
    cut_out = find_inks([write(stroke, margin=0) for stroke in strokes])
    assert np.mean([ink.tight for ink in cut_out]) > 0.95
    assert np.mean([may_be(ink, "dark") for ink in cut_out]) > 0.98


@settings(max_examples=40, deadline=None)
@given(digits, st.integers(24, 600))
def test_size_does_not_change_the_ink(index: int, height: int) -> None:
    (small, large) = find_inks([write(draw(index, 48), 12), write(draw(index, height), height // 4)])
    assert overlap(small, large.amount.astype(float)) > 0.75


@settings(max_examples=40, deadline=None)
@given(digits, st.integers(90, 255))
def test_brightness_of_the_paper_does_not_change_the_ink(index: int, level: int) -> None:
    stroke = draw(index)
    (ink,) = find_inks([write(stroke, paper=(level,) * 3)])
    assert overlap(ink, stroke) > 0.75


@pytest.mark.parametrize("pen", [(20, 30, 150), (180, 20, 20), (20, 110, 40), (110, 110, 115), (0, 0, 0)])
@pytest.mark.parametrize("paper", [(255, 255, 255), (235, 225, 200), (240, 225, 140), (190, 190, 190)])
def test_colours_of_pen_and_paper_do_not_change_the_ink(pen: tuple[int, int, int], paper: tuple[int, int, int]) -> None:
    strokes = [draw(i) for i in range(10)]
    inks = find_inks([write(stroke, paper=paper, pen=pen, noise=2) for stroke in strokes])
    assert min(overlap(ink, stroke) for ink, stroke in zip(inks, strokes, strict=True)) > 0.8


def test_a_shadow_on_half_the_paper_is_no_ink() -> None:
    strokes = [draw(i) for i in range(40)]
    pictures = []
    for stroke in strokes:
        picture = write(stroke, noise=2)
        picture[:, picture.shape[1] // 2 :] = picture[:, picture.shape[1] // 2 :] * 0.7
        pictures.append(picture)
    found = [overlap(ink, stroke) for ink, stroke in zip(find_inks(pictures), strokes, strict=True)]
    assert np.mean(np.array(found) > 0.7) >= 0.9


def test_faint_pencil_is_ink() -> None:
    strokes = [draw(i, 100) for i in range(20)]
    inks = find_inks([write(stroke, 30, paper=(225,) * 3, pen=(195,) * 3, noise=2) for stroke in strokes])
    assert min(overlap(ink, stroke) for ink, stroke in zip(inks, strokes, strict=True)) > 0.7


def test_three_pixel_strokes_in_a_large_frame_survive() -> None:
    picture = np.full((1080, 1080), 255, np.uint8)
    picture[300:800, 500:503] = 0
    picture[300:303, 400:503] = 0
    (ink,) = find_inks([picture])
    assert np.abs(np.array(ink.box) - (300, 400, 800, 503)).max() <= 12
    assert ink.parts == 1
    assert max(ink.amount.shape) <= 128


@pytest.mark.parametrize("side", [0, 1, 2, 3])
def test_a_ruled_line_at_the_border_is_left_out(side: int) -> None:
    strokes = [draw(i) for i in range(40)]
    pictures = []
    for stroke in strokes:
        picture = write(stroke)
        np.rot90(picture, side)[1:4] = 20
        pictures.append(picture)
    inks = find_inks(pictures)
    assert min(overlap(ink, stroke) for ink, stroke in zip(inks, strokes, strict=True)) > 0.75
    assert all("line" in " ".join(ink.removed) for ink in inks)


def test_a_line_that_touches_the_digit_is_cut_off() -> None:
    strokes = [draw(i, 80) for i in range(40)]
    pictures = []
    for stroke in strokes:
        picture = write(stroke)
        picture[-16:-13] = 20
        pictures.append(picture)
    found = [overlap(ink, stroke) for ink, stroke in zip(find_inks(pictures), strokes, strict=True)]
    assert np.mean(np.array(found) > 0.75) >= 0.9


def test_a_box_around_the_digit_is_left_out() -> None:
    strokes = [draw(i) for i in range(40)]
    pictures = []
    for stroke in strokes:
        picture = write(stroke, 20)
        picture[4:7, 4:-4] = picture[-7:-4, 4:-4] = picture[4:-4, 4:7] = picture[4:-4, -7:-4] = 20
        pictures.append(picture)
    inks = find_inks(pictures)
    assert min(overlap(ink, stroke) for ink, stroke in zip(inks, strokes, strict=True)) > 0.75


def test_a_flag_apart_belongs_to_the_digit_and_specks_do_not() -> None:
    picture = np.full((100, 80), 240, np.uint8)
    picture[30:80, 30:36] = 20  # the stem
    picture[20:26, 34:56] = 20  # its flag, 4 px above it
    picture[88:90, 70:72] = 20  # a speck
    (ink,) = find_inks([picture])
    assert ink.parts == 2
    assert ink.box == (20, 30, 80, 56)
    assert ink.removed == ("1 speck",)


def test_a_second_digit_is_reported() -> None:
    stroke = draw(3)
    gap = np.zeros((stroke.shape[0], 40))
    (one, two) = find_inks([write(stroke), write(np.hstack([stroke, gap, draw(3)]))])
    assert one.others == 0
    assert two.others > 0.8


def test_a_digit_cut_by_the_frame_is_reported() -> None:
    picture = write(draw(3))
    whole, cut = find_inks([picture, picture[:-20]])
    assert (whole.clipped, cut.clipped) == (False, True)


def test_the_stroke_is_measured_in_pixels_of_the_picture() -> None:
    for scale in (1, 4, 12):
        picture = np.full((90 * scale, 60 * scale), 250, np.uint8)
        picture[15 * scale : 75 * scale, 27 * scale : 33 * scale] = 10
        (ink,) = find_inks([picture])
        assert ink.stroke == pytest.approx(6 * scale, rel=0.35)


def test_polarity_can_be_told() -> None:
    """A light digit so fat that most of its picture is ink looks like dark on light."""
    picture = np.full((40, 30), 230, np.uint8)
    picture[15:25, 12:18] = 10
    assert not find_inks([picture])[0].light_on_dark
    (ink,) = find_inks([picture], polarity="light")
    assert ink.light_on_dark


BLANKS = {
    "white": np.full((28, 28), 255, np.uint8),
    "black": np.zeros((28, 28), np.uint8),
    "grey": np.full((300, 200, 3), 128, np.uint8),
    "one pixel": np.full((1, 1), 9, np.uint8),
    "a row": np.full((1, 500), 200, np.uint8),
    "gradient": np.tile(np.linspace(60, 220, 90).astype(np.uint8), (70, 1)),
    "slanted gradient": np.add.outer(np.arange(120), np.arange(120)).astype(np.uint8),
    "one level": np.where(NOISE.random((64, 64)) < 0.5, 200, 201).astype(np.uint8),
}
BLANKS |= {
    f"{kind} noise, {side} px": np.clip(noise, 0, 255).astype(np.uint8)
    for side in (16, 28, 64, 300)
    for kind, noise in {
        "uniform": NOISE.uniform(0, 256, (side, side)),
        "coloured": NOISE.uniform(0, 256, (side, side, 3)),
        "normal": NOISE.normal(200, 10, (side, side)),
        "two-level": 255.0 * (NOISE.random((side, side)) < 0.5),
        "salt": 255.0 * (NOISE.random((side, side)) < 0.02),
    }.items()
}


@pytest.mark.parametrize("name", BLANKS)
def test_blanks_and_noise_have_no_ink(name: str) -> None:
    for ink in find_inks([BLANKS[name], 255 - BLANKS[name]]):
        assert ink.blank
        assert ink.amount.shape == (0, 0)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 40), st.sampled_from([(), (3,)]), st.integers(0, 2**32 - 1), st.integers(0, 3)
)
def test_any_picture_is_answered_within_bounds(
    height: int, width: int, colours: tuple[int, ...], seed: int, levels: int
) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.choice(np.array([0, 255, 128, 30], np.uint8)[: levels + 1], (height, width, *colours))
    (ink,) = find_inks([picture])
    top, left, bottom, right = ink.box
    assert 0 <= top <= bottom <= height
    assert 0 <= left <= right <= width
    assert ink.amount.dtype == np.float32
    assert ink.amount.size == 0 or (np.all((ink.amount >= 0) & (ink.amount <= 1)))


@pytest.mark.parametrize("factor", [1, 2, 3, 16, 17])
@pytest.mark.parametrize("shape", [(41, 67), (41, 67, 3)])
def test_blocks_are_averaged_as_numpy_averages_them(shape: tuple[int, ...], factor: int) -> None:
    picture = np.random.default_rng(factor).integers(0, 256, shape, np.uint8)
    rows, columns = 41 // factor, 67 // factor
    blocks = picture[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor, -1)
    wanted = (blocks.sum(axis=(1, 3), dtype=int) + factor**2 // 2) // factor**2
    averages = average_blocks(picture, factor)
    assert np.array_equal(averages if len(shape) == 2 else averages.transpose(1, 2, 0), np.squeeze(wanted))


@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_the_middle_is_numpys_median(count: int) -> None:
    levels = np.random.default_rng(count).normal(size=count).astype(np.float32)
    assert find_middle(levels) == np.median(levels)
