"""One picture's way to its answer: ink, features, the model's chances, and what to doubt.

A chunk of pictures goes through each step together, because every step is several times faster so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from digit_batch.features import (
    BOX,
    SIDE,
    TURNED,
    extract_readings,
    fill_boxes,
    measure_variation,
    stack,
    stack_by_size,
    stretch,
)
from digit_batch.ink import Ink, Tone, find_inks, find_tight_inks, may_be, run_together
from digit_batch.model import Answers, Model
from digit_batch.predictions import CLASSES, Prediction, Status

MIN_CONFIDENCE = 0.9  # below it a row asks for a person
# How far a pen goes at most, in sides of a square as large as the crop. Of 2,261 real digits the longest way is 6.1
# (99 %: 5.0); of noise that passes for ink, on pages up to 15 times as long as wide, 95 % lies above 6.5.
LONGEST_WAY = 6.4
DOUBTFUL = 0.9  # chance of the label below which it is read again, turned to either side
STRANGE = 0.0  # the label's duel with what is no digit, below which it is rather none,
LIKE = 0.85  # and from which it is accepted: of 2,000 letters, scribbles and photographs 1 in 40 then is
NEAR_LIKE = 0.8, 1.0  # between these the duel is averaged over three readings: of what is no digit fewer pass
LEFT_OUT = 0.15  # height of what was left out over the digit's: more gets a second look, with it taken in
CUT = 0.3  # share of a side that the frame cuts: what is left may be a piece of another digit, or of none
LIKENESSES = -2.0, 1.0  # the duel with what is no digit between which it tells how well a digit explains a picture,
MOST_LEFT_OUT = 3  # and the pieces of ink left out that tell against it
CLUTTER = 12  # pieces of ink left out: more are a texture or a photograph
OTHERS = 0.5  # height of what was left out over the digit's: more may be another digit
BROADEST = 1.6  # width over height: broader ink is two digits, or none
Polarity = Literal["auto", "dark", "light"]
Box = Literal["none", "filled", "stretched"]  # of the recipe; of a plain model


@dataclass(frozen=True)
class Reading:
    """What was seen on one picture and what it was taken for.

    Attributes
    ----------
    ink : Ink
        The digit's ink as found; of a speckled digit, with its speckles run together.
    features : ndarray of float32, shape (64,)
        The 8x8 grid, 0 to 16; all zero where there is no ink, or only noise.
    chances : ndarray of float32, shape (10,)
        The estimated chance of each digit; all zero where there is no ink, or only noise.
    likeness : float
        The label's duel with what is no digit: negative for what is rather none, infinite where the model knows none.
    status : {"ok", "review"}
        Accepted, or for a person to look at.
    reason : str
        Why a person should look.
    """

    ink: Ink
    features: NDArray[np.float32]
    chances: NDArray[np.float32]
    likeness: float
    status: Status
    reason: str

    @property
    def label(self) -> int | None:
        """The digit, or None where no ink was found, or only noise."""
        return int(self.chances.argmax()) if self.chances.any() else None

    @property
    def confidence(self) -> float | None:
        """The estimated chance that the label is right."""
        return float(self.chances.max()) if self.chances.any() else None

    def prediction(self, path: str, frame: int, box: Box = "none") -> Prediction:
        """Return the row of this reading, with the box that its features were counted on where that is asked for."""
        chances = tuple(self.chances.tolist())
        confidence = max(chances)
        if not confidence:
            return Prediction(path, frame, None, None, self.status, self.reason)
        kept = None if box == "none" else draw_box(self.ink.amount, box)
        label = chances.index(confidence)
        return Prediction(path, frame, label, confidence, self.status, self.reason, chances, kept)


def read_pictures(
    model: Model,
    pictures: Sequence[NDArray[np.uint8]],
    *,
    polarity: Polarity = "auto",
    min_confidence: float = MIN_CONFIDENCE,
) -> list[Reading]:
    """Read a chunk of pictures.

    Parameters
    ----------
    model : Model
        The fitted model.
    pictures : sequence of ndarray of uint8, each (height, width) or (height, width, 3)
        Upright pictures, grey or RGB.
    polarity : {"auto", "dark", "light"}
        Whether the ink is darker or lighter than the paper.
    min_confidence : float
        Below it, a reading is for review.

    Returns
    -------
    list of Reading
        One for each picture, in their order.
    """
    seen = _look(model, find_inks(pictures, polarity))
    again = [place for place, look in enumerate(seen) if look.ink.others > LEFT_OUT]
    if again:
        gathered = _look(model, find_inks([pictures[place] for place in again], polarity, gather=True))
        for place, look in zip(again, gathered, strict=True):
            # What explains more of the ink is believed when it is sure, or surer.
            if look.ink.breadth <= BROADEST and look.chances.max() > min(seen[place].chances.max(), DOUBTFUL):
                seen[place] = look
    _look_at_tight(model, pictures, seen, polarity)
    return [
        Reading(look.ink, look.features, look.chances, look.likeness, *judge(look, min_confidence)) for look in seen
    ]


@dataclass(frozen=True)
class _Look:
    """What one look at a picture gave; in the words of `Reading`."""

    ink: Ink
    features: NDArray[np.float32]
    chances: NDArray[np.float32]
    likeness: float
    speckled: bool

    @property
    def worth(self) -> float:
        """How well a digit explains the picture: it is likely, like a digit, and leaves no ink out."""
        if not self.chances.any():
            return -np.inf
        return float(self.chances.max() + np.clip(self.likeness, *LIKENESSES) - min(self.ink.left_out, MOST_LEFT_OUT))


def _look_at_tight(model: Model, pictures: Sequence[NDArray[np.uint8]], seen: list[_Look], polarity: Polarity) -> None:
    """Look again, with a margin, at what may be a digit cut out along its ink, and believe what explains it better."""
    tones: tuple[Tone, ...] = ("dark", "light") if polarity == "auto" else (polarity,)
    tight = [(place, look.ink) for place, look in enumerate(seen) if look.ink.tight and not look.ink.blank]
    for tone in tones:
        places = [place for place, ink in tight if may_be(ink, tone)]
        inks = find_tight_inks([pictures[place] for place in places], tone)
        found = {place: ink for place, ink in zip(places, inks, strict=True) if ink is not None}
        for place, look in zip(found, _look(model, list(found.values())), strict=True):
            if look.worth > seen[place].worth:
                seen[place] = look


def _look(model: Model, inks: Sequence[Ink]) -> list[_Look]:
    """Ask the model about each digit's ink; about noise it is not asked."""
    ways = measure_ways([ink.amount for ink in inks])
    mended = {} if model.plain else _run_together(inks, ways)  # a plain model would take noise for a digit, too
    seen = [mended.get(place, ink) for place, ink in enumerate(inks)]
    inked = [place for place, way in enumerate(ways.tolist()) if 0 < way <= LONGEST_WAY or place in mended]
    features = np.zeros((len(inks), SIDE * SIDE), dtype=np.float32)
    chances = np.zeros((len(inks), CLASSES), dtype=np.float32)
    likeness = np.zeros(len(inks), dtype=np.float32)
    if inked:
        amounts = [seen[place].amount for place in inked]
        features[inked] = model.look(amounts)
        answers = model.answer(features[inked])
        chances[inked] = reconsider(model, answers, features[inked], amounts)
        likeness[inked] = _liken(model, answers, features[inked], amounts, chances[inked].argmax(axis=1))
    speckled = {place for place in mended if likeness[place] >= STRANGE}
    for place in mended.keys() - speckled:  # it was noise
        seen[place] = inks[place]
        features[place] = chances[place] = likeness[place] = 0
    return [
        _Look(*each, speckled=place in speckled)
        for place, each in enumerate(zip(seen, features, chances, likeness.tolist(), strict=True))
    ]


def _run_together(inks: Sequence[Ink], ways: NDArray[np.float64]) -> dict[int, Ink]:
    """Return, by their places, the inks that no pen has drawn as they are, but may have with their speckles as one."""
    places = np.flatnonzero(ways > LONGEST_WAY).tolist()
    amounts = [run_together(inks[place].amount) for place in places]
    shorter = measure_ways(amounts) <= LONGEST_WAY
    found = zip(places, amounts, shorter.tolist(), strict=True)
    return {place: replace(inks[place], amount=amount) for place, amount, short in found if short}


def reconsider(
    model: Model, answers: Answers, features: NDArray[np.float32], amounts: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Return the chances of each digit, (n, 10), after what is doubtful was read again, turned a little.

    Parameters
    ----------
    model : Model
        The fitted model.
    answers : Answers
        What it said to n digits at first.
    features : ndarray of float32, shape (n, 64)
        What it said that to.
    amounts : sequence of ndarray of float32, each (height, width)
        Their ink.
    """
    (doubtful,) = np.nonzero(answers.chances.max(axis=1) < DOUBTFUL)
    if not len(doubtful) or model.plain:
        return answers.chances
    before = Answers(*(column[doubtful] for column in vars(answers).values()))
    chances = answers.chances.copy()
    chances[doubtful] = model.reconsider(before, _turn(features, amounts, doubtful)).chances
    return chances


def _turn(
    features: NDArray[np.float32], amounts: Sequence[NDArray[np.float32]], places: NDArray[np.intp]
) -> list[NDArray[np.float32]]:
    """Return the features of some digits as they were read, and as they read turned to either side."""
    return [features[places], *extract_readings([amounts[place] for place in places.tolist()], TURNED)]


def _liken(
    model: Model,
    answers: Answers,
    features: NDArray[np.float32],
    amounts: Sequence[NDArray[np.float32]],
    labels: NDArray[np.intp],
) -> NDArray[np.float32]:
    """Return the likeness of each digit to its label, (n,), after what is near the bar was read again, turned."""
    low, high = NEAR_LIKE
    (near,) = np.nonzero((answers.likeness >= low) & (answers.likeness < high))
    if not len(near):
        return answers.likeness
    likeness = answers.likeness.copy()
    likeness[near] = model.liken(labels[near], _turn(features, amounts, near))
    return likeness


def judge(look: _Look, min_confidence: float) -> tuple[Status, str]:
    """Return the status of a reading, and why a person should look at it."""
    ink, chances = look.ink, look.chances.tolist()
    if not ink.amount.size:
        return "review", "blank: no ink found"
    if not any(chances):
        return "review", "not like any digit: noise or scribble"
    second, first = sorted(range(CLASSES), key=chances.__getitem__)[-2:]
    if ink.others > OTHERS or ink.breadth > BROADEST:
        return "review", "more than one digit?"
    if look.likeness < STRANGE or ink.left_out > CLUTTER:
        return "review", "not like any digit"
    if ink.cut > CUT:
        return "review", f"clipped by the frame: {first} or {second}"
    if look.speckled:
        return "review", f"speckled: {first} or {second}"
    if look.likeness < LIKE:
        return "review", f"hardly like a digit: {first} or {second}"
    if chances[first] < min_confidence:  # last: what says so is `ok` at a lower threshold, and is counted so
        return "review", f"low confidence: {first} or {second}" + ", clipped by the frame" * ink.clipped
    return "ok", ""


def draw_box(amount: NDArray[np.float32], box: Box) -> bytes:
    """Return the 32x32 box of a digit's ink (h, w), 0 to 255 row by row, whose blocks a model's features are."""
    drawn = fill_boxes(stack([amount]))[0] if box == "filled" else stretch(amount, BOX)
    return np.rint(255 * drawn).astype(np.uint8).tobytes()


def measure_ways(amounts: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return how far the pen went to draw each ink, (n,), in sides of a square as large as its crop; 0 for a blank.

    A pen's line has an outline along both of its sides, so the way is half the outline's length, which is the total
    variation of the (height, width) amounts (here the sum along rows and columns, quicker than the length).
    """
    ways = np.zeros(len(amounts))
    for chosen, stacked in stack_by_size(amounts):
        sides = np.sqrt([amounts[place].size for place in chosen])
        ways[chosen] = measure_variation(stacked) / (2 * sides)
    return ways
