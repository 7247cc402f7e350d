"""``digit-batch dataset``: what scikit-learn's digits are."""

import re

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits


def test_the_data_are_described_with_their_figures(run):
    result = run("dataset")
    assert result.exit_code == 0
    shown = result.stdout
    assert "Optical recognition of handwritten digits dataset" in shown
    for words in ("1,797 x 64", "float64", "1,797 x 8 x 8", "0 to 16", "115,008 values"):
        assert words in shown
    counts = " +".join(str(count) for count in np.bincount(load_digits().target))
    assert re.search(counts, shown)


def test_the_first_digits_are_drawn_with_their_labels(run):
    shown = run("dataset").stdout
    assert re.findall(r"label (\d)", shown) == list("0123456789")
    assert shown.count("██") > 40


def test_the_plot_is_a_picture_and_replaced_only_by_force(run, tmp_path):
    plot = tmp_path / "digits.png"
    assert run("dataset", "--plot", plot).exit_code == 0
    with Image.open(plot) as picture:
        assert picture.width > 500
    assert run("dataset", "--plot", plot).exit_code == 1
    assert run("dataset", "--plot", plot, "--force").exit_code == 0


def test_a_plot_of_no_known_format_is_refused(run, tmp_path):
    result = run("dataset", "--plot", tmp_path / "digits.bmp")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "must end in" in result.stderr
