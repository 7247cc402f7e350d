"""``train --calibrate-on``: a confidence that was wrong is mended on labelled scans, and no answer changes."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT, read_rows

from digit_batch.errors import InputError
from digit_batch.evaluation import evaluate
from digit_batch.model import Calibration, load_model, save_model
from digit_batch.parquet import packing
from digit_batch.training.recalibration import recalibrate
from digit_batch.training.splits import score
from digit_batch.training.trained import MANY
from digit_batch.training_set import DRAWN, make_training_set


@pytest.fixture(scope="module")
def unseen():
    made = make_training_set(99, rows=np.arange(0), copies=0, drawn=300)
    return made.features, made.labels


@pytest.fixture(scope="module")
def timid():
    """The model that ships, but with a confidence that is far too low."""
    model = load_model()
    shy = Calibration(*((w[0] - 3, w[1] / 3, w[2]) for w in (model.calibration.first, model.calibration.second)))
    return replace(model, calibration=shy)


@pytest.fixture(scope="module")
def timid_file(timid, tmp_path_factory):
    """Its file, which takes seconds to pack."""
    path = tmp_path_factory.mktemp("calibrate") / "timid.skops"
    save_model(timid, path)
    return path


def test_a_confidence_that_is_too_low_is_raised_and_the_labels_stay(timid, unseen):
    features, labels = unseen
    found = recalibrate(timid, features, labels)
    before, after = (evaluate(score(model, features, labels)) for model in (timid, found.model))
    assert after.confidences.calibration_error < 0.5 * before.confidences.calibration_error
    assert np.array_equal(found.model.answer(features).labels, timid.answer(features).labels)
    assert found.shift > 0


def test_a_confidence_that_is_right_hardly_moves(unseen):
    model, features = load_model(), np.tile(unseen[0], (20, 1))
    answers = model.answer(features)
    right = np.random.default_rng(0).random(len(features)) < answers.chances.max(axis=1)  # as often as it says
    labels = np.where(right, answers.labels, (answers.labels + 1) % 10)
    found = recalibrate(model, features, labels)
    assert found.shift == pytest.approx(0, abs=0.15)
    assert found.stretch == pytest.approx(1, abs=0.1)


def test_few_images_are_refused(unseen):
    features, labels = unseen
    with pytest.raises(InputError, match="too few"):
        recalibrate(load_model(), features[:10], labels[:10])


def test_the_command_saves_the_model_and_says_what_changed(run, timid_file, labelled, tmp_path):
    result = run(
        "train",
        "--calibrate-on",
        labelled,
        "--model",
        timid_file,
        "-o",
        tmp_path / "own.skops",
        "--jobs",
        1,
    )
    assert result.exit_code == 0, result.stderr
    assert "before" in result.stdout
    assert "after" in result.stdout
    sure = [
        np.mean([float(row["confidence"]) for row in read_rows(shown.stdout)])
        for shown in (
            run("classify", labelled, "--model", path, "-o", "-", "--jobs", 1)
            for path in (timid_file, tmp_path / "own.skops")
        )
    ]
    assert sure[1] > sure[0] + 0.1


def test_its_figures_are_those_of_evaluate_before_and_after(run, timid_file, tmp_path):
    """Of these images some are read again in doubt, and one is not like any digit: a single look would not tell."""
    scans, own = ROOT / "samples" / "labelled", tmp_path / "own.skops"
    shown = run("train", "--calibrate-on", scans, "--model", timid_file, "-o", own, "--jobs", 1).stdout
    for place, model in enumerate((timid_file, own)):
        run("evaluate", scans, "--model", model, "--jobs", 1, "-q", "--json", tmp_path / f"{place}.json")
        found = json.loads((tmp_path / f"{place}.json").read_text())
        for caption, figure in (
            ("rows that would be ok", f"{found['coverage']:.1%}"),
            ("of these right", f"{found['accepted_accuracy']:.2%}"),
            ("labels right", f"{found['accuracy']:.2%}"),
        ):
            (line,) = [line for line in shown.splitlines() if caption in line]
            assert line.split()[-2 + place] == figure, caption


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_reviewed_table_sets_it_too(run, timid, timid_file, labelled, tmp_path, ending):
    truth = {str(path): path.parent.name for path in labelled.rglob("*.png")}
    rows = [f"{path},0,{label},1.0000,ok,reviewed\n" for path, label in sorted(truth.items())]
    table = tmp_path / "corrected.csv"
    table.write_text("path,frame,label,confidence,status,reason\n" + "".join(rows))
    if ending == "parquet":
        pytest.importorskip("pyarrow")
        table, rows = tmp_path / "corrected.parquet", table
        packing(table, {})(rows)
    words = ("--model", timid_file, "-o", tmp_path / "own.skops", "--jobs", 1)
    result = run("train", "--calibrate-on", table, *words)
    assert result.exit_code == 0, result.stderr
    assert load_model(tmp_path / "own.skops").calibration != timid.calibration


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_reviewed_table_finds_its_images_in_archives_and_leaves_out_what_is_gone(run, timid_file, labelled, tmp_path):
    """A name that the archive holds twice is of nobody's label; each of these costs its own row."""
    archive, table = tmp_path / "cal.zip", tmp_path / "corrected.csv"
    files = sorted(labelled.rglob("*.png"))
    with zipfile.ZipFile(archive, "w") as packed:
        for path in files:
            packed.write(path, path.name)
        packed.write(files[0], "twice.png")
        packed.write(files[1], "twice.png")
    said = [(path.name, path.parent.name) for path in files] + [("twice.png", "0"), ("gone.png", "1")]
    rows = [f"{archive}/{name},0,{label},1.0000,ok,reviewed\n" for name, label in said]
    table.write_text("path,frame,label,confidence,status,reason\n" + "".join(rows))
    words = ("--model", timid_file, "-o", tmp_path / "own.skops", "--jobs", 1)
    result = run("train", "--calibrate-on", table, *words)
    assert (result.exit_code, "30, 2 left out" in result.stdout) == (3, True), result.stderr


def test_a_reviewed_table_whose_images_are_elsewhere_says_where_to_stand(run, tmp_path):
    table = tmp_path / "corrected.csv"
    table.write_text("path,frame,label,confidence,status,reason\nin/3.png,0,3,1.0000,ok,reviewed\n")
    result = run("train", "--calibrate-on", table, "-o", tmp_path / "own.skops", "--jobs", 1)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "the first is in/3.png: " in result.stderr
    assert "stand in the folder that the paths of a table start from" in result.stderr


def test_a_table_without_a_reviewed_row_is_one_sentence(run, labelled, tmp_path):
    pytest.importorskip("pyarrow")
    for ending in ("csv", "parquet"):
        run("classify", labelled, "-o", tmp_path / f"rows.{ending}", "-q", "--jobs", 1)
        result = run("train", "--calibrate-on", tmp_path / f"rows.{ending}", "-o", tmp_path / "own.skops")
        assert result.exit_code == 1
        assert "has no reviewed row. Make one with `digit-batch review --apply`" in result.stderr
        assert result.stderr.count("\n") == 1


def test_a_table_is_no_folder_to_train_on(run, labelled, tmp_path):
    run("classify", labelled, "-o", tmp_path / "rows.csv", "-q", "--jobs", 1)
    result = run("train", "--data", tmp_path / "rows.csv", "-o", tmp_path / "own.skops")
    assert result.exit_code == 1
    assert "rows.csv is a table, and --data takes the images themselves." in result.stderr
    assert result.stderr.count("\n") == 1


def test_what_makes_no_sense_together_is_exit_code_2(run, labelled, tmp_path):
    assert run("train", "--calibrate-on", labelled, "--data", labelled, "-o", tmp_path / "m.skops").exit_code == 2
    assert run("train", "--model", tmp_path / "m.skops", "-o", tmp_path / "n.skops").exit_code == 2
    assert not list(tmp_path.iterdir())
    table = tmp_path / "rows.csv"
    table.write_text("path,frame,label,confidence,status,reason\n")
    words = ("--labels", table, "-o", tmp_path / "m.skops")
    assert run("train", "--calibrate-on", table, *words).exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        "--plain --drawn 5",
        "--data in --only-data --drawn 5",
        "--calibrate-on in --drawn 5",
        "--calibrate-on in --c 1",
        "--calibrate-on in --test-size 0.5",
        "--calibrate-on in --repeats 1",
        "--calibrate-on in --seed 1",
        "--seed 4294967296",
    ],
)
def test_what_would_have_no_effect_is_refused(run, tmp_path, words):
    result = run("train", *words.split(), "-o", tmp_path / "m.skops")
    assert result.exit_code == 2 and not list(tmp_path.iterdir())
    assert "give no" in result.stderr or "--seed" in result.stderr


@pytest.mark.parametrize(
    "words", ["--calibrate-on=", "--calibrate-on=in --model=", "--calibrate-on=in --model=s3://x/y"]
)
def test_a_name_that_is_empty_or_a_url_where_a_file_is_wanted_is_wrong_usage(run, tmp_path, words):
    """Above all, an unset variable of the shell must not begin a fit of minutes; here it would miss its data."""
    result = run("train", *words.split(), "-o", tmp_path / "m.skops", "--data", tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "the name is empty" in result.stderr or "a URL is not taken here" in result.stderr


def test_the_help_of_train_tells_how_many_digits_are_drawn(run):
    shown = " ".join(run("train", "--help").stdout.replace("│", " ").split())
    assert f"[default: ({DRAWN:,}, fewer with more than {MANY:,} images of your own)]" in shown


def test_a_folder_without_an_image_is_exit_code_5(run, tmp_path):
    (tmp_path / "in").mkdir()
    assert run("train", "--calibrate-on", tmp_path / "in", "-o", tmp_path / "m.skops").exit_code == 5
