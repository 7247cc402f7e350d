"""``digit-batch evaluate``: where the truth comes from, what is counted, and exit codes."""

import csv
import json
import os
import re
import shutil

import pytest
from conftest import ROOT, read_rows
from folders import start
from pictures import blank_page, digit_page, save
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from digit_batch.model import Model, save_model, shipped_model


def figures(run, tmp_path, *words):
    """Evaluate, and return the exit code and the figures of the JSON."""
    result = run("evaluate", *words, "--json", tmp_path / "metrics.json", "--force")
    assert (tmp_path / "metrics.json").exists(), result.stderr
    return result.exit_code, json.loads((tmp_path / "metrics.json").read_text())


def test_a_labelled_folder_is_scored_and_shown_in_tables(labelled, run):
    result = run("evaluate", labelled)
    assert result.exit_code == 0
    for words in ("accuracy", "precision", "recall", "F1", "support", "True digit (rows), said (columns)"):
        assert words in result.stdout
    assert re.search(r"images +30\b", result.stdout)


def test_digits_of_the_training_set_are_read_nearly_all(labelled, run, tmp_path):
    _, measured = figures(run, tmp_path, labelled)
    assert measured["images"] == 30
    assert measured["accuracy"] >= 0.9
    assert [score["support"] for score in measured["classes"]] == [3] * 10


def test_the_label_is_the_name_of_the_parent_folder_at_any_depth(run, tmp_path):
    save(digit_page(7), tmp_path / "in" / "a" / "7" / "x.png")
    save(digit_page(7), tmp_path / "in" / "7" / "b" / "x.png")  # its parent is no digit
    save(digit_page(7), tmp_path / "in" / "17" / "x.png")
    code, measured = figures(run, tmp_path, tmp_path / "in")
    assert (code, measured["images"], measured["unlabelled"]) == (0, 1, 2)


def test_an_image_without_a_label_is_wrong_and_an_unreadable_one_is_not_counted(run, tmp_path):
    save(digit_page(7), tmp_path / "in" / "7" / "good.png")
    save(blank_page(), tmp_path / "in" / "7" / "blank.png")
    (tmp_path / "in" / "7" / "broken.png").write_text("no picture")
    code, measured = figures(run, tmp_path, tmp_path / "in")
    assert code == 3
    assert (measured["images"], measured["correct"], measured["unreadable"]) == (2, 1, 1)
    assert measured["accuracy"] == 0.5
    assert measured["confusion"][7] == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1]


def test_fail_under_is_exit_code_4_just_above_the_accuracy_only(run, tmp_path):
    for name, digit in (("right", 7), ("wrong", 3)):
        save(digit_page(digit), tmp_path / "in" / "7" / f"{name}.png")
    assert run("evaluate", tmp_path / "in", "--fail-under", 0.5).exit_code == 0
    assert run("evaluate", tmp_path / "in", "--fail-under", 0.51).exit_code == 4


def test_fail_under_is_exit_code_4_though_nobody_reads_the_tables(tmp_path):
    wrong = save(digit_page(3), tmp_path / "in" / "7" / "wrong.png")
    reader, writer = os.pipe()
    os.close(reader)
    process = start("evaluate", wrong, "--fail-under", 0.5, stdout=writer)
    os.close(writer)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (4, b"")


def test_a_threshold_accepts_in_a_run_as_many_as_the_table_says(run, tmp_path):
    """Also where a row has two doubts, of which a lower threshold cures only one."""
    folder = ROOT / "samples" / "labelled"
    _, measured = figures(run, tmp_path, folder)
    promised = {step["confidence"]: step["accepted"] for step in measured["thresholds"] if step["confidence"] < 0.9}
    assert set(promised) == {0, 0.5, 0.8}
    for threshold, accepted in promised.items():
        _, real = figures(run, tmp_path, folder, "--min-confidence", threshold)
        assert real["accepted"] == accepted


def test_mistakes_are_shown_with_their_path(run, tmp_path):
    wrong = save(digit_page(3), tmp_path / "in" / "7" / "wrong.png")
    assert str(wrong) in run("evaluate", tmp_path / "in").stdout


def test_a_predictions_csv_gives_the_same_figures_as_its_folder(run, labelled, tmp_path):
    run("classify", labelled, "-o", tmp_path / "rows.csv", "--probabilities")
    code, saved = figures(run, tmp_path, tmp_path / "rows.csv")
    _, fresh = figures(run, tmp_path, labelled)
    for measured in (saved, fresh):  # the CSV keeps four decimals
        measured["mistakes"] = [(m["path"], m["said"], round(m["confidence"], 4)) for m in measured["mistakes"]]
    assert code == 0
    assert saved == fresh


@pytest.mark.parametrize(
    "words",
    ["--min-confidence 0.5", "--model nowhere", "--polarity dark", "--max-pixels 9"],
)
def test_what_decides_a_reading_is_refused_with_a_table(run, labelled, tmp_path, words):
    """It was read before, and whoever gives a model would take the figures for that model's."""
    run("classify", labelled, "-o", tmp_path / "rows.csv", "-q")
    assert run("evaluate", tmp_path / "rows.csv", *words.split()).exit_code == 2


def test_the_page_of_a_table_reads_its_pictures_as_asked_and_states_no_threshold(run, labelled, tmp_path):
    run("classify", labelled, "-o", tmp_path / "rows.csv", "-q")
    words = ("--report", tmp_path / "page.html", "--polarity", "dark", "--jobs", 1, "-q")
    assert run("evaluate", tmp_path / "rows.csv", *words).exit_code == 0
    assert "--min-confidence" not in (tmp_path / "page.html").read_text()


def test_the_rows_saved_hold_the_truth_and_can_be_evaluated_again(run, labelled, tmp_path):
    run("evaluate", labelled, "-o", tmp_path / "rows.csv")
    rows = read_rows((tmp_path / "rows.csv").read_text())
    assert len(rows) == 30
    assert list(rows[0])[-2:] == ["true_label", "correct"]
    assert all((row["correct"] == "1") == (row["label"] == row["true_label"]) for row in rows)
    _, again = figures(run, tmp_path, tmp_path / "rows.csv")
    assert again["correct"] == sum(row["correct"] == "1" for row in rows)


def test_a_csv_that_is_no_predictions_csv_is_refused_in_one_sentence(run, tmp_path):
    for content in ("a,b\n1,2\n", "", "path,frame,label,confidence,status,reason\nx.png,0,eleven,,ok,\n"):
        (tmp_path / "other.csv").write_text(content)
        result = run("evaluate", tmp_path / "other.csv")
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1
        assert "no predictions CSV: line" in result.stderr
    result = run("evaluate", tmp_path / "nowhere.csv")
    assert (result.exit_code, "nowhere.csv does not exist" in result.stderr) == (1, True)


@pytest.fixture
def flat(tmp_path, labelled):
    """Ten digits in one folder of no name, and one below it."""
    for digit in range(10):
        save(digit_page(digit), tmp_path / "flat" / f"{digit}.png")
    save(digit_page(4), tmp_path / "flat" / "sub" / "=four, or so.png")
    return tmp_path / "flat"


def write_labels(path, rows, header=("path", "label")):
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


@pytest.mark.parametrize("form", ["{name}", "./{name}", "{folder}/{name}"])
def test_labels_come_from_a_table_by_path_or_below_the_input(run, flat, tmp_path, form):
    names = [(f"{digit}.png", digit) for digit in range(10)] + [("sub/=four, or so.png", 4)]
    rows = [(form.format(folder=flat, name=name), label) for name, label in names]
    table = write_labels(tmp_path / "labels.csv", rows)
    code, measured = figures(run, tmp_path, flat, "--labels", table)
    assert (code, measured["images"], measured["unlabelled"]) == (0, 11, 0)
    assert measured["accuracy"] >= 0.9


def test_labels_of_a_predictions_csv_and_of_a_table_from_a_spreadsheet(run, flat, tmp_path):
    run("classify", flat, "-o", tmp_path / "rows.csv")
    table = tmp_path / "labels.csv"
    table.write_text(f"note,label,path\r\nfirst,3,{flat}/3.png\r\n", encoding="utf-8-sig", newline="")
    code, measured = figures(run, tmp_path, tmp_path / "rows.csv", "--labels", table)
    assert (code, measured["images"], measured["correct"], measured["unlabelled"]) == (0, 1, 1, 10)


def test_a_table_outranks_the_names_of_folders(run, labelled, tmp_path):
    table = write_labels(tmp_path / "labels.csv", [("3/3.png", 3), ("4/4.png", 0)])
    _, measured = figures(run, tmp_path, labelled, "--labels", table)
    assert (measured["images"], measured["correct"], measured["unlabelled"]) == (2, 1, 28)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("name,label\n1.png,1\n", "lacks the column path"),
        ("", "lacks the column label and path"),
        ("path,label\n1.png,one\n", "line 2: the label 'one' is no digit"),
        ("path,label\n1.png,10\n", "line 2: the label '10' is no digit"),
        ("path,label\n1.png\n", "line 2: the label '' is no digit"),
        ("path,label\n1.png,²\n", "line 2"),
        ("path,label\n1.png,1\n1.png,2\n", "line 3: 1.png was given the label 1 before"),
        ("path,label\n,2\n", "line 2: the path is empty"),
        ("path,label\n1.png,1\nnowhere.png,2\n", "name 1 images that are not in"),
        ('path,label\n"1.png,1\n', "are no CSV"),
    ],
)
def test_a_wrong_table_is_refused_in_one_sentence(run, flat, tmp_path, content, says):
    (tmp_path / "labels.csv").write_text(content, encoding="utf-8")
    result = run("evaluate", flat, "--labels", tmp_path / "labels.csv", "-o", tmp_path / "out.csv")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert says in result.stderr
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("in/1.png", "", 1), ("1.png", "", 2)], "in/1.png twice, 1 as in/1.png and 2 as 1.png. Leave one"),
        ([("./1.png", "", "x"), ("1.png", "", 2)], "in/1.png twice, 2 as 1.png and x as ./1.png. Leave one"),
        ([("in/1.png", 0, 1), ("1.png", 0, 2)], "in/1.png twice"),
        ([("in/1.png", "", 1), ("1.png", "", 1)], ""),
        ([("in/1.png", 0, 1), ("1.png", "", 2)], ""),  # the frame outranks the file, as with one name
    ],
)
def test_one_image_by_two_names_with_two_labels_is_refused(run, flat, tmp_path, monkeypatch, rows, says):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(flat, "in")
    write_labels(tmp_path / "labels.csv", rows, header=("path", "frame", "label"))
    result = run("evaluate", "in", "--labels", "labels.csv")
    assert (result.exit_code, says in result.stderr) == (1 if says else 0, True)


def test_a_table_that_is_missing_or_not_text_is_refused(run, flat, tmp_path):
    (tmp_path / "bytes.csv").write_bytes(b"path,label\n\xff\xfe,1\n")
    for name, says in (("nowhere.csv", "No such file"), ("bytes.csv", "not UTF-8")):
        result = run("evaluate", flat, "--labels", tmp_path / name)
        assert (result.exit_code, says in result.stderr) == (1, True)


def test_no_image_is_5_and_no_label_is_1_with_the_cure(run, flat, tmp_path):
    (tmp_path / "empty").mkdir()
    result = run("evaluate", tmp_path / "empty", "-o", tmp_path / "out.csv")
    assert result.exit_code == 5
    assert not (tmp_path / "out.csv").exists()
    result = run("evaluate", flat)
    assert result.exit_code == 1
    assert "--labels" in result.stderr


def test_outputs_that_exist_are_kept_unless_forced(run, labelled, tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("precious")
    for option in ("-o", "--json", "--plot"):
        result = run("evaluate", labelled, option, kept)
        assert (result.exit_code, kept.read_text()) == (1, "precious")
    assert run("evaluate", labelled, "-o", kept, "--force").exit_code == 0
    assert kept.read_text().startswith("path,")


def test_quiet_says_nothing(run, labelled):
    result = run("evaluate", labelled, "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_one_digit_alone_is_scored_without_a_warning(run, labelled, tmp_path):
    shutil.copytree(labelled / "7", tmp_path / "7")
    save(digit_page(3), tmp_path / "7" / "wrong.png")
    result = run("evaluate", tmp_path / "7")
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.search(r"balanced +75\.00%", result.stdout)


def test_a_table_may_name_single_frames_and_pictures_without_a_digit(run, tmp_path):
    """The file that `review` saves: a row a frame, `x` for no digit."""
    pages = [digit_page(digit) for digit in (3, 4, 5)]
    save(pages[0], tmp_path / "in" / "pages.tif", save_all=True, append_images=pages[1:])
    save(blank_page(), tmp_path / "in" / "blank.png")
    rows = [("pages.tif", 0, 3), ("pages.tif", 2, 9), ("blank.png", 0, "x")]
    table = write_labels(tmp_path / "corrections.csv", rows, header=("path", "frame", "label"))
    _, measured = figures(run, tmp_path, tmp_path / "in", "--labels", table)
    assert (measured["images"], measured["unlabelled"]) == (2, 2)
    assert [sum(row) for row in measured["confusion"]] == [0, 0, 0, 1, 0, 0, 0, 0, 0, 1]


def test_a_label_of_a_page_that_a_file_does_not_have_is_refused(run, tmp_path, monkeypatch):
    """Not so where the file is torn: which pages it had nobody knows."""
    monkeypatch.chdir(tmp_path)
    save(digit_page(3), tmp_path / "in" / "pages.tif", save_all=True, append_images=[digit_page(4)])
    save(digit_page(3), tmp_path / "in" / "one.png")
    (tmp_path / "in" / "torn.tif").write_bytes((tmp_path / "in" / "pages.tif").read_bytes()[:-40])
    assert run("classify", "in", "-o", "rows.csv", "-q").exit_code == 3
    whole = [("in/pages.tif", 1, 4), ("in/one.png", 0, 3), ("in/torn.tif", 5, 3)]
    for rows, says in ((whole, ""), ([*whole, ("in/one.png", 7, 3)], "the frame 7 of in/one.png, which has no")):
        write_labels(tmp_path / "labels.csv", rows, header=("path", "frame", "label"))
        for source in ("in", "rows.csv"):
            result = run("evaluate", source, "--labels", "labels.csv", "--json", "figures.json", "--force", "-q")
            assert (result.exit_code, says in result.stderr) == (1 if says else 0, True)
            assert result.stderr.count("\n") == (1 if says else 0)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("1.png", "one", 1)], "line 2: the frame 'one' is no number"),
        ([("1.png", "9" * 5000, 1)], "line 2: the frame '99999999999999999999' is no number of a page"),
        ([("1.png", 0, 1), ("1.png", 0, "x")], "line 3: 1.png was given the label 1 before"),
    ],
)
def test_a_wrong_frame_or_a_contradiction_is_refused(run, flat, tmp_path, rows, says):
    table = write_labels(tmp_path / "labels.csv", rows, header=("path", "frame", "label"))
    result = run("evaluate", flat, "--labels", table)
    assert (result.exit_code, says in result.stderr) == (1, True)


@pytest.fixture(scope="module")
def plain_model(tmp_path_factory):
    """The classic walk-through's model of half of scikit-learn's digits."""
    digits = load_digits()
    path = tmp_path_factory.mktemp("plain") / "plain.skops"
    save_model(Model(SVC(C=100, gamma=0.001).fit(digits.data[:900], digits.target[:900]), plain=True), path)
    return path


def test_a_threshold_below_counts_what_low_confidence_sent_to_review(run, labelled, tmp_path):
    """The words of such a row are known to the thresholds: most rows are for review, and without one they are ok."""
    _, measured = figures(run, tmp_path, labelled, "--min-confidence", 1)
    assert measured["accepted"] < 25
    assert measured["thresholds"][0]["confidence"] == 0
    assert measured["thresholds"][0]["accepted"] > 25


def test_another_model_is_compared_image_by_image(run, labelled, tmp_path, plain_model):
    _, measured = figures(run, tmp_path, labelled, "--against", plain_model)
    _, other = figures(run, tmp_path, labelled, "--model", plain_model)
    against = measured["against"]
    assert against["images"] == 30
    assert against["accuracy"] == pytest.approx(measured["accuracy"])
    assert against["other_accuracy"] == pytest.approx(other["accuracy"])
    assert against["fixed"] - against["broken"] == measured["correct"] - other["correct"]
    assert against["other"] == str(plain_model)


def test_a_table_made_by_another_model_gives_the_same_comparison(run, labelled, tmp_path, plain_model):
    run("classify", labelled, "--model", plain_model, "-o", tmp_path / "plain.csv")
    run("classify", labelled, "-o", tmp_path / "ours.csv")
    _, fresh = figures(run, tmp_path, labelled, "--against", plain_model)
    for source in (labelled, tmp_path / "ours.csv"):
        _, saved = figures(run, tmp_path, source, "--against", tmp_path / "plain.csv")
        for kind in ("fixed", "broken", "both_right", "both_wrong", "mcnemar_p"):
            assert saved["against"][kind] == fresh["against"][kind]


def test_what_was_fixed_and_broken_is_shown(run, labelled, plain_model):
    shown = run("evaluate", labelled, "--model", plain_model, "--against", shipped_model()).stdout
    assert re.search(r"accuracy +\d+\.\d\d% here, \d+\.\d\d% there, of 30 images", shown)
    assert "McNemar's p" in shown


@pytest.mark.parametrize("change", ["drop", "swap", "add"])
def test_a_table_of_other_images_is_refused(run, labelled, tmp_path, change):
    run("classify", labelled, "-o", tmp_path / "rows.csv")
    lines = (tmp_path / "rows.csv").read_text().splitlines(keepends=True)
    if change == "drop":
        lines.pop()
    elif change == "swap":
        lines[4], lines[9] = lines[9], lines[4]
    else:
        lines.append(lines[-1].replace(".png", "-more.png"))
    (tmp_path / "rows.csv").write_text("".join(lines))
    result = run("evaluate", labelled, "--against", tmp_path / "rows.csv", "-o", tmp_path / "out.csv")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "is not of the same images" in result.stderr
    assert not (tmp_path / "out.csv").exists()


def test_a_model_cannot_read_a_table(run, labelled, tmp_path, plain_model):
    run("classify", labelled, "-o", tmp_path / "rows.csv")
    result = run("evaluate", tmp_path / "rows.csv", "--against", plain_model)
    assert result.exit_code == 1
    assert "compare with another table" in result.stderr


def test_the_target_is_a_threshold_that_reaches_it_when_it_is_used(run, labelled, tmp_path):
    for digit in (3, 5, 8):  # three mistakes
        save(digit_page(digit, 5), labelled_copy(labelled, tmp_path) / "7" / f"wrong{digit}.png")
    folder = tmp_path / "copy"
    _, measured = figures(run, tmp_path, folder, "--target-accuracy", 0.95)
    assert measured["accuracy"] < 0.95
    threshold = measured["target"]["threshold"]
    if threshold is None:
        assert "No threshold reaches 95.00%" in run("evaluate", folder, "--target-accuracy", 0.95).stdout
        return
    _, again = figures(run, tmp_path, folder, "--min-confidence", threshold["confidence"])
    assert again["accepted_accuracy"] >= 0.95
    assert again["accepted"] == threshold["accepted"]


def labelled_copy(labelled, tmp_path):
    return shutil.copytree(labelled, tmp_path / "copy", dirs_exist_ok=True)


def test_a_target_that_cannot_be_reached_is_said_so(run, tmp_path):
    save(digit_page(3), tmp_path / "in" / "7" / "wrong.png")
    result = run("evaluate", tmp_path / "in", "--target-accuracy", 0.5)
    assert result.exit_code == 0
    assert "No threshold reaches 50.00% on these images." in result.stdout


def test_labels_come_from_names_by_a_pattern(run, tmp_path):
    for digit in range(10):
        save(digit_page(digit), tmp_path / "in" / "3" / f"digit_{digit}_a.png")  # the folder does not count then
    save(digit_page(1), tmp_path / "in" / "other.png")
    code, measured = figures(run, tmp_path, tmp_path / "in", "--label-pattern", r"digit_(\d)_.*")
    assert (code, measured["images"], measured["unlabelled"]) == (0, 10, 1)
    assert measured["accuracy"] >= 0.9


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--label-pattern", "digit_("], "is no regular expression"),
        (["--label-pattern", "digit_."], "needs a group"),
        (["--label-pattern", r"(\d)", "--labels", "labels.csv"], "give one of them"),
    ],
)
def test_a_pattern_that_cannot_tell_is_refused(run, labelled, words, says):
    result = run("evaluate", labelled, *words)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.replace("│", " ").split())


def test_a_pattern_that_matches_nothing_is_told_with_the_cure(run, labelled):
    result = run("evaluate", labelled, "--label-pattern", r"number(\d)")
    assert result.exit_code == 1
    assert r"None of their names matches number(\d)" in result.stderr


def test_folders_that_are_no_digit_are_named(run, labelled, tmp_path):
    folder = labelled_copy(labelled, tmp_path)
    save(digit_page(4), folder / "maybe [red]4" / "a.png")
    save(digit_page(4), folder / "maybe [red]4" / "b.png")
    shown = run("evaluate", folder).stdout
    assert "2 (not counted): 2 in " in shown
    assert "maybe [red]4" in shown


def test_the_heat_map_is_drawn(run, labelled, tmp_path):
    assert run("evaluate", labelled, "--plot", tmp_path / "confusion.png").exit_code == 0
    with Image.open(tmp_path / "confusion.png") as picture:
        assert min(picture.size) > 500


def test_a_heat_map_of_no_known_format_is_refused_before_any_work(run, labelled, tmp_path):
    result = run("evaluate", labelled, "--plot", tmp_path / "confusion.docx", "-o", tmp_path / "out.csv")
    assert result.exit_code == 1
    assert "must end in .png, .svg or .pdf" in result.stderr
    assert not (tmp_path / "out.csv").exists()
