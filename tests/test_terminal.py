"""The tables of the terminal show every figure, whatever the width and the encoding of what they are printed on."""

import io
import re
from collections import Counter

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from digit_batch.report.evaluation import confusion
from digit_batch.report.signs import FULL, REST, Drawn
from digit_batch.report.tables import Tally, digit_counts, grid, summary
from digit_batch.report.terminal import grid as numbered
from digit_batch.report.terminal import shade


def show(shown, width, encoding="utf-8"):
    """Return what a stream without colours gets; a sign that its encoding lacks is an error."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    console = Console(file=stream, width=width, highlight=False)
    console.print(shown)
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)


def of_diagonal(count, none=0):
    counts = np.zeros((10, 11), int)
    counts[np.arange(10), np.arange(10)] = count
    counts[4, 10] = none
    return counts


@pytest.mark.parametrize(("width", "most"), [(80, 99_999_999), (80, 120_000), (80, 12_000), (40, 9_999)])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_no_count_of_a_digit_is_cut_off_and_no_digit_dropped(width, most, encoding):
    tally = Tally(labels=Counter({digit: most - digit for digit in range(10)}), statuses=Counter(ok=10 * most))
    shown = show(summary(tally, 1.0, "rows.csv"), width, encoding)
    assert re.findall(r"(?<=[ |])\d(?=[ |])", shown.split("images")[0]) == list("0123456789")
    assert all(f"{most - digit:,}" in shown for digit in range(10))


@pytest.mark.parametrize(("width", "most"), [(80, 99_999_999), (80, 12_000), (40, 9_999)])
def test_the_confusion_matrix_keeps_its_headings_and_its_diagonal(width, most):
    shown = show(confusion(of_diagonal(most, none=most)), width)
    assert shown.count(f"{most:,}") == 11
    assert " ".join(re.findall(r"(.*)\n ─", shown)).split() == [*"0123456789", "none"]
    assert "…" not in shown


def test_tables_that_fit_are_laid_out_in_one_with_room_between_the_digits():
    shown = show(digit_counts("Labels", [12] * 10), 80).splitlines()
    assert shown[2].split() == list("0123456789")
    assert "   12   12   12" in shown[4]
    assert len([line for line in shown if line.strip()]) == 4


def test_what_is_drawn_is_in_ascii_where_there_is_nothing_else_and_stays_in_line():
    features = np.arange(64) / 4
    for shown in (grid(features), numbered(features), confusion(of_diagonal(120)), Drawn(Text(shade(np.eye(8))))):
        plain = show(shown, 80, "ascii")
        assert plain.isascii() and not show(shown, 80).isascii()
        assert len({len(line) for line in plain.splitlines() if "|" in line}) <= 1
    assert "| 0 | 120 |   . |" in show(confusion(of_diagonal(120)), 80, "ascii")


def test_a_bar_has_its_full_part_in_ascii_too():
    assert show(Drawn(Text(FULL * 3 + REST * 2)), 80, "ascii").strip() == "===--"


def test_explain_dataset_and_evaluate_escape_no_sign_of_their_own_in_the_c_locale(spawn, monkeypatch, labelled):
    for name, value in {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}.items():
        monkeypatch.setenv(name, value)
    for words in (["explain", labelled / "5"], ["dataset"], ["evaluate", labelled, "--jobs", 1]):
        done = spawn(*words)
        assert done.returncode == 0, done.stderr
        assert done.stdout.isascii() and b"\\" not in done.stdout
