"""Simulated scans are what they say: pictures, reproducible, with the ink where the truth says."""

from dataclasses import replace

import numpy as np
import pytest

from digit_batch.paper import KINDS, draw_scan, draw_scan_with_truth
from digit_batch.paper.effects import draw_lines

# A bold seven: a bar, and a leg that slants.
SEVEN = np.zeros((96, 60), np.float32)
SEVEN[:14] = 1
for _row in range(96):
    SEVEN[_row, 44 - _row * 40 // 96 : 58 - _row * 40 // 96] = 1

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


@EVERY_KIND
def test_a_scan_is_an_8_bit_picture_of_its_kind(kind):
    """The frame and the colour axis are as the table says."""
    picture = draw_scan(np.random.default_rng(0), SEVEN, kind)
    assert picture.dtype == np.uint8
    assert picture.ndim == (2 if KINDS[kind].grey else 3)
    low, high = KINDS[kind].side
    assert low <= picture.shape[0] <= high


@EVERY_KIND
def test_the_same_seed_draws_the_same_scan(kind):
    """All chance comes from the generator, and another state of it draws another scan."""
    first, again, other = (draw_scan(np.random.default_rng(seed), SEVEN, kind) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()


@EVERY_KIND
def test_the_truth_lies_on_the_ink(kind):
    """Under the mask the picture differs from its paper nearby, to the side that the kind's colours say."""
    light_ink = np.mean(KINDS[kind].ink) > np.mean(KINDS[kind].paper)
    for seed in range(20):
        picture, mask = draw_scan_with_truth(np.random.default_rng(seed), SEVEN, kind)
        assert mask.shape == picture.shape[:2]
        assert mask.dtype == np.float32
        assert 0 <= mask.min() <= mask.max() <= 1
        grey = picture.astype(float) if picture.ndim == 2 else picture.mean(axis=2)
        contrast = grey[mask > 0.9].mean() - np.median(grey[mask == 0])
        assert contrast > 20 if light_ink else contrast < -20, (seed, contrast)


def test_the_truth_does_not_sit_beside_the_ink():
    """A mask moved by a stroke's width fits the picture worse, so the two are aligned."""
    kind = replace(KINDS["flatbed"], side=(200, 200), fill=(0.5, 0.5), wander=0.0)
    for seed in range(10):
        picture, mask = draw_scan_with_truth(np.random.default_rng(seed), SEVEN, kind)
        darkness = 255.0 - picture
        fits = {
            move: (darkness * np.roll(mask, move, (0, 1))).sum() for move in ((0, 0), (4, 0), (-4, 0), (0, 4), (0, -4))
        }
        assert max(fits, key=fits.get) == (0, 0)


@pytest.mark.parametrize("amount", [np.zeros((0, 0), np.float32), np.zeros((40, 30), np.float32)])
def test_no_ink_draws_a_blank_sheet(amount):
    """Nothing to draw is a scan too: paper without a digit."""
    picture, mask = draw_scan_with_truth(np.random.default_rng(0), amount, "flatbed")
    assert not mask.any()
    assert np.ptp(picture) < 60


def test_a_clipped_digit_reaches_the_frame():
    """A kind that always clips leaves ink in the outermost row or column."""
    kind = replace(KINDS["cut-off"], clip=1.0)
    for seed in range(20):
        mask = draw_scan_with_truth(np.random.default_rng(seed), np.ones((60, 40), np.float32), kind)[1]
        assert max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) > 0.9


def test_a_threshold_leaves_black_and_white_only():
    """The fax is 1-bit, and most of its stroke is still there."""
    picture, mask = draw_scan_with_truth(np.random.default_rng(3), SEVEN, "fax")
    assert set(np.unique(picture)) == {0, 255}
    assert (picture[mask > 0.9] == 0).mean() > 0.5


def test_thin_lines_keep_their_place():
    """A level line is at its offset, an upright one at its own, and a thin one is only paler."""
    level = draw_lines((20, 30), 0.0, np.array([5.0]), 1.0)
    assert level[5].min() == 1
    assert level.sum() == 30
    upright = draw_lines((20, 30), -np.pi / 2, np.array([7.0]), 0.5)
    assert upright[:, 7].min() == pytest.approx(0.25, abs=0.26)
    assert upright[:, 9:].max() == 0


def test_an_unknown_kind_is_refused():
    """A name that is not in the table is no scan."""
    with pytest.raises(KeyError, match="papyrus"):
        draw_scan(np.random.default_rng(0), SEVEN, "papyrus")
