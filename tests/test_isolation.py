"""A bad image costs its own row: not its neighbours', not the run.

Files that kill or hang their reader are made with a `sitecustomize` module, which Python loads in every process that
has its folder on the path: in worker processes it lets the opening of ``kill*.png`` end the process, and of
``hang*.png`` never return. Nothing of the package is replaced.
"""

import csv
import io
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from queue import SimpleQueue

import pytest
from folders import PACKAGE, draw, fill, make_many, run, start

from digit_batch.batch import classify
from digit_batch.batch.chunks import CHUNK_FILES
from digit_batch.batch.workers import Worker
from digit_batch.errors import InputError
from digit_batch.model import load_model

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")

POISON = """
import os, signal, sys, time
if sys.argv == ["-c"]:
    open_file = os.open
    def poisoned(path, *rest, **options):
        name = os.path.basename(os.fspath(path)) if not isinstance(path, int) else ""
        if name.startswith("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith("hang"):
            time.sleep(1000)
        if name.startswith("stop"):
            os.kill(os.getpid(), signal.SIGSTOP)
        if name.startswith("once") and not os.path.exists(path + ".seen"):
            open(path + ".seen", "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return open_file(path, *rest, **options)
    os.open = poisoned
"""

SLOW = """
import gzip, sys, time
if sys.argv == ["-c"]:
    read = gzip._GzipReader.read
    def read_slowly(self, size=-1):
        data = read(self, size)
        time.sleep(len(data) / 4e6)
        return data
    gzip._GzipReader.read = read_slowly
"""


def classify_poisoned(tmp_path, folder, *options, poison=POISON):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(poison)
    process = start("classify", folder, "-o", "-", "-q", *options, path=[tmp_path / "site"])
    out, err = process.communicate(timeout=120)
    rows = list(csv.reader(io.StringIO(out.decode(), newline="")))
    return process.returncode, rows, err.decode()


def test_files_that_kill_or_hang_their_reader_cost_one_row_each(tmp_path):
    """Every other row is as without them; a file that killed only once is read on the second try."""
    folder = fill(tmp_path / "scans", 70)
    calm = {row[0]: row for row in csv.reader(io.StringIO(run("classify", folder, "-o", "-", "-q").stdout))}
    for name in ("kill.png", "hang.png", "stop.png", "once.png"):
        draw(5).save(folder / name)
    code, rows, err = classify_poisoned(tmp_path, folder, "--jobs", 2, "--timeout", 2)
    found = {os.path.basename(row[0]): row for row in rows}
    assert (code, err) == (3, "")
    assert len(rows) == len(found) == 1 + 70 + 4
    assert found["kill.png"][4:] == ["error", "killed its reader: out of memory?"]
    assert found["hang.png"][4:] == found["stop.png"][4:] == ["error", "took longer than 2 s"]
    assert found["once.png"][4] != "error"
    for path, row in calm.items():
        again = found[os.path.basename(path)]
        assert again[2] == row[2] and again[4] == row[4]


@pytest.mark.parametrize("options", [[], ["--jobs", 1]], ids=["by itself", "--jobs 1"])
def test_a_few_files_are_isolated_too(tmp_path, options):
    """Where one reader is enough, it is still another process than the one that writes."""
    folder = fill(tmp_path / "scans", 2)
    for name in ("0005.png", "kill.png"):
        draw(5).save(folder / name)
    code, rows, err = classify_poisoned(tmp_path, folder, *options)
    assert (code, err) == (3, "")
    assert [row[4] == "error" for row in rows[1:]] == [False, False, False, True]
    assert rows[-1][4:] == ["error", "killed its reader: out of memory?"]


def test_the_way_to_a_member_of_a_packed_tar_is_not_its_own_time(tmp_path):
    """Unpacking what lies before it, at 4 MB/s here, takes twice what an image may."""
    (tmp_path / "video").write_bytes(bytes(8_000_000))
    with tarfile.open(tmp_path / "scans.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "video", "video")
        tar.add(fill(tmp_path / "scans", 2), "scans")
    code, rows, err = classify_poisoned(
        tmp_path, tmp_path / "scans.tar.gz", *("--jobs", 1, "--timeout", 1), poison=SLOW
    )
    assert (code, err) == (0, "")
    assert [row[4] != "error" for row in rows[1:]] == [True, True]


@pytest.mark.slow
def test_a_worker_killed_by_nobodys_fault_changes_nothing(tmp_path):
    """Its chunk is read again as it was, and the output is the same to the byte."""
    folder = fill(tmp_path / "scans", 80)
    draw(5).save(folder / "once.png")
    (folder / "once.png.seen").touch()
    calm = list(csv.reader(io.StringIO(run("classify", folder, "-o", "-", "-q").stdout)))
    (folder / "once.png.seen").unlink()
    code, rows, err = classify_poisoned(tmp_path, folder, "--jobs", 2)
    assert (code, err) == (0, "")
    assert (folder / "once.png.seen").exists()
    assert rows == calm


@pytest.mark.parametrize("jobs", [1, 2])
def test_python_files_among_the_scans_are_not_run(tmp_path, jobs):
    """Not even where they have the names of Python's own, and the folder is the one that the command is called in."""
    folder = fill(tmp_path / "scans", 3)
    for name in ("pickle", "struct", "numpy", "digit_batch"):
        (folder / f"{name}.py").write_text("import os\nopen('ran', 'w').close()\nos._exit(1)\n")
    command = tmp_path / "command.py"  # as the installed one, it has another folder first on its path
    command.write_text(f"import sys\nsys.path.append({str(PACKAGE)!r})\nfrom digit_batch.cli import main\nmain()\n")
    words = [sys.executable, command, "classify", ".", "-o", "-", "-q", "--jobs", str(jobs)]
    done = subprocess.run(words, cwd=folder, capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1 + 3
    assert not (folder / "ran").exists()


def test_a_worker_runs_out_of_its_own_memory_first():
    """Its limit ends a too large array in a MemoryError, long before the system looks for a process to kill."""
    pytest.importorskip("resource")
    script = (
        "import numpy\nfrom digit_batch.batch import Settings\nfrom digit_batch.batch.serve import limit_memory\n"
        "limit_memory(Settings())\nkept = numpy.ones(500_000_000, 'u1')\n"
        "try:\n numpy.ones(1_400_000_000, 'u1')\nexcept MemoryError:\n print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=PACKAGE, capture_output=True, text=True)
    if sys.platform == "linux":
        assert done.stdout == "refused\n", done.stderr


def test_a_reader_whose_words_cannot_be_taken_in_counts_as_dead():
    """As one that says more than this process has memory for: its image is told of, and the run goes on."""
    words = pickle.PROTO + b"\4" + pickle.BINBYTES8 + (2**62).to_bytes(8, "little")
    with pytest.raises(MemoryError):
        pickle.loads(words)
    speak = f"import sys; sys.stdout.buffer.write({words!r})"
    process = subprocess.Popen([sys.executable, "-c", speak], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    events = SimpleQueue()
    worker = Worker(process, b"", events)
    assert events.get(timeout=30) == (worker, "died", None)


@pytest.mark.parametrize("limit", ["--timeout=inf", "--timeout=1e10", "--max-pixels=1000000000000000000"])
def test_a_limit_may_be_beyond_what_the_system_counts(tmp_path, limit):
    """Neither its alarm nor its limit of memory takes any number: a worker does with the most that they take."""
    result = run("classify", fill(tmp_path / "scans", 1), "-o", "-", "-q", limit)
    assert (result.exit_code, result.stdout.count("\n")) == (0, 2)


@pytest.mark.slow
def test_a_parent_killed_takes_its_workers_with_it(tmp_path):
    """Nothing goes on reading after the run itself is gone."""
    folder = make_many(tmp_path / "scans", 20 * CHUNK_FILES)
    process = start("classify", folder, "-o", tmp_path / "out.csv", "-q", "--jobs", 2)
    part = tmp_path / "out.csv.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 100) and time.monotonic() < deadline:
        time.sleep(0.02)
    workers = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    assert workers
    process.kill()
    process.communicate()
    while any(is_alive(int(worker)) for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def read_with(limit, folder, jobs):
    """Read a folder with so many files open at once: Python needs some, and the pipes to each process two."""
    resource = pytest.importorskip("resource")
    process = start(
        *("classify", folder, "-o", "-", "-q", "--jobs", jobs),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
    )
    shown, told = process.communicate(timeout=60)
    return process.returncode, shown, told


def test_where_no_process_can_be_started_one_sentence_says_so_and_where_one_can_it_reads_all(tmp_path):
    folder = fill(tmp_path / "scans", 600)
    whole = run("classify", folder, "-o", "-", "-q").stdout_bytes
    least = next(limit for limit in range(7, 40) if read_with(limit, folder, 1)[0] == 0)
    assert read_with(least, folder, 3) == (0, whole, b"")
    code, shown, told = read_with(least - 1, folder, 3)
    assert (code, shown, told.count(b"\n")) == (1, b"", 1)
    assert told.startswith(b"digit-batch: No process can be started to read: ")


@pytest.mark.skipif(not shutil.which("pgrep"), reason="needs pgrep")
def test_a_run_that_reads_nothing_leaves_no_process_behind(tmp_path):
    """One is started at once, before it is known whether there is anything to read."""
    before = children()
    assert run("classify", tmp_path / "nowhere", "-o", tmp_path / "out.csv").exit_code == 1
    assert run("classify", tmp_path, "-o", tmp_path / "out.csv").exit_code == 5
    with pytest.raises(InputError):
        list(classify([str(tmp_path / "nowhere")], load_model()))
    assert list(classify([str(tmp_path)], load_model())) == []
    assert children() <= before


def children():
    return set(subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True).stdout.split())
