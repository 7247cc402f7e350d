"""The plan of the house: a room imports only from the floors below it, and each tool has one room."""

import ast
from pathlib import Path

import pytest
from conftest import ROOT

FLOORS = (
    {"errors", "plurals"},
    {"images", "ink", "strokes", "paper", "labels", "output", "predictions", "process", "manifest"},
    {"features", "shards", "parquet", "parts"},
    {"model", "variation"},
    {"training_set", "reading", "evaluation"},
    {"batch", "training"},
    {"report", "review"},
    {"cli"},
    {"__main__"},
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
ROOMS_OF = {  # who alone may know a tool
    "typer": {"cli"},
    "rich": {"cli", "report"},
    "joblib": {"batch", "training_set"},
    "skops": {"model"},
    "PIL": {"images", "paper", "report"},
    "jinja2": {"report"},
    "markupsafe": {"report"},
    "matplotlib": {"report"},
    "seaborn": {"report"},
    "pyarrow": {"parquet"},
    "distributed": {"batch"},
    "dask": {"batch"},
    "fsspec": {"images"},
}
PACKAGE = ROOT / "digit_batch"
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Every module that a file imports, in functions too; of the package ``digit_batch.room`` at least."""
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= parts if node.module == "digit_batch" else {str(node.module)}
    return names


def rooms_entered(path: Path) -> set[str]:
    inside = {name for name in imported(path) if name.partition(".")[0] == "digit_batch"}
    return {name.split(".")[1] for name in inside} - {"__version__"}


def by_name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_imports_only_go_down(path):
    room = room_of(path)
    assert room in FLOOR, f"{room} has no floor: give it one in this test"
    for other in rooms_entered(path) - {room}:
        assert other in FLOOR, f"{other} has no floor: give it one in this test"
        assert FLOOR[other] < FLOOR[room], f"{room} imports {other}, which is not below it"


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_each_tool_is_known_to_its_room_alone(path):
    tools = {name.partition(".")[0] for name in imported(path)}
    for tool, rooms in ROOMS_OF.items():
        assert tool not in tools or room_of(path) in rooms, f"{tool} is for {sorted(rooms)}"


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_only_the_commands_print_and_exit(path):
    if room_of(path) == "cli" or by_name(path) == "batch/serve.py":  # a worker process ends itself
        return
    called = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call)}
    assert not called & {"print", "exit", "quit", "sys.exit", "os._exit", "sys.stdout.write", "sys.stderr.write"}


def test_what_is_imported_is_found():
    """The test itself sees imports inside functions and of parts of the package."""
    assert {"batch", "images", "model", "predictions", "errors"} <= rooms_entered(PACKAGE / "cli" / "reading.py")
