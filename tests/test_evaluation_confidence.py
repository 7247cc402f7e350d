"""What confidences are worth, against scikit-learn's own calibration curve and against thresholds tried one by one."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from digit_batch.evaluation import evaluate
from digit_batch.evaluation.confidence import CURVE_POINTS, ECE_BINS, LOW_CONFIDENCE, STEPS, THRESHOLDS
from digit_batch.predictions import Prediction

sures = st.one_of(st.integers(0, STEPS), st.sampled_from([0, 999, 1000, 1001, 9000, 9999, STEPS])).map(
    lambda k: k / STEPS
)
answers = st.lists(st.tuples(sures, st.booleans()), min_size=1, max_size=80)


def scored(answers, *, status="ok", reason=""):
    """Score answers of a confidence each, right or wrong."""
    rows = ((Prediction("a.png", 0, 3, sure, status, reason), 3 if right else 4) for sure, right in answers)
    return evaluate(rows)


@given(answers)
def test_the_calibration_error_is_that_of_scikit_learns_curve(answers):
    sure, right = (np.array(column, float) for column in zip(*answers, strict=True))
    share, mean = calibration_curve(right, sure, n_bins=ECE_BINS)
    place = np.searchsorted(np.linspace(0, 1, ECE_BINS + 1)[1:-1], sure)
    weights = np.bincount(place, minlength=ECE_BINS)
    wanted = np.abs(share - mean) @ weights[weights > 0] / len(sure)
    assert scored(answers).confidences.calibration_error == pytest.approx(wanted, abs=1e-9)


@given(answers)
def test_a_threshold_accepts_what_lies_at_it_or_above(answers):
    for threshold in scored(answers).confidences.thresholds:
        accepted = [right for sure, right in answers if sure >= threshold.confidence]
        assert (threshold.accepted, threshold.correct) == (len(accepted), sum(accepted))
        assert threshold.coverage == pytest.approx(len(accepted) / len(answers))
        assert threshold.accuracy == pytest.approx(np.mean(accepted) if accepted else 0)


@given(answers, st.sampled_from([0.5, 0.8, 0.95, 1.0]))
def test_the_threshold_of_an_accuracy_reaches_it_and_no_lower_one_does(answers, wanted):
    found = scored(answers).confidences.reaching(wanted)
    reached = {
        sure: np.mean([right for other, right in answers if other >= sure]) >= wanted - 1e-9 for sure, _ in answers
    }
    if found is None:
        assert not any(reached.values())
        return
    accepted = [right for sure, right in answers if sure >= found.confidence]
    assert np.mean(accepted) >= wanted - 1e-9
    assert found.accepted == len(accepted)
    assert not any(ok for sure, ok in reached.items() if sure < found.confidence)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_it_also_reaches_it_on_confidences_of_more_decimals(answers):
    """As a second run with that --min-confidence has them."""
    found = scored(answers).confidences.reaching(0.9)
    assume(found)
    accepted = [right for sure, right in answers if sure >= found.confidence]
    assert len(accepted) == found.accepted
    assert np.mean(accepted) >= 0.9 - 1e-9


@given(answers)
def test_the_risk_coverage_curve_goes_from_the_surest_to_all(answers):
    curve = scored(answers).confidences.curve
    coverages = [point.coverage for point in curve]
    assert coverages == sorted(coverages)
    assert coverages[-1] == 1
    for point in curve:
        assert 1 - point.accuracy == pytest.approx(
            np.mean([not right for sure, right in answers if sure >= point.confidence])
        )


def test_a_long_curve_is_cut_to_some_points_with_both_ends():
    curve = scored([(k / STEPS, True) for k in range(1, 5000)]).confidences.curve
    assert len(curve) == CURVE_POINTS
    assert (curve[0].confidence, curve[-1].confidence) == (0.4999, 0.0001)


def test_what_no_threshold_would_accept_is_accepted_by_none():
    result = scored([(0.99, True)] * 4, status="review", reason="more than one digit?")
    assert [threshold.accepted for threshold in result.confidences.thresholds] == [0] * len(THRESHOLDS)
    assert result.confidences.reaching(0.5) is None
    assert result.confidences.curve == []
    assert result.confidences.calibration_error == pytest.approx(0.01)


def test_a_doubtful_row_is_accepted_by_a_lower_threshold():
    result = scored([(0.6, True)], status="review", reason=f"{LOW_CONFIDENCE}: 3 or 8")
    assert [result.confidences.at(low).accepted for low in (0.5, 0.6, 0.61)] == [1, 1, 0]


def test_images_without_a_label_count_in_the_share_but_not_in_the_gap():
    result = evaluate(
        [(Prediction("a", 0, None, None, "review", "blank: no ink found"), 3), (Prediction("b", 0, 3, 1.0, "ok"), 3)]
    )
    assert result.confidences.at(0.0).coverage == 0.5
    assert result.confidences.calibration_error == 0
