"""Doubt in words: what is no digit, and what can hardly be read, is for review, and the reason says what was seen."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage import data

from digit_batch.model import load_model
from digit_batch.paper import KINDS, draw_scan
from digit_batch.reading import read_pictures
from digit_batch.strokes import crop, draw_digits, draw_strangers, draw_way, list_signs, list_ways

SIGNS = {sign.name: sign for sign in list_signs()}


@pytest.fixture(scope="module")
def model():
    return load_model()


def read(model, picture):
    (reading,) = read_pictures(model, [np.asarray(picture, np.uint8)])
    return reading


def page(level=240, side=120):
    return Image.new("L", (side, side), level)


def scan(amount, seed=0, kind="flatbed"):
    return draw_scan(np.random.default_rng(seed), amount, KINDS[kind])


def digits(count, seed=0):
    rng = np.random.default_rng(seed)
    return [crop(drawing) for drawing in draw_digits(rng, np.arange(count) % 10)]


def beside(left, right, gap):
    height = max(len(left), len(right))
    left, right = (np.pad(digit, ((0, height - len(digit)), (0, 0))) for digit in (left, right))
    return np.concatenate([left, np.zeros((height, gap), np.float32), right], axis=1)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_of_one_level_is_blank(model, level):
    reading = read(model, page(level))
    assert (reading.status, reading.label) == ("review", None)
    assert reading.reason == "blank: no ink found"


@pytest.mark.parametrize("kind", ["flatbed", "cream-card", "legal-pad", "felt-table"])
def test_a_sheet_without_a_digit_is_blank_also_when_it_is_ruled(model, kind):
    readings = [read(model, scan(np.zeros((0, 0), np.float32), seed, kind)) for seed in range(10)]
    assert all(reading.status == "review" for reading in readings)
    assert sum(reading.reason == "blank: no ink found" for reading in readings) >= 6


@pytest.mark.parametrize("kind", ["newsprint", "pencil", "photo", "chalk"])
def test_shadow_and_texture_are_never_a_digit(model, kind):
    readings = [read(model, scan(np.zeros((0, 0), np.float32), seed, kind)) for seed in range(20)]
    assert all(reading.status == "review" for reading in readings)


def test_a_speck_of_dust_is_no_digit(model):
    sheet = page()
    ImageDraw.Draw(sheet).ellipse((60, 60, 63, 63), 40)
    assert read(model, sheet).reason == "blank: no ink found"


@pytest.mark.parametrize("height", [8, 40, 70, 110])
def test_a_ruled_line_is_for_review(model, height):
    sheet = page()
    ImageDraw.Draw(sheet).line((0, height, 120, height + 1), 60, 3)
    assert read(model, sheet).status == "review"


@pytest.mark.parametrize("inset", [0, 5, 20])
def test_a_frame_is_blank(model, inset):
    sheet = page()
    ImageDraw.Draw(sheet).rectangle((inset, inset, 119 - inset, 119 - inset), outline=60, width=3)
    assert read(model, sheet).reason == "blank: no ink found"


def speckle(amounts):
    """As a fax has them: half of the ink's pixels are there, anywhere."""
    chance = np.random.default_rng(1)
    inks = [np.pad(np.kron(amount, np.ones((2, 2))), 20) > 0.5 for amount in amounts]
    return [np.where(ink & (chance.random(ink.shape) < 0.5), 0, 255).astype(np.uint8) for ink in inks]


def test_a_digit_in_speckles_is_read_and_left_to_a_person(model):
    readings = read_pictures(model, speckle(digits(40)))
    assert sum(reading.label == place % 10 for place, reading in enumerate(readings)) >= 36
    speckled = [reading for reading in readings if reading.reason.startswith("speckled: ")]
    assert len(speckled) >= 20
    assert all(reading.status == "review" for reading in speckled)


def test_letters_and_scribbles_in_speckles_get_no_label(model):
    strangers = [crop(drawing) for drawing in draw_strangers(np.random.default_rng(0), 60)]
    readings = read_pictures(model, speckle(strangers))
    unlabelled = [reading.reason for reading in readings if reading.label is None]
    assert len(unlabelled) >= 45
    assert set(unlabelled) == {"not like any digit: noise or scribble"}
    assert sum(reading.status == "ok" for reading in readings) <= 1


def test_noise_gets_no_label(model):
    rng = np.random.default_rng(0)
    for spread in (5, 40, 120):
        reading = read(model, rng.normal(128, spread, (90, 70)).clip(0, 255))
        assert (reading.status, reading.label) == ("review", None)


def test_photographs_are_for_review(model):
    rng = np.random.default_rng(1)
    readings = []
    for photograph in (data.camera(), data.astronaut(), data.coins()):
        for _ in range(10):
            top, left = rng.integers(0, 180, 2)
            readings.append(read(model, photograph[top : top + 100, left : left + 100]))
    assert sum(reading.status == "ok" for reading in readings) <= 1


@pytest.mark.parametrize(
    "letter", ["A", "E", "F", "H", "K", "M", "N", "R", "T", "W", "X", "d", "hash", "per cent", "face"]
)
def test_letters_and_signs_are_not_like_any_digit(model, letter):
    drawings = draw_way(np.random.default_rng(5), SIGNS[letter], 20, haste=0.6)
    readings = [read(model, scan(crop(drawing), seed)) for seed, drawing in enumerate(drawings)]
    assert sum(reading.status == "ok" for reading in readings) <= 1
    assert sum(reading.reason == "not like any digit" for reading in readings) >= 12


def test_a_digit_that_was_crossed_out_is_for_review(model):
    readings = []
    for seed, digit in enumerate(digits(20)):
        height, width = digit.shape
        crossed = Image.fromarray((255 * digit).astype(np.uint8))
        for line in ((0, 0, width, height), (0, height, width, 0), (0, height // 3, width, height // 2)):
            ImageDraw.Draw(crossed).line(line, 255, 3)
        readings.append(read(model, scan(np.asarray(crossed, np.float32) / 255, seed)))
    assert sum(reading.status == "ok" for reading in readings) <= 1


@pytest.mark.parametrize("gap", [4, 10], ids=["close", "apart"])
def test_two_digits_in_one_picture_are_for_review(model, gap):
    found = digits(21)
    readings = [read(model, scan(beside(one, two, gap), seed)) for seed, (one, two) in enumerate(pairwise(found))]
    assert sum(reading.status == "ok" for reading in readings) <= 1
    told = [reading.reason in ("more than one digit?", "not like any digit") for reading in readings]
    assert sum(told) >= 14


def test_a_digit_cut_by_the_frame_and_doubtful_says_so(model):
    found = []
    for seed, digit in enumerate(digits(30)):
        sheet = np.asarray(scan(digit, seed, "tablet-white"))
        rows = np.flatnonzero((sheet < 128).any(axis=1))
        found.append(read(model, sheet[(rows[0] + rows[-1]) // 2 :]))
    doubtful = [reading for reading in found if reading.reason.startswith("low confidence")]
    assert doubtful
    assert all(reading.reason.endswith(", clipped by the frame") for reading in doubtful)
    assert sum(reading.status == "ok" for reading in found) < 10


def test_plain_digits_are_not_doubted(model):
    rng = np.random.default_rng(3)
    labels = np.arange(100) % 10
    readings = [
        (true, read(model, scan(crop(drawing), seed)))
        for seed, (true, drawing) in enumerate(zip(labels, draw_plainly(rng, labels), strict=True))
    ]
    accepted = [(true, reading) for true, reading in readings if reading.status == "ok"]
    assert len(accepted) > 75
    assert all(reading.label == true for true, reading in accepted)


def draw_plainly(rng, labels):
    return [draw_way(rng, list_ways(int(label))[0], 1, haste=0.5)[0] for label in labels]


def test_a_second_look_takes_in_the_pieces_of_a_broken_stroke(model):
    """A 6 whose stem was lost to a threshold but for a piece far above its ring: the ring alone is a 0."""
    sheet = Image.new("L", (100, 160), 255)
    draw = ImageDraw.Draw(sheet)
    draw.ellipse((30, 90, 74, 136), outline=0, width=6)
    draw.line([(60, 30), (48, 44), (39, 60)], 0, 6)
    reading = read(model, sheet)
    assert reading.label == 6
    assert reading.ink.parts == 2
