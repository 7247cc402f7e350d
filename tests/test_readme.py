"""The README tells the truth: its commands exist as written, and its Python runs."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from digit_batch.cli.app import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SET_UP = [
    "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/digit-batch classify samples/scans",
    "python3 -m venv .venv && .venv/bin/pip install '.[test]' && .venv/bin/python -m pytest",
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def shell_lines() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines()]


COMMANDS = [line for line in shell_lines() if line.startswith("digit-batch ")]
SHOWN_OUTPUTS = re.findall(r"<!-- output of: (.+?) -->\n```text\n(.*?)```", README, re.DOTALL)


def parse(line: str) -> tuple[str, dict[str, Any]]:
    """Parse a command line as the program would, without running it; wrong usage raises."""
    group = get_command(app)
    words = shlex.split(line, comments=True)[1:]
    with group.make_context("digit-batch", words[:1]) as context:
        name, command, _ = group.resolve_command(context, words[:1])
        return name, command.make_context(name, words[1:], parent=context).params


def test_set_up_is_exactly_two_commands():
    """A fresh machine needs the two commands, each alone in its block, and no third one."""
    assert [line for line in shell_lines() if "venv" in line or "pip" in line] == SET_UP
    assert [block.strip() for block in blocks("sh")[:2]] == SET_UP


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_exist_as_written(line: str):
    """Every `digit-batch` line is accepted by the program's own parser: no option it does not have."""
    name, parameters = parse(line)
    assert name in line
    assert parameters


def test_parser_refuses_what_does_not_exist():
    """The test above can fail."""
    with pytest.raises(Exception, match=r"[Nn]o such option"):
        parse("digit-batch classify scans/ --no-such-option")


def test_every_command_has_its_lines():
    """The README shows each of the commands it names, so that the tests above are about something."""
    assert {parse(line)[0] for line in COMMANDS} >= {"classify", "evaluate", "explain", "review", "train"}


@pytest.mark.parametrize(("command", "output"), SHOWN_OUTPUTS, ids=[command for command, _ in SHOWN_OUTPUTS])
def test_outputs_belong_to_a_command_shown(command: str, output: str):
    """No output stands in the README without the command that a reader can type, and none is left empty."""
    assert command in shell_lines()
    assert output.strip(), "run `python benchmarks/refresh_readme.py`"


def test_links_lead_somewhere():
    """Every link to a file of the repository, or to a heading in one, is to one that exists."""
    links = re.findall(r"\]\(([^):]+)\)", README)
    assert links
    assert [link for link in links if not leads_somewhere(*link.partition("#")[::2])] == []


def leads_somewhere(file: str, heading: str) -> bool:
    path = ROOT / (file or "README.md")
    if not path.exists():
        return False
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE) if heading else []
    return not heading or heading in [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]


def test_python_example_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The Python example runs as written, from the repository's folder, and prints a share."""
    (example,) = blocks("python")
    monkeypatch.chdir(ROOT)
    exec(compile(example, "README.md", "exec"), {"__name__": "readme"})
    assert re.search(r"^[0-9.]+% of [0-9]+ right", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 130])
def test_exit_codes_are_all_told(code: int):
    """Each exit code of the program has its row."""
    assert re.search(rf"^\| {code} \|", README, re.MULTILINE)
