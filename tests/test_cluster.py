"""A Dask cluster: the same bytes as one machine, whoever dies.

Schedulers and workers are real processes on the loopback address, and die by SIGKILL. What kills a reader or its worker
is done by a `sitecustomize` module on their path, as in `test_isolation.py`; nothing of the package is replaced.
"""

import itertools
import os
import pickle
import re
import signal
import subprocess
import sys
import time
import zlib

import pytest
from clusters import dask_cluster, kill, wait_for
from folders import PACKAGE, draw, fill, fill_mixed, part_of, run, start

from digit_batch.batch.chunks import CHUNK_FILES
from digit_batch.images import Source, walk
from digit_batch.model import load_model

distributed = pytest.importorskip("distributed")
from digit_batch.batch.cluster import classify_on_cluster  # noqa: E402
from digit_batch.batch.station import pack_parcel  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals"),
]

FILES = 5_000  # some seconds of work, in which to die

POISON = """
import os, signal, sys
if sys.argv == ["-c"]:
    open_file = os.open
    def poisoned(path, *rest, **options):
        name = os.path.basename(os.fspath(path)) if not isinstance(path, int) else ""
        if name.startswith("worker"):
            os.kill(os.getppid(), signal.SIGKILL)
        if name.startswith(("worker", "reader")):
            os.kill(os.getpid(), signal.SIGKILL)
        return open_file(path, *rest, **options)
    os.open = poisoned
"""
HIDDEN = """
import sys
class Hidden:
    def find_spec(self, name, *rest):
        if name.partition(".")[0] == "digit_batch":
            raise ModuleNotFoundError("No module named 'digit_batch'", name="digit_batch")
sys.meta_path.insert(0, Hidden())
"""


def test_a_parcel_is_sent_packed():
    """The scheduler keeps a thousand of them for each worker."""
    names = [f"/data/archive/scans/{place // 1_000:03}/{place:06}.png" for place in range(4 * CHUNK_FILES)]
    chunks = [[Source(name, name) for name in names[start::4]] for start in range(4)]
    packed = pack_parcel(chunks)
    assert len(packed) < 20 * len(names)
    assert pickle.loads(zlib.decompress(packed)) == chunks


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two workers, alpha and beta."""
    with dask_cluster(tmp_path_factory.mktemp("cluster"), ["alpha", "beta"]) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Digits, pages, large and unreadable files, in several times as many chunks as a parcel holds."""
    top = fill_mixed(fill(tmp_path_factory.mktemp("scans"), 100))
    for number in range(FILES):
        (top / f"again-{number}.png").hardlink_to(top / f"{number % 100:03}.png")
    return top


@pytest.fixture(scope="module")
def whole(folder):
    """The bytes that one machine writes."""
    return run("classify", folder, "-o", "-", "-q").stdout_bytes


def finish(process):
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err.decode()


def site(tmp_path, text):
    """Make a folder that changes every Python process that has it on its path."""
    place = tmp_path / "site"
    place.mkdir()
    (place / "sitecustomize.py").write_text(text)
    return place


def test_the_same_bytes_as_locally(cluster, folder, whole, tmp_path):
    """From an address, with a path that is relative to the client's folder; the summary names the workers."""
    words = ("classify", folder.name, "-o", tmp_path / "out.csv", "--cluster", cluster.address)
    code, out, err = finish(start(*words, cwd=folder.parent))
    assert (code, err) == (3, "")
    assert (tmp_path / "out.csv").read_bytes() == whole.replace(f"{folder.parent}/".encode(), b"")
    counts = dict(re.findall(r"^\s+(alpha|beta)\s+([0-9,]+)\s+[0-9,]+\s*$", out.decode(), re.MULTILINE))
    assert sum(int(count.replace(",", "")) for count in counts.values()) == whole.count(b"\n") - 1 - 4 * 1
    assert "2 workers, 0 retries" in out.decode()


def test_a_run_begun_here_is_resumed_there(cluster, folder, whole, tmp_path):
    """And the scheduler file is an address too."""
    table = tmp_path / "out.csv"
    with start("classify", folder, "-o", table, "-q", "--jobs", 2) as process:
        wait_for(lambda: part_of(table).exists() and part_of(table).stat().st_size > 3000)
        process.kill()
    begun = part_of(table).stat().st_size
    assert begun < len(whole)
    code, _, err = finish(start("classify", folder, "-o", table, "-q", "--resume", "--cluster", cluster.file))
    assert (code, err) == (3, "")
    assert table.read_bytes() == whole


def test_a_window_bounds_what_is_under_way(cluster):
    """A walk without an end is read as far as the window, and no further."""
    from digit_batch.batch.cluster import PARCEL_CHUNKS, WINDOW, classify_on_cluster
    from digit_batch.model import load_model

    taken = itertools.count()
    chunks = ([Source(f"{next(taken)}", "/nowhere/at/all.png")] for _ in itertools.repeat(None))
    rows = classify_on_cluster(chunks, load_model(), cluster.address)
    names = [next(rows)[0][0].path for _ in range(20)]
    rows.close()
    assert names == [str(number) for number in range(20)]
    assert next(taken) <= 20 + PARCEL_CHUNKS * (WINDOW * 2 + 2)


def test_a_worker_killed_half_way_costs_nothing(folder, whole, tmp_path):
    table = tmp_path / "out.csv"
    with dask_cluster(tmp_path / "cluster", ["alpha", "beta"], "--no-nanny") as cluster:
        process = start("classify", folder, "-o", table, "--cluster", cluster.address)
        wait_for(lambda: part_of(table).exists() and part_of(table).stat().st_size > 3000)
        kill(cluster.workers["beta"])
        code, out, err = finish(process)
    assert (code, err) == (3, "")
    assert table.read_bytes() == whole
    assert re.search(r"(1 worker|2 workers), [0-9]+ retr", out.decode())


def test_what_a_dead_worker_had_done_but_nobody_had_fetched_is_done_again(tmp_path):
    chunks = [[source] for source in walk([str(fill(tmp_path / "scans", 40))])]
    with dask_cluster(tmp_path / "cluster", ["alpha", "beta"], "--no-nanny") as cluster:
        rows = classify_on_cluster(chunks, load_model(), cluster.address)
        read = [next(rows)]
        with distributed.Client(cluster.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=90)

            def holders():
                return [address for key, held in client.who_has().items() if key.endswith("-2") for address in held]

            wait_for(holders)
            workers = client.scheduler_info(n_workers=-1)["workers"]
            kill(cluster.workers[workers[holders()[0]]["name"]])
            wait_for(lambda: len(client.nthreads()) == 1)
        read += rows
    assert [row.path for chunk in read for file in chunk for row in file] == [chunk[0].name for chunk in chunks]


def test_a_lost_scheduler_is_one_sentence_and_the_rows_are_kept(folder, whole, tmp_path):
    table = tmp_path / "out.csv"
    with dask_cluster(tmp_path / "cluster", ["alpha"]) as cluster:
        process = start("classify", folder, "-o", table, "--cluster", cluster.address)
        wait_for(lambda: part_of(table).exists() and part_of(table).stat().st_size > 3000)
        kill(cluster.scheduler)
        began = time.monotonic()
        code, out, err = finish(process)
        assert time.monotonic() - began < 30
    assert (code, out) == (1, b"")
    assert err.count("\n") == 1
    assert "was lost" in err
    assert "--resume" in err
    kept = part_of(table).read_bytes()
    assert kept
    assert whole.startswith(kept)
    assert run("classify", folder, "-o", table, "-q", "--resume").exit_code == 3
    assert table.read_bytes() == whole


def test_a_poison_image_costs_its_row_whether_it_kills_its_reader_or_the_worker(tmp_path):
    """The chunk is cut down until the image is alone; nobody else is blamed."""
    scans = [fill(tmp_path / "many", CHUNK_FILES + 2), fill(tmp_path / "few", 2)]
    calm = [run("classify", folder, "-o", "-", "-q").stdout.splitlines() for folder in scans]
    for folder, name in zip(scans, ("worker-1.png", "reader-1.png"), strict=True):
        draw(1).save(folder / name)
    once = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with dask_cluster(tmp_path / "cluster", ["alpha", "beta"], env=once, path=[site(tmp_path, POISON)]) as cluster:
        for folder, expected in zip(scans, calm, strict=True):
            code, out, err = finish(start("classify", folder, "-o", "-", "-q", "--cluster", cluster.address))
            assert (code, err) == (3, "")
            *rows, bad = out.decode().splitlines()
            assert rows == expected
            assert bad.endswith("er-1.png,0,,,error,killed its reader: out of memory?")


def test_workers_that_would_answer_otherwise_are_refused_by_name(tmp_path):
    """Before anything is read: another scikit-learn, and one without the package."""
    scans = fill(tmp_path / "scans", 3)
    other = tmp_path / "other"
    (other / "scikit_learn-0.1.dist-info").mkdir(parents=True)
    (other / "scikit_learn-0.1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: scikit-learn\nVersion: 0.1\n"
    )
    with dask_cluster(tmp_path / "cluster", ["alpha"]) as cluster:
        cluster.add("beta", path=[other])
        cluster.add("gamma", path=[site(tmp_path, HIDDEN)])
        with distributed.Client(cluster.address, set_as_default=False) as client:
            client.wait_for_workers(3, timeout=90)
        code, out, err = finish(start("classify", scans, "-o", tmp_path / "out.csv", "--cluster", cluster.address))
    assert (code, out) == (1, b"")
    assert "beta has scikit-learn 0.1 (here " in err
    assert "gamma has no digit-batch" in err
    assert "alpha" not in err
    assert err.count("\n") == 1
    assert not part_of(tmp_path / "out.csv").exists()


def test_a_worker_that_joins_late_and_does_not_fit_reads_nothing(folder, whole, tmp_path):
    other = tmp_path / "other"
    (other / "numpy-0.1.dist-info").mkdir(parents=True)
    (other / "numpy-0.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.1\n")
    table = tmp_path / "out.csv"
    with dask_cluster(tmp_path / "cluster", ["alpha"]) as cluster:
        process = start("classify", folder, "-o", table, "--cluster", cluster.address)
        wait_for(lambda: part_of(table).exists() and part_of(table).stat().st_size > 0)
        cluster.add("late", path=[other])
        code, _, err = finish(process)
    if code == 1:  # it came before the end
        assert "late has numpy 0.1 (here " in err
        assert whole.startswith(part_of(table).read_bytes())
    else:
        assert table.read_bytes() == whole


def test_a_cluster_without_workers_is_waited_for_and_the_wait_is_told(tmp_path):
    """On one line, and not with --quiet; Ctrl-C ends the wait at once, and a worker that comes is taken."""
    scans = fill(tmp_path / "scans", 3)
    told = re.compile(
        rb"tcp://\S+ has no workers yet: waiting [0-9]+ s more\. Start some with `dask worker tcp://\S+`\.\n"
    )
    with dask_cluster(tmp_path / "cluster", []) as cluster:
        words = ("classify", scans, "-o", "-", "--cluster", cluster.address)
        silent, stopped, patient = start(*words, "-q"), start(*words), start(*words)
        for process in (stopped, patient):
            assert told.fullmatch(process.stderr.readline())
        for process in (silent, stopped):
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            code, _, err = finish(process)
            assert time.monotonic() - began < 10
            assert (code, err) == (130, "digit-batch: Interrupted.\n")
        cluster.add("late")
        code, out, _ = finish(patient)
    assert code == 0
    assert out == run("classify", scans, "-o", "-", "-q").stdout_bytes


def test_workers_that_are_all_lost_are_waited_for_and_the_wait_is_told(folder, whole, tmp_path):
    table = tmp_path / "out.csv"
    with dask_cluster(tmp_path / "cluster", ["alpha"], "--no-nanny") as cluster:
        process = start("classify", folder, "-o", table, "--cluster", cluster.address)
        wait_for(lambda: part_of(table).exists() and part_of(table).stat().st_size > 3000)
        kill(cluster.workers["alpha"])
        assert b"has no workers any more: waiting up to 120 s for new ones." in process.stderr.readline()
        cluster.add("beta")
        code, _, err = finish(process)
    assert (code, err) == (3, "")
    assert table.read_bytes() == whole


def test_tls_settings_of_dask_are_honoured(tmp_path):
    """Given by Dask's own variables; without them, one sentence."""
    pytest.importorskip("cryptography")
    scans = fill(tmp_path / "scans", 3)
    security = distributed.Security.temporary()
    (tmp_path / "ca.pem").write_text(security.tls_ca_file)
    (tmp_path / "both.pem").write_text(security.tls_client_cert + security.tls_client_key)
    prefix = "DASK_DISTRIBUTED__COMM__TLS"
    env = {f"{prefix}__CA_FILE": str(tmp_path / "ca.pem")}
    for role in ("CLIENT", "WORKER", "SCHEDULER"):
        env |= {f"{prefix}__{role}__{part}": str(tmp_path / "both.pem") for part in ("CERT", "KEY")}
    with dask_cluster(tmp_path / "cluster", ["alpha"], env=env) as cluster:
        assert cluster.address.startswith("tls://")
        words = ("classify", scans, "-o", "-", "-q", "--cluster", cluster.address)
        code, out, err = finish(start(*words, env=env))
        assert (code, err) == (0, "")
        assert out == run("classify", scans, "-o", "-", "-q").stdout_bytes
        code, out, err = finish(start(*words))
    assert code == 1
    assert "TLS" in err
    assert err.count("\n") == 1


def test_no_scheduler_is_one_sentence(tmp_path):
    scans = fill(tmp_path / "scans", 1)
    for address in ("tcp://127.0.0.1:1", "nonsense"):
        code, out, err = finish(start("classify", scans, "-o", "-", "--cluster", address))
        assert (code, out) == (1, b"path,frame,label,confidence,status,reason\n")
        assert f"No Dask scheduler answers at {address}" in err
        assert err.count("\n") == 1


def test_a_file_without_an_address_is_one_sentence(tmp_path):
    """One that is not there, and some that no scheduler wrote."""
    scans, file = fill(tmp_path / "scans", 1), tmp_path / "scheduler.json"
    for content, words in (
        (None, "No such file or directory"),
        ("", "it holds no address"),
        ("[]", "it holds no address"),
        ("{}", "it holds no address"),
    ):
        if content is not None:
            file.write_text(content)
        code, _, err = finish(start("classify", scans, "-o", tmp_path / "out.csv", "--cluster", file))
        assert code == 1
        assert f"Cannot take the scheduler's address from {file}: {words}. Give the file that" in err
        assert err.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"scans", "scheduler.json"}


def test_a_cluster_of_this_machine(folder, whole, tmp_path):
    code, _, err = finish(
        start("classify", folder, "-o", tmp_path / "out.csv", "-q", "--cluster", "local", "--jobs", 2)
    )
    assert (code, err) == (3, "")
    assert (tmp_path / "out.csv").read_bytes() == whole


def test_without_dask_one_sentence_tells_how_to_install_it(tmp_path):
    fill(tmp_path / "scans", 1)
    program = "import sys; sys.modules['distributed'] = None; from digit_batch.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "classify", "scans", "-q", "--cluster", "local", "-o", "out.csv"],
        env=os.environ | {"PYTHONPATH": str(PACKAGE)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        "digit-batch: --cluster needs the extra `cluster`, of which distributed is not installed"
    )
    assert not (tmp_path / "out.csv").exists()


def test_what_makes_no_sense_together_is_wrong_usage(tmp_path):
    assert run("classify", tmp_path, "--cluster", "tcp://host:1", "--jobs", 2).exit_code == 2
    assert run("classify", "--retry-errors", tmp_path / "x.csv", "--cluster", "local").exit_code == 2
