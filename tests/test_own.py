"""A user's own digits: copies and contradictions found, writers kept apart, few and missing digits told."""

import numpy as np
import pytest

from digit_batch.features import TURNED
from digit_batch.labels import Truth
from digit_batch.model import load_model
from digit_batch.predictions import Prediction
from digit_batch.reading import DOUBTFUL
from digit_batch.training.material import (
    MOST_COPIES,
    NEVER_SCORED,
    OWN_GROUPS,
    add_own,
    choose_copies,
    collect,
)
from digit_batch.training.own import WRITERS, gather
from digit_batch.training.search import FOLDS, make_folds
from digit_batch.training.splits import hold_out, score
from digit_batch.training_set import REAL_WEIGHT


def box(number):
    """Return the bytes of a box of its own."""
    return np.random.default_rng(number).integers(0, 256, 1024, np.uint8).tobytes()


def row(path, number, said=1, sure=0.9):
    return Prediction(path, 0, said, sure, "ok", box=box(number))


def gathered(rows):
    truth = Truth(["in"])
    return gather(((row, truth.label(row.path)) for row in rows), truth)


@pytest.fixture
def hands():
    """Digits of six writers, five of each digit."""
    rows = [
        row(f"in/writer{writer}/{digit}/{nth}.png", 1000 * writer + 10 * digit + nth)
        for writer in range(6)
        for digit in range(10)
        for nth in range(5)
    ]
    return gathered(rows)


def test_a_copy_is_left_out_and_named_with_the_first():
    own = gathered([row("in/1/a.png", 1), row("in/1/b.png", 2), row("in/1/c.png", 1)])
    assert own.names == ("in/1/a.png", "in/1/b.png")
    assert own.copies == (("in/1/c.png", "in/1/a.png"),)


def test_of_a_picture_with_two_labels_both_are_left_out():
    own = gathered([row("in/1/a.png", 1), row("in/2/b.png", 1), row("in/1/c.png", 2), row("in/1/d.png", 1)])
    assert own.names == ("in/1/c.png",)
    assert own.contradictions == (("in/2/b.png", "in/1/a.png"),)
    assert any("Two labels for one picture" in warning for warning in own.warnings)


def test_what_the_model_read_right_and_what_it_doubts_is_told():
    own = gathered(
        [row("in/1/a.png", 1), row("in/1/b.png", 2, said=7, sure=0.999), row("in/1/c.png", 3, said=7, sure=0.6)]
    )
    assert own.read_right == 1
    assert own.doubted == (("in/1/b.png", 1, 7),)


def test_missing_and_few_digits_are_warned_of():
    own = gathered([row(f"in/1/{k}.png", k) for k in range(12)] + [row("in/3/a.png", 99)])
    assert own.warnings == [
        "There is no image of 0, 2, 4, 5, 6, 7, 8, 9.",
        "Few images of a digit teach little: 1 of 3.",
    ]


def test_boxes_and_labels_stay_together(hands):
    for place in (0, 17, 299):
        _, writer, digit, name = hands.names[place].split("/")
        number = 1000 * int(writer[-1]) + 10 * int(digit) + int(name[0])
        assert hands.boxes[place].tobytes() == box(number)
        assert hands.labels[place] == int(digit)


def test_writers_are_groups_where_there_are_enough_of_them(hands):
    assert len(set(hands.groups)) == 6 >= WRITERS
    assert all(len(set(hands.groups[[f"writer{w}/" in name for name in hands.names]])) == 1 for w in range(6))
    single = gathered([row(f"in/{digit}/{k}.png", 10 * digit + k) for digit in range(10) for k in range(3)])
    assert len(set(single.groups)) == 30


def test_a_split_holds_out_whole_writers_and_never_their_variations(hands):
    material = collect(hands, default=False)
    (split,) = hold_out(material, 3, 0.3, calibrated=False)
    held = {sample.path.split("/")[1] for sample, _ in split.rows}
    assert len(split.rows) == 50 * len(held)
    assert split.fitted == 300 - len(split.rows)


def test_folds_keep_writers_apart_and_score_each_digit_once(hands):
    material = collect(hands, default=False)
    folds = make_folds(material, 0)
    assert len(folds) == FOLDS
    for fit, held in folds:
        assert not set(material.groups[fit]) & set(material.groups[held])
        assert (material.sets[held] >= 0).all()
    assert sum(held for _, held in folds).tolist() == (material.sets >= 0).astype(int).tolist()


def test_the_fewer_the_digits_the_more_variations():
    assert choose_copies(10) == MOST_COPIES
    assert choose_copies(60_000) == 0
    assert choose_copies(10) >= choose_copies(500) >= choose_copies(5_000)


def test_own_digits_are_fitted_as_they_are_read_turned_and_rewritten(hands):
    material = collect(hands, default=False)
    assert len(material.labels) == 300 * (1 + len(TURNED) + choose_copies(300))
    assert len(collect(hands, default=False, plain=True).labels) == 300
    upright, turned = material.features[:300], material.features[300:600]
    assert (turned != upright).any(axis=1).all()
    assert np.array_equal(material.labels[300:600], material.labels[:300])


def test_own_digits_come_last_weigh_more_and_are_scored_themselves_only(hands):
    default = collect(plain=True)
    material = add_own(default, hands)
    own = material.groups >= OWN_GROUPS
    assert own[len(default.labels) :].all()
    assert not own[: len(default.labels)].any()
    assert (material.sets == 1).sum() == 300
    assert set(material.sets[own]) == {1, NEVER_SCORED}
    assert material.weights[own].min() >= 1
    assert material.weights[~own].max() == 1


def test_nothing_weighs_more_than_own_digits(hands):
    for default in (collect(plain=True), collect(drawn=20, copies=0)):
        material = add_own(default, hands)
        own = material.groups >= OWN_GROUPS
        assert material.weights[own].min() >= material.weights[~own].max()


def test_what_people_wrote_weighs_more_than_what_is_drawn():
    material = collect(drawn=20, copies=1)
    drawn = material.groups < 0
    assert drawn.sum() == 20
    assert (material.weights == np.where(drawn, 1, REAL_WEIGHT)).all()


def test_held_out_digits_are_read_as_any_picture_is_and_again_in_doubt():
    material = collect(drawn=0, copies=0)
    held = material.take(np.arange(1_697, 1_797))
    model = load_model()
    at_once = [row for row, _ in score(model, held.features, held.labels)]
    again = [row for row, _ in score(model, held.features, held.labels, held.names, held.inks)]
    changed = [first.confidence != second.confidence for first, second in zip(at_once, again, strict=True)]
    assert changed == [row.confidence < DOUBTFUL for row in at_once]
    assert 0 < sum(changed) < 30
    assert again[0].path == "load_digits() row 1697"


def test_a_plain_model_gets_each_own_digit_once_as_it_is(hands):
    material = collect(hands, default=False, plain=True)
    assert len(material.labels) == 300
    counts = hands.boxes[0].reshape(8, 4, 8, 4).mean(axis=(1, 3)) / 255 * 16
    assert material.features[0] == pytest.approx(counts.ravel(), abs=0.32)
