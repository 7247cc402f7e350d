"""Digits of OpenML (https://www.openml.org) by the name of their data set, as ``mnist_784``, for those who are online.

scikit-learn's `fetch_openml` keeps what it fetched in its data home, so that a second run needs no network.
"""

import re
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import fetch_openml

from digit_batch.errors import InputError
from digit_batch.labels import DIGITS
from digit_batch.model import Model
from digit_batch.predictions import Prediction
from digit_batch.reading import Box, read_pictures

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")  # of a data set; a folder that is not there may look the same
SMALLEST = 8  # px, side of the pictures
CHUNK = 64


def is_name(text: str) -> bool:
    """Tell whether an input may be the name of a data set."""
    return NAME.fullmatch(text) is not None


def fetch_digits(name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the pictures (n, side, side), 0 to 255, and the labels of a data set, the newest version of that name.

    Raises
    ------
    InputError
        OpenML cannot be reached, knows no such set, or the set is not of square pictures of the digits 0 to 9 with
        their labels. A sparse set is not.
    """
    # The parser of scikit-learn itself is slow, but the only one for a sparse set, as "auto" knows. With pandas 3 the
    # other one fails on labels that are numbers, unless pandas finds out the types by itself.
    parsing: dict[str, Any] = (
        {"parser": "auto", "read_csv_kwargs": {"dtype": None}} if find_spec("pandas") else {"parser": "liac-arff"}
    )
    try:
        with warnings.catch_warnings(action="ignore"):  # of several versions, of a second try
            data = fetch_openml(name, version="active", as_frame=False, n_retries=1, **parsing)
    except Exception as error:  # URLError, OpenMLError, ValueError, whatever a broken answer raises
        raise InputError(
            f"There is no folder {name}, and no data set of that name came from OpenML ({_why(error)}). "
            "Check the name of the folder, or go online once: what was fetched is kept."
        ) from error
    if data.target is None:
        raise InputError(f"The data set {name} of OpenML has no labels. Name one that has, as mnist_784.")
    values, said = np.asarray(data.data), [str(label).removesuffix(".0") for label in data.target]
    width = values.shape[1] if values.ndim == 2 else 0  # of a sparse set, NumPy makes one object
    side = isqrt(width)
    if values.dtype.kind not in "fiu" or side * side != width or side < SMALLEST:
        raise InputError(f"The data set {name} of OpenML is not of square pictures. Name one that is, as mnist_784.")
    if strange := sorted(set(said) - set(DIGITS)):
        raise InputError(
            f"The data set {name} of OpenML is not of the digits 0 to 9: a label is {strange[0]!r}. "
            "Name one that is, as mnist_784."
        )
    scale = 255 / max(float(values.max()), 1)
    pictures = np.rint(np.clip(values, 0, None) * scale).astype(np.uint8).reshape(-1, side, side)
    return pictures, np.array(said, np.int64)


def read_digits(name: str, model: Model, box: Box) -> Iterator[tuple[Prediction, int | None]]:
    """Yield the rows of a data set with their labels, read as pictures of files are."""
    pictures, labels = fetch_digits(name)
    for start in range(0, len(labels), CHUNK):
        for row, reading in enumerate(read_pictures(model, list(pictures[start : start + CHUNK])), start):
            yield reading.prediction(f"{name} row {row}", 0, box), int(labels[row])


def _why(error: Exception) -> str:
    return str(getattr(error, "reason", error)).split("\n")[0].rstrip(".") or type(error).__name__
