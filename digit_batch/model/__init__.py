"""The fitted model: what it answers, how sure it is, and how it is kept.

`directions` is what a classifier sees of the 8x8 grid, `duels` a support vector classifier as matrix products,
`confidence` turns its margins into chances, `fitted` is the model, which looks twice where it must, and `file` saves it
and loads it safely.
"""

from importlib import import_module
from typing import Any

from digit_batch.model.confidence import Calibration, calibrate
from digit_batch.model.directions import see_directions
from digit_batch.model.duels import narrowest
from digit_batch.model.file import is_model, load_model, save_model, shipped_model
from digit_batch.model.fitted import Answers, Model

__all__ = [
    "Answers",
    "Calibration",
    "Model",
    "calibrate",
    "is_model",
    "load_model",
    "narrowest",
    "save_model",
    "see_directions",
    "shipped_model",
]


def __dir__() -> list[str]:
    return [*__all__, "train"]


def __getattr__(name: str) -> Any:
    """Give `digit_batch.training.train` to those who look for it beside `save_model`.

    Only when asked: it lies floors above, and loads scikit-learn, without which digits are read.
    """
    if name == "train":
        return import_module("digit_batch.training").train
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
