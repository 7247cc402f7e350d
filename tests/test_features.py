"""The recipe of the 64 features: exact where the data set is exact, and blind to what is not the digit."""

import numpy as np
import pytest
from scipy.ndimage import rotate
from skimage.transform import resize_local_mean
from sklearn.datasets import load_digits

from digit_batch.features import (
    BOX,
    STROKE,
    TURNED,
    UPRIGHT,
    count_blocks,
    extract_features,
    extract_readings,
    fill_boxes,
    measure_stroke,
    stretch_crops,
)
from digit_batch.strokes import draw_digit
from digit_batch.variation import enlarge


@pytest.fixture(scope="module")
def drawings():
    rng = np.random.default_rng(5)
    return [draw_digit(rng, digit) for digit in range(10) for _ in range(4)]


def test_a_digit_enlarged_by_whole_pixels_passes_block_means_unchanged():
    images = load_digits().images[:200]
    boxes = np.stack([np.kron(image / 16, np.ones((4, 4))) for image in images]).astype(np.float32)
    assert np.array_equal(count_blocks(boxes), images.reshape(-1, 64).astype(np.float32))


def test_enlarged_bitmaps_count_to_the_digits_they_came_from():
    data = load_digits().data[:300]
    bitmaps = enlarge(data)
    assert set(np.unique(bitmaps)) == {0, 1}
    assert np.array_equal(count_blocks(bitmaps), data.astype(np.float32))


def test_features_are_64_numbers_from_0_to_16(drawings):
    features = extract_features(drawings)
    assert features.shape == (40, 64)
    assert features.dtype == np.float32
    assert features.min() >= 0
    assert features.max() <= 16


def test_a_chunk_reads_like_its_digits_one_by_one_whatever_their_sizes(drawings):
    mixed = [np.kron(d, np.ones((k, k), np.float32)) for d, k in zip(drawings, [1, 2, 3] * 13, strict=False)]
    alone = np.concatenate([extract_features([amount]) for amount in mixed])
    assert np.allclose(extract_features(mixed), alone, atol=1e-3)
    assert np.allclose(extract_features(mixed[::-1])[::-1], alone, atol=1e-3)


def test_size_does_not_change_the_features(drawings):
    large = [np.kron(amount, np.ones((3, 3), np.float32)) for amount in drawings]
    change = np.abs(extract_features(large) - extract_features(drawings))
    assert change.mean() < 0.1
    assert change.max() < 3


def test_empty_margin_does_not_change_the_features(drawings):
    framed = [np.pad(amount, ((3, 5), (7, 2))) for amount in drawings]
    assert np.allclose(extract_features(framed), extract_features(drawings), atol=1e-3)


def test_slant_is_taken_out():
    upright = np.zeros((40, 60), np.float32)
    upright[2:38, 26:32] = 1
    leaning = np.stack([np.roll(row, (20 - y) // 2) for y, row in enumerate(upright)])
    assert np.abs(extract_features([leaning]) - extract_features([upright])).mean() < 0.7


def test_thin_and_thick_pens_come_to_the_same_stroke():
    y, x = np.mgrid[:64, :64] - 31.5
    rings = [(np.abs(np.hypot(x, y) - 25) < width / 2).astype(np.float32) for width in (2, 6, 11)]
    boxes = fill_boxes(np.stack(rings))
    assert np.abs(measure_stroke(boxes) - STROKE).max() < 0.8


def test_a_narrow_digit_stays_narrow():
    bar = np.ones((40, 6), np.float32)
    assert (fill_boxes(bar[None])[0].max(axis=0) > 0.5).sum() < BOX / 2


def test_blanks_and_nothing_give_zeros():
    blank = [np.zeros((0, 0), np.float32), np.zeros((20, 12), np.float32)]
    assert not extract_features(blank).any()
    assert extract_features([]).shape == (0, 64)


def test_other_readings_differ_a_little(drawings):
    upright, *turned = extract_readings(drawings, [UPRIGHT, *TURNED])
    assert np.array_equal(upright, extract_features(drawings))
    for other in turned:
        assert 0.1 < np.abs(other - upright).mean() < 3


def test_a_stretched_crop_is_what_scikit_image_makes_of_it(drawings):
    counts = stretch_crops(drawings)
    wanted = [16 * resize_local_mean(drawing, (8, 8)).ravel() for drawing in drawings]
    assert counts.dtype == np.float32
    assert np.allclose(counts, wanted, atol=1e-4)
    assert stretch_crops([np.ones((3, 5), np.float32)]) == pytest.approx(16), "also of a crop smaller than the grid"
    assert stretch_crops([]).shape == (0, 64)


def test_a_slope_and_the_straightening_after_it_are_a_turn(drawings):
    plain = extract_features(drawings)
    for degrees in (-6, 6):
        turned = extract_features([np.clip(rotate(np.pad(each, 3), degrees, order=1), 0, 1) for each in drawings])
        (sloped,) = extract_readings(drawings, [np.tan(np.deg2rad(degrees))])
        (against,) = extract_readings(drawings, [np.tan(np.deg2rad(-degrees))])
        assert np.abs(sloped - turned).mean() < 0.6 * np.abs(plain - turned).mean()
        assert np.abs(sloped - turned).mean() < 0.4 * np.abs(against - turned).mean()


def test_a_sloped_reading_does_not_depend_on_its_neighbours():
    rng = np.random.default_rng(4)
    amounts = [rng.random((h, w)).astype(np.float32) for h, w in ((40, 20), (60, 44), (33, 50), (20, 12), (90, 70))]
    together = extract_readings(amounts, TURNED)
    alone = np.concatenate([extract_readings([amount], TURNED) for amount in amounts], axis=1)
    assert np.abs(together - alone).max() <= 0.125
    assert (together == alone).mean() > 0.99
