"""Finding the ink: a picture's paper flattened, polarity decided, lines and specks left out, the digit cut."""

from digit_batch.ink.finder import Ink, Polarity, find_inks

__all__ = ["Ink", "Polarity", "find_inks"]
