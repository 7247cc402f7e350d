"""``digit-batch evaluate``: where the truth comes from, what is counted, and exit codes."""

import csv
import json
import re
import shutil

import pytest
from conftest import read_rows
from pictures import blank_page, digit_page, save


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
    for option in ("-o", "--json"):
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


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("1.png", "one", 1)], "line 2: the frame 'one' is no number"),
        ([("1.png", 0, 1), ("1.png", 0, "x")], "line 3: 1.png was given the label 1 before"),
    ],
)
def test_a_wrong_frame_or_a_contradiction_is_refused(run, flat, tmp_path, rows, says):
    table = write_labels(tmp_path / "labels.csv", rows, header=("path", "frame", "label"))
    result = run("evaluate", flat, "--labels", table)
    assert (result.exit_code, says in result.stderr) == (1, True)
