"""What the tests share: running a command, and folders of digits."""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

os.environ["COLUMNS"] = "200"  # before rich looks: no name is folded

from pictures import blank_page, digit_page, save
from typer.testing import CliRunner, Result

ROOT = Path(__file__).parents[1]
Rows = list[dict[str, str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let slow tests run last, so that whatever is quick to tell is told at once."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session")
def run() -> Callable[..., Result]:
    """Run a command in this process: its exit code, and what it wrote to stdout and to stderr."""
    from digit_batch.cli.app import app

    def invoke(*words: object) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words])

    return invoke


@pytest.fixture(scope="session")
def spawn() -> Callable[..., "subprocess.CompletedProcess[bytes]"]:
    """Run ``python -m digit_batch`` as a user does, in a process and a folder of its own."""

    def start(*words: object, cwd: Path | None = None) -> "subprocess.CompletedProcess[bytes]":
        command: Sequence[bytes] = [os.fsencode(str(word)) for word in (sys.executable, "-m", "digit_batch", *words)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, timeout=120, check=False)

    return start


def read_rows(text: str) -> Rows:
    """Read the rows of a CSV."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def rows_of(run: Callable[..., Result]) -> Callable[..., Rows]:
    """Classify, and return the rows."""

    def classify(*words: object) -> Rows:
        return read_rows(run("classify", *words, "-o", "-", "--jobs", 1).stdout)

    return classify


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty digits, each in the folder named after it."""
    folder = tmp_path_factory.mktemp("labelled")
    for number in range(30):
        save(digit_page(number % 10, number // 10), folder / str(number % 10) / f"{number}.png")
    return folder


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder of one digit, one blank page, and three files that cannot be read."""
    folder = tmp_path / "scans"
    save(digit_page(7), folder / "seven.png")
    save(blank_page(), folder / "blank.png")
    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("This is no picture.\n")
    whole = save(digit_page(3), folder / "broken.png").read_bytes()
    (folder / "broken.png").write_bytes(whole[: len(whole) // 2])
    return folder
