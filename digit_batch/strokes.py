"""Draws digits with a pen: the ways people write each digit, and the pens, hands and haste that vary them.

`WAYS` is the data: for every digit its ways of writing, for every way its strokes in the order of the hand. A stroke is
a run of points "x y" on a pad 100 high, x to the right, y down; a smooth curve goes through them, and a `*` marks a corner.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

F32 = NDArray[np.float32]

PAD = 100.0  # a digit is written about this high
CANVAS = 40  # px, height and width of a drawing
HASTE = 1.35  # how far the hand strays from the way
MARGIN = 1.0  # px left free around the drawing

#: digit -> name of the way -> (how often it is drawn, strokes)
WAYS: dict[int, dict[str, tuple[float, tuple[str, ...]]]] = {
    0: {
        "oval": (3, ("52 0, 28 10, 16 50, 28 90, 50 100, 72 90, 84 50, 72 12, 50 1",)),
        "round": (2, ("50 0, 14 16, 0 50, 14 86, 50 100, 86 86, 100 50, 86 14, 50 0",)),
        "narrow": (1.5, ("52 0, 36 12, 30 50, 36 88, 50 100, 64 88, 70 50, 64 12, 50 0",)),
        "open top": (1, ("58 8, 34 6, 18 45, 26 88, 50 100, 76 84, 84 45, 74 8, 62 0",)),
        "closing inside": (1, ("48 2, 22 16, 14 55, 30 92, 55 99, 82 75, 84 35, 68 6, 40 4, 30 18, 38 26",)),
        "loop at the top": (1, ("44 14, 24 24, 14 60, 32 95, 60 97, 82 68, 80 30, 62 6, 42 6, 46 20, 66 20, 84 8",)),
        "tail at the top": (0.7, ("70 4, 40 4, 18 35, 20 80, 48 100, 78 80, 82 40, 66 12, 74 2, 92 0",)),
        "clockwise": (0.6, ("40 3, 68 6, 85 45, 72 90, 45 100, 20 80, 14 45, 26 12, 52 1",)),
        "slashed": (0.4, ("50 2, 24 14, 14 50, 26 88, 50 98, 76 86, 86 50, 74 12, 50 2", "88 2, 50 50, 12 98")),
        "leaning egg": (1, ("74 0, 34 22, 6 66, 14 96, 44 96, 82 66, 96 26, 84 3, 66 4",)),
        "inner tail": (0.6, ("70 0, 36 8, 12 50, 24 92, 56 98, 84 60, 76 20, 50 8, 28 26",)),
        "flat egg": (0.6, ("60 10, 26 18, 4 52, 20 86, 60 90, 96 62, 92 26, 58 10",)),
        "crossed top": (0.8, ("64 14, 40 2, 16 30, 10 76, 34 100, 66 84, 84 44, 66 8, 44 0, 34 12",)),
    },
    1: {
        "stick": (4, ("50 0, 50 50, 50 100",)),
        "bowed stick": (0.7, ("46 0, 52 35, 54 70, 50 100",)),
        "short flag": (1.5, ("36 16, 52 0*, 52 50, 52 100",)),
        "flag": (1.5, ("22 30, 40 18, 56 0*, 56 50, 56 100",)),
        "long flag": (1, ("6 52, 32 30, 58 0*, 60 50, 60 100",)),
        "flag and foot": (1.6, ("26 20, 50 0*, 52 50, 52 98", "22 99, 50 98, 80 98")),
        "curved flag and foot": (0.6, ("22 26, 40 18, 52 0*, 52 50, 52 97*, 22 98, 50 99, 82 97",)),
        "foot": (0.3, ("50 0, 50 50, 50 98", "24 99, 50 98, 78 98")),
        "hook": (0.8, ("38 12, 46 2, 54 6, 54 50, 54 100",)),
        "serif flag, wide foot": (0.8, ("30 12, 48 10, 52 0*, 50 50, 50 96", "10 97, 50 97, 92 95")),
        "hooked foot": (0.3, ("34 16, 50 0*, 50 60, 54 94, 70 96",)),
        "flag and sloping foot": (0.6, ("24 30, 40 18, 56 0*, 52 50, 46 94", "8 99, 48 93, 96 84")),
        "long flag, leaning": (0.6, ("4 46, 34 26, 66 0*, 54 50, 44 100",)),
        "steep flag": (0.8, ("10 40, 36 22, 60 0*, 58 50, 56 100",)),
    },
    2: {
        "flat base": (2, ("14 24, 26 6, 54 0, 78 14, 76 40, 48 70, 12 98*, 46 96, 90 97",)),
        "round neck, flat base": (1.5, ("10 26, 24 4, 56 0, 82 20, 74 48, 40 78, 8 96*, 50 95, 88 92",)),
        "looped": (2, ("16 20, 38 2, 70 6, 78 32, 56 66, 24 94, 8 92, 12 78, 34 80, 60 96, 92 92",)),
        "small loop": (1.5, ("14 18, 40 0, 72 10, 74 38, 48 74, 22 96, 16 88, 34 86, 58 95, 90 96",)),
        "big loop": (0.8, ("18 14, 48 0, 80 14, 76 46, 50 78, 22 98, 2 90, 8 70, 36 70, 64 90, 96 98",)),
        "z": (0.6, ("12 8, 46 4, 84 5*, 48 50, 10 96*, 50 95, 90 96",)),
        "rounded z": (0.8, ("12 10, 44 2, 78 6, 72 32, 40 68, 10 96*, 48 94, 88 96",)),
        "swan": (1.2, ("16 26, 30 4, 60 2, 76 24, 60 58, 14 94*, 34 84, 60 94, 92 88",)),
        "curled head": (1, ("34 30, 18 26, 22 8, 52 0, 78 18, 68 50, 36 82, 8 98*, 48 94, 92 98",)),
        "small base": (0.8, ("20 22, 36 2, 64 2, 78 24, 66 56, 40 92, 34 98*, 58 98, 76 95",)),
        "hanging base": (0.7, ("18 16, 44 0, 74 8, 76 34, 50 64, 14 86*, 44 86, 92 100",)),
        "rounded base": (0.8, ("16 22, 36 2, 66 4, 78 26, 58 56, 26 80, 22 96, 46 99, 88 92",)),
        "deep arc, looped": (
            1.2,
            ("10 30, 20 8, 50 0, 76 16, 78 44, 58 74, 28 92, 10 86, 18 72, 40 78, 62 92, 96 94",),
        ),
        "deep arc, tight loop": (1.2, ("6 34, 24 6, 58 0, 82 22, 78 56, 52 84, 24 92, 16 82, 32 76, 60 84, 100 80",)),
        "long tail": (1, ("20 18, 44 0, 66 12, 60 40, 34 72, 6 92*, 50 84, 120 70",)),
        "curled head, looped": (
            1,
            ("30 34, 14 24, 20 6, 50 0, 72 18, 62 50, 34 84, 12 96, 6 84, 24 78, 50 90, 84 100",),
        ),
        "alpha base": (1, ("20 14, 50 0, 74 16, 66 46, 40 80, 14 96, 2 84, 14 70, 44 72, 76 92, 100 84",)),
        "squat": (0.6, ("6 30, 30 4, 66 4, 74 34, 40 62, 10 76*, 60 76, 112 70",)),
        "small head": (0.6, ("30 20, 46 4, 62 10, 60 32, 36 66, 6 96*, 50 95, 96 96",)),
        "deep arc, short tail": (
            1,
            ("10 28, 22 6, 54 0, 82 20, 80 50, 56 80, 26 94, 12 88, 18 76, 38 78, 58 92, 84 92",),
        ),
        "round head, loop left": (
            1,
            ("14 34, 16 12, 46 0, 76 10, 80 38, 62 66, 32 88, 8 96, 2 84, 14 74, 36 82, 56 94, 88 90",),
        ),
    },
    3: {
        "round": (2.5, ("16 12, 44 0, 74 10, 70 36, 42 47*, 74 56, 84 78, 58 99, 12 90",)),
        "smooth waist": (1.2, ("18 8, 48 0, 76 16, 64 40, 46 47, 70 56, 80 80, 54 100, 14 92",)),
        "flat top": (1, ("14 4, 46 2, 80 3*, 60 22, 42 40*, 70 46, 86 70, 66 97, 12 92",)),
        "looped waist": (1, ("14 14, 42 0, 72 10, 68 34, 42 50, 32 46, 46 42, 76 58, 82 80, 52 100, 12 88",)),
        "deep waist": (1, ("16 12, 48 0, 78 16, 62 40, 26 50*, 66 54, 84 78, 54 100, 10 88",)),
        "big belly": (1, ("26 10, 48 0, 68 10, 64 28, 40 38*, 76 46, 88 74, 58 100, 8 88",)),
        "big head": (0.8, ("12 16, 44 0, 82 14, 80 44, 46 58*, 70 64, 74 84, 50 99, 14 94",)),
        "curled ends": (0.8, ("24 22, 18 8, 46 0, 74 14, 62 38, 40 46*, 74 54, 82 80, 52 100, 18 92, 24 78",)),
        "angular": (0.6, ("14 6, 76 4*, 38 44*, 82 64*, 62 92, 12 96",)),
        "straight tail": (0.7, ("14 10, 46 0, 74 12, 66 36, 40 45*, 76 54, 82 72, 52 90, 4 100",)),
        "shallow waist": (0.7, ("22 6, 52 0, 76 18, 70 42, 62 48*, 78 60, 78 84, 50 100, 16 94",)),
        "hooked foot": (0.8, ("20 10, 52 0, 74 14, 60 36, 36 48, 66 50, 76 72, 54 96, 18 100, 2 86, 14 74",)),
        "foot looped to the right": (
            0.5,
            ("20 10, 52 0, 74 14, 60 36, 40 46*, 70 54, 74 78, 46 98, 10 98, 14 84, 48 88, 92 96",),
        ),
        "wide": (0.8, ("8 22, 26 2, 60 0, 70 20, 42 44*, 76 48, 82 74, 52 96, 2 84",)),
        "falling": (0.6, ("4 16, 34 0, 58 12, 50 34, 30 48*, 66 52, 84 74, 74 98, 40 94",)),
        "low start": (0.8, ("6 30, 20 6, 54 0, 76 16, 60 42, 40 48*, 72 54, 84 78, 56 100, 10 90",)),
        "curled head": (0.8, ("30 26, 16 22, 18 6, 46 0, 70 12, 58 36, 40 46*, 70 54, 80 76, 56 98, 10 92",)),
    },
    4: {
        "open": (1.5, ("24 0, 18 30, 16 54*, 50 54, 92 50", "68 6, 66 50, 62 100")),
        "open, rounded": (1.2, ("22 4, 12 36, 22 56, 54 56, 84 46", "76 2, 70 50, 66 100")),
        "open, one corner": (1, ("30 2, 22 30, 10 56*, 50 58, 90 56", "64 30, 62 60, 60 100")),
        "closed": (1.5, ("66 0, 38 32, 6 64*, 50 64, 96 64", "66 0, 66 50, 66 100")),
        "closed, one stroke": (0.8, ("90 66, 50 66, 6 66*, 36 32, 66 0*, 66 50, 66 100",)),
        "short stem": (0.6, ("30 0, 20 34, 14 62*, 50 62, 90 60", "62 30, 60 60, 56 100")),
        "long stem": (1.2, ("24 4, 18 24, 22 40, 46 42, 74 32", "76 0, 70 46, 60 100")),
        "h": (0.8, ("34 0, 24 32, 12 68*, 32 48, 60 46, 66 66, 62 100",)),
        "lightning": (0.8, ("40 0, 26 28, 10 60*, 46 54, 82 46*, 66 76, 52 100",)),
        "no crossing": (1, ("20 4, 16 30, 20 52, 44 54, 72 46", "74 4, 70 50, 66 100")),
        "nine-like": (0.7, ("62 10, 34 24, 14 50, 38 56, 72 46", "74 2, 70 50, 68 100")),
        "looped corner": (0.6, ("34 0, 22 26, 10 54, 20 62, 34 54, 60 48, 94 46", "68 14, 62 54, 56 100")),
        "one stroke, open": (0.7, ("22 8, 14 36, 24 52, 50 50, 74 34, 82 2*, 74 50, 66 100",)),
        "y": (0.7, ("14 6, 18 34, 44 44, 72 26", "86 0, 60 50, 38 100")),
        "tick": (0.5, ("24 0, 16 40, 26 50, 60 40, 92 28", "70 12, 62 54, 56 100")),
        "low bar": (0.6, ("32 0, 18 40, 4 74*, 50 74, 92 70", "60 38, 58 70, 56 100")),
    },
    5: {
        "flag last": (2, ("26 6, 24 26, 20 44*, 50 38, 80 56, 72 88, 42 100, 10 92", "26 5, 54 4, 86 3")),
        "one stroke": (1.5, ("86 3, 56 3, 26 6*, 24 26, 20 44*, 50 38, 80 56, 72 88, 42 100, 10 92",)),
        "s": (1, ("84 4, 56 0, 30 10, 28 32, 56 46, 78 66, 66 92, 38 100, 10 92",)),
        "rounded corners": (1, ("84 4, 54 2, 30 10, 24 36, 48 42, 76 56, 74 84, 44 100, 10 92",)),
        "flag apart": (1, ("26 14, 24 30, 22 48*, 50 42, 78 60, 72 88, 42 100, 10 92", "42 4, 66 3, 94 0")),
        "long flag": (1, ("24 10, 20 26, 16 46*, 46 40, 72 58, 64 88, 36 100, 6 90", "24 10, 64 6, 106 0")),
        "angular": (0.6, ("80 4, 24 4*, 20 46*, 70 46, 80 58, 76 90, 62 98, 14 97",)),
        "small belly": (0.8, ("34 4, 26 28, 20 54*, 46 48, 66 64, 60 90, 36 100, 10 94", "34 4, 60 4, 90 2")),
        "big belly": (0.8, ("36 2, 28 16, 20 34*, 60 28, 88 56, 74 92, 40 100, 6 88", "36 2, 60 4, 82 2")),
        "straight tail": (0.7, ("40 4, 32 24, 26 42*, 58 44, 72 62, 50 86, 4 100", "40 4, 66 4, 96 0")),
        "hooked tail": (0.6, ("30 6, 26 26, 24 44*, 54 38, 80 58, 70 90, 40 100, 18 92, 22 78", "30 6, 58 6, 84 2")),
        "low flag": (0.5, ("30 0, 26 22, 22 46*, 50 42, 76 60, 70 90, 40 100, 12 92", "30 12, 56 10, 84 6")),
        "tail curling up": (0.8, ("34 4, 28 24, 24 42*, 54 36, 84 56, 78 88, 46 100, 14 94, 4 78", "34 4, 60 4, 88 2")),
        "narrow neck": (0.8, ("70 0, 40 6, 30 34*, 62 46, 74 70, 54 94, 24 100, 4 88",)),
        "leaning, long flag": (0.8, ("46 8, 34 28, 24 46*, 50 48, 62 70, 42 96, 4 100", "46 8, 80 6, 124 0")),
        "short flag": (0.8, ("36 6, 30 28, 24 46*, 52 40, 76 60, 70 88, 40 100, 12 92", "36 5, 50 5, 62 4")),
        "wide belly": (0.8, ("30 2, 26 22, 22 40*, 66 30, 100 52, 92 84, 50 100, 0 88", "30 2, 60 2, 96 0")),
        "looped corner": (0.5, ("86 2, 54 4, 34 16, 20 40, 30 50, 52 38, 80 56, 72 90, 40 100, 8 92",)),
        "open at the left": (0.8, ("30 8, 26 28, 30 44, 58 40, 84 58, 78 88, 46 100, 12 90", "28 8, 60 6, 84 0")),
    },
    6: {
        "curled": (2, ("70 2, 40 14, 20 50, 22 86, 48 100, 76 84, 70 58, 46 52, 24 70",)),
        "straight": (1.5, ("58 0, 38 30, 20 66, 28 94, 52 100, 74 84, 66 62, 42 58, 22 74",)),
        "hooked": (1, ("80 12, 64 0, 38 16, 20 52, 22 86, 50 100, 78 80, 68 56, 44 54, 22 72",)),
        "small loop": (1, ("48 0, 30 34, 22 72, 32 96, 54 98, 66 84, 56 70, 38 72, 26 86",)),
        "big loop": (1, ("64 0, 34 20, 12 56, 20 90, 52 100, 86 80, 78 44, 48 38, 18 60",)),
        "open loop": (1, ("64 0, 36 24, 18 62, 28 94, 54 100, 78 82, 72 62, 56 58",)),
        "flat loop": (0.8, ("42 0, 26 36, 14 76, 34 98, 72 96, 86 80, 66 66, 36 72, 18 86",)),
        "inner curl": (0.8, ("70 2, 38 16, 18 54, 24 90, 54 100, 78 80, 64 60, 42 66, 42 80, 56 82",)),
        "upright stem": (0.8, ("28 0, 24 40, 24 78, 40 99, 68 92, 74 70, 54 56, 28 68",)),
        "crossing loop": (0.8, ("66 2, 36 20, 20 60, 34 96, 66 94, 76 72, 54 58, 28 70, 10 84",)),
        "loop over the stem": (1, ("30 0, 18 40, 16 74, 34 98, 66 90, 84 62, 60 48, 30 66, 6 88",)),
        "flat, open": (0.8, ("34 0, 16 40, 8 76, 30 100, 70 94, 90 70, 74 54, 46 60, 28 80",)),
        "wide open": (1, ("40 0, 18 36, 10 74, 34 100, 72 90, 86 62, 66 48",)),
        "leaning, small loop": (0.8, ("78 0, 44 24, 18 64, 26 94, 56 96, 66 78, 44 72, 24 88",)),
        "ring apart": (0.7, ("44 0, 24 36, 18 74, 30 98", "24 74, 50 56, 76 66, 72 92, 44 100, 24 88")),
        "long straight stem": (0.8, ("74 0, 44 36, 18 74, 30 98, 62 96, 74 78, 56 66, 26 80",)),
        "loop to the right": (1, ("46 0, 22 40, 10 78, 24 98, 50 94, 72 76, 66 58, 44 62, 18 84",)),
        "rising loop": (0.8, ("40 0, 20 40, 14 80, 30 100, 58 88, 76 58, 64 46, 40 62, 20 86",)),
    },
    7: {
        "plain": (2.5, ("10 6, 46 4, 84 3*, 60 46, 40 100",)),
        "rounded corner": (1.5, ("10 8, 44 4, 76 4, 78 18, 56 56, 42 100",)),
        "curved stem": (1, ("10 6, 46 6, 84 3*, 56 36, 44 70, 42 100",)),
        "barred": (1.5, ("12 6, 46 4, 82 3*, 60 46, 42 100", "26 52, 52 50, 80 47")),
        "serif": (1.2, ("12 24, 14 8*, 46 6, 84 3*, 60 46, 42 100",)),
        "hooked": (1, ("10 26, 18 8, 46 10, 84 2*, 62 44, 44 100",)),
        "serif and bar": (0.8, ("14 24, 14 6*, 46 6, 82 3*, 58 50, 46 100", "26 54, 52 52, 80 50")),
        "wave": (0.8, ("8 14, 26 4, 50 12, 84 4*, 58 48, 40 100",)),
        "steep": (0.8, ("18 6, 44 4, 70 4*, 66 50, 62 100",)),
        "sloping head": (0.7, ("12 22, 44 12, 82 2*, 62 48, 44 100",)),
        "long head": (0.6, ("0 8, 46 6, 94 3*, 58 46, 36 100",)),
        "rounded, barred": (0.6, ("12 10, 40 4, 74 4, 76 20, 58 54, 46 100", "28 50, 54 52, 84 48")),
        "hook and long bar": (1, ("22 24, 18 8, 44 4, 74 8, 74 24, 58 60, 50 100", "22 58, 58 56, 104 54")),
        "long bar": (1, ("14 10, 44 4, 78 3*, 62 44, 50 100", "16 52, 56 50, 104 50")),
        "wave and bar": (0.6, ("6 16, 20 4, 46 10, 80 2*, 58 48, 46 100", "30 56, 56 50, 88 44")),
        "hooked, curved stem": (0.8, ("12 30, 10 10, 40 6, 70 6, 76 16, 58 46, 52 100",)),
        "drooping head": (0.7, ("4 26, 20 8, 50 10, 88 0*, 66 40, 60 100",)),
        "low hook": (0.6, ("10 40, 14 14, 34 6, 60 12, 80 2*, 66 48, 56 100",)),
        "long serif": (0.8, ("8 34, 14 8*, 46 10, 84 2*, 66 50, 54 100",)),
        "gate": (0.5, ("14 40, 12 8*, 30 2, 64 4, 78 20, 74 60, 68 100",)),
    },
    8: {
        "one stroke": (2, ("74 10, 48 0, 24 16, 40 42, 70 62, 72 88, 44 100, 18 84, 32 60, 64 40, 76 14, 70 6",)),
        "two rings": (
            1.2,
            ("50 0, 28 8, 26 34, 50 46, 74 34, 72 8, 50 0", "50 46, 22 58, 18 86, 50 100, 82 86, 78 58, 50 46"),
        ),
        "open top": (1.2, ("66 4, 40 2, 24 18, 44 44, 72 66, 66 94, 36 98, 20 80, 40 54, 66 34, 82 8",)),
        "from the middle": (0.8, ("50 48, 26 30, 34 4, 64 4, 70 28, 46 50, 20 72, 34 98, 66 96, 78 72, 50 48",)),
        "from the left": (0.7, ("28 8, 54 0, 76 14, 62 40, 30 62, 26 88, 54 100, 80 84, 66 60, 36 40, 24 16, 30 6",)),
        "small head": (0.9, ("64 12, 50 2, 36 12, 42 32, 74 58, 78 86, 48 100, 18 84, 26 58, 58 34, 64 14, 56 4",)),
        "small foot": (0.8, ("78 14, 50 0, 20 18, 34 48, 60 68, 62 90, 46 100, 32 90, 40 68, 70 46, 80 20, 72 8",)),
        "narrow": (0.8, ("64 8, 50 0, 36 14, 44 42, 60 64, 60 92, 46 100, 34 88, 42 60, 60 40, 66 16, 60 4",)),
        "tail out": (0.8, ("70 14, 48 2, 28 14, 40 40, 68 64, 64 92, 38 98, 24 82, 40 56, 66 32, 92 2",)),
        "straight back": (0.7, ("66 8, 42 2, 26 18, 48 46, 70 74, 56 98, 32 92, 36 68, 56 40, 76 6",)),
        "straight return": (0.8, ("80 4, 50 0, 26 14, 36 36, 64 58, 70 86, 46 100, 24 88, 34 64, 84 10",)),
        "ribbon": (0.5, ("20 2, 40 36, 70 76, 60 98, 40 98, 32 78, 60 36, 82 0",)),
        "open at the left": (0.7, ("28 20, 50 2, 72 12, 64 36, 34 58, 22 84, 46 100, 72 86, 64 60, 40 38, 22 12",)),
        "long tail out": (0.5, ("66 18, 46 4, 26 16, 38 40, 66 62, 60 92, 34 98, 22 82, 44 54, 76 24, 120 6",)),
        "open foot": (0.5, ("60 96, 30 96, 28 74, 52 46, 72 20, 56 2, 34 6, 34 28, 60 54, 74 80",)),
        "gap at the right": (1, ("70 14, 50 0, 28 12, 34 36, 62 56, 74 80, 54 100, 26 92, 22 70, 44 54, 58 44",)),
    },
    9: {
        "straight stem": (2, ("74 12, 48 0, 22 18, 24 42, 48 50, 72 34, 76 8*, 72 50, 68 100",)),
        "curved stem": (1.5, ("72 12, 46 0, 20 20, 26 46, 54 48, 76 24, 74 10, 76 44, 64 76, 40 100",)),
        "curled tail": (1, ("74 12, 48 0, 24 18, 26 42, 50 48, 74 30, 76 10*, 76 60, 66 94, 38 100, 16 88",)),
        "small loop": (1, ("70 12, 52 2, 34 12, 36 28, 54 32, 68 20, 72 8*, 66 52, 58 100",)),
        "big loop": (0.8, ("82 16, 52 0, 14 18, 12 48, 44 60, 78 40, 84 10*, 80 56, 74 100",)),
        "open loop": (1, ("62 4, 34 8, 18 32, 34 50, 60 42, 76 10*, 72 52, 66 100",)),
        "leaning stem": (1, ("76 14, 52 0, 24 18, 24 40, 50 44, 76 18*, 56 60, 34 100",)),
        "closed from the right": (0.8, ("76 20, 60 2, 30 6, 18 34, 40 50, 68 36, 76 14, 74 54, 70 100",)),
        "ring and stick": (0.7, ("48 0, 22 10, 20 40, 46 50, 70 38, 70 10, 48 0", "74 0, 74 50, 72 100")),
        "hooked tail": (0.7, ("72 14, 50 0, 26 16, 28 40, 52 46, 74 24*, 72 64, 60 92, 34 96, 24 80",)),
        "flat loop": (0.7, ("78 8, 44 2, 12 20, 20 36, 50 34, 80 10*, 70 54, 58 100",)),
        "spiral loop": (0.9, ("60 22, 72 8, 50 0, 22 16, 26 44, 54 46, 72 24, 72 10, 76 44, 62 82, 26 100",)),
        "gap at the right": (0.8, ("66 6, 40 0, 16 20, 26 46, 56 44, 74 14*, 74 50, 70 100",)),
        "g": (1, ("76 10, 50 0, 22 14, 22 40, 48 48, 72 32, 78 6*, 76 60, 62 96, 30 98, 8 80",)),
        "narrow, hooked": (0.8, ("60 22, 50 4, 30 6, 20 28, 34 46, 58 36, 66 10*, 64 60, 50 94, 20 98",)),
        "open, curved": (0.9, ("70 18, 54 2, 28 8, 20 32, 40 46, 64 38, 72 20, 72 52, 60 84, 24 100",)),
        "low loop": (0.6, ("72 16, 48 0, 20 22, 24 56, 50 60, 70 40, 74 10*, 72 60, 68 100",)),
    },
}


@dataclass(frozen=True)
class Way:
    """One way of writing a digit: its strokes as points on the pad, and which points are corners."""

    digit: int
    name: str
    weight: float
    strokes: tuple[F32, ...]
    corners: tuple[NDArray[np.bool_], ...]


@cache
def list_ways(digit: int) -> tuple[Way, ...]:
    """Return the ways of writing a digit."""
    ways = []
    for name, (weight, strokes) in WAYS[digit].items():
        strokes = (strokes,) if isinstance(strokes, str) else strokes
        fields = [[point.split() for point in stroke.replace("*", " *").split(",")] for stroke in strokes]
        points = tuple(np.array([[float(p[0]), float(p[1])] for p in stroke], np.float32) for stroke in fields)
        corners = tuple(np.array([len(p) == 3 for p in stroke]) for stroke in fields)
        ways.append(Way(digit, name, weight, points, corners))
    return tuple(ways)


SPACING = 3.0  # pad units between the dots a stroke is stamped with


@cache
def dots_of(points_key: tuple[tuple[float, float, bool], ...]) -> F32:
    """Return (dots, points): the dots along the curve as a linear map of its points.

    A spline whose knots are fixed (at the drawn lengths) is linear in its points, so a whole stack of jittered copies is one
    matrix product.
    """
    points = np.array([p[:2] for p in points_key])
    breaks = [0, *(i for i, p in enumerate(points_key) if p[2] and 0 < i < len(points) - 1), len(points) - 1]
    rows = []
    for first, last in pairwise(breaks):
        piece = points[first : last + 1]
        lengths = np.hypot(*np.diff(piece, axis=0).T)
        knots = np.concatenate([[0], np.cumsum(np.sqrt(lengths))])
        eye = np.zeros((last - first + 1, len(points)))
        eye[np.arange(last - first + 1), np.arange(first, last + 1)] = 1
        at = np.linspace(0, knots[-1], max(3, int(lengths.sum() / SPACING)))
        if len(piece) == 2:
            rows.append(np.outer(1 - at / knots[-1], eye[0]) + np.outer(at / knots[-1], eye[1]))
        else:
            rows.append(CubicSpline(knots, eye, bc_type="natural")(at))
    return np.concatenate(rows).astype(np.float32)


def draw_digits(rng: np.random.Generator, digits: Sequence[int] | NDArray[np.int_]) -> F32:
    """Return (n, 40, 40) amounts 0..1, each digit written once in a way drawn by weight."""
    digits = np.asarray(digits)
    drawings = np.zeros((len(digits), CANVAS, CANVAS), np.float32)
    for digit in range(10):
        (rows,) = np.nonzero(digits == digit)
        ways = list_ways(digit)
        weights = np.array([way.weight for way in ways])
        picked = rng.choice(len(ways), size=len(rows), p=weights / weights.sum())
        for index, way in enumerate(ways):
            chosen = rows[picked == index]
            if len(chosen):
                drawings[chosen] = draw_way(rng, way, len(chosen))
    return drawings


def draw_digit(rng: np.random.Generator, digit: int) -> F32:
    """Return one drawing, cropped to its ink: (h, w) amounts 0..1."""
    return crop(draw_digits(rng, [digit])[0])


def crop(drawing: F32) -> F32:
    """Return the drawing cut to the pixels that are at least half inked."""
    ys, xs = np.nonzero(drawing >= 0.5 * drawing.max())
    return drawing[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]


def draw_way(rng: np.random.Generator, way: Way, n: int, *, haste: float = HASTE) -> F32:
    """Return (n, 40, 40) amounts 0..1 of one way; `haste` scales how far the hand strays from it (0: not at all)."""
    drawings = [stamp(*write(rng, way, min(256, n - start), haste)) for start in range(0, n, 256)]
    return np.concatenate(drawings)


def write(rng: np.random.Generator, way: Way, n: int, haste: float) -> tuple[F32, F32, F32]:
    """Return the dots (n, dots, 2) in px, their radii (n, dots) in px, and the tip (n, 3): xx, xy, yy of its metric."""
    care = haste * np.exp(rng.normal(0, 0.35, (n, 1, 1)))
    strokes, radii = [], []
    for points, corners in zip(way.strokes, way.corners, strict=True):
        moved = points + care * rng.normal(0, 3.0, (n, *points.shape))
        for end, inner in ((0, 1), (-1, -2)):  # gaps and overshoot: the ends slide along the stroke
            along = points[end] - points[inner]
            moved[:, end] += care[:, 0] * rng.normal(0, 4.0, (n, 1)) * along / np.hypot(*along)
        if len(way.strokes) > 1:
            middle = moved.mean(axis=1, keepdims=True)
            moved = middle + (moved - middle) * np.exp(care * rng.normal(0, 0.08, (n, 1, 2)))
            moved += care * rng.normal(0, 3.0, (n, 1, 2))
        key = tuple((float(x), float(y), bool(c)) for (x, y), c in zip(points, corners, strict=True))
        dots = dots_of(key) @ moved
        strokes.append(dots)
        radii.append(press(rng, n, dots.shape[1], haste))
    dots = bend(rng, np.concatenate(strokes, axis=1), haste)
    pressure = np.concatenate(radii, axis=1)
    half = np.exp(rng.uniform(np.log(0.022), np.log(0.085), (n, 1)))  # half the pen width, share of the height
    return place(dots, half * pressure, tip(rng, n))


def press(rng: np.random.Generator, n: int, dots: int, haste: float) -> NDArray[np.float64]:
    """Return (n, dots) the pen's pressure along a stroke, about 1: a slow wave, thinner where the pen lands or lifts."""
    at = np.linspace(0, 1, dots)
    wave = rng.normal(0, 0.12, (n, 1)) * np.cos(np.pi * at) + rng.normal(0, 0.1, (n, 1)) * np.cos(2 * np.pi * at)
    return np.clip(1 + haste * wave, 0.5, 1.6)


def bend(rng: np.random.Generator, dots: NDArray[np.float64], haste: float) -> NDArray[np.float64]:
    """Return the dots after the whole pad is bent, squeezed, slanted and turned, as a hand does with a whole digit."""
    n = len(dots)
    x, y = dots[..., 0] / 50 - 1, dots[..., 1] / 50 - 1
    waves = rng.normal(0, 0.07 * haste, (n, 2, 6))
    basis = np.stack([x * y, x * x, y * y, np.sin(np.pi * y), np.sin(np.pi * x), x * y * y], axis=-1)
    push = np.einsum("ndk,nck->ndc", basis, waves)
    x, y = x + push[..., 0], y + push[..., 1]
    x = x * np.exp(rng.normal(0, 0.22 * haste, (n, 1)))
    x = x - rng.normal(0.12, 0.25 * haste, (n, 1)) * y
    angle = rng.normal(0, 0.12 * haste, (n, 1))
    return np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], axis=-1)


def tip(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Return (n, 3) the metric xx, xy, yy of the pen's tip: 1, 0, 1 is round, others are chisels held at some angle."""
    ratio = np.where(rng.random(n) < 0.3, np.exp(rng.uniform(0, 0.7, n)), 1.0)
    angle = rng.uniform(0, np.pi, n)
    c, s, long, short = np.cos(angle), np.sin(angle), 1 / ratio, ratio
    return np.stack([c * c * long + s * s * short, c * s * (long - short), s * s * long + c * c * short], axis=1)


def place(dots: NDArray[np.float64], half: NDArray[np.float64], metric: NDArray[np.float64]) -> tuple[F32, F32, F32]:
    """Return dots, radii and tip in px: the drawing fills the canvas, whatever its shape."""
    low, high = dots.min(axis=1, keepdims=True), dots.max(axis=1, keepdims=True)
    size = (high - low).max(axis=2, keepdims=True)
    room = (CANVAS - 2 * MARGIN) / (size * (1 + 2 * half.max(axis=1)[:, None, None]))
    placed = (dots - (low + high) / 2) * room + CANVAS / 2
    radii = half * size[:, :, 0] * room[:, :, 0]
    return placed.astype(np.float32), np.maximum(radii, 0.4).astype(np.float32), metric.astype(np.float32)


@cache
def pixel_terms() -> F32:
    """Return (pixels, 6): xx, xy, yy, x, y, 1 of the pixel centres, for distances by one matrix product."""
    centre = np.arange(CANVAS, dtype=np.float32) + 0.5
    y, x = np.meshgrid(centre, centre, indexing="ij")
    return np.stack([x * x, x * y, y * y, x, y, np.ones_like(x)], axis=-1).reshape(-1, 6)


def stamp(dots: F32, radii: F32, metric: F32) -> F32:
    """Return (n, 40, 40) amounts: how far each pixel lies inside the nearest stamped dot, soft over one px.

    Near the rim of a dot of radius r the distance to it is about (d*d - r*r) / 2r, which is linear in the terms of the pixel.
    """
    x, y = dots[..., 0], dots[..., 1]
    a, b, c = metric[:, 0, None], metric[:, 1, None], metric[:, 2, None]
    scale = 1 / (2 * radii)
    terms = np.stack(
        [
            a * scale,
            2 * b * scale,
            c * scale,
            -2 * (a * x + b * y) * scale,
            -2 * (b * x + c * y) * scale,
            (a * x * x + 2 * b * x * y + c * y * y) * scale - radii / 2,
        ],
        axis=1,
    )
    drawings = np.empty((len(dots), CANVAS * CANVAS), np.float32)
    for drawing, term in zip(drawings, terms, strict=True):
        np.min(pixel_terms() @ term, axis=1, out=drawing)
    return np.clip(0.5 - drawings, 0, 1).reshape(-1, CANVAS, CANVAS)
