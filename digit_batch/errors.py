"""What can go wrong, in words that tell the cure.

Trouble with one image is never an exception to the caller of a batch: it is that image's row. What is raised
is trouble with the run itself, and its message is one sentence for the person at the keyboard.
"""


class DigitBatchError(Exception):
    """The run cannot go on; the message says what, why, and the cure."""


class ModelError(DigitBatchError):
    """A model file that cannot be trusted, or does not fit this version."""


class OutputError(DigitBatchError):
    """An output that cannot be written, or must not be replaced."""


class InputError(DigitBatchError):
    """Inputs that do not hold what the command needs."""


class NoImageError(InputError):
    """Not one image was found in the inputs."""
