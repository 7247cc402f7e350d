"""Finding the ink: a picture's paper flattened, polarity decided, lines and specks left out, the digit cut."""

from digit_batch.ink.finder import Ink, Polarity, find_inks
from digit_batch.ink.margin import Tone, find_tight_inks, may_be
from digit_batch.ink.speckles import run_together

__all__ = ["Ink", "Polarity", "Tone", "find_inks", "find_tight_inks", "may_be", "run_together"]
