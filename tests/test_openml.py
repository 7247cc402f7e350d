"""Digits of OpenML by name: read from scikit-learn's own cache, filled here with a small set like mnist_784."""

import gzip
import hashlib
import json
import sys
from urllib.parse import urlparse

import numpy as np
import pytest
from pictures import digit_ink

from digit_batch.errors import InputError
from digit_batch.training.openml import fetch_digits, is_name

SIDE = 28
API = "https://www.openml.org/api/v1/json/data"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty data home, and no way to any network."""
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "home"))

    def refuse(*words, **options):
        raise OSError("Name or service not known")

    monkeypatch.setattr("socket.create_connection", refuse)
    return tmp_path / "home"


def store(home, url, content):
    """Put what a URL would give where `fetch_openml` keeps it."""
    place = home / "openml" / "openml.org" / (urlparse(url).path.lstrip("/") + ".gz")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(gzip.compress(content if isinstance(content, bytes) else json.dumps(content).encode()))


def publish(home, name, pictures, labels, classes="0123456789", *, sparse=False):
    """Make a data set known, as OpenML describes `mnist_784`: a column a pixel and, with labels, a nominal class."""
    pixels = pictures.shape[1]
    columns = [f"pixel{k + 1}" for k in range(pixels)]
    head = [f"@RELATION {name}", *(f"@ATTRIBUTE {column} real" for column in columns)]
    head += [f"@ATTRIBUTE class {{{','.join(classes)}}}"] * bool(labels) + ["@DATA"]
    table = [[*map(str, row), *label] for row, label in zip(pictures, labels or [()] * len(pictures), strict=True)]
    rows = [",".join(row) for row in table]
    if sparse:
        rows = ["{" + ",".join(f"{place} {cell}" for place, cell in enumerate(row)) + "}" for row in table]
    arff = "\n".join([*head, *rows, ""]).encode()
    described = {
        "id": "554",
        "name": name,
        "version": "1",
        "format": "Sparse_ARFF" if sparse else "ARFF",
        "description": "digits",
        "file_id": "52667",
        "url": "https://www.openml.org/data/v1/download/52667/set.arff",
        "default_target_attribute": "class",
        "md5_checksum": hashlib.md5(arff).hexdigest(),
        "status": "active",
    }
    features = [{"index": str(k), "name": column, "data_type": "numeric"} for k, column in enumerate(columns)]
    if labels:
        features.append({"index": str(pixels), "name": "class", "data_type": "nominal", "nominal_value": list(classes)})
    for feature in features:
        feature |= {"is_ignore": "false", "is_row_identifier": "false", "number_of_missing_values": "0"}
        feature["is_target"] = str(feature["name"] == "class").lower()
    entry = {"did": 554, "name": name, "version": 1, "status": "active", "format": "ARFF", "file_id": 52667}
    qualities = [{"name": "NumberOfInstances", "value": str(len(pictures))}]
    store(home, f"{API}/list/data_name/{name}/limit/2/status/active/", {"data": {"dataset": [entry]}})
    store(home, f"{API}/554", {"data_set_description": described})
    store(home, f"{API}/features/554", {"data_features": {"feature": features}})
    store(home, f"{API}/qualities/554", {"data_qualities": {"quality": qualities}})
    store(home, described["url"], arff)


def small_set(each):
    """Return white digits on black, 28x28, so many of each digit, and their labels."""
    drawn = [digit_ink(digit, nth).resize((SIDE, SIDE)) for nth in range(each) for digit in range(10)]
    return np.array([np.asarray(picture).ravel() for picture in drawn]), [str(k % 10) for k in range(10 * each)]


def test_a_set_in_the_cache_needs_no_network(home):
    pictures, labels = small_set(2)
    publish(home, "mnist_tiny", pictures, labels)
    found, digits = fetch_digits("mnist_tiny")
    assert found.shape == (20, SIDE, SIDE)
    assert found.dtype == np.uint8
    assert digits.tolist() == [k % 10 for k in range(20)]
    assert np.array_equal(found.reshape(20, -1), np.rint(pictures * (255 / pictures.max())))


def test_a_model_is_trained_on_a_set_by_its_name(home, run, tmp_path):
    publish(home, "mnist_tiny", *small_set(8))
    words = ("--data", "mnist_tiny", "--only-data", "--plain", "--repeats", 1, "--json", tmp_path / "figures.json")
    result = run("train", *words, "-o", tmp_path / "my.skops")
    assert result.exit_code == 0, result.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["own_digits"]["counts"] == [8] * 10
    assert figures["own_digits"]["read_right_by_the_model_that_ships"] >= 72


def test_offline_is_told_in_one_sentence_with_the_cure(home, run, tmp_path):
    result = run("train", "--data", "mnist_784", "-o", tmp_path / "my.skops")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "There is no folder mnist_784, and no data set of that name came from OpenML" in result.stderr
    assert "go online once" in result.stderr
    assert not (tmp_path / "my.skops").exists()


def test_a_set_of_other_things_than_digits_is_refused(home):
    pictures, _ = small_set(1)
    publish(home, "letters", pictures, list("abcdefghij"), classes="abcdefghij")
    with pytest.raises(InputError, match="not of the digits 0 to 9: a label is 'a'"):
        fetch_digits("letters")


def test_a_set_that_is_not_of_square_pictures_is_refused(home):
    publish(home, "flowers", np.ones((10, 65), int), list("0123456789"))
    with pytest.raises(InputError, match="not of square pictures"):
        fetch_digits("flowers")


@pytest.mark.parametrize("pandas", [True, False])
def test_a_sparse_set_is_refused_by_name(home, monkeypatch, pandas):
    publish(home, "sparse", *small_set(1), sparse=True)
    if not pandas:
        monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match="The data set sparse of OpenML is not of square pictures"):
        fetch_digits("sparse")


def test_a_set_without_labels_is_refused_by_name(home, monkeypatch):
    publish(home, "bare", small_set(1)[0], [])
    monkeypatch.setitem(sys.modules, "pandas", None)  # with it, scikit-learn itself fails on such a set
    with pytest.raises(InputError, match="The data set bare of OpenML has no labels"):
        fetch_digits("bare")


def test_a_folder_that_is_there_is_never_fetched(home, run, tmp_path, monkeypatch):
    (tmp_path / "mnist_784").mkdir()
    monkeypatch.chdir(tmp_path)
    result = run("train", "--data", "mnist_784", "-o", "my.skops")
    assert (result.exit_code, "No image in mnist_784" in result.stderr) == (5, True)


@pytest.mark.parametrize(
    ("text", "may_be"), [("mnist_784", True), ("USPS", True), ("a/b", False), ("../x", False), ("", False)]
)
def test_a_path_is_no_name(text, may_be):
    assert is_name(text) is may_be
