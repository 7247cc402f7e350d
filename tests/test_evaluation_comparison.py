"""Two readings of one folder: what was fixed and broken, and McNemar's p."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from digit_batch.evaluation.comparison import CHANGES_KEPT, Tournament
from digit_batch.predictions import Prediction

labels = st.one_of(st.none(), st.integers(0, 2))


def compare(outcomes, confidence=lambda place: 0.5):
    duel = Tournament()
    for place, (mine, others, true) in enumerate(outcomes):
        here = Prediction(f"{place}.png", 0, mine, confidence(place), "ok")
        duel.add(here, Prediction(f"{place}.png", 0, others, 0.5, "ok"), true)
    return duel.result()


@given(st.lists(st.tuples(labels, labels, st.integers(0, 2)), max_size=40))
def test_every_image_is_fixed_broken_or_the_same(outcomes):
    found = compare(outcomes)
    fixed = sum(mine == true != others for mine, others, true in outcomes)
    broken = sum(mine != true == others for mine, others, true in outcomes)
    assert (found.fixed, found.broken, found.images) == (fixed, broken, len(outcomes))
    if outcomes:
        assert found.accuracy == pytest.approx(sum(mine == true for mine, _, true in outcomes) / len(outcomes))
        assert found.other_accuracy == pytest.approx(sum(o == true for _, o, true in outcomes) / len(outcomes))
    fewer = min(fixed, broken)
    assert found.p_value == pytest.approx(min(1.0, 2 * binom.cdf(fewer, fixed + broken, 0.5)))


def test_mcnemars_p_of_a_worked_case():
    """Ten images changed, nine to the better: 2 * (1 + 10) / 2 ** 10."""
    found = compare([(1, 0, 1)] * 9 + [(0, 1, 1)] + [(1, 1, 1)] * 50)
    assert found.p_value == pytest.approx(22 / 1024)


def test_nothing_changed_is_no_evidence():
    assert compare([(1, 1, 1)] * 5).p_value == 1.0
    assert compare([]).figures()["accuracy"] == 0


def test_changes_are_kept_with_both_answers_surest_first():
    found = compare([(1, 7, 1), (1, None, 1), (3, 4, 4)], confidence=lambda place: 0.2 + place / 10)
    assert [(change.path, change.before, change.said) for change in found.fixes] == [
        ("1.png", None, 1),
        ("0.png", 7, 1),
    ]
    assert [(change.path, change.before, change.said, change.true) for change in found.breaks] == [("2.png", 4, 3, 4)]


def test_of_many_changes_the_surest_are_kept_and_all_are_counted():
    found = compare([(1, 0, 1)] * (2 * CHANGES_KEPT), confidence=lambda place: place / (2 * CHANGES_KEPT))
    assert found.fixed == 2 * CHANGES_KEPT
    assert len(found.fixes) == CHANGES_KEPT
    assert min(change.confidence for change in found.fixes) == 0.5


def test_what_either_could_not_read_or_has_no_label_does_not_count():
    duel = Tournament()
    ok, error = Prediction("a", 0, 1, 0.5, "ok"), Prediction("a", 0, None, None, "error", "truncated")
    duel.add(ok, error, 1)
    duel.add(error, ok, 1)
    duel.add(ok, ok, None)
    assert duel.result().images == 0
