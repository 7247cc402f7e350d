"""Dask clusters for the tests: a scheduler and its workers as processes of their own, on the loopback address."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from folders import PACKAGE

START_SECONDS = 90


@dataclass
class DaskCluster:
    """A running cluster."""

    file: Path
    scheduler: "subprocess.Popen[bytes]"
    workers: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """What ``--cluster`` is given."""
        import json

        return str(json.loads(self.file.read_text())["address"])

    def add(self, name: str, *options: str, env: Mapping[str, str] | None = None, path: Sequence[Path] = ()) -> None:
        """Start a worker of one thread."""
        words = ["worker", "--scheduler-file", self.file, "--nthreads", 1, "--name", name, "--no-dashboard"]
        words += ["--host", "127.0.0.1", "--local-directory", self.file.parent / f"{name}-space"]
        self.workers[name] = dask(*words, *options, env=env, path=path)


def dask(*words: object, env: Mapping[str, str] | None = None, path: Sequence[Path] = ()) -> "subprocess.Popen[bytes]":
    """Start a command of Dask, in a session of its own so that it is ended with all it started."""
    python_path = os.pathsep.join([*map(str, path), str(PACKAGE)])
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *map(str, words)],
        env=os.environ | {"PYTHONPATH": python_path} | dict(env or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@contextmanager
def dask_cluster(
    folder: Path, names: Sequence[str], *options: str, env: Mapping[str, str] | None = None, path: Sequence[Path] = ()
) -> Iterator[DaskCluster]:
    """Run a scheduler and named workers until the block ends.

    Parameters
    ----------
    folder
        For the scheduler file and the workers' own.
    names
        Of the workers.
    options
        Of the workers.
    env, path
        Of all processes: environment, and folders before others on Python's path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "scheduler.json"
    words = ["scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", file]
    protocol = ["--protocol", "tls"] if any("TLS" in name for name in env or {}) else []
    cluster = DaskCluster(file, dask(*words, *protocol, env=env, path=path))
    try:
        wait_for(file.exists)
        for name in names:
            cluster.add(name, *options, env=env, path=path)
        yield cluster
    finally:
        for process in (*cluster.workers.values(), cluster.scheduler):
            kill(process)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all it started, at once."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(condition, seconds: float = START_SECONDS) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)
