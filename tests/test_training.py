"""``digit-batch train``: a model file that classifies, and held-out figures of at least three random splits."""

import re
from statistics import mean, pstdev

import numpy as np
import pytest
from conftest import read_rows

from digit_batch.model import load_model


@pytest.fixture(scope="module")
def trained(run, tmp_path_factory):
    """The command's result, and the model it wrote."""
    path = tmp_path_factory.mktemp("trained") / "my.skops"
    return run("train", "-o", path, "--drawn", 2000, "--seed", 5), path


@pytest.mark.slow
def test_three_splits_are_shown_with_their_mean_and_spread(trained):
    result, _ = trained
    assert result.exit_code == 0, result.stderr
    accuracies = [
        float(share) for share in re.findall(r"^ +\d+ +[\d,]+ +[\d,]+ +(\d+\.\d+)%", result.stdout, re.MULTILINE)
    ]
    assert len(accuracies) == 3
    assert len(set(accuracies)) > 1, "three splits, not one three times"
    shown = re.search(r"mean (\d+\.\d+)%, standard deviation (\d+\.\d+)%", result.stdout)
    assert float(shown[1]) == pytest.approx(mean(accuracies), abs=0.011)
    assert float(shown[2]) == pytest.approx(pstdev(accuracies), abs=0.011)
    assert mean(accuracies) > 95


@pytest.mark.slow
def test_the_model_keeps_what_it_was_fitted_on_and_its_scores(trained):
    result, path = trained
    model = load_model(path)
    assert "scikit-learn" in model.fitted_on
    shown = re.search(r"mean (\d+\.\d+)%", result.stdout)
    assert any(100 * score == pytest.approx(float(shown[1]), abs=0.011) for score in model.scores.values())


@pytest.mark.slow
def test_the_model_classifies(trained, run, labelled):
    rows = read_rows(run("classify", labelled, "--model", trained[1], "-o", "-", "--jobs", 1).stdout)
    right = [row["label"] == row["path"].split("/")[-2] for row in rows]
    assert np.mean(right) > 0.9


def test_an_existing_model_is_kept_unless_forced(run, tmp_path):
    (tmp_path / "my.skops").write_text("precious")
    result = run("train", "-o", tmp_path / "my.skops")
    assert (result.exit_code, (tmp_path / "my.skops").read_text()) == (1, "precious")
    assert "--force" in result.stderr


@pytest.mark.parametrize("words", [["--repeats", "0"], ["--test-size", "0"], ["--test-size", "1"]], ids=" ".join)
def test_splits_that_cannot_be_are_exit_code_2(run, tmp_path, words):
    assert run("train", "-o", tmp_path / "my.skops", *words).exit_code == 2
