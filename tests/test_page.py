"""The report page as a file: which rows it shows, that each has its own picture, and that nothing of it is markup."""

import base64
import io
import json
import re
import tracemalloc
import zipfile
from html.parser import HTMLParser

import numpy as np
import pytest
from conftest import read_rows
from pictures import blank_page, digit_page, save
from PIL import Image

from digit_batch.batch import Settings
from digit_batch.evaluation import evaluate
from digit_batch.images import Source, read_frames
from digit_batch.model import load_model
from digit_batch.predictions import Prediction
from digit_batch.reading import read_pictures
from digit_batch.report.page import Kept, Run, write_report
from digit_batch.report.page.charts import histogram, risk_coverage
from digit_batch.report.page.sheets import COLUMNS, TILES, make_sheets
from digit_batch.report.tables import Tally

READ = {"model": load_model(), "settings": Settings()}
HOSTILE = [
    "<script>window.hurt=1</script>.png",
    "</script><script>window.hurt=1</script>.png",
    "\"><img src=x onerror='window.hurt=1'>.png",
    "javascript:window.hurt=1",
    "{{ 7 * 7 }}{% raw %}.png",
    "a\u202egnp.exe",
    "\u2028line\n\u2029\x1b[31mred\x00.png",
    "<!--",
    "&lt;b&gt;.png",
    "deep/" * 800 + "end.png",
]


def row(path="a.png", label=3, confidence=0.99, status="ok", reason="", frame=0):
    return Prediction(path, frame, label, confidence, status, reason)


def page_data(path):
    """Return what the page holds as data: rows, and sheets."""
    text = path.read_text(encoding="utf-8")
    found = dict(re.findall(r'<script type="application/json" id="([\w-]+)">(.*?)</script>', text, re.DOTALL))
    return {name: json.loads(content) for name, content in found.items()}


def tile(sheet, view, place):
    """Cut one tile out of a sheet."""
    image = Image.open(io.BytesIO(base64.b64decode(sheet[view].partition(",")[2])))
    side = image.width // COLUMNS
    down, across = divmod(place, COLUMNS)
    return image.crop((across * side, down * side, (across + 1) * side, (down + 1) * side))


def test_a_bounded_number_of_rows_is_kept_the_most_worth_a_look(tmp_path):
    kept = Kept(most=4)
    kept.add(row("sure.png"))
    kept.add(row("unsure.png", confidence=0.91))
    kept.add(row("wrong, unsure.png", confidence=0.5, status="review"), true=4)
    kept.add(row("broken.png", None, None, "error", "empty file"), true=4)
    kept.add(row("doubtful.png", confidence=0.4, status="review"))
    kept.add(row("wrong, sure.png"), true=4)
    for number in range(100):
        kept.add(row(f"{number}.png", confidence=0.999))
    assert kept.count == 106
    assert [shown.row.path for shown in kept.rows] == [
        "wrong, unsure.png",
        "broken.png",
        "doubtful.png",
        "wrong, sure.png",
    ]
    assert [shown.place for shown in kept.rows] == [2, 3, 4, 5]


def test_what_is_kept_does_not_grow_with_the_run():
    kept = Kept(most=500)

    def add(count):
        for number in range(count):
            kept.add(row(f"folder/{number:07}.png", confidence=number % 997 / 997))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = add(2_000)
        assert add(20_000) < first + 50_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_row_has_its_own_picture(tmp_path, monkeypatch, jobs):
    """More rows than a sheet holds, of files with many pages and with one, some of them broken."""
    monkeypatch.setattr("digit_batch.report.page.sheets.ALONE_ROWS", 10)
    rows, levels = [], []
    for number in range(TILES + 8):
        level = 30 + 3 * number
        path = save(Image.new("L", (40, 30), level), tmp_path / f"{number}.png")
        rows.append(row(str(path)))
        levels.append(level)
    pages = [Image.new("L", (40, 40), level) for level in (10, 100, 200)]
    save(pages[0], tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    rows += [row(str(tmp_path / "pages.tif"), frame=frame) for frame in (0, 2)]
    levels += [10, 200]
    rows.insert(3, row("gone.png"))
    levels.insert(3, None)
    rows.insert(70, row(str(tmp_path / "5.png"), None, None, "error", "killed its reader"))
    levels.insert(70, None)
    sheets = list(make_sheets(rows, {"around": 32}, **READ, jobs=jobs))
    assert len(sheets) == 2
    for place, level in enumerate(levels):
        sheet = sheets[place // TILES]
        if level is None:
            assert sheet["trouble"][str(place % TILES)] in {
                "unreadable file: no such file or directory",
                "killed its reader",
            }
        else:
            shown = tile(sheet, "around", place % TILES).convert("L").getpixel((16, 16))
            assert abs(shown - level) <= 4, rows[place]
    assert sum(len(sheet["trouble"]) for sheet in sheets) == 2


def test_no_more_processes_are_asked_for_than_windows_can_wait_for(monkeypatch):
    """There, the pool refuses more when it is made, before any picture is read."""
    monkeypatch.setattr("digit_batch.report.page.sheets.ALONE_ROWS", -1)
    monkeypatch.setattr("sys.platform", "win32")
    assert list(make_sheets([], {}, **READ, jobs=100)) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_a_name_that_an_archive_holds_twice_each_row_has_its_own_picture_or_none(tmp_path):
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for level in (40, 200):
            archive.write(save(Image.new("L", (40, 30), level), tmp_path / "level.png"), "a.png")
    rows = [row(f"{tmp_path}/s.zip/a.png")] * 2
    (sheet,) = make_sheets(rows, {"around": 32}, **READ)
    shown = [tile(sheet, "around", place).convert("L").getpixel((16, 16)) for place in (0, 1)]
    assert [abs(found - level) <= 4 for found, level in zip(shown, (40, 200), strict=True)] == [True, True]
    (sheet,) = make_sheets(rows[:1], {"around": 32}, **READ)
    assert "cannot be told from others" in sheet["trouble"]["0"]


def test_the_tiles_show_the_digit_its_ink_and_its_grid(tmp_path):
    page = Image.new("L", (800, 600), 250)
    page.paste(digit_page(8).crop((10, 10, 86, 86)), (600, 100))
    path = save(page, tmp_path / "a.png")
    (sheet,) = make_sheets([row(str(path))], {"around": 96, "whole": 96}, **READ, jobs=1)
    assert {"around", "whole", "ink", "grid", "trouble"} == set(sheet)
    near, far = (np.asarray(tile(sheet, view, 0).convert("L")) for view in ("around", "whole"))
    assert (near < 100).mean() > 0.05 > (far < 100).mean()  # the digit fills one, and is small in the other
    (frame,) = read_frames(Source(str(path), str(path)))
    (reading,) = read_pictures(load_model(), [frame.pixels])
    seen = reading.features.reshape(8, 8) / 16
    assert np.abs(np.asarray(tile(sheet, "grid", 0)) / 15 - seen).max() <= 0.5 / 15 + 1e-6
    assert np.asarray(tile(sheet, "ink", 0)).shape == (32, 32)


def test_a_noisy_folder_does_not_make_the_page_large(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    path = save(Image.fromarray(noise), tmp_path / "noise.png")
    rows = [row(str(path), frame=0)] * TILES
    (sheet,) = make_sheets(rows, {"around": 72}, **READ, jobs=1)
    assert len(json.dumps(sheet)) / TILES < 1_500


class Tags(HTMLParser):
    """Everything that is markup in a page."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))


def hostile_page(path):
    kept, tally = Kept(), Tally()
    for name in HOSTILE:
        shown = row(name, status="review", reason=f"low confidence: {name}")
        kept.add(shown)
        tally.add(shown)
    tally.skipped[HOSTILE[0]] += 1
    run = Run("classify", HOSTILE, HOSTILE[1], {HOSTILE[2]: HOSTILE[2]})
    write_report(path, run, kept, tally, **READ, jobs=1)
    return path


def test_names_and_reasons_reach_the_page_as_text_only(tmp_path):
    plain_page, hostile = tmp_path / "plain.html", hostile_page(tmp_path / "hostile.html")
    kept, tally = Kept(), Tally()
    for number in range(len(HOSTILE)):
        shown = row(f"{number}.png", status="review", reason="low confidence: 3 or 8")
        kept.add(shown)
        tally.add(shown)
    tally.skipped["odd"] += 1
    write_report(
        plain_page,
        Run("classify", ["a"] * 10, "m", {"o": "o"}),
        kept,
        tally,
        model=load_model(),
        settings=Settings(),
        jobs=1,
    )
    pages = []
    for path in (plain_page, hostile):
        tags = Tags()
        tags.feed(path.read_text(encoding="utf-8"))
        pages.append([(tag, sorted(attributes)) for tag, attributes in tags.seen])
    assert pages[0] == pages[1]
    assert page_data(hostile)["data"]["path"] == HOSTILE
    assert "49" not in hostile.read_text().split("<title>")[1].split("</title>")[0]


def test_the_page_asks_for_nothing_and_runs_its_own_script_alone(tmp_path):
    tags = Tags()
    tags.feed(hostile_page(tmp_path / "page.html").read_text(encoding="utf-8"))
    assert not [given for _, given in tags.seen if {"src", "href", "action", "srcset"} & set(given)]
    policy = next(given["content"] for _, given in tags.seen if given.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    assert re.search(r"script-src 'sha256-[\w+/=]+';", policy)


def test_classify_writes_the_same_rows_with_a_page_and_the_page_shows_them(run, scans, tmp_path):
    assert run("classify", scans, "-o", tmp_path / "a.csv", "-q").exit_code == 3
    result = run("classify", scans, "-o", tmp_path / "b.csv", "--report", tmp_path / "page.html")
    assert result.exit_code == 3
    assert "2 pictures in" in result.stderr
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    data = page_data(tmp_path / "page.html")
    rows = read_rows((tmp_path / "b.csv").read_text())
    assert data["data"]["path"] == [row["path"] for row in rows]
    assert [("ok", "review", "error")[status] for status in data["data"]["status"]] == [row["status"] for row in rows]
    troubles = data["sheet-0"]["trouble"]
    assert {int(place): reason for place, reason in troubles.items()} == {
        place: row["reason"] for place, row in enumerate(rows) if row["status"] == "error"
    }


def test_evaluate_takes_a_folder_or_a_table_for_its_page(run, labelled, tmp_path):
    run("evaluate", labelled, "-o", tmp_path / "rows.csv", "--report", tmp_path / "folder.html", "-q")
    run("evaluate", tmp_path / "rows.csv", "--report", tmp_path / "table.html", "-q")
    folder, table = (page_data(tmp_path / name) for name in ("folder.html", "table.html"))
    assert folder["data"] == table["data"]
    assert folder["data"]["true"] == [int(path.split("/")[-2]) for path in folder["data"]["path"]]
    text = (tmp_path / "folder.html").read_text()
    for words in ("accuracy", "95 % interval", 'id="confusion"', "Each digit", "Wrong answers", "scikit-learn "):
        assert words in text


def test_a_folder_of_which_nothing_can_be_read_has_a_page_too(run, tmp_path):
    (tmp_path / "in" / "3").mkdir(parents=True)
    (tmp_path / "in" / "3" / "a.png").write_text("no picture")
    result = run("evaluate", tmp_path / "in", "--report", tmp_path / "page.html", "-q")
    assert (result.exit_code, result.stderr) == (3, "")
    text = (tmp_path / "page.html").read_text()
    assert 'id="confusion"' in text and "Each digit" not in text


def test_a_page_that_exists_is_kept_unless_forced_and_this_is_told_before_the_work(run, scans, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("precious")
    result = run("classify", scans, "-o", tmp_path / "a.csv", "--report", page)
    assert (result.exit_code, page.read_text(), (tmp_path / "a.csv").exists()) == (1, "precious", False)
    assert run("classify", scans, "-o", tmp_path / "a.csv", "--report", page, "--force").exit_code == 3
    assert page.read_text().startswith("<!doctype html>")


def test_a_page_of_a_part_of_the_rows_says_so(run, scans, tmp_path, monkeypatch):
    monkeypatch.setattr("digit_batch.report.page.kept.MOST", 3)
    monkeypatch.setattr(Kept.__init__, "__defaults__", (3,))
    run("classify", scans, "-o", tmp_path / "a.csv", "--report", tmp_path / "page.html", "-q")
    assert "This page shows 3 of the 5 images" in (tmp_path / "page.html").read_text()
    assert len(page_data(tmp_path / "page.html")["data"]["path"]) == 3


def test_a_blank_picture_has_a_tile_and_no_ink(tmp_path):
    path = save(blank_page(), tmp_path / "blank.png")
    (sheet,) = make_sheets([row(str(path))], {"around": 32}, **READ, jobs=1)
    assert not sheet["trouble"]
    assert np.asarray(tile(sheet, "ink", 0).convert("L")).min() == 255


def test_the_histogram_counts_every_row_once():
    kept = Kept(most=1)
    for confidence, status in ((0.0, "review"), (0.04, "review"), (0.97, "ok"), (1.0, "ok")):
        kept.add(row(confidence=confidence, status=status))
    bars, most = histogram(kept.sure, ("ok", "for review"))
    assert most == 2
    assert bars[0].words == "confidence 0.00 to 0.05: 0 ok, 2 for review"
    assert bars[-1].words == "confidence 0.95 to 1.00: 2 ok, 0 for review"
    assert [bar.height for bar in bars[1:-1]] == [0] * 18


def test_risk_grows_from_the_surest_to_all():
    said = ((0.99, 3), (0.9, 3), (0.8, 4), (0.7, 3))
    curve = risk_coverage(evaluate((row(confidence=confidence), true) for confidence, true in said))
    assert np.allclose(curve.points, [(0.25, 0.0), (0.5, 0.0), (0.75, 1 / 3), (1.0, 0.25)])
    assert curve.top == 0.5
    assert risk_coverage(evaluate([])) is None
