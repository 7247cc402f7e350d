"""A run that was killed ends, when it is resumed, with the same bytes as one that was not; or says why it cannot."""

import io
import random
import shutil
import signal
import sys
import time

import pytest
from folders import draw, facts_of, fill_mixed, make_many, part_of, run, start
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from digit_batch.model import Model, save_model
from digit_batch.output.whole import locked
from digit_batch.predictions import COLUMNS, read_header, read_records

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder, its whole CSV, the facts of its run, and where its chunks end in the CSV."""
    top = tmp_path_factory.mktemp("resume")
    folder = fill_mixed(top / "scans")
    out = top / "whole.csv"
    assert run("classify", folder, "-o", out, "-q").exit_code == 3
    whole = out.read_bytes()
    facts = write_facts(top, folder, len(whole) * 2 // 3)
    stream = io.BytesIO(whole)
    names = read_header(stream)
    ends = [r.end for r in read_records(stream, names, stream.tell()) if r.prediction.path.endswith("zz.png")]
    assert len(ends) == 4 and ends[-1] == len(whole)
    return folder, whole, facts, [0, *ends]


def write_facts(top, folder, limit):
    """Return the facts file of a run that was stopped by its own full disk."""
    resource = pytest.importorskip("resource")
    out = top / "stopped.csv"
    process = start(
        "classify",
        folder,
        "-o",
        out,
        "-q",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    process.communicate(timeout=120)
    return facts_of(out).read_bytes()


def leave(out, rows, facts, committed):
    """Make an output look as a killed run leaves it."""
    out.unlink(missing_ok=True)
    part_of(out).write_bytes(rows)
    facts_of(out).write_bytes(facts[:-21] + b"%20d\n" % committed)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_kill_left_the_resumed_run_has_the_same_bytes(data, finished, tmp_path):
    """Torn anywhere, with the last commit before or (a power cut) behind it, and with rubbish after it."""
    folder, whole, facts, ends = finished
    cut = data.draw(st.one_of(st.integers(1, len(whole)), st.sampled_from(ends[1:])))
    committed = data.draw(st.sampled_from(ends))
    rubbish = data.draw(st.sampled_from([b"", b"\0" * 600, b'"', b"\xff,\n"]))
    out = tmp_path / "out.csv"
    leave(out, whole[:cut] + rubbish, facts, committed)
    result = run("classify", folder, "-o", out, "-q", "--resume")
    assert (result.exit_code, result.stderr) == (3, "")
    assert out.read_bytes() == whole
    assert not part_of(out).exists() and not facts_of(out).exists()


def test_what_is_done_is_not_read_again(finished, tmp_path):
    """The pictures of the chunks that stand in the part are changed, and their rows are not."""
    folder, whole, facts, ends = finished
    shutil.copytree(folder, tmp_path / "scans")
    moved = tmp_path / "scans"
    out = tmp_path / "out.csv"
    old, new = str(folder).encode(), str(moved).encode()
    rows = whole[: ends[2]].replace(old, new)
    leave(out, rows, facts.replace(old, new), len(rows))
    for image in [*moved.glob("part0/0*.png"), *moved.glob("part1/0*.png")]:
        image.write_bytes(b"changed")
    assert run("classify", moved, "-o", out, "-q", "--resume").exit_code == 3
    assert out.read_bytes() == whole.replace(old, new)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--polarity", "dark"], "--polarity auto, and this is --polarity dark"),
        (["--min-confidence", "0.5"], "--min-confidence"),
        (["--probabilities"], "--probabilities"),
        (["--exclude", "*.tif"], "begun with no --exclude"),
        (["--max-pixels", "1000"], "--max-pixels"),
        (["--model", "MODEL"], "a model with the checksum"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_other_options_are_refused_in_one_sentence_that_says_what_differs(finished, tmp_path, options, says):
    folder, whole, facts, ends = finished
    out = tmp_path / "out.csv"
    if "MODEL" in options:
        digits = load_digits()
        save_model(Model(SVC().fit(digits.data[:99], digits.target[:99]), plain=True), tmp_path / "other.skops")
        options = ["--model", tmp_path / "other.skops"]
    leave(out, whole[: ends[1]], facts, ends[1])
    result = run("classify", folder, "-o", out, "-q", "--resume", *options)
    assert result.exit_code == 1
    assert says in result.stderr and "--force" in result.stderr
    assert result.stderr.count("\n") == 1
    assert part_of(out).read_bytes() == whole[: ends[1]]


@pytest.mark.parametrize("change", ["new", "gone", "fewer"])
def test_a_changed_folder_is_refused(finished, tmp_path, change):
    folder, whole, facts, ends = finished
    moved = shutil.copytree(folder, tmp_path / "scans")
    old, new = str(folder).encode(), str(moved).encode()
    rows = whole[: ends[3]].replace(old, new)
    out = tmp_path / "out.csv"
    leave(out, rows, facts.replace(old, new), len(rows))
    if change == "new":
        draw(1).save(moved / "part1" / "0.png")
    elif change == "gone":
        next(moved.glob("part0/0*.png")).unlink()
    else:
        for part in ("part1", "part2", "part3"):
            shutil.rmtree(moved / part)
    result = run("classify", moved, "-o", out, "-q", "--resume")
    assert result.exit_code == 1
    assert "changed" in result.stderr and result.stderr.count("\n") == 1
    assert part_of(out).read_bytes() == rows


def test_an_unfinished_run_is_never_replaced_unasked(finished, tmp_path):
    """Without --resume a part is refused; --force begins anew; without its facts it cannot be continued."""
    folder, whole, facts, ends = finished
    out = tmp_path / "out.csv"
    leave(out, whole[: ends[1]], facts, ends[1])
    result = run("classify", folder, "-o", out, "-q")
    assert result.exit_code == 1 and "--resume" in result.stderr and "--force" in result.stderr
    facts_of(out).write_bytes(b"rubbish")
    assert run("classify", folder, "-o", out, "-q", "--resume").exit_code == 1
    assert part_of(out).read_bytes() == whole[: ends[1]]
    assert run("classify", folder, "-o", out, "-q", "--force").exit_code == 3
    assert out.read_bytes() == whole


def test_an_unfinished_run_outlives_the_errors_of_its_table_read_again(finished, tmp_path):
    """Without --force it is kept, and continued as ever; with it both of its files make way; a running one never."""
    folder, whole, facts, ends = finished
    out = tmp_path / "out.csv"
    for force in ([], ["--force"]):
        leave(out, whole[: ends[1]], facts, ends[1])
        out.write_bytes(whole)
        with locked(out):
            result = run("classify", "--retry-errors", out, "-q", "--force")
        assert (result.exit_code, "Another run is writing" in result.stderr) == (1, True)
        assert (part_of(out).read_bytes(), out.read_bytes()) == (whole[: ends[1]], whole)
        result = run("classify", "--retry-errors", out, "-q", *force)
        assert result.exit_code == (3 if force else 1)
        if not force:
            assert "holds an unfinished run" in result.stderr and result.stderr.count("\n") == 1
            assert run("classify", folder, "-o", out, "-q", "--resume", "--force").exit_code == 3
        assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
        assert out.read_bytes() == whole


@pytest.mark.parametrize("elsewhere", [False, True], ids=["in place", "into another"])
def test_errors_in_the_rows_of_an_unfinished_run_are_not_read_again(finished, tmp_path, elsewhere):
    """The run may be writing them: it would go on in a file without a name, and end well without its rows."""
    folder, whole, facts, ends = finished
    out = tmp_path / "out.csv"
    leave(out, whole[: ends[1]], facts, ends[1])
    more = ("-o", tmp_path / "new.csv") if elsewhere else ()
    result = run("classify", "--retry-errors", part_of(out), "-q", "--force", *more)
    assert result.exit_code == 1 and "--resume" in result.stderr and result.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == [part_of(out), facts_of(out)]
    assert run("classify", folder, "-o", out, "-q", "--resume").exit_code == 3
    assert out.read_bytes() == whole


def test_resume_with_nothing_to_resume(finished, tmp_path):
    """The first run of a script that always resumes just runs; a whole output is left alone."""
    folder, whole, _, _ = finished
    out = tmp_path / "out.csv"
    assert run("classify", folder, "-o", out, "-q", "--resume").exit_code == 3
    assert out.read_bytes() == whole
    result = run("classify", folder, "-o", out, "-q", "--resume")
    assert result.exit_code == 1 and "nothing to resume" in result.stderr


@posix
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM] if sys.platform != "win32" else [])
def test_an_interrupt_keeps_what_is_done_and_ends_within_two_seconds(tmp_path, sent):
    folder = make_many(tmp_path / "in", 6000)
    out = tmp_path / "out.csv"
    process = start("classify", folder, "-o", out, "--jobs", 2)
    wait_for_rows(part_of(out))
    before = time.monotonic()
    process.send_signal(sent)
    shown, told = process.communicate(timeout=30)
    assert time.monotonic() - before < 2
    assert (process.returncode, shown) == (130, b"")
    assert b"--resume" in told and told.count(b"\n") == 1
    assert not out.exists()
    rows = list(io.BytesIO(part_of(out).read_bytes()))
    assert len(rows) > 64 and rows[-1].endswith(b"\n")


@posix
@pytest.mark.parametrize("sent", [(signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)], ids=str)
def test_only_the_first_of_many_signals_counts(tmp_path, sent):
    """The others come while the run tidies up, or while the process ends: neither its words nor its code change."""
    folder = make_many(tmp_path / "in", 6000)
    out = tmp_path / "out.csv"
    process = start("classify", folder, "-o", out, "--jobs", 1)
    wait_for_rows(part_of(out))
    while process.poll() is None:
        for number in sent:
            process.send_signal(number)
        time.sleep(0.0005)
    shown, told = process.communicate(timeout=30)
    assert (process.returncode, shown) == (130, b"")
    assert b"--resume" in told and told.count(b"\n") == 1


@posix
def test_a_command_without_a_part_to_continue_is_stopped_alike(tmp_path):
    folder = make_many(tmp_path / "in", 6000)
    process = start("evaluate", folder, "-o", tmp_path / "rows.csv", "--jobs", 1)
    wait_for_rows(part_of(tmp_path / "rows.csv"))
    process.send_signal(signal.SIGTERM)
    shown, told = process.communicate(timeout=30)
    assert (process.returncode, shown, told) == (130, b"", b"digit-batch: Interrupted.\n")
    assert not (tmp_path / "rows.csv").exists()


def wait_for_rows(part):
    """Wait until a second chunk is written: only then the first is surely counted, and kept."""
    wait_for(part, 1)
    wait_for(part, part.stat().st_size + 1)


def wait_for(path, size, seconds=60):
    deadline = time.monotonic() + seconds
    while not (path.exists() and path.stat().st_size >= size):
        assert time.monotonic() < deadline
        time.sleep(0.005)


@posix
@pytest.mark.slow
def test_a_run_killed_twenty_times_has_the_same_bytes(tmp_path):
    """SIGKILL at random moments, from before the first row to the last ones."""
    folder = make_many(tmp_path / "in", 6000)
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    assert run("classify", folder, "-o", whole, "-q", "--jobs", 1).exit_code == 0
    size = whole.stat().st_size
    chance = random.Random(4)
    for kill in range(20):
        process = start("classify", folder, "-o", out, "-q", "--jobs", 1 + kill % 2, "--resume")
        done = part_of(out).stat().st_size if part_of(out).exists() else 0
        aim = min(done + chance.randrange(1, 2 * size // 20), size - 1)
        deadline = time.monotonic() + chance.choice([0.3, 30, 30])
        while process.poll() is None and time.monotonic() < deadline:
            if part_of(out).exists() and part_of(out).stat().st_size >= aim:
                break
            time.sleep(0.001)
        process.kill()
        process.communicate()
    if not out.exists():
        assert run("classify", folder, "-o", out, "-q", "--resume", "--jobs", 2).exit_code == 0
    assert out.read_bytes() == whole.read_bytes()


@given(st.binary(max_size=300), st.integers(0, 200), st.booleans())
def test_the_reader_of_rows_survives_anything(noise, place, whole_rows):
    """Bytes of any kind end in rows or in a ValueError with its line, and each row's end is its place in the file."""
    good = (",".join(COLUMNS) + '\na.png,0,7,0.9983,ok,\n"b\n.png",0,,,error,"x ""y"""\n').encode()
    data = good[:place] + noise + (good[place:] if whole_rows else b"")
    stream = io.BytesIO(data)
    try:
        names = read_header(stream)
        at = stream.tell()
        for record in read_records(stream, names, at):
            assert data[at : record.end] == record.raw
            at = record.end
    except ValueError as error:
        assert str(error).startswith("line ")
