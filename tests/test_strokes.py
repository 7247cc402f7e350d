"""Drawn digits: every way of writing gives one legible digit, and the same seed gives the same drawing."""

import numpy as np
import pytest
from skimage.measure import label

from digit_batch.strokes import WAYS, draw_digit, draw_digits, draw_strangers, draw_way, list_signs, list_ways
from digit_batch.strokes.pen import CANVAS

ALL_WAYS = [pytest.param(way, id=f"{way.digit}-{way.name}") for digit in range(10) for way in list_ways(digit)]


@pytest.mark.parametrize("way", ALL_WAYS)
def test_a_way_draws_ink_that_fills_the_canvas_and_hangs_together(way):
    drawing = draw_way(np.random.default_rng(1), way, 1, haste=0)[0]
    assert drawing.shape == (CANVAS, CANVAS)
    assert drawing.min() >= 0
    assert drawing.max() <= 1
    ys, xs = np.nonzero(drawing > 0.5)
    assert max(np.ptp(ys), np.ptp(xs)) > 0.8 * CANVAS
    assert label(drawing > 0.3, connectivity=2).max() <= len(way.strokes)


def test_every_digit_has_ten_ways_or_more():
    assert min(len(ways) for ways in WAYS.values()) >= 10


def test_the_same_seed_draws_the_same():
    digits = np.arange(30) % 10
    one, two, other = (draw_digits(np.random.default_rng(seed), digits) for seed in (3, 3, 4))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_the_hand_varies():
    drawings = draw_way(np.random.default_rng(0), list_ways(2)[0], 8)
    assert len(np.unique(drawings.reshape(8, -1), axis=0)) == 8


def test_a_drawing_is_cropped_to_its_ink():
    amount = draw_digit(np.random.default_rng(2), 8)
    assert all((edge > 0.3).any() for edge in (amount[0], amount[-1], amount[:, 0], amount[:, -1]))


def test_a_ring_has_a_hole_and_a_stick_has_none():
    for digit, name, holes in ((0, "oval", 1), (8, "two rings", 2), (1, "stick", 0)):
        (way,) = (way for way in list_ways(digit) if way.name == name)
        drawing = draw_way(np.random.default_rng(9), way, 1, haste=0)[0]
        assert label(drawing < 0.5, connectivity=1).max() - 1 == holes


@pytest.mark.parametrize("sign", list_signs(), ids=lambda sign: sign.name)
def test_a_sign_draws_ink_on_the_canvas(sign):
    drawing = draw_way(np.random.default_rng(1), sign, 1, haste=0)[0]
    ys, xs = np.nonzero(drawing > 0.5)
    assert max(np.ptp(ys), np.ptp(xs)) > 0.8 * CANVAS
    assert drawing.min() >= 0
    assert drawing.max() <= 1


def test_strangers_are_drawn_on_the_canvas_by_seed():
    one, two, other = (draw_strangers(np.random.default_rng(seed), 200) for seed in (3, 3, 4))
    assert one.shape == (200, CANVAS, CANVAS)
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    assert one.min() >= 0
    assert one.max() <= 1
    assert (one.max(axis=(1, 2)) > 0.5).all()
