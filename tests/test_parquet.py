"""Parquet: the same rows as the CSV, typed, with the facts of the run, and read by `evaluate`."""

import json
import subprocess
import sys

import pytest
from folders import facts_of, fill, fill_mixed, part_of, run, start

from digit_batch.errors import InputError
from digit_batch.parquet import load_table, pack, read_facts
from digit_batch.predictions import Prediction, load_predictions

pyarrow = pytest.importorskip("pyarrow.parquet")

ROWS = (
    Prediction("scans/a.png", 0, 7, 0.9983, "ok"),
    Prediction('b, "c"\nd.png', 2, None, None, "error", "empty file"),
    Prediction("é.png", 0, 3, 0.612, "review", "low confidence: 3 or 8"),
)


@pytest.mark.parametrize("chances", [[], ["--probabilities"]])
def test_it_holds_the_rows_of_the_csv(tmp_path, chances):
    folder = fill_mixed(tmp_path / "scans")
    table, rows = tmp_path / "out.parquet", tmp_path / "out.csv"
    assert run("classify", folder, "-o", rows, *chances).exit_code == 3
    result = run("classify", folder, "-o", table, *chances)
    assert result.exit_code == 3
    assert list(load_table(table)) == list(load_predictions(rows))
    assert not part_of(table).exists()
    assert not facts_of(table).exists()
    assert {path.name for path in tmp_path.iterdir()} == {"scans", "out.csv", "out.parquet"}


def test_columns_have_their_types_and_other_tools_read_them(tmp_path):
    pack(iter(ROWS), tmp_path / "t.parquet", {})
    table = pyarrow.read_table(tmp_path / "t.parquet")
    assert {field.name: str(field.type) for field in table.schema} == {
        "path": "string",
        "frame": "int32",
        "label": "int8",
        "confidence": "double",
        "status": "string",
        "reason": "string",
    }
    assert table["label"].to_pylist() == [7, None, 3]


def test_the_facts_of_the_run_are_in_its_metadata(tmp_path):
    table = tmp_path / "out.parquet"
    run("classify", fill(tmp_path / "scans", 2), "-o", table, "--min-confidence", 0.5, "-q")
    facts = json.loads(pyarrow.read_schema(table).metadata[b"digit-batch"])
    assert facts == read_facts(table)
    assert facts["--min-confidence"] == "0.5"
    assert facts["the inputs"] == str(tmp_path / "scans")
    assert {"a model with the checksum", "digit-batch", "scikit-learn"} <= set(facts)


def test_evaluate_scores_it_as_it_scores_the_csv(tmp_path, labelled):
    figures = []
    for ending in ("csv", "parquet"):
        table, saved = tmp_path / f"rows.{ending}", tmp_path / f"{ending}.json"
        run("classify", labelled, "-o", table, "-q")
        assert run("evaluate", table, "--json", saved, "-q").exit_code == 0
        figures.append(json.loads(saved.read_text()))
    assert figures[0] == figures[1]
    assert figures[0]["images"] == 30


def test_review_takes_corrections_of_it_as_of_the_csv(tmp_path, labelled):
    corrections = tmp_path / "corrections.csv"
    corrected = []
    for ending in ("csv", "parquet"):
        table, output = tmp_path / f"rows.{ending}", tmp_path / f"corrected-{ending}.csv"
        run("classify", labelled, "-o", table, "-q")
        first = next(load_table(table))
        corrections.write_text(f"path,frame,label\n{first.path},{first.frame},5\n")
        result = run("review", table, "--apply", corrections, "-o", output)
        assert result.exit_code == 0, result.output
        corrected.append(output.read_bytes())
        assert run("review", table, "-o", tmp_path / f"{ending}.html", "-q").exit_code == 0
    assert corrected[0] == corrected[1]
    assert b",5,1.0000,ok," in corrected[0]


@pytest.mark.slow
def test_a_killed_run_is_resumed_into_the_same_table(tmp_path):
    folder, table = fill(tmp_path / "scans", 300), tmp_path / "out.parquet"
    with start("classify", folder, "-o", table, "-q", "--jobs", 2) as process:
        while not (part_of(table).exists() and part_of(table).stat().st_size > 100) and process.poll() is None:
            pass
        process.kill()
    assert not table.exists()
    assert run("classify", folder, "-o", table, "-q", "--resume").exit_code == 0
    run("classify", folder, "-o", tmp_path / "out.csv", "-q")
    assert list(load_table(table)) == list(load_predictions(tmp_path / "out.csv"))


def test_shares_are_merged_into_one(tmp_path):
    folder = fill(tmp_path / "scans", 12)
    tables = [tmp_path / "1.csv", tmp_path / "2.csv"]
    for number, table in enumerate(tables, start=1):
        run("classify", folder, "--shard", f"{number}/2", "-o", table, "-q", "--probabilities")
    assert run("merge", *tables, "-o", tmp_path / "all.parquet", "-q").exit_code == 0
    run("classify", folder, "-o", tmp_path / "all.csv", "-q", "--probabilities")
    assert list(load_table(tmp_path / "all.parquet")) == list(load_predictions(tmp_path / "all.csv"))
    assert read_facts(tmp_path / "all.parquet")["the inputs"] == str(folder)


def test_what_stood_there_is_not_replaced_unasked(tmp_path):
    folder, table = fill(tmp_path / "scans", 2), tmp_path / "out.parquet"
    table.write_bytes(b"of great value")
    result = run("classify", folder, "-o", table)
    assert result.exit_code == 1
    assert "exists and is not replaced" in result.stderr
    assert table.read_bytes() == b"of great value"
    assert run("classify", folder, "-o", table, "--force", "-q").exit_code == 0


@pytest.mark.parametrize("content", [b"", b"no table", b"PAR1" + bytes(100) + b"PAR1"])
def test_a_damaged_table_is_one_sentence(tmp_path, content):
    table = tmp_path / "rows.parquet"
    table.write_bytes(content)
    result = run("evaluate", table)
    assert result.exit_code == 1
    assert "is no predictions table" in result.stderr
    assert result.stderr.count("\n") == 1


def test_foreign_columns_and_rows_are_refused(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    pyarrow.write_table(arrow.table({"x": [1]}), tmp_path / "x.parquet")
    with pytest.raises(InputError, match="its columns are not"):
        list(load_table(tmp_path / "x.parquet"))
    pack(iter(ROWS), tmp_path / "rows.parquet", {})
    table = pyarrow.read_table(tmp_path / "rows.parquet")
    for name, cells in (("label", [77, 1, 1]), ("status", ["fine"] * 3), ("frame", ["one"] * 3), ("path", [None] * 3)):
        place = table.schema.get_field_index(name)
        pyarrow.write_table(table.set_column(place, name, arrow.array(cells)), tmp_path / "bad.parquet")
        with pytest.raises(InputError, match="damaged"):
            list(load_table(tmp_path / "bad.parquet"))


def test_without_pyarrow_one_sentence_tells_how_to_install_it(tmp_path):
    """Before any work is done, and every other output works as ever."""
    folder = fill(tmp_path / "scans", 1)
    program = "import sys; sys.modules['pyarrow'] = None; from digit_batch.cli import main; main()"

    def classify(name):
        command = [sys.executable, "-c", program, "classify", str(folder), "-q", "-o", str(tmp_path / name)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    refused = classify("out.parquet")
    assert refused.returncode == 1
    assert "pip install '.[cluster]'" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["scans"]
    assert classify("out.csv").returncode == 0
