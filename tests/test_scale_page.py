"""docs/scale.md tells the truth: its commands exist as written, and no figure stands without its command's output."""

import re

import pytest
from conftest import ROOT
from test_readme import parse

PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
LINES = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]
OUTPUTS = re.findall(r"<!-- output of: (.+?) -->\n```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("digit-batch ")])
def test_commands_exist_as_written(line):
    name, parameters = parse(line)
    assert name in line
    assert parameters


@pytest.mark.parametrize(("command", "output"), OUTPUTS, ids=[command for command, _ in OUTPUTS])
def test_outputs_belong_to_a_command_shown(command, output):
    assert command in LINES
    assert (ROOT / command.split()[1]).exists()
    assert output.strip(), "run `python benchmarks/refresh_readme.py docs/scale.md`"
