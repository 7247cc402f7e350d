"""An output can fail, and then it says so in one sentence; what stood there before, and what was done, is kept."""

import errno
import io
import os
import shlex
import subprocess
import sys
import tarfile
import threading
import zipfile
from contextlib import suppress

import numpy as np
import pytest
import typer
from folders import PACKAGE, draw, facts_of, fill, fill_mixed, part_of, run, start
from PIL import Image
from sklearn.svm import SVC
from typer.testing import CliRunner

from digit_batch import parquet
from digit_batch.cli.app import Commands
from digit_batch.cli.outputs import check_apart
from digit_batch.errors import OutputError
from digit_batch.model import Model, save_model
from digit_batch.output import open_part, whole_file
from digit_batch.output import whole as output
from digit_batch.predictions import header, load_predictions, row_text
from digit_batch.report.figures import draw_digits
from digit_batch.report.stages import save_page
from digit_batch.shards import Share, open_roll


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return fill_mixed(tmp_path_factory.mktemp("output") / "scans")


def test_a_full_disk_is_one_sentence_and_keeps_whole_rows_to_resume_from(scans, tmp_path):
    """The limit on the size of a file refuses writes as a full disk does, in the middle of a row too."""
    resource = pytest.importorskip("resource")
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    assert run("classify", scans, "-o", whole, "-q").exit_code == 3
    out.write_text("earlier")
    limit = whole.stat().st_size * 2 // 3
    process = start(
        "classify",
        scans,
        "-o",
        out,
        "-q",
        "--force",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    shown, told = process.communicate(timeout=120)
    assert (process.returncode, shown) == (1, b"")
    assert told.count(b"\n") == 1 and b"--resume" in told
    assert out.read_text() == "earlier"
    rows = part_of(out).read_bytes()
    assert 0 < len(rows) <= limit and rows.endswith(b"\n") and whole.read_bytes().startswith(rows)
    assert run("classify", scans, "-o", out, "-q", "--resume", "--force").exit_code == 3
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("late", [False, True], ids=["in the middle", "when the system has taken all"])
def test_an_interrupted_write_leaves_just_the_rows_that_are_counted(tmp_path, late):
    class Interrupted(io.FileIO):
        def write(self, data):
            super().write(data if late else data[:2])
            raise KeyboardInterrupt

    path = tmp_path / "out.csv"
    with pytest.raises(KeyboardInterrupt), open_part(path, {}) as part:
        part.begin("header\n")
        part.write("one\n", 1)
        with Interrupted(part.stream.fileno(), "r+", closefd=False) as part.stream:
            part.write("two\n", 1)
    assert (part.rows, part_of(path).read_text()) == (1, "header\none\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_stdout_that_is_full_is_one_sentence(scans):
    with open("/dev/full", "wb") as full:
        process = start("classify", scans, "-o", "-", "-q", stdout=full)
        _, told = process.communicate(timeout=120)
    assert process.returncode == 1
    assert told.count(b"\n") == 1 and b"Cannot write to stdout" in told


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("words", [("dataset",), ("--help",), ("classify", "-o", "out.csv")], ids=" ".join)
def test_a_stdout_that_is_full_is_one_sentence_whatever_is_shown(tmp_path, words):
    folder = [fill(tmp_path / "scans", 1)] if "classify" in words else []
    with open("/dev/full", "wb") as full:
        process = start(*words, *folder, stdout=full, cwd=tmp_path)
        _, told = process.communicate(timeout=120)
    assert process.returncode == 1
    assert told.count(b"\n") == 1 and b"Cannot write to stdout" in told
    assert not folder or (tmp_path / "out.csv").read_text().count("\n") == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that closes a stream")
@pytest.mark.parametrize("words", ["scans -o - >&-", "--files-from - -o out.csv <&-"])
def test_a_stream_that_is_closed_is_one_sentence(tmp_path, words):
    fill(tmp_path / "scans", 1)
    line = f"exec {shlex.quote(sys.executable)} -m digit_batch classify {words}"
    environment = os.environ | {"PYTHONPATH": str(PACKAGE)}
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment, capture_output=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.count(b"\n") == 1 and b"it is closed" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that closes streams")
@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_where_stderr_is_closed_a_command_does_its_work_and_ends_with_its_code(tmp_path, closed):
    """And what it would have said stands nowhere else: not among the rows on stdout."""
    fill(tmp_path / "scans", 2)
    (tmp_path / "scans" / "empty.png").touch()
    for words, code in (("classify scans -o out.csv", 3), ("classify nowhere", 1), ("explain scans/000.png", 0)):
        line = f"exec {shlex.quote(sys.executable)} -m digit_batch {words} {closed}"
        environment = os.environ | {"PYTHONPATH": str(PACKAGE)}
        done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment, capture_output=True, timeout=120)
        assert done.returncode == code
        assert b"digit-batch:" not in done.stdout
    assert len(list(load_predictions(tmp_path / "out.csv"))) == 3


def test_a_reader_who_has_had_enough_ends_the_run_well(scans):
    """``| head`` is no failure: exit code 0, and not a word."""
    process = start("classify", scans, "-o", "-", "-q")
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=120), told) == (0, b"")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused_before_any_work(scans, tmp_path):
    tmp_path.chmod(0o500)
    result = run("classify", scans, "-o", tmp_path / "out.csv")
    tmp_path.chmod(0o700)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1


LOCKED = {
    "classify": ["classify", "scans", "-o", "locked/x.csv"],
    "classify, report": ["classify", "scans", "--report", "locked/x.html"],
    "evaluate": ["evaluate", "locked/out.csv"],
    "evaluate, against": ["evaluate", "scans", "--against", "locked/x.csv"],
    "evaluate, json": ["evaluate", "scans", "--json", "locked/x.json"],
    "merge": ["merge", "locked/out.csv"],
    "merge, output": ["merge", "out.csv", "-o", "locked/x.csv"],
    "review": ["review", "out.csv", "-o", "locked/x.html"],
    "review, apply": ["review", "out.csv", "--apply", "locked/c.csv"],
    "review, sort": ["review", "out.csv", "--sort-into", "locked/sorted"],
    "train": ["train", "--data", "locked/in"],
    "dataset": ["dataset", "--plot", "locked/x.png"],
}


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may look everywhere")
@pytest.mark.parametrize("words", LOCKED.values(), ids=LOCKED)
def test_a_file_in_a_folder_that_may_not_be_entered_is_refused_in_one_sentence_that_names_it(
    tmp_path, monkeypatch, words
):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "scans", 1)
    (tmp_path / "out.csv").write_text("path,frame,label,confidence,status,reason\n")
    (tmp_path / "locked").mkdir(0o000)
    result = run(*words)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "locked/" in result.stderr and "ermission denied" in result.stderr and "Failed" not in result.stderr
    assert sorted(os.listdir()) == ["locked", "out.csv", "scans"]


@pytest.mark.parametrize("letters", [300, 248], ids=["for a file", "for what stands beside it until it is whole"])
def test_an_output_whose_name_is_too_long_is_refused_before_any_work(tmp_path, monkeypatch, letters):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "scans" / "0", 1)
    for words in (["classify", "scans", "-o"], ["evaluate", "scans", "-o"], ["train", "--json"]):
        result = run(*words, "x" * (letters - 4) + ".csv")
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
        assert "xxx.csv: File name too long. Name another" in result.stderr
        assert os.listdir() == ["scans"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows deletes no folder that someone is in")
def test_who_is_in_a_folder_that_was_deleted_is_told_so(tmp_path, monkeypatch):
    scans, gone = fill(tmp_path / "scans", 1), tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    result = run("classify", scans)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "deleted" in result.stderr


def test_a_file_that_a_command_cannot_use_is_named_with_the_reason_whichever_command_it_is(tmp_path):
    commands = typer.Typer(cls=Commands)

    @commands.callback()
    def begin(debug: bool = False) -> None:
        pass

    @commands.command()
    def look() -> None:
        (tmp_path / "missing").stat()

    result = CliRunner().invoke(commands, ["look"])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert f"Cannot use {tmp_path / 'missing'}: No such file or directory." in result.stderr


def test_two_runs_never_write_the_same_output(scans, tmp_path):
    """The second is refused while the first goes on, and does not touch its rows."""
    out = tmp_path / "out.csv"
    with open_part(out, {}) as part:
        part.begin("header\n")
        part.write("row\n", 1)
        for options in ([], ["--resume"], ["--force"]):
            result = run("classify", scans, "-o", out, "-q", *options)
            assert result.exit_code == 1 and result.stderr.count("\n") == 1
        with pytest.raises(OutputError, match="Another run"), open_part(out, {}, force=True):
            pass
    assert out.read_text() == "header\nrow\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv"]


def test_an_output_inside_the_input_is_never_read(tmp_path):
    """Not as a CSV, and not where it is called as images are."""
    folder = fill(tmp_path / "scans", 3)
    for name in ("out.csv", "out.png"):
        out = folder / name
        assert run("classify", folder, "-o", out, "-q").exit_code == 0
        first = out.read_bytes()
        assert first.count(b"\n") == 1 + 3
        assert run("classify", folder, "-o", out, "-q", "--force").exit_code == 0
        assert out.read_bytes() == first
        out.unlink()


@pytest.fixture
def as_on_windows(monkeypatch):
    """Let no open file get another name or be removed, and have no locks."""
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc to tell which files are open")

    def refusing(act):
        def refuse(source, *more, **options):
            held = [os.readlink(link.path) for link in os.scandir("/proc/self/fd") if os.path.exists(link.path)]
            if os.path.realpath(source) in held:
                raise PermissionError(errno.EACCES, "The file is being used by another process", str(source))
            act(source, *more, **options)

        return refuse

    monkeypatch.setattr(output, "fcntl", None)
    for name in ("replace", "unlink"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_rows_are_closed_before_they_get_their_name_where_the_system_wants_it(tmp_path, as_on_windows, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    out = tmp_path / f"out.{ending}"
    with open_part(out, {}, pack=parquet.packing(out, {})) as part:
        part.begin("path,frame\n")
        part.write("a.png,0\n", 1)
    with whole_file(tmp_path / "page.html") as stream:
        stream.write("whole")
    with pytest.raises(ValueError), whole_file(tmp_path / "half.html"):
        raise ValueError
    with pytest.raises(ValueError), open_part(tmp_path / "none.csv", {}):
        raise ValueError
    assert sorted(path.name for path in tmp_path.iterdir()) == [out.name, "page.html"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_half_a_page_is_not_left_behind(tmp_path, error):
    with pytest.raises(error), whole_file(tmp_path / "page.html") as stream:
        stream.write("half")
        raise error
    assert not list(tmp_path.iterdir())


def write_page(path):
    with whole_file(path, force=True) as stream:
        stream.write("whole")


def write_roll(path):
    with open_roll(path.with_suffix(""), Share(1, 1), {}) as roll:
        assert not list(roll.call([]))


def write_parquet(path):
    pytest.importorskip("pyarrow")
    parquet.pack([("a.png", "0")], path, ("path", "frame"), {})


WRITERS = {
    "page.html": write_page,
    "table.csv.share": write_roll,
    "table.parquet": write_parquet,
    "figure.png": lambda path: draw_digits(np.zeros((1, 8, 8)), [0], path),
    "stages.png": lambda path: save_page(Image.new("L", (8, 8)), path),
    "model.skops": lambda path: save_model(Model(SVC().fit(np.eye(64), np.arange(64) % 10)), path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_disk_has_all_of_a_file_before_it_gets_its_name(tmp_path, monkeypatch, name):
    """A power cut just then would leave an empty file in the place of what stood there."""
    kept, named = {}, []
    sync, replace = os.fsync, os.replace

    def watch_sync(number):
        sync(number)
        kept[os.fstat(number).st_ino] = os.fstat(number).st_size

    def watch_replace(source, target):
        state = os.stat(source)
        named.append((os.path.basename(target), kept.get(state.st_ino) == state.st_size > 0))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watch_sync)
    monkeypatch.setattr(os, "replace", watch_replace)
    WRITERS[name](tmp_path / name)
    assert named == [(name, True)]


@pytest.mark.parametrize("name", WRITERS)
def test_an_interrupt_before_a_file_gets_its_name_leaves_what_stood_there_alone(tmp_path, monkeypatch, name):
    def interrupt(source, target):
        raise KeyboardInterrupt

    (tmp_path / name).write_text("earlier")
    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        WRITERS[name](tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "earlier"


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes nor links to make there")
@pytest.mark.parametrize("force", [(), ("--force",)], ids=["unasked", "forced"])
@pytest.mark.parametrize(("name", "why"), [("pipe", "a pipe or a device"), ("link", "a link"), ("lost", "a link")])
def test_what_is_no_file_is_never_replaced(tmp_path, name, why, force):
    """A device least of all: written by its name and renamed, ``/dev/null`` would be gone."""
    folder = fill(tmp_path / "scans", 1)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "whole.csv").write_text("earlier")
    (tmp_path / "link").symlink_to("whole.csv")
    (tmp_path / "lost").symlink_to("nowhere")
    before = {path.name: path.lstat().st_ino for path in tmp_path.iterdir()}
    for words in (("classify", folder), ("evaluate", folder, "--json", tmp_path / "figures")):
        result = run(*words, "-o", tmp_path / name, *force)
        assert result.exit_code == 1 and result.stderr.count("\n") == 1 and why in result.stderr
    assert {path.name: path.lstat().st_ino for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("evaluate scans -o new.csv", 1),
        ("evaluate 0 -o new.csv --against fewer.csv", 1),
        ("merge 1.csv cut.csv -o new.csv", 1),
        ("classify --retry-errors torn.csv -o new.csv", 1),
        ("review torn.csv --sort-into new", 1),
        ("classify empty -o new --parts", 5),
    ],
)
def test_a_command_that_is_refused_in_its_middle_leaves_nothing_behind(tmp_path, monkeypatch, words, code):
    """Nothing goes on from it, and it would be in the way of the next try."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "scans", 3)
    fill(tmp_path / "0", 3)
    (tmp_path / "empty").mkdir()
    run("classify", "scans", "-o", "whole.csv", "-q")
    run("classify", "0/000.png", "0/001.png", "-o", "fewer.csv", "-q")
    (tmp_path / "torn.csv").write_text((tmp_path / "whole.csv").read_text()[:-40])
    for number in (1, 2):
        run("classify", "scans", "-o", f"{number}.csv", "--shard", f"{number}/2", "-q")
    (tmp_path / "cut.csv.share").write_bytes((tmp_path / "2.csv.share").read_bytes())
    (tmp_path / "cut.csv").write_text(row_text(header()))
    before = sorted(tmp_path.rglob("*"))
    result = run(*words.split())
    assert (result.exit_code, result.stderr.count("\n")) == (code, 1)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_for_parts_that_was_there_before_stays_when_no_image_is_found(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "empty").mkdir()
    assert run("classify", tmp_path / "empty", "-o", tmp_path / "out", "--parts").exit_code == 5
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("command", ["classify", "evaluate"])
def test_an_empty_name_is_refused(tmp_path, monkeypatch, command):
    """It is what an unset variable of the shell gives, and no wish for the name that is the default."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "scans", 1)
    assert run(command, "scans", "-o", "").exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["scans"]


@pytest.mark.parametrize("words", ["merge scans -o -", "evaluate scans -o -", "evaluate scans --json -", "train -o -"])
def test_only_the_rows_of_classify_go_to_stdout(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "scans", 1)
    result = run(*words.split())
    assert result.exit_code == 1 and result.stderr.count("\n") == 1 and "Name a file" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["scans"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("classify scans -o new.csv --report new.csv", "two outputs"),
        ("evaluate scans -o new.csv --json ./new.csv", "two outputs"),
        ("train -o new.skops --json new.skops", "two outputs"),
        ("classify scans -o scans/000.png", "is an image"),
        ("classify --files-from list -o scans/000.png", "is an image"),
        ("classify scans --report scans/000.png", "is an image"),
        ("classify --files-from list -o list", "is read here"),
        ("explain scans/000.png -o scans/000.png", "is read here"),
        ("review list -o list", "is read here"),
        ("review review.html", "is read here"),
        ("review corrected.csv --apply list", "is read here"),
    ],
)
def test_no_output_takes_the_place_of_another_or_of_what_is_read(tmp_path, monkeypatch, words, why):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "scans", 1)
    for name in ("list", "review.html", "corrected.csv"):
        (tmp_path / name).write_text("scans/000.png\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = run(*words.split(), "--force")
    assert result.exit_code == 1 and result.stderr.count("\n") == 1 and why in result.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("classify scans -o scans/more.zip", "is an archive"),
        ("classify scans -o scans/more.tar", "is an archive"),
        ("classify scans --report scans/more.zip", "is an archive"),
        ("evaluate scans --json scans/more.zip", "is an archive"),
        ("train --data scans -o scans/more.zip", "is an archive"),
        ("merge list -o scans/more.zip", "is an archive"),
        ("merge list -o scans/000.png", "is an image"),
        ("classify scans -o my.skops", "is a model"),
        ("classify --retry-errors list -o my.skops", "is a model"),
        ("train --json my.skops", "is a model"),
    ],
)
def test_no_output_takes_the_place_of_an_archive_or_a_model(tmp_path, monkeypatch, words, why):
    """The images of such an archive would be gone, and have no row."""
    monkeypatch.chdir(tmp_path)
    picture = fill(tmp_path / "scans", 1) / "000.png"
    with zipfile.ZipFile("scans/more.zip", "w") as packed, tarfile.open("scans/more.tar", "w") as tape:
        packed.write(picture, "a.png")
        tape.add(picture, "a.png")
    WRITERS["model.skops"](tmp_path / "my.skops")
    (tmp_path / "list").write_text("path,frame,label,confidence,status,reason\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = run(*words.split(), "--force")
    assert result.exit_code == 1 and result.stderr.count("\n") == 1 and why in result.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["out.zip", "out.skops", "out.tar.gz"])
def test_rows_that_were_called_as_archives_and_models_are_may_be_written_again(tmp_path, name):
    folder = fill(tmp_path / "scans", 1)
    assert run("classify", folder, "-o", folder / name, "-q").exit_code == 0
    assert run("classify", folder, "-o", folder / name, "-q", "--force").exit_code == 0


def test_a_model_may_take_the_place_of_an_earlier_one(tmp_path):
    WRITERS["model.skops"](tmp_path / "my.skops")
    check_apart((), models=[tmp_path / "my.skops"])


@pytest.mark.parametrize(
    "words",
    [
        "explain scans -o scans/3/000.png",
        "explain scans/3 -o scans/3/torn.png",
        "explain ./scans/../scans -o scans/3/000.png",
        "evaluate scans --plot scans/3/000.png",
        "train --data scans --plot scans/3/000.png",
    ],
)
def test_no_picture_takes_the_place_of_a_scan_in_a_folder_that_is_read(tmp_path, monkeypatch, words):
    fill(tmp_path / "scans" / "3", 1)
    (tmp_path / "scans" / "3" / "torn.png").write_bytes(b"torn")  # has its row, too
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = run(*words.split(), "--force")
    assert result.exit_code == 1 and result.stderr.count("\n") == 1 and "outside of that folder" in result.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_picture_that_was_drawn_may_be_drawn_again_where_no_folder_with_it_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(fill(tmp_path / "scans", 1))
    for inputs, page in ((".", "../stages.png"), ("000.png", "stages.png")):
        assert run("explain", inputs, "-o", page).exit_code == 0
        assert run("explain", inputs, "-o", page).exit_code == 1
        assert run("explain", inputs, "-o", page, "--force").exit_code == 0


def test_a_run_without_an_image_leaves_nothing_behind(tmp_path):
    (tmp_path / "in").mkdir()
    out = tmp_path / "out.csv"
    assert run("classify", tmp_path / "in", "-o", out).exit_code == 5
    assert not out.exists() and not part_of(out).exists() and not facts_of(out).exists()


def test_errors_are_read_again_and_every_other_row_stays(tmp_path):
    """Repaired files get their rows; the rest of the table is the same to the byte, in place or elsewhere."""
    folder = fill_mixed(tmp_path / "scans")
    lost = folder / "part1" / "000.png"
    lost.write_bytes(b"torn")
    out = tmp_path / "out.csv"
    assert run("classify", folder, "-o", out, "-q").exit_code == 3
    before = out.read_bytes().splitlines(keepends=True)
    draw(7).save(lost)
    (folder / "part2" / "zz.png").unlink()
    assert run("classify", "--retry-errors", out, "-o", tmp_path / "new.csv", "-q").exit_code == 3
    assert out.read_bytes() == b"".join(before)
    assert run("classify", "--retry-errors", out, "-q").exit_code == 3
    assert out.read_bytes() == (tmp_path / "new.csv").read_bytes()
    after = out.read_bytes().splitlines(keepends=True)
    changed = [i for i, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    rows = {row.path: row for row in load_predictions(out)}
    assert len(changed) == 2
    assert rows[str(lost)].label == 7
    assert "no such file" in rows[str(folder / "part2" / "zz.png")].reason


@pytest.mark.parametrize(
    "words",
    ["--dry-run", "--probabilities", "--parts", "--include *", "--exclude *", "--follow-links"],
)
def test_what_a_retry_cannot_do_is_refused(tmp_path, words):
    (tmp_path / "x.csv").write_text("path,frame,label,confidence,status,reason\n")
    result = run("classify", "--retry-errors", tmp_path / "x.csv", *words.split())
    assert result.exit_code == 2 and "--retry-errors" in result.stderr


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_errors_in_an_archive_that_holds_a_name_twice_are_read_again_as_themselves(tmp_path):
    """The second of a name is broken: it never gets the answer of the first, and its own once it is mended."""
    whole = [png(3), png(5), png(7)]
    archive, out = tmp_path / "dup.zip", tmp_path / "out.csv"
    pack_twice(archive, [whole[0], whole[1][:150], whole[2]])
    assert run("classify", archive, "-o", out, "-q").exit_code == 3
    before = out.read_bytes()
    assert run("classify", "--retry-errors", out, "-q").exit_code == 3
    assert out.read_bytes() == before
    pack_twice(archive, whole)
    assert run("classify", "--retry-errors", out, "-q").exit_code == 0
    run("classify", archive, "-o", tmp_path / "new.csv", "-q")
    assert out.read_bytes() == (tmp_path / "new.csv").read_bytes()


def png(number):
    file = io.BytesIO()
    draw(number).save(file, "PNG")
    return file.getvalue()


def pack_twice(path, contents):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in zip(["a.png", "a.png", "b.png"], contents, strict=True):
            archive.writestr(name, content)


def test_what_is_no_table_of_ours_is_not_retried(tmp_path):
    (tmp_path / "x.csv").write_text("path,label\na.png,3\n")
    result = run("classify", "--retry-errors", tmp_path / "x.csv")
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
    assert (tmp_path / "x.csv").read_text() == "path,label\na.png,3\n"


def test_names_come_from_a_list_too(tmp_path, monkeypatch):
    """A name in the list that does not exist is a row, not the end."""
    folder = fill(tmp_path / "scans", 3)
    names = [str(folder / "002.png"), str(folder / "gone.png"), str(folder / "000.png")]
    for text in ("\n".join(names), "\0".join(names)):
        (tmp_path / "list").write_text(text)
        result = run("classify", "--files-from", tmp_path / "list", "-o", "-", "-q")
        assert result.exit_code == 3
        assert [line.split(",")[0] for line in result.stdout.splitlines()[1:]] == names
    process = start("classify", "--files-from", "-", "-o", "-", "-q", stdin=-1)
    shown, _ = process.communicate("\n".join(names).encode(), timeout=120)
    assert [line.split(b",")[0].decode() for line in io.BytesIO(shown)][1:] == names


@pytest.mark.skipif(sys.platform == "win32", reason="no terminals nor named pipes to make there")
def test_a_list_from_a_pipe_is_read_whole_where_a_bar_shows(tmp_path):
    """The bar counts ahead from a second look at the list, which a pipe does not have."""
    folder, pipe, out = fill(tmp_path / "scans", 3), tmp_path / "pipe", tmp_path / "out.csv"
    os.mkfifo(pipe)
    names = [str(folder / f"{number % 3:03}.png") for number in range(6_000)]
    screen, terminal = os.openpty()
    process = start("classify", "--files-from", pipe, "-o", out, stderr=terminal)
    os.close(terminal)
    threading.Thread(target=drain, args=(screen,), daemon=True).start()
    pipe.write_text("\n".join(names))
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert [row.path for row in load_predictions(out)] == names


def drain(screen):
    """Take what a terminal would show, until it ends."""
    with suppress(OSError), os.fdopen(screen, "rb", buffering=0) as stream:
        while stream.read(1 << 16):
            pass


def test_a_dry_run_counts_and_reads_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "scans", 3)
    (tmp_path / "scans" / "notes.txt").write_text("no image")
    result = run("classify", "scans", "--dry-run", "--exclude", "002*")
    assert result.exit_code == 0
    assert "2 images would be read" in result.stdout and "1 would be skipped: not an image" in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["scans"]
