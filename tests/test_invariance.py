"""What must not change a reading: polarity, margins, size, paper, ink colour, format, turn; and what never is a digit.

The digits are scikit-learn's, enlarged smoothly, where the model is sure of the plain page.
"""

import io
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pages import digits, draw_page
from pictures import TURNS
from PIL import Image

from digit_batch.images import Frame, Source, read_frames
from digit_batch.model import Model, load_model
from digit_batch.predictions import cells, row_text
from digit_batch.reading import Reading, read_pictures
from digit_batch.strokes import draw_digits

SURE = 0.9  # confidence on the plain page from which a label must not change
ROWS = st.integers(0, len(digits()[1]) - 1)
EXAMPLES = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.filter_too_much]
)
SEEDS = st.integers(0, 2**32 - 1)
SHAPES = st.tuples(st.integers(20, 300), st.floats(0.5, 2)).map(lambda page: (page[0], max(20, int(page[0] * page[1]))))
PENS = ((20, 20, 25), (25, 40, 140), (150, 25, 30), (15, 95, 50), (85, 55, 35), (105, 105, 110))
PAPERS = ((255, 255, 255), (250, 244, 220), (246, 236, 170), (215, 215, 215), (225, 235, 245))
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM")


@cache
def model() -> Model:
    return load_model()


def read(page: NDArray[np.uint8]) -> Reading:
    (reading,) = read_pictures(model(), [page])
    return reading


@cache
def plain_label(row: int) -> int | None:
    """Return the label of the plain page where the model is sure of it, else None."""
    reading = read(draw_page(row))
    return reading.label if (reading.confidence or 0) >= SURE else None


def sure_label(row: int) -> int:
    label = plain_label(row)
    assume(label is not None)
    assert label is not None
    return label


def cut_out(page: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the page cropped to its dark ink."""
    rows, columns = np.nonzero(page[..., 0] < 138)
    return np.ascontiguousarray(page[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1])


def reopen(page: NDArray[np.uint8], kind: str, folder: Path, **options: object) -> NDArray[np.uint8]:
    """Return the page after it was saved and read back."""
    stream = io.BytesIO()
    Image.fromarray(page).save(stream, kind, **options)
    path = folder / f"page.{kind.lower()}"
    path.write_bytes(stream.getvalue())
    (frame,) = read_frames(Source(path.name, str(path)))
    assert isinstance(frame, Frame), frame
    return frame.pixels


def test_most_plain_pages_are_read_surely_and_rightly() -> None:
    """Guards the properties below: they would hold of a model that is never sure."""
    rows = range(0, len(digits()[1]), 9)
    readings = read_pictures(model(), [draw_page(row) for row in rows])
    assert np.mean([(reading.confidence or 0) >= SURE for reading in readings]) > 0.8
    assert np.mean([reading.label == digits()[1][row] for reading, row in zip(readings, rows, strict=True)]) > 0.97


@EXAMPLES
@given(ROWS)
def test_light_ink_on_a_dark_ground_reads_as_dark_ink_on_light_paper(row: int) -> None:
    label, reading = sure_label(row), read(255 - draw_page(row))
    assert (reading.label, reading.ink.light_on_dark) == (label, True)


@EXAMPLES
@given(ROWS, st.tuples(*[st.floats(0.08, 1.5)] * 4))
def test_margins_do_not_matter(row: int, sides: tuple[float, float, float, float]) -> None:
    assert read(draw_page(row, sides=sides)).label == sure_label(row)


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("height", [20, 96])
def test_a_digit_cut_out_along_its_ink_is_read_as_on_its_page(height: int, inverted: bool) -> None:
    """Not of every digit: an upright 1 cut out so is nothing but ink."""
    rows = [row for row in range(0, len(digits()[1]), 9) if plain_label(row) not in (None, 1)]
    pages = [cut_out(draw_page(row, height=height)) for row in rows]
    readings = read_pictures(model(), [255 - page if inverted else page for page in pages])
    same = [reading.label == plain_label(row) for reading, row in zip(readings, rows, strict=True)]
    assert np.mean(same) > 0.97
    assert np.mean([reading.status == "ok" for reading in readings]) > 0.8


@EXAMPLES
@given(ROWS, st.integers(25, 400))
def test_size_does_not_matter_from_25_pixels(row: int, height: int) -> None:
    assert read(draw_page(row, height=height)).label == sure_label(row)


@EXAMPLES
@given(ROWS, st.floats(0.25, 1.0), st.sampled_from(PAPERS))
def test_the_brightness_of_the_paper_does_not_matter(row: int, light: float, paper: tuple[int, int, int]) -> None:
    page = draw_page(row, paper=paper) * light
    assert read(np.rint(page).astype(np.uint8)).label == sure_label(row)


@EXAMPLES
@given(ROWS, st.sampled_from(PENS), st.sampled_from(PAPERS))
def test_the_colour_of_the_ink_does_not_matter(
    row: int, ink: tuple[int, int, int], paper: tuple[int, int, int]
) -> None:
    assert read(draw_page(row, ink=ink, paper=paper)).label == sure_label(row)


@pytest.mark.parametrize("kind", FORMATS)
@settings(EXAMPLES, max_examples=10)
@given(row=ROWS)
def test_the_file_format_does_not_matter(kind: str, row: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    page = reopen(draw_page(row), kind, tmp_path_factory.mktemp("format"))
    assert read(page).label == sure_label(row)


@pytest.mark.parametrize("orientation", TURNS)
@settings(EXAMPLES, max_examples=6)
@given(row=ROWS)
def test_a_turn_noted_in_exif_is_undone(orientation: int, row: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    stored = np.asarray(Image.fromarray(draw_page(row)).transpose(TURNS[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    page = reopen(stored, "JPEG", tmp_path_factory.mktemp("turn"), exif=exif, quality=92)
    assert read(page).label == sure_label(row)


@EXAMPLES
@given(st.integers(1, 300), st.integers(1, 300), st.tuples(*[st.integers(0, 255)] * 3))
def test_a_page_of_one_colour_gives_no_label(height: int, width: int, colour: tuple[int, int, int]) -> None:
    page = np.empty((height, width, 3), np.uint8)
    page[:] = colour
    assert read(page).label is None


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("side", [8, 28, 500, 2000])
def test_a_black_or_white_page_gives_no_label(level: int, side: int) -> None:
    assert read(np.full((side, side), level, np.uint8)).label is None


@EXAMPLES
@given(SEEDS, SHAPES, st.integers(30, 225), st.floats(1, 60), st.booleans())
def test_noise_gives_no_label(seed: int, shape: tuple[int, int], level: int, spread: float, coloured: bool) -> None:
    sides = (*shape, 3) if coloured else shape
    noise = np.random.default_rng(seed).normal(level, spread, sides)
    assert read(np.clip(np.rint(noise), 0, 255).astype(np.uint8)).label is None


@EXAMPLES
@given(SEEDS, SHAPES)
def test_noise_of_every_level_gives_no_label(seed: int, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    assert read(noise).label is None


@EXAMPLES
@given(SEEDS, SHAPES)
def test_black_and_white_noise_gives_no_label(seed: int, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(seed).integers(0, 2, shape, dtype=np.uint8) * 255
    assert read(noise).label is None


def test_what_else_is_in_a_chunk_does_not_show():
    """Shares, resumed runs and clusters cut other chunks, and write the same bytes."""
    labels = np.arange(1_000) % 10
    pictures = list((255 * (1 - draw_digits(np.random.default_rng(3), labels))).astype(np.uint8))

    def rows(size):
        chunks = (pictures[start : start + size] for start in range(0, len(pictures), size))
        readings = (reading for chunk in chunks for reading in read_pictures(model(), chunk))
        return [row_text(cells(reading.prediction("", 0), probabilities=True)) for reading in readings]

    assert rows(7) == rows(256)


PROGRAM = """
import numpy as np
from digit_batch.model import load_model
model = load_model(bare=True)
features = np.random.default_rng(0).integers(0, 17, (50, 64)).astype(np.float32)
answers = model.answer(features)
for places in range(1, 50):
    rolled = model.answer(np.roll(features, places, axis=0))
    for one, other in zip(vars(answers).values(), vars(rolled).values(), strict=True):
        assert np.array_equal(np.roll(one, places, axis=0), other)
print("the same")
"""


@pytest.mark.parametrize("kernels", ["", "Haswell"])
def test_an_answer_has_the_same_bits_wherever_its_digit_stands(kernels: str) -> None:
    """With OpenBLAS's kernels for the processor here, and with those for AVX2, which most computers have."""
    if kernels and not np._core._multiarray_umath.__cpu_features__.get("AVX2"):
        pytest.skip("they are for another processor")
    environment = {**os.environ, **({"OPENBLAS_CORETYPE": kernels} if kernels else {})}
    said = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, cwd=ROOT, capture_output=True, check=True)
    assert said.stdout == b"the same\n"
