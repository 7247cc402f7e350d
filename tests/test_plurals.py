"""What is there once is told in the singular."""

import pytest
from pictures import digit_page, save

from digit_batch.errors import InputError
from digit_batch.model import load_model
from digit_batch.plurals import counted
from digit_batch.training.recalibration import recalibrate
from digit_batch.training_set import make_training_set


def test_one_is_singular_and_none_and_many_are_plural_with_their_verbs():
    assert [counted(number, "image") for number in (0, 1, 2000)] == ["0 images", "1 image", "2,000 images"]
    assert [counted(number, "row is", "rows are") for number in (1, 2)] == ["1 row is", "2 rows are"]


def test_a_page_and_a_dry_run_of_one_image_count_one(run, tmp_path):
    scan = tmp_path / "7.png"
    save(digit_page(7), scan)
    assert "1 image would be read" in run("classify", scan, "--dry-run").stdout
    words = ("-o", tmp_path / "rows.csv", "--report", tmp_path / "page.html", "--jobs", 1)
    assert "1 picture in" in run("classify", scan, *words).stderr


def test_a_file_that_lacks_one_byte_says_so(rows_of, tmp_path):
    scan = tmp_path / "7.pgm"
    save(digit_page(7), scan)
    scan.write_bytes(scan.read_bytes()[:-1])
    assert [row["reason"] for row in rows_of(scan)] == ["truncated file: 1 byte short"]


def test_one_image_is_too_few_to_set_a_confidence_on():
    one = make_training_set(99, rows=[0], copies=0, drawn=0)
    with pytest.raises(InputError, match="1 labelled image is too few"):
        recalibrate(load_model(), one.features, one.labels)
