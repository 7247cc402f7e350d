"""What a classifier sees of a grid: rims by direction and place, the same bits in any company."""

import numpy as np
import pytest
from scipy import ndimage as ndi
from sklearn.datasets import load_digits

from digit_batch.features import LEVELS
from digit_batch.model import see_directions
from digit_batch.model.directions import ACROSS, DIRECTIONS, DOWN, FIELDS, GRAIN, MEANS, SEEN
from digit_batch.training.fitting import AXES, EVENED, find_axes

RIGHT, LEFT, BELOW, ABOVE, BELOW_RIGHT, ABOVE_RIGHT, BELOW_LEFT, ABOVE_LEFT = range(DIRECTIONS)
A_QUARTER_ON = [BELOW, ABOVE, LEFT, RIGHT, BELOW_LEFT, BELOW_RIGHT, ABOVE_LEFT, ABOVE_RIGHT]  # each, turned clockwise


@pytest.fixture(scope="module")
def digits():
    return load_digits().data[:300].astype(np.float32)


def see(grid):
    return see_directions(np.float32(grid).reshape(1, 64)).reshape(DIRECTIONS, FIELDS, FIELDS)


def strongest(grid):
    return int(see(grid).sum(axis=(1, 2)).argmax())


def test_a_rim_is_counted_where_it_is_and_where_it_faces():
    grid = np.zeros((8, 8))
    grid[:, 4:] = LEVELS  # ink grows to the right at the middle, and ends at the frame
    seen = see(grid)
    assert (seen[RIGHT, :, 1:3] > 0.8).all()
    assert (seen[RIGHT, :, 0] < 0.2).all()
    assert (seen[LEFT, :, 3] > 0.8).all()
    assert (seen[LEFT, :, 0] < 0.2).all()


@pytest.mark.parametrize(
    ("direction", "weights"),
    [(BELOW_RIGHT, (1, 1)), (ABOVE_RIGHT, (-1, 1)), (BELOW_LEFT, (1, -1)), (ABOVE_LEFT, (-1, -1))],
)
def test_a_slanting_rim_faces_between(direction, weights):
    y, x = np.mgrid[:8, :8] - 3.5
    assert strongest(np.clip(8 + 6 * (weights[0] * y + weights[1] * x), 0, LEVELS) * (np.hypot(y, x) < 3)) == direction


def test_a_turned_grid_faces_another_way(digits):
    for grid in digits[:20].reshape(-1, 8, 8):
        turned = np.rot90(see(grid), -1, axes=(1, 2))
        assert see(np.rot90(grid, -1))[A_QUARTER_ON] == pytest.approx(turned, abs=GRAIN)


def test_slopes_are_sobels_of_the_doubled_grid(digits):
    for roots in np.sqrt(digits[:10] / LEVELS):
        doubled = np.pad(ndi.zoom(roots.reshape(8, 8), 2, order=3, mode="grid-constant", grid_mode=True), 1)
        for matrix, axis in ((ACROSS, 1), (DOWN, 0)):
            wanted = ndi.sobel(doubled, axis=axis, mode="constant")
            assert np.corrcoef(matrix @ roots, wanted.ravel())[0, 1] > 0.99  # a spline there, Keys's cubics here


def test_fields_overlap_and_are_means():
    assert MEANS.sum(axis=1) == pytest.approx(1)
    fields_of = (MEANS > 0).sum(axis=0)
    assert fields_of.min() == 1  # in the corners
    assert fields_of.max() == 4  # elsewhere


def test_a_blank_shows_nothing():
    assert not see(np.zeros(64)).any()
    assert see_directions(np.zeros((0, 64), np.float32)).shape == (0, SEEN)


@pytest.mark.parametrize("along", [False, True])
def test_a_grid_looks_the_same_in_any_company(digits, along):
    axes = find_axes(digits) if along else None
    together = see_directions(digits, axes)
    alone = [see_directions(digits[place : place + 1], axes) for place in range(70)]
    assert np.array_equal(np.concatenate(alone), together[:70])
    assert np.array_equal(see_directions(digits[::-1], axes)[::-1], together)


def test_axes_are_principal_ones_and_the_long_ones_are_shortened(digits):
    axes, seen = find_axes(digits), see_directions(digits)
    assert axes.shape == (SEEN, AXES)
    along = (seen - seen.mean(axis=0)) @ axes
    spread = np.cov(along.T)
    lengths = np.linalg.eigvalsh(np.cov(seen.T))[::-1][:AXES]
    assert np.abs(spread - np.diag(np.diag(spread))).max() < 1e-3, "what is seen along one axis says nothing of another"
    assert np.corrcoef(np.log(np.diag(spread)), np.log(lengths))[0, 1] > 0.999
    assert np.diag(spread)[0] / np.diag(spread)[-1] == pytest.approx(
        (lengths[0] / lengths[-1]) ** (1 - 2 * EVENED), rel=0.05
    )
    assert along.var(axis=0).sum() == pytest.approx(seen.var(axis=0).sum(), rel=0.01)


def test_axes_are_the_same_for_the_same_digits():
    for count in (100, 800, 1_797):
        some = load_digits().data[:count].astype(np.float32)
        assert np.array_equal(find_axes(some), find_axes(some))


def test_few_digits_have_few_axes(digits):
    assert find_axes(digits[:10]).shape == (SEEN, 9)
    assert find_axes(np.repeat(digits[:3], 50, axis=0)).shape == (SEEN, 2)
    assert find_axes(np.repeat(digits[:1], 50, axis=0)).any(), "all alike"


def test_what_is_seen_packs_well(digits):
    steps = see_directions(digits) / GRAIN
    assert np.array_equal(steps, np.rint(steps))
    assert steps.min() == 0
    assert len(np.unique(steps)) < 64
