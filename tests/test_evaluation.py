"""The figures of an evaluation, against scikit-learn's own."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from digit_batch.evaluation import MISTAKES_KEPT, evaluate, wilson
from digit_batch.evaluation.scores import FOLDERS_KEPT
from digit_batch.predictions import Prediction

digits = st.integers(0, 9)
outcomes = st.lists(st.tuples(digits, st.one_of(st.none(), digits)), min_size=1, max_size=60)


def row(said, *, status="ok", confidence=0.5, path="a.png"):
    return Prediction(path, 0, said, confidence if said is not None else None, status)


@given(outcomes)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true", "ignore:A single label was found")
def test_every_figure_is_scikit_learns(pairs):
    result = evaluate((row(said), true) for true, said in pairs)
    true = [true for true, _ in pairs]
    said = [10 if said is None else said for _, said in pairs]  # none said: a class of its own, never right
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        true, said, labels=range(10), zero_division=0
    )
    assert result.images == len(pairs)
    assert result.accuracy == pytest.approx(metrics.accuracy_score(true, said))
    assert result.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(true, said))
    assert [score.precision for score in result.classes] == pytest.approx(list(precision))
    assert [score.recall for score in result.classes] == pytest.approx(list(recall))
    assert [score.f1 for score in result.classes] == pytest.approx(list(f1))
    assert [score.support for score in result.classes] == list(support)
    assert result.macro_f1 == pytest.approx(np.mean([f1[digit] for digit in set(true)]))
    assert np.array_equal(result.confusion, metrics.confusion_matrix(true, said, labels=range(11))[:10])


def test_an_image_without_a_label_is_wrong():
    result = evaluate([(row(3), 3), (row(None, status="review"), 3)])
    assert (result.images, result.correct, result.accuracy) == (2, 1, 0.5)


def test_the_unreadable_and_the_unlabelled_are_counted_apart():
    rows = [(row(3), 3), (row(None, status="error"), 3), (row(5), None), (row(None, status="error"), None)]
    result = evaluate(rows)
    assert (result.images, result.unreadable, result.unlabelled, result.accuracy) == (1, 1, 2, 1.0)


def test_accepted_rows_have_their_own_accuracy_and_coverage():
    rows = [(row(1), 1), (row(2), 2), (row(3), 4), (row(5, status="review"), 6)]
    result = evaluate(rows)
    assert result.accuracy == 0.5
    assert result.accepted_accuracy == pytest.approx(2 / 3)
    assert result.coverage == 0.75


def test_mistakes_are_kept_surest_first_and_equals_in_the_order_they_came():
    said = [(0.2, "a"), (0.9, "b"), (0.9, "c"), (1.0, "d")]
    rows = [(row(1, confidence=sure, path=path), 2) for sure, path in said] + [(row(2, path="right"), 2)]
    assert [mistake.path for mistake in evaluate(rows).mistakes] == ["d", "b", "c", "a"]


def test_of_many_mistakes_the_surest_are_kept():
    order = np.random.default_rng(0).permutation(3 * MISTAKES_KEPT) / (3 * MISTAKES_KEPT)
    result = evaluate((row(1, confidence=float(sure)), 2) for sure in order)
    kept = [mistake.confidence for mistake in result.mistakes]
    assert kept == sorted(order, reverse=True)[:MISTAKES_KEPT]
    assert result.images == 3 * MISTAKES_KEPT


def test_confused_pairs_are_most_frequent_first_and_leave_out_what_was_not_said():
    rows = [(row(1), 7)] * 3 + [(row(9), 4)] * 5 + [(row(None), 4)] * 9 + [(row(4), 4)]
    assert evaluate(rows).confused == [(4, 9, 5), (7, 1, 3)]


def test_nothing_to_score_divides_nothing_by_nothing():
    result = evaluate([])
    assert (result.accuracy, result.coverage, result.balanced_accuracy, result.macro_f1) == (0, 0, 0, 0)
    assert result.interval == (0.0, 1.0)
    assert result.figures()["images"] == 0


def test_the_interval_is_wilsons():
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe 1998, Statist. Med. 17, table I
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(20, 20)[1] == 1.0


@given(outcomes)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true", "ignore:A single label was found")
def test_shares_of_the_confusion_matrix_are_scikit_learns(pairs):
    result = evaluate((row(said), true) for true, said in pairs)
    true, said = [true for true, _ in pairs], [10 if said is None else said for _, said in pairs]
    wanted = metrics.confusion_matrix(true, said, labels=range(11), normalize="true")[:10]
    assert result.confusion_shares == pytest.approx(wanted)


def test_folders_without_a_digit_are_named_with_what_they_hold():
    rows = [
        (row(1, path="in/maybe/a.png"), None),
        (row(1, path="in/maybe/b.png"), None),
        (row(1, path="in/c.png"), None),
    ]
    assert evaluate(rows).no_digit == (("in/maybe", 2), ("in", 1))


def test_of_many_folders_without_a_digit_some_are_named_and_all_are_counted():
    result = evaluate((row(1, path=f"{k}/a.png"), None) for k in range(3 * FOLDERS_KEPT))
    assert len(result.no_digit) == FOLDERS_KEPT
    assert result.unlabelled == 3 * FOLDERS_KEPT


def test_every_figure_can_be_kept_as_json():
    rows = [(row(3, confidence=0.7), 3), (row(None), 4), (row(5, confidence=1.0), 6), (row(1), None)]
    kept = json.loads(json.dumps(evaluate(rows).figures()))
    assert kept["confused"] == [{"true": 6, "said": 5, "count": 1}]
    assert kept["confusion_shares"][3][3] == 1
    assert kept["unlabelled_folders"] == [[".", 1]]
    assert kept["expected_calibration_error"] == pytest.approx((0.3 + 1.0) / 2)


def test_a_hundred_thousand_rows_take_no_more_memory_than_a_thousand():
    def peak(count):
        tracemalloc.start()
        evaluate((row(k % 10, confidence=k % 97 / 97, path=f"{k % 7}/{k}.png"), (k * k) % 10) for k in range(count))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(60_000) < 1.2 * peak(6_000)
