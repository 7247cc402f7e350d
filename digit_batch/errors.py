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


def missing_extra(what: str, error: ImportError, extra: str = "cluster") -> DigitBatchError:
    """Return the sentence for what the packages of an extra do, where one is not installed."""
    name = error.name or getattr(error.__cause__, "name", None) or "a package"  # fsspec raises one without, from it
    return DigitBatchError(
        f"{what} needs the extra `{extra}`, of which {name.partition('.')[0]} is not installed here. "
        f"Install it with pip install '.[{extra}]' in the folder of digit_batch's source."
    )
