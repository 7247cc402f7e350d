"""``digit-batch train``: a model file that classifies, and figures of digits that were held out of it."""

import json
import re
import shutil
from statistics import mean, pstdev

import numpy as np
import pytest
from conftest import read_rows
from pictures import blank_page, digit_page, save
from PIL import Image
from sklearn import metrics
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from digit_batch.model import load_model


def share(text, pattern):
    """Return the share that a pattern finds in a text, 0 to 1."""
    return float(re.search(pattern, text)[1]) / 100


@pytest.fixture(scope="module")
def trained(run, tmp_path_factory):
    """The command's result, and the model it wrote."""
    path = tmp_path_factory.mktemp("trained") / "my.skops"
    return run("train", "-o", path, "--drawn", 2000), path


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


@pytest.mark.parametrize(
    "words",
    ["--repeats 0", "--test-size 0", "--test-size 1", "--c 0", "--c -1", "--gamma 0", "--gamma nan", "--only-data"],
)
def test_what_cannot_be_is_exit_code_2(run, tmp_path, words):
    assert run("train", "-o", tmp_path / "my.skops", *words.split()).exit_code == 2
    assert not list(tmp_path.iterdir())


# The classic walk-through: raw 8x8 digits.


@pytest.fixture(scope="module")
def classic(run, tmp_path_factory):
    """The result of the walk-through's settings with two test sizes, and the folder of what it wrote."""
    folder = tmp_path_factory.mktemp("classic")
    sizes = ("--test-size", 0.25, "--test-size", 0.5)
    outputs = ("-o", folder / "plain.skops", "--json", folder / "figures.json", "--plot", folder / "confusion.png")
    return run("train", "--plain", *sizes, *outputs), folder


@pytest.fixture(scope="module")
def measured(classic):
    return json.loads((classic[1] / "figures.json").read_text())


def test_the_walk_throughs_figure_comes_out(classic, measured):
    """99.33 % of 450 held-out digits, at seed 0 with a quarter held out."""
    assert measured["splits"][0] == {
        "digits": "scikit-learn's digits",
        "seed": 0,
        "test_size": 0.25,
        "fitted": 1347,
        "held_out": 450,
        "accuracy": pytest.approx(0.9933, abs=5e-5),
    }
    assert "99.33%" in classic[0].stdout
    assert "SVC(C=100, gamma=0.001)" in classic[0].stdout


def test_a_seed_of_ones_own_begins_the_splits_and_is_kept(run, tmp_path):
    words = ("--plain", "--repeats", 2, "--seed", 5, "--json", tmp_path / "figures.json")
    assert run("train", *words, "-o", tmp_path / "my.skops").exit_code == 0
    assert [split["seed"] for split in json.loads((tmp_path / "figures.json").read_text())["splits"]] == [5, 6]
    assert load_model(tmp_path / "my.skops").fitted_on.endswith("; seed 5")


def test_every_split_scores_what_scikit_learn_scores(measured):
    digits = load_digits()
    for split in measured["splits"]:
        parts = train_test_split(digits.data, digits.target, test_size=split["test_size"], random_state=split["seed"])
        fit, held, fit_labels, held_labels = parts
        said = SVC(C=100, gamma=0.001).fit(fit, fit_labels).predict(held)
        assert split["accuracy"] == pytest.approx(metrics.accuracy_score(held_labels, said))


def test_the_figures_below_are_of_the_first_test_size_together(measured):
    digits, true, said = load_digits(), [], []
    for seed in range(3):
        fit, held, fit_labels, held_labels = train_test_split(digits.data, digits.target, random_state=seed)
        true.extend(held_labels)
        said.extend(SVC(C=100, gamma=0.001).fit(fit, fit_labels).predict(held))
    shown = measured["held_out"]["scikit-learn's digits"]
    assert np.array_equal(np.array(shown["confusion"])[:, :10], metrics.confusion_matrix(true, said))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(true, said)
    assert [score["precision"] for score in shown["classes"]] == pytest.approx(list(precision))
    assert [score["recall"] for score in shown["classes"]] == pytest.approx(list(recall))
    assert [score["f1"] for score in shown["classes"]] == pytest.approx(list(f1))
    assert [score["support"] for score in shown["classes"]] == list(support)


def test_the_spread_of_each_test_size_is_told(classic, measured):
    for spread, size in zip(measured["accuracy"], (0.25, 0.5), strict=True):
        each = [split["accuracy"] for split in measured["splits"] if split["test_size"] == size]
        assert (spread["test_size"], spread["splits"]) == (size, 3)
        assert (spread["minimum"], spread["maximum"]) == (min(each), max(each))
        assert spread["mean"] == pytest.approx(np.mean(each))
        assert spread["deviation"] == pytest.approx(np.std(each))
        assert f"test size {size}: mean {spread['mean']:.2%}" in classic[0].stdout


def test_six_held_out_digits_are_drawn_with_what_was_said_and_what_is_true(classic):
    digits = load_digits()
    fit, held, fit_labels, held_labels = train_test_split(digits.data, digits.target, random_state=0)
    said = SVC(C=100, gamma=0.001).fit(fit, fit_labels).predict(held[:6])
    shown = [(int(one), int(other)) for one, other in re.findall(r"said (\d), is (\d)", classic[0].stdout)]
    assert shown == list(zip(said, held_labels[:6], strict=True))


def test_the_plain_model_reads_as_plain_models_do(classic):
    model = load_model(classic[1] / "plain.skops")
    assert model.plain
    assert (model.svc.C, model.svc.gamma) == (100, 0.001)
    assert model.fitted_on == "scikit-learn's digits, rows 0 to 1696; seed 0"
    with Image.open(classic[1] / "confusion.png") as picture:
        assert min(picture.size) > 500


def test_c_and_gamma_can_be_given(run, tmp_path):
    words = ("--plain", "--c", 1, "--gamma", 0.002, "--repeats", 1, "--json", tmp_path / "figures.json")
    result = run("train", *words, "-o", tmp_path / "my.skops")
    assert "gamma=0.002" in result.stdout
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["c"], figures["gamma"], len(figures["splits"])) == (1, 0.002, 1)


def test_a_search_keeps_the_best_of_its_table(run, tmp_path):
    words = ("--plain", "--search", "--c", 10, "--repeats", 1, "--json", tmp_path / "figures.json")
    result = run("train", *words, "-o", tmp_path / "my.skops")
    assert result.exit_code == 0, result.stderr
    assert "fold 3" in result.stdout
    figures = json.loads((tmp_path / "figures.json").read_text())
    trials = figures["search"]
    assert {trial["c"] for trial in trials} == {10}, "what is given is not searched for"
    assert len({trial["gamma"] for trial in trials}) == len(trials) > 1
    assert trials[0]["mean"] == max(trial["mean"] for trial in trials)
    assert figures["gamma"] == trials[0]["gamma"]
    assert all(trial["mean"] == pytest.approx(np.mean(trial["accuracies"])) for trial in trials)


def test_quiet_says_nothing(run, tmp_path):
    result = run("train", "--plain", "--repeats", 1, "-q", "-o", tmp_path / "my.skops")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


# One's own labelled folders.


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Twelve pictures of each digit, in the folder named after it."""
    folder = tmp_path_factory.mktemp("own")
    for digit in range(10):
        for nth in range(12):
            save(digit_page(digit, nth), folder / str(digit) / f"{nth}.png")
    return folder


def copy(own, tmp_path):
    return shutil.copytree(own, tmp_path / "own")


@pytest.mark.slow
def test_own_folders_are_fitted_with_the_default_digits_and_scored_beside_them(run, own, tmp_path):
    words = ("--data", own, "--drawn", 500, "--repeats", 1, "--json", tmp_path / "figures.json")
    result = run("train", *words, "-o", tmp_path / "my.skops")
    assert result.exit_code == 0, result.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert [split["digits"] for split in figures["splits"]] == ["scikit-learn's digits", "own digits"]
    assert [split["held_out"] for split in figures["splits"]] == [450, 30]
    assert figures["splits"][1]["accuracy"] > 0.9
    assert figures["own_digits"]["counts"] == [12] * 10
    assert "120 own digits" in load_model(tmp_path / "my.skops").fitted_on
    assert share(result.stdout, r"own digits: mean (\d+\.\d+)%") > 0.9


@pytest.fixture(scope="module")
def alone(run, own, tmp_path_factory):
    """A training on own folders only: its result, its figures, its model."""
    folder = tmp_path_factory.mktemp("alone")
    words = ("--data", own, "--only-data", "--repeats", 2, "--json", folder / "figures.json")
    result = run("train", *words, "-o", folder / "my.skops")
    assert result.exit_code == 0, result.stderr
    return result, json.loads((folder / "figures.json").read_text()), folder / "my.skops"


@pytest.mark.slow
def test_only_own_folders_can_be_fitted(alone, run, own):
    result, figures, path = alone
    assert {split["digits"] for split in figures["splits"]} == {"own digits"}
    assert "scikit-learn" not in load_model(path).fitted_on
    assert re.search(r"read right before +\d+\.\d\d%", result.stdout)
    rows = read_rows(run("classify", own, "--model", path, "-o", "-", "--jobs", 1).stdout)
    assert np.mean([row["label"] == row["path"].split("/")[-2] for row in rows]) > 0.95


@pytest.mark.slow
def test_held_out_mistakes_name_their_files(alone):
    for mistake in alone[1]["held_out"]["own digits"]["mistakes"]:
        assert mistake["path"].endswith(".png")


def test_labels_may_come_from_a_table_or_from_names(run, own, tmp_path):
    flat, rows = tmp_path / "flat", ["path,label"]
    flat.mkdir()
    for path in own.glob("*/*.png"):
        name = f"digit_{path.parent.name}_{path.name}"
        shutil.copy(path, flat / name)
        rows.append(f"{name},{path.parent.name}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    for number, words in enumerate([("--labels", tmp_path / "labels.csv"), ("--label-pattern", r"digit_(\d)_.*")]):
        output = ("-o", tmp_path / f"{number}.skops", "--json", tmp_path / f"{number}.json")
        result = run("train", "--data", flat, "--only-data", "--plain", "--repeats", 1, *words, *output)
        assert result.exit_code == 0, result.stderr
        assert json.loads((tmp_path / f"{number}.json").read_text())["own_digits"]["counts"] == [12] * 10


def test_what_is_wrong_with_a_folder_is_told_and_left_out(run, own, tmp_path):
    folder = copy(own, tmp_path)
    save(digit_page(3, 0), folder / "3" / "again.bmp")  # the same pixels in another format
    save(digit_page(5, 1), folder / "6" / "a five.png")
    (folder / "7" / "broken.png").write_bytes(b"no picture")
    save(blank_page(), folder / "8" / "blank.png")
    save(digit_page(2, 0), folder / "unsorted" / "2.png")
    words = ("--data", folder, "--only-data", "--plain", "--repeats", 1, "--json", tmp_path / "figures.json")
    result = run("train", *words, "-o", tmp_path / "my.skops")
    assert result.exit_code == 3, "done, but an image could not be read"
    assert (tmp_path / "my.skops").exists()
    found = json.loads((tmp_path / "figures.json").read_text())["own_digits"]
    assert found["counts"] == [12, 12, 12, 12, 12, 11, 12, 12, 12, 12]
    assert [name for name, _ in found["copies"]] == [f"{folder}/3/again.bmp"]
    assert found["contradictions"] == [[f"{folder}/6/a five.png", f"{folder}/5/1.png"]]
    assert [name for name, _ in found["unreadable"]] == [f"{folder}/7/broken.png"]
    assert [name for name, _ in found["no_ink"]] == [f"{folder}/8/blank.png"]
    assert found["unlabelled"] == [[f"{folder}/unsorted", 1]]
    for words in ("again.bmp", "Two labels for one picture", "broken.png", "unsorted, 1 image"):
        assert words in result.stdout


@pytest.mark.slow
def test_the_same_folder_and_seed_give_the_same_model(run, own, tmp_path):
    for name in ("one", "two"):
        run("train", "--data", own, "--only-data", "--repeats", 1, "-q", "-o", tmp_path / f"{name}.skops")
    one, two = (load_model(tmp_path / f"{name}.skops") for name in ("one", "two"))
    assert np.array_equal(one.svc.support_vectors_, two.svc.support_vectors_)


def test_no_class_one_class_and_an_empty_folder_are_refused_with_the_cure(run, own, tmp_path):
    (tmp_path / "empty").mkdir()
    save(digit_page(2), tmp_path / "none" / "a.png")
    shutil.copytree(own / "7", tmp_path / "one" / "7")
    for folder, code, says in (
        ("empty", 5, "No image in"),
        ("none", 1, "Put each in a folder named after its digit"),
        ("one", 1, "hold no image of 0, 1, 2, 3, 4, 5, 6, 8, 9"),
        ("nowhere.d", 1, "no data set of that name"),
        ("no/where", 1, "does not exist"),
    ):
        data = tmp_path / folder if folder != "nowhere.d" else folder
        result = run("train", "--data", data, "--only-data", "-o", tmp_path / "my.skops")
        assert result.exit_code == code, (folder, result.stderr)
        assert says in result.stderr
        assert result.stderr.count("\n") == 1
        assert not (tmp_path / "my.skops").exists()


def test_a_table_that_names_missing_files_is_refused_before_anything_is_read(run, own, tmp_path):
    (tmp_path / "labels.csv").write_text("path,label\n0/0.png,0\nnowhere.png,1\n")
    result = run("train", "--data", own, "--labels", tmp_path / "labels.csv", "-o", tmp_path / "my.skops")
    assert result.exit_code == 1
    assert "The labels name 1 images that are not in" in result.stderr
    assert not (tmp_path / "my.skops").exists()


def test_a_digit_with_too_few_images_to_hold_out_is_told(run, own, tmp_path):
    folder = copy(own, tmp_path)
    for path in list((folder / "4").iterdir())[1:]:
        path.unlink()
    words = ("--data", folder, "--only-data", "--plain", "--repeats", 40, "--test-size", 0.5)
    result = run("train", *words, "-o", tmp_path / "my.skops")
    assert result.exit_code == 1
    assert "leaves no 4 to fit on. Add images of it, or hold out less with --test-size." in result.stderr
