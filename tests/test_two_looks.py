"""Two looks: what the first look is sure of it answers, the large classifier decides the rest, and chances add up."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from digit_batch.model import Calibration, Model, load_model, narrowest, see_directions
from digit_batch.model.confidence import LEAST, MOST, calibrate, estimate, share
from digit_batch.model.duels import Duels
from digit_batch.model.fitted import CLEAR, HOPELESS, RUNNERS, STRANGER
from digit_batch.predictions import CLASSES
from digit_batch.training_set import make_strangers, make_training_set


@pytest.fixture(scope="module")
def unseen():
    made = make_training_set(123, rows=np.arange(0), copies=0, drawn=400)
    return made.features, made.labels


@pytest.fixture(scope="module")
def shipped():
    return load_model()


def test_duels_among_some_are_those_among_all(shipped, unseen):
    points = shipped.points(unseen[0][:70])
    duels = Duels(shipped.svc)
    asked = np.random.default_rng(0).random((70, duels.classes)) < 0.4
    whole, some = duels.decide(points), duels.decide_among(points, asked)
    both = asked[:, :, None] & asked[:, None, :]
    assert np.abs(whole[both] - some[both]).max() < 1e-3
    assert np.all(some[asked[:, :, None] & ~asked[:, None, :]] == np.inf)
    assert np.all(np.isneginf(some[~asked]))


def test_margins_are_antisymmetric_and_the_narrowest_is_the_least(shipped, unseen):
    margins = Duels(shipped.first).decide(shipped.points(unseen[0][:20]))
    assert np.allclose(margins, -margins.transpose(0, 2, 1), atol=1e-5)
    others = margins[:, :CLASSES, :CLASSES].copy()
    others[:, range(CLASSES), range(CLASSES)] = np.inf
    assert np.array_equal(narrowest(margins), others.min(axis=2))


def test_the_first_look_answers_what_is_clear_and_the_large_one_the_rest(shipped, unseen):
    features, labels = unseen
    answers = shipped.answer(features)
    early = Duels(shipped.first).decide(shipped.points(features))
    late = Duels(shipped.svc).decide(shipped.points(features))
    first, second = narrowest(early).argmax(axis=1), narrowest(late).argmax(axis=1)
    assert 0.3 < answers.clear.mean() < 0.95
    assert np.array_equal(answers.labels[answers.clear], first[answers.clear])
    assert (answers.labels[~answers.clear] == second[~answers.clear]).mean() > 0.95  # but for the shortlist
    assert (answers.labels == labels)[answers.clear].mean() > 0.97
    assert answers.margin[answers.clear].min() >= CLEAR


def test_letters_and_scribbles_lose_to_strangers(shipped, unseen):
    digits, strangers = shipped.answer(unseen[0]), shipped.answer(make_strangers(55, 300))
    assert (digits.likeness < 0).mean() < 0.15
    assert (strangers.likeness < 0).mean() > 0.75


def test_reconsidering_the_same_reading_changes_no_label_among_the_runners(shipped, unseen):
    features = unseen[0]
    answers = shipped.answer(features)
    again = shipped.reconsider(answers, [features, features])
    second = narrowest(Duels(shipped.svc).decide(shipped.points(features)))
    among = np.take_along_axis(second, np.argsort(-answers.chances, axis=1)[:, :RUNNERS], axis=1)
    asked, third = (again.chances > 0).sum(axis=1), np.sort(answers.chances, axis=1)[:, -3]
    assert (asked <= RUNNERS).all()
    assert (asked[third < HOPELESS] == 2).all()
    assert (asked[third >= HOPELESS] > 2).all()
    assert (again.margin >= among.max(axis=1) - 1e-3).all(), "with fewer opponents no duel is narrower"
    assert np.array_equal(again.likeness, answers.likeness)


def test_likeness_is_the_duel_with_strangers_averaged_over_readings(shipped, unseen):
    features, labels = unseen
    one, other = features[:50], features[50:100]
    duels = [
        Duels(shipped.svc).decide(shipped.points(each))[np.arange(50), labels[:50], STRANGER] for each in (one, other)
    ]
    assert shipped.liken(labels[:50], [one]) == pytest.approx(duels[0], abs=1e-4)
    assert shipped.liken(labels[:50], [one, other]) == pytest.approx(np.mean(duels, axis=0), abs=1e-4)


def test_the_largest_share_is_the_estimated_chance():
    rng = np.random.default_rng(1)
    narrow = rng.normal(size=(200, CLASSES)).astype(np.float32)
    top = rng.uniform(LEAST + 0.01, MOST, 200).astype(np.float32)
    chances = share(narrow, top)
    assert np.allclose(chances.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(chances.max(axis=1), top, atol=1e-3)
    assert np.array_equal(chances.argmax(axis=1), narrow.argmax(axis=1))
    in_order = np.take_along_axis(chances, np.argsort(narrow, axis=1), axis=1)
    assert (np.diff(in_order, axis=1) >= 0).all()


def test_calibration_finds_the_chance_behind_the_margins():
    rng = np.random.default_rng(2)
    margin, likeness = rng.uniform(0, 2, 20_000).astype(np.float32), rng.uniform(-1, 1, 20_000).astype(np.float32)
    truth = (-1.0, 2.0, 1.5)
    right = rng.random(20_000) < estimate(margin, likeness, truth)
    assert calibrate(margin, likeness, right) == pytest.approx(truth, abs=0.15)


def test_where_all_are_right_nothing_can_be_told_apart():
    margin = np.ones(50, np.float32)
    assert calibrate(margin, margin, np.ones(50, bool)) == Calibration().first


def test_a_model_without_a_first_look_knows_no_strangers():
    data = load_digits()
    model = Model(SVC(C=10, gamma=0.2).fit(see_directions(data.data[:500]).astype(np.float64), data.target[:500]))
    answers = model.answer(data.data[500:600].astype(np.float32))
    assert not answers.clear.any()
    assert np.isposinf(answers.likeness).all()
    assert len(model.svc.classes_) == STRANGER
