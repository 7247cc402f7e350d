"""Labels: the parts of a mask are those that SciPy finds, number by number, in each mask of a stack for itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage as ndi

from digit_batch.ink.labels import label_parts

MASKS = arrays(np.bool_, array_shapes(min_dims=3, max_dims=3, max_side=12))


@settings(max_examples=300, deadline=None)
@given(MASKS)
def test_parts_are_those_that_scipy_finds(masks):
    labels, boxes = label_parts(masks)
    before = 0
    for canvas, mask in enumerate(masks):
        wanted, count = ndi.label(mask, np.ones((3, 3)))
        assert np.array_equal(labels[canvas], np.where(mask, wanted + before, 0))
        found = [
            (canvas, down.start, across.start, down.stop, across.stop) for down, across in ndi.find_objects(wanted)
        ]
        assert boxes[before : before + count].tolist() == [list(box) for box in found]
        before += count
    assert len(boxes) == before


@pytest.mark.parametrize("turned", [False, True])
def test_a_line_that_winds_through_the_picture_is_one_part(turned):
    comb = np.zeros((1, 101, 101), bool)
    comb[:, ::2] = True
    comb[:, 1::4, -1] = comb[:, 3::4, 0] = True  # to and fro, from the first row to the last
    labels, boxes = label_parts(comb.swapaxes(1, 2) if turned else comb)
    assert labels.max() == 1
    assert boxes.tolist() == [[0, 0, 0, 101, 101]]


def test_nothing_has_no_parts():
    for shape in ((0, 5, 5), (3, 0, 0), (2, 4, 4)):
        labels, boxes = label_parts(np.zeros(shape, bool))
        assert labels.shape == shape
        assert not labels.any()
        assert boxes.shape == (0, 5)
