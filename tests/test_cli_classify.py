"""``digit-batch classify``: a row for every image, the CSV to the byte, exit codes and streams."""

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, read_rows
from pictures import blank_page, digit_page, save
from test_walk import scan_unlocked

HEADER = "path,frame,label,confidence,status,reason\n"


def test_every_image_found_has_one_row_and_every_page_of_a_file_too(tmp_path, rows_of):
    top = tmp_path / "scans"
    save(digit_page(1), top / "1.png")
    save(digit_page(2), top / "a" / "2.jpg")
    save(digit_page(3), top / "a" / "b" / "c" / "3.bmp")
    save(digit_page(4), top / "a" / "pages.tif", save_all=True, append_images=[digit_page(5), digit_page(6)])
    save(digit_page(7), top / "no-extension", format="PNG")
    (top / "a" / "notes.txt").write_text("not an image")
    found = [(row["path"].removeprefix(f"{top}/"), row["frame"], row["label"]) for row in rows_of(top)]
    assert found == [
        ("1.png", "0", "1"),
        ("no-extension", "0", "7"),
        ("a/2.jpg", "0", "2"),
        ("a/pages.tif", "0", "4"),
        ("a/pages.tif", "1", "5"),
        ("a/pages.tif", "2", "6"),
        ("a/b/c/3.bmp", "0", "3"),
    ]


def test_the_same_name_in_two_folders_is_two_rows_with_their_own_answers(tmp_path, rows_of):
    save(digit_page(3), tmp_path / "a" / "1.png")
    save(digit_page(0), tmp_path / "b" / "1.png")
    assert [row["label"] for row in rows_of(tmp_path)] == ["3", "0"]


def test_rows_stand_in_natural_order_and_inputs_in_the_order_given(tmp_path, rows_of):
    for name in ("10.png", "9.png", "1.png", "sub10/1.png", "sub9/1.png"):
        save(blank_page(), tmp_path / name)
    last = save(blank_page(), tmp_path / "a" / "0.png")
    names = [row["path"].removeprefix(f"{tmp_path}/") for row in rows_of(last, tmp_path)]
    assert names == ["a/0.png", "1.png", "9.png", "10.png", "a/0.png", "sub9/1.png", "sub10/1.png"]


def test_the_csv_is_the_contract_byte_for_byte(tmp_path, scans, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(blank_page(), scans / 'a, "b".png')
    run("classify", "scans", "-o", "out.csv")
    text = Path("out.csv").read_bytes().decode("utf-8")
    header, quoted, blank, broken, empty, seven, wrong, end = text.split("\n")
    assert header + "\n" == HEADER
    assert quoted == '"scans/a, ""b"".png",0,,,review,blank: no ink found'
    assert blank == "scans/blank.png,0,,,review,blank: no ink found"
    assert re.fullmatch(r"scans/broken\.png,0,,,error,truncated file.*", broken)
    assert empty == "scans/empty.jpg,0,,,error,empty file"
    assert re.fullmatch(r"scans/seven\.png,0,7,(0\.\d{4}|1\.0000),(ok,|review,.+)", seven)
    assert wrong == "scans/text.png,0,,,error,not an image: text file"
    assert end == ""


@pytest.mark.slow
def test_any_number_of_jobs_writes_the_same_bytes(tmp_path, run):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    pages = [save(digit_page(n % 10, n // 10), tmp_path / "pages" / f"{n}.png").read_bytes() for n in range(40)]
    for number in range(300):  # more than one process is started for
        folder = tmp_path / "in" / ("deep" if number % 3 else "")
        (folder / f"{number}.png").write_bytes(pages[number % len(pages)] if number % 50 else b"broken")
    one, two = tmp_path / "1.csv", tmp_path / "2.csv"
    assert run("classify", tmp_path / "in", "-o", one, "--jobs", 1).exit_code == 3
    assert run("classify", tmp_path / "in", "-o", two, "--jobs", 2).exit_code == 3
    assert one.read_bytes() == two.read_bytes()
    assert len(read_rows(one.read_text())) == 300


def test_an_image_is_read_alike_alone_and_among_others(tmp_path, rows_of):
    for number in range(20):
        save(digit_page(number % 10, number // 10), tmp_path / f"{number}.png")
    together = rows_of(tmp_path)
    alone = [rows_of(row["path"])[0] for row in together]
    assert [row["label"] for row in alone] == [row["label"] for row in together]
    for one, other in zip(alone, together, strict=True):  # the last decimal may round with the size of the product
        assert float(one["confidence"]) == pytest.approx(float(other["confidence"]), abs=2e-4)


def test_a_blank_page_is_for_review_without_a_label(scans, rows_of):
    (row,) = rows_of(scans / "blank.png")
    assert (row["label"], row["confidence"], row["status"]) == ("", "", "review")
    assert row["reason"].startswith("blank")


def test_what_cannot_be_read_is_an_error_row_with_its_reason_and_exit_code_3(tmp_path, scans, run):
    result = run("classify", scans, "-o", tmp_path / "out.csv")
    rows = {Path(row["path"]).name: row for row in read_rows((tmp_path / "out.csv").read_text())}
    assert result.exit_code == 3
    assert {name for name, row in rows.items() if row["status"] == "error"} == {"broken.png", "empty.jpg", "text.png"}
    assert all(row["reason"] and not row["label"] for row in rows.values() if row["status"] == "error")
    assert rows["seven.png"]["label"] == "7"  # its neighbours' trouble is not its own


def test_no_image_is_exit_code_5_and_leaves_no_output(tmp_path, run):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("nothing to see")
    result = run("classify", tmp_path / "in", "-o", tmp_path / "out.csv")
    assert result.exit_code == 5
    assert "No image" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_missing_input_is_one_sentence_and_exit_code_1(tmp_path, scans, run):
    result = run("classify", scans, tmp_path / "nowhere", "-o", tmp_path / "out.csv")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "nowhere does not exist" in result.stderr
    assert not (tmp_path / "out.csv").exists()


def test_an_output_that_exists_is_kept_unless_forced(tmp_path, scans, run):
    out = tmp_path / "out.csv"
    out.write_text("precious")
    result = run("classify", scans / "seven.png", "-o", out)
    assert (result.exit_code, out.read_text()) == (1, "precious")
    assert "--force" in result.stderr
    assert run("classify", scans / "seven.png", "-o", out, "--force").exit_code == 0
    assert out.read_text().startswith(HEADER)


def test_a_forced_output_is_kept_when_the_run_fails(tmp_path, run):
    out = tmp_path / "out.csv"
    out.write_text("precious")
    (tmp_path / "empty").mkdir()
    assert run("classify", tmp_path / "empty", "-o", out, "--force").exit_code == 5
    assert out.read_text() == "precious"


@pytest.mark.parametrize("words", [["--no-such-option"], ["--jobs", "0"], ["--min-confidence", "2"]], ids=str)
def test_a_wrong_option_is_exit_code_2(scans, run, words):
    assert run("classify", scans, *words).exit_code == 2


def test_the_output_must_have_a_folder_to_go_to(tmp_path, scans, run):
    result = run("classify", scans, "-o", tmp_path / "nowhere" / "out.csv")
    assert result.exit_code == 1
    assert "does not exist" in result.stderr
    assert run("classify", scans, "-o", tmp_path).exit_code == 1


def test_rows_on_stdout_come_alone(scans, spawn):
    result = spawn("classify", scans, "-o", "-")
    assert result.returncode == 3
    lines = result.stdout.decode().splitlines()
    assert lines[0] + "\n" == HEADER
    assert len(lines) == 6
    assert b"\r" not in result.stdout
    assert "images/s" in result.stderr.decode()


def test_with_a_file_the_summary_is_on_stdout_and_stderr_is_silent(tmp_path, scans, spawn):
    result = spawn("classify", scans, "-o", "out.csv", cwd=tmp_path)
    shown = result.stdout.decode()
    assert all(word in shown for word in ("Labels", "review", "error", "mean confidence", "images/s", "out.csv"))
    assert result.stderr == b""
    assert (tmp_path / "out.csv").exists()


def test_the_summary_counts_what_was_passed_over(tmp_path, scans, run):
    (scans / "notes.txt").write_text("x")
    shown = run("classify", scans, "-o", tmp_path / "out.csv").stdout
    assert re.search(r"skipped +1 not an image", shown)
    assert re.search(r"images +5\b", shown)


def test_rows_that_stay_do_not_count_for_the_speed(tmp_path, labelled, run):
    """Of a table whose only error is read again."""
    table = tmp_path / "out.csv"
    shutil.copytree(labelled, tmp_path / "in")
    (tmp_path / "in" / "broken.png").write_bytes(b"x")
    run("classify", tmp_path / "in", "-o", table)
    save(digit_page(7), tmp_path / "in" / "broken.png")
    shown = run("classify", "--retry-errors", table).stdout
    assert re.search(r"images +31\b", shown)
    speed, seconds = re.search(r"speed +([\d,]+) images/s, ([\d.]+) s", shown).groups()
    assert int(speed.replace(",", "")) * float(seconds) < 2


def test_quiet_says_nothing_at_all(tmp_path, scans, run):
    result = run("classify", scans, "-o", tmp_path / "out.csv", "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (3, "", "")


@pytest.mark.parametrize("words", ["classify -o -", "evaluate", "explain"])
def test_a_locked_folder_is_told_of_in_a_quiet_run_too(labelled, run, monkeypatch, words):
    """What it holds has no row, and nothing else would say that there are images in it."""
    monkeypatch.setattr("os.scandir", scan_unlocked)
    (labelled / "locked").mkdir(exist_ok=True)
    result = run(*words.split(), labelled, *(["-q"] if "explain" not in words else []))
    (labelled / "locked").rmdir()
    assert result.exit_code == 0
    assert result.stderr == f"not read: {labelled}/locked (unreadable folder: permission denied)\n"


def test_probabilities_add_ten_columns_that_add_up_to_one(scans, labelled, rows_of):
    rows = rows_of(labelled, "--probabilities")
    assert list(rows[0]) == [*HEADER.strip().split(","), *(f"p{digit}" for digit in range(10))]
    for row in rows:
        chances = [float(row[f"p{digit}"]) for digit in range(10)]
        assert sum(chances) == pytest.approx(1, abs=10 * 0.00005)
        assert chances[int(row["label"])] == max(chances) == float(row["confidence"])
    (blank,) = rows_of(scans / "blank.png", "--probabilities")
    assert all(blank[f"p{digit}"] == "" for digit in range(10))


def test_min_confidence_decides_what_is_for_review(labelled, rows_of):
    assert {row["status"] for row in rows_of(labelled, "--min-confidence", 1)} <= {"review", "ok"}
    strict = sum(row["status"] == "review" for row in rows_of(labelled, "--min-confidence", 0.9999))
    loose = sum(row["status"] == "review" for row in rows_of(labelled, "--min-confidence", 0))
    assert loose < strict


def test_an_image_over_max_pixels_is_not_decoded_and_says_so(scans, rows_of):
    (row,) = rows_of(scans / "seven.png", "--max-pixels", 100)
    assert row["status"] == "error"
    assert "too many pixels" in row["reason"]


ODD_NAMES = {
    "two  words.png": "two  words.png",
    "a,b.png": "a,b.png",
    'say "seven".png': 'say "seven".png',
    "line\nend.png": "line\nend.png",
    "[red]seven.png": "[red]seven.png",
    "[blink](seven).png": "[blink](seven).png",
    "\x1b[31mred.png": "\x1b[31mred.png",
    ":smile:.png": ":smile:.png",
    "sieben-七.png": "sieben-七.png",
    "caf\udce9.png": "caf\\xe9.png",
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """One seven under every odd name, in the folder of the eights, so that each is shown as a mistake (ten are)."""
    folder = tmp_path_factory.mktemp("odd") / "8"
    data = save(digit_page(7), folder / "first.png").read_bytes()
    for name in ODD_NAMES:
        (folder / name).write_bytes(data)
    (folder / "first.png").unlink()
    return folder


def test_odd_names_survive_in_the_csv(odd, rows_of):
    rows = rows_of(odd)
    assert {row["path"].removeprefix(f"{odd}/") for row in rows} == set(ODD_NAMES.values())
    assert {row["label"] for row in rows} == {"7"}


def test_odd_names_survive_in_a_file_and_on_stdout_of_a_real_process(tmp_path, odd, spawn):
    shown = spawn("classify", odd, "-o", "-").stdout
    spawn("classify", odd, "-o", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == shown
    assert {Path(row["path"]).name for row in read_rows(shown.decode("utf-8"))} == set(ODD_NAMES.values())


def test_odd_names_are_shown_on_screen_as_they_are_and_nothing_in_them_is_obeyed(odd, run):
    shown = run("evaluate", odd.parent).stdout + run("explain", odd).stdout
    assert "\x1b" not in shown
    for name in ("[red]seven.png", "[blink](seven).png", r"\x1b[31mred.png", r"line\nend.png", ":smile:.png"):
        assert shown.count(name) >= 2, name


def test_rows_on_stdout_are_utf_8_and_the_screen_survives_where_the_terminal_is_not(odd, spawn, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    assert "sieben-七.png".encode() in spawn("classify", odd, "-o", "-").stdout
    evaluated = spawn("evaluate", odd.parent)
    assert evaluated.returncode == 0
    assert rb"sieben-\u4e03.png" in evaluated.stdout


def test_the_summary_shows_an_odd_output_as_it_is(tmp_path, scans, run):
    assert "[red]out[bold].csv" in run("classify", scans, "-o", tmp_path / "[red]out[bold].csv").stdout


def test_a_cell_never_starts_a_formula(tmp_path, rows_of, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["=1+2.png", "+1.png", "@x.png", "=sub/1.png"]
    for name in names:
        save(digit_page(7), tmp_path / name)
    assert [row["path"] for row in rows_of(*names)] == [f"./{name}" for name in names]
    assert [row["path"] for row in rows_of("=sub")] == ["./=sub/1.png"]


def test_an_error_names_a_file_without_obeying_its_name(tmp_path, run):
    result = run("classify", "\x1b[31mnowhere\nsecond line", "-o", tmp_path / "out.csv")
    assert "\x1b" not in result.stderr
    assert result.stderr.count("\n") == 1


def test_folders_with_spaces_and_another_working_directory(tmp_path, scans, spawn):
    elsewhere = tmp_path / "some where" / "else"
    elsewhere.mkdir(parents=True)
    assert spawn("classify", "../../scans/seven.png", "-o", "my rows.csv", cwd=elsewhere).returncode == 0
    (row,) = read_rows((elsewhere / "my rows.csv").read_text())
    assert (row["path"], row["label"]) == ("../../scans/seven.png", "7")


def test_the_default_output_is_predictions_csv_in_the_current_folder(tmp_path, scans, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("classify", scans)
    assert Path("predictions.csv").exists()
    assert not Path("predictions.csv.part").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise")
def test_an_interrupted_run_is_exit_code_130_and_keeps_what_was_done(tmp_path):
    data = save(digit_page(7), tmp_path / "in" / "0.png").read_bytes()
    for number in range(1, 20_000):
        (tmp_path / "in" / f"{number}.png").hardlink_to(tmp_path / "in" / "0.png")
    assert data
    words = [sys.executable, "-m", "digit_batch", "classify", "in", "--jobs", "1"]
    process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, env={"PYTHONPATH": str(ROOT)})
    part = tmp_path / "predictions.csv.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 1000) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in stderr
    assert not (tmp_path / "predictions.csv").exists()
    rows = read_rows(part.read_text())
    assert 0 < len(rows) < 20_000
    assert {row["label"] for row in rows} == {"7"}


def test_a_reader_that_closes_the_pipe_ends_the_run_without_a_traceback(tmp_path):
    for number in range(600):
        save(blank_page(), tmp_path / "in" / f"{number}{'x' * 200}.png")
    words = [sys.executable, "-m", "digit_batch", "classify", "in", "-o", "-", "--jobs", "1"]
    process = subprocess.Popen(
        words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PYTHONPATH": str(ROOT)}
    )
    assert process.stdout.readline().decode() == HEADER
    process.stdout.close()
    stderr = process.stderr.read().decode()
    process.stderr.close()
    process.wait(timeout=60)
    assert "Traceback" not in stderr
    assert "Exception ignored" not in stderr
    assert "report it" not in stderr
