"""The tutorial tells the truth: its commands and its Python run, in order, and its figures come out."""

import io
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from conftest import ROOT

PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SHOWN = re.findall(r"<!-- output of: (.+?) -->\n```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def walked(run, tmp_path_factory):
    """What each block printed, run one after the other in one folder that shows the samples."""
    folder = tmp_path_factory.mktemp("tutorial")
    (folder / "samples").symlink_to(ROOT / "samples")
    names, printed = {}, []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for language, block in BLOCKS:
            printed.append(run_python(block, names) if language == "python" else run_commands(run, block))
    return printed, folder


def run_python(block, names):
    with redirect_stdout(io.StringIO()) as said:
        exec(compile(block, "docs/tutorial.md", "exec"), names)
    return said.getvalue()


def run_commands(run, block):
    said = ""
    for line in block.splitlines():
        program, *words = shlex.split(line)
        assert program == "digit-batch"
        result = run(*words)
        assert result.exit_code == 0, (line, result.stderr)
        said += result.stdout
    return said


def printed_by(walked, part):
    """Return what the block with these words printed."""
    (place,) = [place for place, (_, block) in enumerate(BLOCKS) if part in block]
    return walked[0][place]


@pytest.mark.slow
def test_every_block_runs(walked):
    assert len(walked[0]) == len(BLOCKS) >= 12


@pytest.mark.slow
def test_the_figure_of_the_walk_through_comes_out_in_python_and_by_the_command(walked):
    python, command = printed_by(walked, "model.score"), printed_by(walked, "--repeats 1 -o plain.skops")
    assert "99.33%" in python
    assert "99.33%" in command
    assert re.findall(r"said \d, is \d", python) == re.findall(r"said \d, is \d", command)


@pytest.mark.slow
def test_the_pictures_are_made(walked):
    for name in ("digits.png", "confusion.png", "matrix.png", "scans.png"):
        assert (walked[1] / name).stat().st_size > 5000


@pytest.mark.slow
def test_the_plain_model_reads_scans_far_worse(walked):
    here, there = re.search(r"(\d+\.\d+)% here, (\d+\.\d+)% there", printed_by(walked, "--plot scans.png")).groups()
    assert float(here) > float(there) + 20


@pytest.mark.parametrize(("command", "output"), SHOWN, ids=[command for command, _ in SHOWN])
def test_outputs_belong_to_a_command_shown(command, output):
    lines = [line for language, block in BLOCKS if language == "sh" for line in block.splitlines()]
    assert command in lines
    assert output.strip(), "run `python benchmarks/refresh_readme.py docs/tutorial.md`"


def test_figures_in_the_text_are_in_an_output():
    """Shares with two decimals are figures of the walk-through, which an output on the page shows."""
    text = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    outputs = "".join(output for _, output in SHOWN)
    for share in re.findall(r"\d\d\.\d\d(?= %)", text):
        assert f"{share}%" in outputs


def test_pictures_and_links_lead_somewhere():
    links = re.findall(r"\]\(([^):]+)\)", PAGE)
    assert links
    assert [link for link in links if not (ROOT / "docs" / Path(link)).exists()] == []
