"""The fitted model: what it answers, how sure it is, and how it is kept.

`directions` is what a classifier sees of the 8x8 grid, `duels` a support vector classifier as matrix products,
`confidence` turns its margins into chances, `fitted` is the model, which looks twice where it must, and `file` saves it
and loads it safely.
"""

from digit_batch.model.confidence import Calibration, calibrate
from digit_batch.model.directions import see_directions
from digit_batch.model.duels import narrowest
from digit_batch.model.file import load_model, save_model, shipped_model
from digit_batch.model.fitted import Answers, Model

__all__ = [
    "Answers",
    "Calibration",
    "Model",
    "calibrate",
    "load_model",
    "narrowest",
    "save_model",
    "see_directions",
    "shipped_model",
]
