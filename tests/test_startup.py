"""The command line answers at once: asking for help loads nothing that computes."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT

HEAVY = {"numpy", "scipy", "sklearn", "skimage", "PIL", "joblib", "skops", "matplotlib", "pandas", "jinja2"}
COMMANDS = ["classify", "evaluate", "train", "explain", "dataset", "merge", "review"]
PROGRAM = """
import sys
from digit_batch.cli import main
try:
    main()
except SystemExit as end:
    print("exit code", end.code)
print("loaded", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize("words", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_loads_nothing_heavy(words):
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    *_, code, loaded = result.stdout.splitlines()
    assert code == "exit code 0"
    assert not HEAVY & set(loaded.split())


def test_importing_the_package_costs_nothing():
    program = "import sys; before = set(sys.modules); import digit_batch; print(*(set(sys.modules) - before))"
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split() == ["digit_batch"]


@pytest.mark.parametrize("before", ["the import of typer", "the words of the command line"])
def test_an_interrupt_before_a_command_begins_is_one_sentence(before):
    program = """
import sys

class Interrupting:
    def find_spec(name, path=None, target=None):
        if name == "typer":
            raise KeyboardInterrupt

def interrupt(*words):
    raise KeyboardInterrupt

if "import" in sys.argv[1]:
    sys.meta_path.insert(0, Interrupting)
else:
    import typer.core
    typer.core.TyperGroup.parse_args = interrupt
sys.argv[1:] = ["--version"]
from digit_batch.cli import main
main()
"""
    result = subprocess.run([sys.executable, "-c", program, before], cwd=ROOT, capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "digit-batch: Interrupted.\n")


def test_a_worker_that_reads_loads_neither_scipy_nor_scikit_learn():
    program = """
import sys
from digit_batch.batch.chunks import Settings, read_chunk
from digit_batch.images import walk
from digit_batch.model import load_model
[rows] = read_chunk(list(walk(["samples/labelled"])), load_model(bare=True), Settings())
print(len(rows), *({"scipy", "skimage", "sklearn"} & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["100"]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_shows_an_example(run, name):
    shown = run(name, "--help").stdout
    assert f"digit-batch {name} " in shown
    assert "Example" in shown


def test_no_command_shows_the_commands_and_the_version_is_the_packages(run):
    from digit_batch import __version__

    assert all(name in run("--help").stdout for name in COMMANDS)
    assert run("--version").stdout == run("-V").stdout == f"digit-batch {__version__}\n"
