"""The CSV of predictions: what is written is read back, and what does not fit is refused by its line."""

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digit_batch.errors import InputError, OutputError
from digit_batch.output import check_output, whole_file
from digit_batch.predictions import (
    COLUMNS,
    Prediction,
    cells,
    header,
    load_predictions,
    read_header,
    read_predictions,
    read_records,
    row_text,
    write_rows,
)

odd_text = st.text(st.one_of(st.sampled_from(",\"'\n\r\t =+-@[]\\\x1b\0"), st.characters(codec="utf-8")), max_size=30)
share = st.integers(0, 10_000).map(lambda count: count / 10_000)  # what four decimals can keep
read = st.builds(
    Prediction,
    path=odd_text,
    frame=st.integers(0, 10**6),
    label=st.integers(0, 9),
    confidence=share,
    status=st.sampled_from(["ok", "review"]),
    reason=odd_text,
    probabilities=st.tuples(*[share] * 10),
)
unread = st.builds(
    Prediction,
    path=odd_text,
    frame=st.integers(0, 9),
    label=st.none(),
    confidence=st.none(),
    status=st.sampled_from(["review", "error"]),
    reason=odd_text,
    probabilities=st.none(),
)


@given(st.lists(st.one_of(read, unread), max_size=8))
def test_rows_are_read_back_as_they_were_whatever_their_names_hold(predictions):
    stream = io.StringIO(newline="")
    write_rows(stream, [header(probabilities=True)])
    write_rows(stream, (cells(prediction, probabilities=True) for prediction in predictions))
    stream.seek(0)
    assert list(read_predictions(stream)) == predictions


@given(st.one_of(read, unread))
def test_the_truth_columns_of_evaluate_do_not_hinder_reading(prediction):
    stream = io.StringIO(newline="")
    write_rows(stream, [header(truth=True), [*cells(prediction), "3", "1"]])
    stream.seek(0)
    (back,) = read_predictions(stream)
    assert (back.path, back.label, back.reason) == (prediction.path, prediction.label, prediction.reason)


def test_a_row_is_written_as_the_contract_says():
    assert row_text(header()) == "path,frame,label,confidence,status,reason\n"
    assert row_text(cells(Prediction("a.png", 0, 7, 0.99834, "ok"))) == "a.png,0,7,0.9983,ok,\n"
    review = Prediction("a, b.png", 2, 3, 0.6, "review", 'low "x"')
    assert row_text(cells(review)) == '"a, b.png",2,3,0.6000,review,"low ""x"""\n'
    blank = Prediction("b.png", 0, None, None, "review", "blank: no ink found")
    assert row_text(cells(blank, probabilities=True)) == "b.png,0,,,review,blank: no ink found,,,,,,,,,,\n"


def test_the_columns_are_the_contracts():
    chances = [f"p{digit}" for digit in range(10)]
    assert header(probabilities=True, truth=True) == (*COLUMNS, *chances, "true_label", "correct")


HEAD = ",".join(COLUMNS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: the columns"),
        ("path,label\na.png,3\n", "line 1: the columns"),
        (f"{HEAD}\na.png,0,3,0.5,ok\n", "line 2: 5 cells"),
        (f"{HEAD}\na.png,0,3,0.5,ok,\nb.png,0,12,0.5,ok,\n", "line 3: label '12'"),
        (f"{HEAD}\na.png,0,²,0.5,ok,\n", "line 2: label"),
        (f"{HEAD}\na.png,0,3,0.5,fine,\n", "line 2: status 'fine'"),
        (f"{HEAD}\na.png,first,3,0.5,ok,\n", "line 2: "),
        (f"{HEAD}\na.png,0,3,sure,ok,\n", "line 2: 'sure' is no number$"),
        (f"{HEAD}\na.png,-1,3,0.5,ok,\n", "line 2: frame '-1'"),
        (f'{HEAD}\na.png,0,3,"0,9",ok,\n', "line 2: '0,9' is no number; save it with decimal points"),
        (f"{HEAD}\na.png,0,3,2.5,ok,\n", "line 2: '2.5' is no chance"),
        (f"{HEAD}\na.png,0,3,nan,ok,\n", "line 2: 'nan' is no chance"),
        (f"{HEAD}\na.png,0,3,-inf,ok,\n", "line 2: '-inf' is no chance"),
        (f"{','.join(header(probabilities=True))}\na,0,3,1,ok,,0,0,0,0,0,0,0,0,0,1.5\n", "line 2: '1.5' is no chance"),
        (f'{HEAD}\n"a\nb.png",0,3,0.5,ok,\nc.png,0,x,0.5,ok,\n', "line 4: label 'x'"),
        (f'{HEAD}\n"a.png,0,3,0.5,ok,\n', "line 2: "),
        (f"{HEAD},p0\na.png,0,3,0.5,ok,,1\n", "line 1: "),
    ],
)
def test_a_wrong_file_is_refused_by_its_line(text, says):
    with pytest.raises(ValueError, match=f"^{says}"):
        list(read_predictions(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"\x89PNG\r\n\x1a\n", f"{HEAD}\n\xe4.png,0,3,1,ok,\n".encode("latin-1")]
)
def test_a_file_that_is_no_text_is_refused_by_name_and_in_plain_words(tmp_path, content):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.csv is no predictions CSV: it is no text in UTF-8, but perhaps an image"):
        list(load_predictions(tmp_path / "x.csv"))
    with pytest.raises(ValueError, match=r"^line \d: it is no text in UTF-8"):
        stream = io.BytesIO(content + b"\n")
        list(read_records(stream, read_header(stream)))


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_table_with_other_marks_between_its_cells_is_told_so(mark, name):
    text = mark.join(COLUMNS) + "\n" + mark.join(("a.png", "0", "3", "0,7", "ok", "")) + "\n"
    stream = io.BytesIO(text.encode())
    for read in (lambda: list(read_predictions(io.StringIO(text))), lambda: read_header(stream)):
        with pytest.raises(ValueError, match=f"{name} stand between them, where commas belong; save it with commas"):
            read()


def test_quoted_cells_without_commas_are_told_in_plain_words():
    text = ";".join(f'"{name}"' for name in COLUMNS) + "\n"
    stream = io.BytesIO(text.encode())
    for read in (lambda: list(read_predictions(io.StringIO(text))), lambda: read_header(stream)):
        with pytest.raises(ValueError, match="line 1: no comma stands after a quoted cell, but perhaps a semicolon"):
            read()


def test_a_name_as_long_as_an_archive_may_hold_is_read_back(tmp_path):
    """A tar takes names of 1 MB, and each of their bytes may stand as an escape."""
    long = Prediction('"\n\\xff\\xff' * 450_000, 0, 7, 0.5, "ok")
    text = row_text(header()) + row_text(cells(long)) + row_text(cells(replace(long, path="b.png")))
    (tmp_path / "x.csv").write_text(text, encoding="utf-8", newline="")
    assert [row.path for row in load_predictions(tmp_path / "x.csv")] == [long.path, "b.png"]
    stream = io.BytesIO(text.encode())
    assert [record.prediction.path for record in read_records(stream, read_header(stream))] == [long.path, "b.png"]


def quoted(line):
    return ",".join(f'"{cell}"' for cell in line.split(","))


@pytest.mark.parametrize(
    ("head", "line"),
    [
        (HEAD, "a.png,0,7,0.5,ok,"),
        (quoted(HEAD), quoted("a.png,0,7,0.5,ok,")),
        (quoted(HEAD) + ',"seen by,\r\nand when"', quoted("a.png,0,7,0.5,ok,,me")),
    ],
)
def test_a_table_that_a_spreadsheet_saved_is_read(tmp_path, head, line):
    """With a mark before the text, returns at the ends of its lines, and quotes wherever it likes; by both readers."""
    content = f"\ufeff{head}\r\n{line}\r\n".encode()
    (tmp_path / "x.csv").write_bytes(content)
    assert list(load_predictions(tmp_path / "x.csv")) == [Prediction("a.png", 0, 7, 0.5, "ok")]
    stream = io.BytesIO(content)
    assert [record.prediction.path for record in read_records(stream, read_header(stream))] == ["a.png"]


def test_a_file_stands_under_its_name_only_when_whole(tmp_path):
    path = tmp_path / "out.csv"
    with whole_file(path) as stream:
        stream.write("first\n")
        assert not path.exists()
    assert path.read_text() == "first\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_does_not_get_whole_leaves_the_old_one_and_nothing_beside_it(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_file(path, force=True) as stream:
        stream.write("half\n")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_output_is_refused_before_any_work(tmp_path):
    (tmp_path / "out.csv").touch()
    for path, says in (
        (tmp_path, "is a folder"),
        (tmp_path / "out.csv", "--force"),
        (tmp_path / "no" / "out.csv", "does not exist"),
    ):
        with pytest.raises(OutputError, match=says):
            check_output(path)
    check_output(tmp_path / "out.csv", force=True)
