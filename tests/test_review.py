"""`review`: which rows are chosen, and that corrections get into their rows whole or not at all."""

import csv
import os
import zipfile

import pytest
from conftest import read_rows
from pictures import blank_page, digit_page, save
from test_page import HOSTILE, page_data, row

from digit_batch.predictions import cells, header, write_rows
from digit_batch.review import choose_rows


def write_table(path, rows, columns=None, extra=()):
    """Write rows as `classify` does; ``extra`` are more cells for each."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        write_rows(stream, [columns or header()])
        write_rows(stream, [[*cells(one), *more] for one, more in zip(rows, extra or [()] * len(rows), strict=True)])
    return path


def write_corrections(path, rows, columns=("path", "frame", "label")):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([columns, *rows])
    return path


TABLE = [
    row("a.png", 3, 0.99),
    row("b, or so.png", 8, 0.6, "review", "low confidence: 8 or 3"),
    row("c.png", None, None, "review", "blank: no ink found"),
    row("d.png", None, None, "error", "empty file"),
    row("e.png", 5, 0.91),
    row("p.tif", 1, 0.97, frame=0),
    row("p.tif", 7, 0.5, "review", "low confidence: 7 or 1", frame=1),
]


def test_rows_for_review_come_first_then_the_least_sure_and_unreadable_ones_never():
    def chosen(limit):
        return [(place, one.path, one.frame) for place, one in choose_rows(iter(TABLE), limit).rows]

    assert chosen(3) == [(1, "b, or so.png", 0), (2, "c.png", 0), (6, "p.tif", 1)]
    assert chosen(4) == [(1, "b, or so.png", 0), (2, "c.png", 0), (4, "e.png", 0), (6, "p.tif", 1)]
    assert len(chosen(100)) == 6
    assert chosen(2) == [(2, "c.png", 0), (6, "p.tif", 1)]  # too many for review: the least sure of these
    choice = choose_rows(iter(TABLE), 2)
    assert (choice.review, choice.unreadable, choice.images) == (3, 1, 7)


def test_the_page_holds_the_rows_for_a_person(run, scans, tmp_path):
    run("classify", scans, "-o", tmp_path / "rows.csv", "-q")
    result = run("review", tmp_path / "rows.csv", "-o", tmp_path / "review.html")
    assert result.exit_code == 0
    assert "2 pictures in" in result.stdout
    assert "3 rows could not be read" in result.stdout
    data = page_data(tmp_path / "review.html")
    assert [path.rpartition("/")[2] for path in data["data"]["path"]] == ["blank.png", "seven.png"]
    assert {"whole", "around", "ink", "grid"} <= set(data["sheet-0"])
    assert run("review", tmp_path / "rows.csv", "-o", tmp_path / "review.html").exit_code == 1
    assert run("review", tmp_path / "rows.csv", "-o", tmp_path / "one.html", "--limit", 1).exit_code == 0
    assert len(page_data(tmp_path / "one.html")["data"]["path"]) == 1


def test_a_page_without_any_picture_says_where_to_look(run, tmp_path):
    result = run("review", write_table(tmp_path / "rows.csv", TABLE), "-o", tmp_path / "p.html")
    assert result.exit_code == 3
    assert "No image could be read" in result.stderr
    assert "0 pictures in" in result.stdout and "6 could not be read" in result.stdout


def test_only_pictures_that_the_page_has_are_counted(run, tmp_path):
    there = row(str(save(digit_page(3), tmp_path / "there.png")), 3)
    table = write_table(tmp_path / "rows.csv", [there, row(str(tmp_path / "gone.png"), 4)])
    result = run("review", table, "-o", tmp_path / "p.html")
    assert (result.exit_code, result.stderr) == (3, "")
    assert "1 pictures in" in result.stdout and "1 could not be read" in result.stdout
    assert run("review", table, "-o", tmp_path / "q.html", "-q").exit_code == 3


def test_corrections_change_their_rows_and_no_other_byte(run, tmp_path):
    table = write_table(tmp_path / "rows.csv", TABLE)
    said = [("b, or so.png", 0, 3), ("c.png", 0, "x"), ("p.tif", 1, 7), ("a.png", 0, 3)]
    corrections = write_corrections(tmp_path / "corrections.csv", said)
    result = run("review", "--apply", corrections, table, "-o", tmp_path / "corrected.csv")
    assert result.exit_code == 0
    assert "1 rows changed, 3 confirmed" in result.stdout  # nothing was read on c.png, and there is nothing
    before, after = ((tmp_path / name).read_text().splitlines() for name in ("rows.csv", "corrected.csv"))
    assert after == [
        before[0],
        "a.png,0,3,1.0000,ok,reviewed",
        '"b, or so.png",0,3,1.0000,ok,reviewed',
        "c.png,0,,,ok,reviewed: no digit",
        *before[4:7],
        "p.tif,1,7,1.0000,ok,reviewed",
    ]


def test_corrections_get_into_a_table_whose_cells_are_all_quoted(run, tmp_path):
    table = write_table(tmp_path / "rows.csv", TABLE)
    with (tmp_path / "quoted.csv").open("w", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(csv.reader(table.read_text().splitlines()))
    corrections = write_corrections(tmp_path / "c.csv", [("b, or so.png", 0, 3)])
    result = run("review", "--apply", corrections, tmp_path / "quoted.csv", "-o", tmp_path / "out.csv")
    assert (result.exit_code, result.stderr) == (0, "")
    before, after = (read_rows((tmp_path / name).read_text()) for name in ("rows.csv", "out.csv"))
    assert [one["label"] for one in after] == ["3" if one["path"].startswith("b") else one["label"] for one in before]


@pytest.mark.parametrize("rows", ["", "\na.png,0,3,0.9000,ok,"], ids=["header", "last row"])
def test_a_table_that_is_torn_leaves_nothing_behind(run, tmp_path, rows):
    (tmp_path / "rows.csv").write_text(",".join(header()) + rows)
    corrections = write_corrections(tmp_path / "c.csv", [])
    result = run("review", "--apply", corrections, tmp_path / "rows.csv", "-o", tmp_path / "out.csv")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert {path.name for path in tmp_path.iterdir()} == {"rows.csv", "c.csv"}


def test_more_columns_are_kept_and_correct_is_told_anew(run, tmp_path):
    columns = [*header(), "true_label", "correct"]
    rows = [row("a.png", 3, 0.6, "review", "low"), row("b.png", 4, 0.6, "review", "low"), row("c.png", 5, 0.9)]
    table = write_table(tmp_path / "rows.csv", rows, columns, [("8", "0"), ("4", "1"), ("", "")])
    corrections = write_corrections(tmp_path / "c.csv", [("a.png", 0, 8), ("b.png", 0, 9), ("c.png", 0, 6)])
    run("review", "--apply", corrections, table, "-o", tmp_path / "out.csv")
    made = read_rows((tmp_path / "out.csv").read_text())
    assert [(one["label"], one["true_label"], one["correct"]) for one in made] == [
        ("8", "8", "1"),
        ("9", "4", "0"),
        ("6", "", ""),
    ]


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([("a.png", 0, 3), ("nowhere.png", 0, 4), ("p.tif", 2, 4)], ["nowhere.png", "p.tif (frame 2)", "no row for 2"]),
        (
            [("a.png", 0, 3), ("b.png", 0, "eleven"), ("c.png", 0, "")],
            ["line 3: the label 'eleven'", "line 4: the label ''"],
        ),
        ([("a.png", "first", 3)], ["line 2: the frame 'first'"]),
        ([("a.png", "9" * 5000, 3)], ["line 2: the frame '99999999999999999999' is no number of a page"]),
        ([("a.png", 0, 3), ("a.png", 0, 4)], ["line 3: a.png was given the label 3 before"]),
        ([("a.png", 0, 3), ("a.png", "", "x")], ["line 3: a.png was given the label 3 before"]),
        ([("", 0, 3)], ["line 2: the path is empty"]),
    ],
)
def test_unknown_rows_and_labels_are_each_named_and_nothing_is_applied(run, tmp_path, rows, names):
    table = write_table(tmp_path / "rows.csv", TABLE)
    kept = table.read_bytes()
    corrections = write_corrections(tmp_path / "corrections.csv", rows)
    result = run("review", "--apply", corrections, table, "-o", tmp_path / "out.csv")
    assert result.exit_code == 1
    assert "Nothing was changed" in result.stderr
    assert all(name in result.stderr for name in names)
    assert result.stderr.count("\n") == 1
    assert table.read_bytes() == kept
    assert {path.name for path in tmp_path.iterdir()} == {"rows.csv", "corrections.csv"}


def test_a_correction_of_a_row_that_the_table_has_twice_is_not_applied(run, tmp_path):
    table = write_table(tmp_path / "rows.csv", [row("s.zip/a.png", 3), row("s.zip/a.png", 5), row("s.zip/b.png", 7)])
    corrections = write_corrections(tmp_path / "c.csv", [("s.zip/a.png", 0, 4), ("s.zip/b.png", 0, 1)])
    result = run("review", "--apply", corrections, table, "-o", tmp_path / "out.csv")
    assert (result.exit_code, result.stderr.count("\n"), (tmp_path / "out.csv").exists()) == (1, 1, False)
    assert "several rows for 1 of the corrections: s.zip/a.png. " in result.stderr


@pytest.mark.parametrize(
    "content", ["path,label\na.png,3\n", "", 'path,frame,label\n"a.png,0,3\n', b"path,frame,label\n\xff,0,1\n"]
)
def test_a_file_that_is_no_corrections_is_refused_in_one_sentence(run, tmp_path, content):
    table = write_table(tmp_path / "rows.csv", TABLE)
    path = tmp_path / "corrections.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = run("review", "--apply", path, table, "-o", tmp_path / "out.csv")
    assert (result.exit_code, result.stderr.count("\n"), (tmp_path / "out.csv").exists()) == (1, 1, False)


def test_the_table_itself_is_never_written_over(run, tmp_path):
    table = write_table(tmp_path / "rows.csv", TABLE)
    corrections = write_corrections(tmp_path / "c.csv", [("a.png", 0, 3)])
    result = run("review", "--apply", corrections, table, "-o", table, "--force")
    assert result.exit_code == 1
    assert "not written over" in result.stderr


def test_hostile_names_come_through_corrections_unharmed(run, tmp_path):
    names = [name for name in HOSTILE if "\x00" not in name]
    table = write_table(tmp_path / "rows.csv", [row(name) for name in names])
    corrections = write_corrections(tmp_path / "c.csv", [(name, 0, place % 10) for place, name in enumerate(names)])
    run("review", "--apply", corrections, table, "-o", tmp_path / "out.csv")
    made = read_rows((tmp_path / "out.csv").read_text())
    assert [(one["path"], one["label"]) for one in made] == [
        (name, str(place % 10)) for place, name in enumerate(names)
    ]


@pytest.fixture
def mixed(tmp_path):
    """Images of the same name in two folders, a file of pages, an archive, a blank and a broken one."""
    folder = tmp_path / "in"
    save(digit_page(3), folder / "a" / "1.png")
    save(digit_page(4), folder / "b" / "1.png")
    save(blank_page(), folder / "blank.png")
    (folder / "broken.png").write_bytes(b"")
    save(digit_page(5), folder / "pages.tif", save_all=True, append_images=[digit_page(6)])
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.write(save(digit_page(7), tmp_path / "seven.png"), "x/1.png")
    return folder


def sorted_files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"sorted.csv"}


def test_images_are_sorted_into_a_folder_a_digit_and_none_collides(run, mixed, tmp_path):
    run("classify", mixed, "-o", tmp_path / "rows.csv", "-q")
    result = run("review", tmp_path / "rows.csv", "--sort-into", tmp_path / "sorted")
    assert result.exit_code == 3
    assert "6 images in" in result.stdout
    assert "broken.png: empty file" in result.stderr
    rows = {(one["path"], one["frame"]): one for one in read_rows((tmp_path / "rows.csv").read_text())}
    index = read_rows((tmp_path / "sorted" / "sorted.csv").read_text())
    assert sorted_files(tmp_path / "sorted") == {f"{one['folder']}/{one['file']}" for one in index}
    assert len(index) == 6
    for one in index:
        said = rows[one["path"], one["frame"]]
        assert one["folder"] == (said["label"] if said["status"] == "ok" else "review")
    copied = next(one for one in index if one["path"].endswith("b/1.png"))
    assert (tmp_path / "sorted" / copied["folder"] / copied["file"]).read_bytes() == (
        mixed / "b" / "1.png"
    ).read_bytes()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_an_archive_lost_is_not_sorted_and_a_name_that_it_holds_twice_is_two_files(run, tmp_path):
    """Whatever the order of the table: an archive itself is never taken for an image."""
    pictures = [save(digit_page(digit), tmp_path / f"{digit}.png") for digit in (3, 4, 5)]
    archive, table = tmp_path / "more.zip", tmp_path / "rows.csv"
    with zipfile.ZipFile(archive, "w") as packed:
        for picture, name in zip(pictures, ("a.png", "a.png", "b.png"), strict=True):
            packed.write(picture, name)
    run("classify", archive, "-o", table, "-q")
    head, *rows = table.read_text().splitlines()
    gone = rows[-1].replace("b.png", "c.png")
    table.write_text("\n".join([head, gone, rows[-1], *rows[:2]]) + "\n")
    result = run("review", table, "--sort-into", tmp_path / "sorted")
    assert (result.exit_code, "c.png: no such file in the archive" in result.stderr) == (3, True)
    laid = sorted((tmp_path / "sorted").rglob("*.png"))
    assert len(laid) == 3
    assert not any(zipfile.is_zipfile(path) for path in laid)
    assert len({path.read_bytes() for path in laid}) == 3


def test_sorting_can_link_instead_of_copying(run, mixed, tmp_path):
    run("classify", mixed / "a", mixed / "b", "-o", tmp_path / "rows.csv", "-q")
    assert run("review", tmp_path / "rows.csv", "--sort-into", tmp_path / "sorted", "--link").exit_code == 0
    links = [path for path in (tmp_path / "sorted").rglob("*.png") if path.is_symlink()]
    assert {os.path.realpath(path) for path in links} == {str((mixed / part / "1.png").resolve()) for part in "ab"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("\U0001d7db" * 62 + ".png", id="four bytes a letter"),
        pytest.param("x." + "\U0001d7db" * 63, id="all of it an ending"),
        pytest.param("\u0663" * 125 + "a.png", id="cut through a letter"),
    ],
)
def test_the_longest_names_that_a_disk_takes_are_sorted(run, tmp_path, name):
    """A disk counts bytes: 255 of them; letters are left whole."""
    try:
        picture = save(digit_page(3), tmp_path / "in.png").rename(tmp_path / name)
    except OSError:
        pytest.skip("this disk takes no such name")
    table = write_table(tmp_path / "rows.csv", [row(str(picture), 3)])
    result = run("review", table, "--sort-into", tmp_path / "sorted")
    assert (result.exit_code, result.stderr) == (0, "")
    (laid,) = (tmp_path / "sorted" / "3").iterdir()
    assert len(os.fsencode(laid.name)) < 143
    assert set(laid.name) <= {"1", "-", *name}


@pytest.mark.skipif(not os.path.isfile("/proc/self/mem"), reason="needs a file that opens and cannot be read")
def test_a_file_that_the_disk_gives_no_more_costs_its_own_row(run, mixed, tmp_path):
    (tmp_path / "bad.png").symlink_to("/proc/self/mem")
    table = write_table(tmp_path / "rows.csv", [row(str(tmp_path / "bad.png"), 3), row(f"{mixed}/b/1.png", 4)])
    result = run("review", table, "--sort-into", tmp_path / "sorted")
    assert (result.exit_code, "1 images in" in result.stdout) == (3, True)
    assert "bad.png: unreadable file: input/output error" in result.stderr
    assert sorted_files(tmp_path / "sorted") == {"4/2-1.png"}


def test_a_folder_corrected_by_moving_files_is_read_back(run, mixed, tmp_path):
    run("classify", mixed, "-o", tmp_path / "rows.csv", "-q")
    folder = tmp_path / "sorted"
    run("review", tmp_path / "rows.csv", "--sort-into", folder, "-q")
    for one in read_rows((folder / "sorted.csv").read_text()):
        target = {"a/1.png": "9", "blank.png": "x", "b/1.png": "review"}.get(one["path"].removeprefix(f"{mixed}/"))
        if one["frame"] == "1":
            target = "0"
        if target:
            (folder / one["folder"] / one["file"]).rename(folder / target / one["file"])
    result = run("review", tmp_path / "rows.csv", "--apply", folder, "-o", tmp_path / "out.csv")
    assert (result.exit_code, result.stderr) == (0, "")
    before, after = (read_rows((tmp_path / name).read_text()) for name in ("rows.csv", "out.csv"))
    changed = {
        (b["path"].removeprefix(f"{mixed}/"), b["frame"]): a["label"]
        for b, a in zip(before, after, strict=True)
        if a != b
    }
    assert changed == {("a/1.png", "0"): "9", ("blank.png", "0"): "", ("pages.tif", "1"): "0"}


def test_files_that_were_not_sorted_there_are_each_named(run, mixed, tmp_path):
    run("classify", mixed / "a", "-o", tmp_path / "rows.csv", "-q")
    folder = tmp_path / "sorted"
    run("review", tmp_path / "rows.csv", "--sort-into", folder, "-q")
    for name in ("7/new.png", "review/other.png"):
        (folder / name).write_text("stranger")
    result = run("review", tmp_path / "rows.csv", "--apply", folder, "-o", tmp_path / "out.csv")
    assert result.exit_code == 1
    assert all(name in result.stderr for name in ("7/new.png", "review/other.png", "Nothing was changed"))
    assert not (tmp_path / "out.csv").exists()
    (folder / "sorted.csv").unlink()
    result = run("review", tmp_path / "rows.csv", "--apply", folder, "-o", tmp_path / "out.csv")
    assert (result.exit_code, "--sort-into" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("places", "told"),
    [
        (("3", "4"), "3/1-1.png and 4/1-1.png. Leave each in one of them."),
        (("4", "5"), "4/1-1.png and 5/1-1.png. Leave each in one of them."),
        (("4", "x"), "4/1-1.png and x/1-1.png. Leave each in one of them."),
        (("11",), "11/1-1.png. Move them into 0 to 9, x or review."),
        (("3", "kept/4"), "kept/4/1-1.png. Move them"),
        (("",), "images where they say nothing: 1-1.png. Move them"),
    ],
)
def test_a_sorted_file_in_two_folders_or_where_it_says_nothing_is_refused(run, mixed, tmp_path, places, told):
    table, folder = write_table(tmp_path / "rows.csv", [row(f"{mixed}/a/1.png", 3)]), tmp_path / "sorted"
    assert run("review", table, "--sort-into", folder, "-q").exit_code == 0
    image = (folder / "3" / "1-1.png").read_bytes()
    (folder / "3" / "1-1.png").unlink()
    for place in places:
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / "1-1.png").write_bytes(image)
    result = run("review", table, "--apply", folder, "-o", tmp_path / "out.csv")
    assert (result.exit_code, told in result.stderr, result.stderr.count("\n")) == (1, True, 1)
    assert not (tmp_path / "out.csv").exists()


def test_a_file_copied_out_of_review_and_others_beside_the_folders_do_no_harm(run, mixed, tmp_path):
    one = row(f"{mixed}/a/1.png", 3, 0.6, "review", "low confidence: 3 or 4")
    table, folder = write_table(tmp_path / "rows.csv", [one]), tmp_path / "sorted"
    run("review", table, "--sort-into", folder, "-q")
    (folder / "4" / "1-1.png").write_bytes((folder / "review" / "1-1.png").read_bytes())
    (folder / "notes.txt").write_text("all looked at")
    result = run("review", table, "--apply", folder, "-o", tmp_path / "out.csv")
    assert (result.exit_code, read_rows((tmp_path / "out.csv").read_text())[0]["label"]) == (0, "4")


def test_a_folder_that_holds_something_is_not_sorted_into(run, mixed, tmp_path):
    run("classify", mixed / "a", "-o", tmp_path / "rows.csv", "-q")
    result = run("review", tmp_path / "rows.csv", "--sort-into", mixed)
    assert (result.exit_code, "not empty" in result.stderr) == (1, True)
    result = run("review", tmp_path / "rows.csv", "--sort-into", tmp_path / "rows.csv")
    assert (result.exit_code, "it is a file" in result.stderr) == (1, True)


def test_options_that_make_no_sense_together_are_usage_errors(run, tmp_path):
    table = write_table(tmp_path / "rows.csv", TABLE)
    assert run("review", table, "--apply", table, "--sort-into", tmp_path / "d").exit_code == 2
    assert run("review", table, "--sort-into", tmp_path / "d", "-o", tmp_path / "x").exit_code == 2
    assert run("classify", "--retry-errors", table, "--report", tmp_path / "p.html").exit_code == 2


def test_a_table_with_nothing_to_review_or_none_at_all_is_told(run, tmp_path):
    table = write_table(tmp_path / "rows.csv", [row("d.png", None, None, "error", "empty file")])
    assert run("review", table, "-o", tmp_path / "p.html").exit_code == 5
    result = run("review", tmp_path / "nowhere.csv", "-o", tmp_path / "p.html")
    assert (result.exit_code, "Check the name" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        "--link",
        "--apply sorted --link",
        "--apply sorted --limit 3",
        "--apply sorted --model nowhere",
        "--apply sorted --max-pixels 9",
        "--sort-into sorted --limit 3",
        "--sort-into sorted --polarity dark",
    ],
)
def test_what_would_have_no_effect_is_refused(run, tmp_path, words):
    result = run("review", tmp_path / "rows.csv", *words.split())
    assert result.exit_code == 2 and ("give no" in result.stderr or "give --sort-into" in result.stderr)
