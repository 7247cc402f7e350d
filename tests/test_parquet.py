"""Parquet: the same rows as the CSV, typed, with the facts of the run, and read by `evaluate`."""

import json
import subprocess
import sys

import pytest
from folders import facts_of, fill, fill_mixed, part_of, run, start

from digit_batch.errors import InputError
from digit_batch.parquet import load_table, open_table, pack, packing, read_facts
from digit_batch.predictions import COLUMNS, Prediction, cells, load_predictions

pyarrow = pytest.importorskip("pyarrow.parquet")

ROWS = (
    Prediction("scans/a.png", 0, 7, 0.9983, "ok"),
    Prediction('b, "c"\nd.png', 2, None, None, "error", "empty file"),
    Prediction("é.png", 0, 3, 0.612, "review", "low confidence: 3 or 8"),
)


def read_table(path):
    """Return a table as the CSV that it is or becomes."""
    with open_table(path) as stream:
        return stream.read()


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
    pack(map(cells, ROWS), tmp_path / "t.parquet", COLUMNS, {})
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
    """And gives either format, with the facts of the run; a column that it does not know stays."""
    corrections = tmp_path / "corrections.csv"
    corrected = []
    for ending in ("csv", "parquet"):
        table = tmp_path / f"rows.{ending}"
        run("classify", labelled, "-o", table, "-q")
        first = next(load_table(table))
        corrections.write_text(f"path,frame,label\n{first.path},{first.frame},5\n")
        for wanted in ("csv", "parquet"):
            output = tmp_path / f"corrected-{ending}.{wanted}"
            result = run("review", table, "--apply", corrections, "-o", output)
            assert result.exit_code == 0, result.output
            corrected.append(read_table(output))
            assert (output.read_bytes()[:4] == b"PAR1") == (wanted == "parquet")
        assert run("review", table, "-o", tmp_path / f"{ending}.html", "-q").exit_code == 0
    assert len(set(corrected)) == 1
    assert b",5,1.0000,ok,reviewed\n" in corrected[0]
    assert read_facts(tmp_path / "corrected-parquet.parquet") == read_facts(tmp_path / "rows.parquet")
    assert read_facts(tmp_path / "corrected-csv.parquet") == {}


def test_the_rows_of_evaluate_are_packed_with_their_true_labels(tmp_path, labelled):
    """From a folder and from a table; they come back as the CSV has them."""
    run("classify", labelled, "-o", tmp_path / "rows.parquet", "-q")
    for source in (labelled, tmp_path / "rows.parquet"):
        for ending in ("csv", "parquet"):
            assert run("evaluate", source, "-o", tmp_path / f"true.{ending}", "-q", "--force").exit_code == 0
        assert read_table(tmp_path / "true.parquet") == (tmp_path / "true.csv").read_bytes()
        facts = read_facts(tmp_path / "true.parquet")
        assert facts["the inputs"] == str(labelled)
        assert facts["--min-confidence"] == "0.9"
    schema = pyarrow.read_schema(tmp_path / "true.parquet")
    assert [str(schema.field(name).type) for name in ("true_label", "correct")] == ["int8", "bool"]
    assert run("evaluate", tmp_path / "true.parquet", "-q").exit_code == 0


def test_any_column_and_cell_comes_back(tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text(
        "path,frame,label,confidence,status,reason,true_label,correct,note\n"
        'a.png,0,7,0.9983,ok,,7,1,"x, ""y""\nz"\n'
        "b.png,3,,,review,blank: no ink found,,,\n"
        "c.png,0,1,0.5000,review,low confidence: 1 or 7,7,0,1\n"
    )
    packing(tmp_path / "rows.parquet", {})(rows)
    assert read_table(tmp_path / "rows.parquet") == rows.read_bytes()


def test_what_other_tools_wrote_again_is_read(tmp_path):
    """A table of numbers with gaps comes back from some of them with labels as fractions, and without facts."""
    arrow = pytest.importorskip("pyarrow")
    pack(map(cells, ROWS), tmp_path / "rows.parquet", COLUMNS, {"the inputs": "scans"})
    table = pyarrow.read_table(tmp_path / "rows.parquet")
    place = COLUMNS.index("label")
    table = table.set_column(place, "label", table["label"].cast(arrow.float64()))
    pyarrow.write_table(table.replace_schema_metadata(), tmp_path / "again.parquet")
    assert list(load_table(tmp_path / "again.parquet")) == list(ROWS)
    assert read_table(tmp_path / "again.parquet") == read_table(tmp_path / "rows.parquet")
    assert read_facts(tmp_path / "again.parquet") == {}


@pytest.mark.parametrize("output", ["same", "out.parquet", "out.csv"])
def test_its_errors_are_read_again(tmp_path, output):
    """Once the file is mended, into the table itself or another; facts and every other row stay."""
    folder = fill(tmp_path / "scans", 3)
    whole = (folder / "001.png").read_bytes()
    (folder / "001.png").write_bytes(b"")
    table = tmp_path / "rows.parquet"
    assert run("classify", folder, "-o", table, "-q", "--probabilities").exit_code == 3
    facts = read_facts(table)
    (folder / "001.png").write_bytes(whole)
    target = table if output == "same" else tmp_path / output
    result = run("classify", "--retry-errors", table, "-q", *([] if output == "same" else ["-o", target]))
    assert (result.exit_code, result.stderr) == (0, "")
    run("classify", folder, "-o", tmp_path / "expected.csv", "-q", "--probabilities")
    assert read_table(target) == (tmp_path / "expected.csv").read_bytes()
    assert read_facts(target) == (facts if target.suffix == ".parquet" else {})
    assert not part_of(target).exists()


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
    pack(map(cells, ROWS), tmp_path / "rows.parquet", COLUMNS, {})
    table = pyarrow.read_table(tmp_path / "rows.parquet")
    for name, column in (
        ("label", [77, 1, 1]),
        ("status", ["fine"] * 3),
        ("frame", ["one"] * 3),
        ("frame", [-1, 0, 0]),
        ("path", [None] * 3),
        ("confidence", [2.5, 0.5, 0.5]),
        ("confidence", [float("nan")] * 3),
    ):
        place = table.schema.get_field_index(name)
        pyarrow.write_table(table.set_column(place, name, arrow.array(column)), tmp_path / "bad.parquet")
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
