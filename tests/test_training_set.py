"""The digits a model is fitted on: the same for a seed, whole classes, and no held-out digit behind a variation."""

import numpy as np
from sklearn.datasets import load_digits

from digit_batch import training_set
from digit_batch.training_set import GRID, SAVED, SCANNED, SCANS, make_strangers, make_training_set, scan_digits


def test_the_same_seed_makes_the_same_set():
    one, two, other = (make_training_set(seed, rows=np.arange(20), copies=2, drawn=50) for seed in (1, 1, 2))
    assert np.array_equal(one.features, two.features)
    assert not np.array_equal(one.features, other.features)


def test_rows_left_out_have_no_variation_in_the_set():
    rows = np.arange(100, 150)
    made = make_training_set(0, rows=rows, copies=3, drawn=30)
    assert set(made.groups) == {-1, *rows}
    assert np.array_equal(made.labels[made.groups >= 0], load_digits().target[made.groups[made.groups >= 0]])
    assert (made.groups == -1).sum() == 30


def test_features_lie_on_the_grid_between_0_and_16():
    features = make_training_set(0, rows=np.arange(10), copies=1, drawn=20).features
    assert features.shape == (10 * (1 + SAVED + 1) + 20, 64)
    assert np.array_equal(np.round(features / GRID) * GRID, features)
    assert features.min() >= 0
    assert features.max() <= 16


def test_progress_counts_every_digit():
    seen = []
    made = make_training_set(0, rows=np.arange(10), copies=2, drawn=2500, progress=seen.append)
    assert sum(seen) == len(made.labels) == 10 * (1 + SAVED + 2) + 2500


def test_scans_are_the_same_whatever_the_number_of_processes():
    labels = np.arange(SCANS + 40) % 10
    one, two = (np.concatenate(list(scan_digits(3, labels, jobs=jobs))) for jobs in (1, 2))
    assert one.shape == (SCANS + 40, 64)
    assert np.array_equal(one, two)
    assert one.any(axis=1).all(), "a scan whose ink was not found is replaced by the drawing"


def test_some_drawn_digits_go_over_paper():
    made = make_training_set(0, rows=np.arange(0), copies=0, drawn=100)
    scanned = round(SCANNED * 100)
    assert np.array_equal(made.features[-scanned:], next(scan_digits(0, made.labels[-scanned:])))


def test_what_was_drawn_before_does_not_show_in_strangers(monkeypatch):
    """Batches that are kept are those that a first draw would give, and so is a part of one behind them."""
    monkeypatch.setattr(training_set, "BATCH", 20)
    drawn = {}
    for first in (50, 30):
        training_set._kept_strangers.cache_clear()
        for count in (first, 50, 30, 45):
            assert np.array_equal(drawn.setdefault(count, found := make_strangers(7, count)), found)
    training_set._kept_strangers.cache_clear()
    assert np.array_equal(drawn[50][:40], drawn[45][:40])


def test_strangers_are_the_same_for_a_seed_and_hold_ink():
    one, two, other = (make_strangers(seed, 60) for seed in (1, 1, 2))
    assert one.shape == (60, 64)
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    assert one.any(axis=1).all()
