"""The figures show what they are of: looked at pixel by pixel."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image
from sklearn.datasets import load_digits

from digit_batch.errors import OutputError
from digit_batch.evaluation import evaluate
from digit_batch.predictions import Prediction
from digit_batch.report.figures import check_figure, draw_confusion, draw_digits


def of_counts(counts):
    """Return the evaluation that has these counts: true, said, how many."""
    return evaluate(
        (Prediction("a.png", 0, said, None if said is None else 0.5, "ok"), true)
        for true, said, count in counts
        for _ in range(count)
    )


def cells_of(path, columns=10):
    """Return the darkness, 0 to 1, of each cell of a matrix drawn as SVG; cells come row by row, outlined in grey."""
    fills = re.findall(r'style="fill: #([0-9a-f]{6}); stroke: #e6e6e6', path.read_text())
    darkness = [1 - np.mean([int(fill[k : k + 2], 16) for k in (0, 2, 4)]) / 255 for fill in fills]
    return np.array(darkness).reshape(10, columns)


def test_the_heat_map_is_dark_where_the_counts_are(tmp_path):
    counts = [(digit, digit, 50) for digit in range(10)] + [(2, 7, 10), (9, 4, 30)]
    draw_confusion(of_counts(counts), tmp_path / "map.svg")
    cells = cells_of(tmp_path / "map.svg")
    assert cells.diagonal().min() > 0.5
    assert cells[9, 4] > cells[2, 7] > 0.1
    others = ~np.eye(10, dtype=bool)
    others[2, 7] = others[9, 4] = False
    assert cells[others].max() < 0.06
    texts = re.findall(r"<!-- (\d+) -->", (tmp_path / "map.svg").read_text())
    assert texts.count("50") >= 10, "each count is written in its cell"
    assert {"10", "30"} <= set(texts)


def test_images_without_a_label_have_a_column_only_where_there_are_some(tmp_path):
    right = [(digit, digit, 5) for digit in range(10)]
    draw_confusion(of_counts([*right, (3, None, 20)]), tmp_path / "none.svg")
    assert cells_of(tmp_path / "none.svg", columns=11)[3, 10] > 0.3


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf", ".PNG"])
def test_every_format_is_written_whole(tmp_path, ending):
    path = tmp_path / f"map{ending}"
    check_figure(path)
    draw_confusion(of_counts([(1, 1, 3)]), path)
    assert path.stat().st_size > 1000
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_figure_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "map.png").mkdir()
    with pytest.raises(OutputError, match="Cannot write"):
        draw_confusion(of_counts([(1, 1, 3)]), tmp_path / "map.png")
    assert [file.name for file in tmp_path.iterdir()] == ["map.png"]


def test_digits_are_drawn_with_their_labels(tmp_path):
    digits = load_digits()
    draw_digits(digits.images, digits.target, tmp_path / "digits.png")
    ink = 1 - np.asarray(Image.open(tmp_path / "digits.png").convert("L"), float) / 255
    rows = np.array_split(ink, 4)
    assert all(0.05 < row.mean() < 0.4 for row in rows)
    assert ink.max() > 0.95


@pytest.mark.parametrize("package", ["matplotlib", "seaborn"])
def test_without_what_draws_one_sentence_tells_how_to_install_it_before_any_work(tmp_path, package):
    program = f"import sys; sys.modules['{package}'] = None; from digit_batch.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "dataset", "--plot", str(tmp_path / "digits.png")],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"needs the extra `plots`, of which {package} is not installed here." in done.stderr
    assert "pip install '.[plots]'" in done.stderr
