"""The pages in a real browser: Debian's chromium, headless. Where there is none, these tests are skipped and say so."""

import csv
import io
import os
import shutil

import numpy as np
import pytest
from conftest import read_rows
from pictures import digit_page, save
from PIL import Image
from test_page import HOSTILE, hostile_page, row

from digit_batch.batch import Settings
from digit_batch.model import load_model
from digit_batch.report.page import Kept, Run, Shown, write_report, write_review
from digit_batch.report.tables import Tally

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install '.[test]'")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine: apt-get install chromium"),
]
expect = sync_api.expect
PHONE = {"width": 375, "height": 740}


@pytest.fixture(scope="module")
def browser():
    options = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """Open a page from disk; whatever it asks of a network, and whatever fails in it, ends the test."""
    contexts, asked, failed = [], [], []

    def look(path, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("console", lambda message: failed.append(message.text) if message.type == "error" else None)
        page.on("dialog", lambda dialog: failed.append(f"dialog: {dialog.message}") or dialog.dismiss())
        page.goto(path.as_uri())
        return page

    yield look
    for context in contexts:
        context.close()
    assert not failed
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    """Thirty labelled digits, of which five lie in a wrong folder, a blank and a file that is no image."""
    folder = tmp_path_factory.mktemp("wrong")
    for number in range(30):
        digit = number % 10
        home = (digit + 1) % 10 if number < 5 else digit
        save(digit_page(digit, number // 10), folder / str(home) / f"{number}.png")
    save(Image.new("L", (64, 64), 250), folder / "7" / "blank.png")
    (folder / "7" / "broken.png").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def report(run, wrong, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    assert run("evaluate", wrong, "--report", path, "-q").exit_code == 3
    return path


@pytest.fixture(scope="module")
def table(run, wrong, tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "rows.csv"
    run("classify", wrong, "-o", path, "-q")
    return path


@pytest.fixture(scope="module")
def review(run, table):
    path = table.with_name("review.html")
    assert run("review", table, "-o", path, "-q").exit_code == 0
    return path


def cards(page):
    return page.locator(".card")


def labels(page):
    return page.locator(".card .answer b").all_text_contents()


def dark_pixels(page, selector):
    """How many pixels of a canvas hold ink."""
    return page.locator(selector).evaluate(
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data"
        ".reduce((count, level, k) => count + (k % 4 === 0 && level < 128), 0)"
    )


def test_the_report_shows_every_row_with_its_picture_mistakes_first(report, open_page):
    page = open_page(report)
    expect(page.locator("#count")).to_have_text("32 pictures")
    expect(cards(page)).to_have_count(32)
    expect(page.locator("canvas[data-drawn]")).to_have_count(31)  # the broken one has its reason instead
    expect(page.locator(".card .trouble")).to_have_text("empty file")
    assert page.locator(".card.wrong").count() >= 6
    wrong_first = page.evaluate("[...document.querySelectorAll('.card')].map(card => card.classList.contains('wrong'))")
    assert wrong_first == sorted(wrong_first, reverse=True)
    assert dark_pixels(page, ".card.wrong canvas >> nth=0") > 50


def test_search_and_filters_narrow_the_pictures(report, open_page):
    page = open_page(report)
    page.fill("#search", "BLANK")
    expect(page.locator("#count")).to_have_text("1 of 32 pictures")
    expect(cards(page)).to_have_count(1)
    page.fill("#search", "no such name")
    expect(page.locator("#count")).to_have_text("0 of 32 pictures")
    page.click("#clear")
    expect(page.locator("#count")).to_have_text("32 pictures")
    page.select_option("#status", label="error")
    expect(page.locator("#count")).to_have_text("1 of 32 pictures")
    page.select_option("#status", label="any")
    page.select_option("#answer", label="wrong")
    wrong = cards(page).count()
    page.select_option("#answer", label="right")
    assert wrong + cards(page).count() == 31
    page.click("#clear")
    page.select_option("#label", label="none")
    expect(page.locator("#count")).to_have_text("2 of 32 pictures")


def test_a_cell_of_the_confusion_matrix_shows_its_pictures(report, open_page):
    page = open_page(report)
    cell = page.locator("#confusion button.wrong >> nth=0")
    count = cell.inner_text()
    cell.click()
    expect(page.locator("#count")).to_have_text(f"{count} of 32 pictures")
    expect(cell).to_have_attribute("aria-pressed", "true")
    assert set(labels(page)) <= {cell.get_attribute("data-said"), "–"}
    cell.click()
    expect(page.locator("#count")).to_have_text("32 pictures")


def test_a_reason_of_the_list_shows_its_pictures(run, wrong, tmp_path, open_page):
    run("classify", wrong, "-o", tmp_path / "rows.csv", "--report", tmp_path / "page.html", "-q")
    page = open_page(tmp_path / "page.html")
    page.click("[data-search='blank']")
    expect(page.locator("#count")).to_have_text("1 of 32 pictures")
    page.click("[data-search='empty file']")
    expect(cards(page)).to_have_count(1)
    expect(page.locator(".card .trouble")).to_have_text("empty file")


def test_pictures_are_sorted_and_grouped(report, open_page):
    page = open_page(report)
    page.select_option("#sort", "sure")
    sure = [float(text) for text in page.locator(".card .sure").all_text_contents() if text]
    assert sure == sorted(sure, reverse=True)
    page.select_option("#group", "label")
    said = [11 if label == "–" else int(label) for label in labels(page)]
    assert said == sorted(said)
    expect(page.locator(".group")).to_have_count(len(set(said)))
    page.select_option("#group", "status")
    assert "For review" in page.locator(".group >> nth=0").inner_text()
    page.select_option("#group", "true")
    assert page.locator(".group >> nth=0").inner_text().startswith("True 0")


def test_the_pictures_turn_into_ink_and_grid(report, open_page):
    page = open_page(report)
    first = page.locator(".card canvas >> nth=0")
    expect(first).to_have_attribute("data-drawn", first.get_attribute("data-drawn"))
    sides = {}
    for view in ("ink", "grid", "around"):
        page.check(f"input[value={view}]", force=True)
        expect(page.locator(f"canvas[data-drawn$=' {view}']").first).to_be_visible()
        sides[view] = page.locator(f"canvas[data-drawn$=' {view}'] >> nth=0").evaluate("canvas => canvas.width")
    assert sides == {"ink": 32, "grid": 8, "around": 128}


def test_the_keyboard_goes_from_card_to_card_and_looks_closer(report, open_page):
    page = open_page(report)
    page.select_option("#sort", "place")
    cards(page).first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.dataset.row") == "1"
    page.keyboard.press("ArrowDown")
    below = int(page.evaluate("document.activeElement.dataset.row"))
    assert below > 2
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#detail")).to_be_visible()
    first = page.locator("#detail-title").inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#detail-title")).not_to_have_text(first)
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).not_to_be_visible()
    assert page.evaluate("document.activeElement.dataset.row") == "2"


def test_a_screen_reader_is_told_what_is_drawn(report, open_page):
    page = open_page(report)
    for chart in page.locator("svg.chart").all():
        assert chart.get_attribute("role") == "img"
        assert len(chart.get_attribute("aria-label")) > 20
    assert "read as" in cards(page).first.get_attribute("aria-label")
    assert page.locator("#count").get_attribute("aria-live") == "polite"
    for control in page.locator("#tools select, #tools input").all():
        assert control.evaluate("control => control.labels.length") == 1


def test_hostile_names_are_text_in_the_report(tmp_path, open_page):
    page = open_page(hostile_page(tmp_path / "page.html"))
    expect(cards(page)).to_have_count(len(HOSTILE))
    assert page.evaluate("window.hurt") is None
    assert page.locator("#cards img, #cards script, #cards a").count() == 0
    expect(page.locator(".card .trouble")).to_have_count(len(HOSTILE))
    page.fill("#search", "<script>window.hurt=1</script>.png")
    expect(page.locator("#count")).to_have_text(f"2 of {len(HOSTILE)} pictures")
    page.fill("#search", "gnp.exe")
    expect(cards(page)).to_have_count(1)
    cards(page).first.click()
    path = page.locator("#detail-facts dd").last.inner_text()
    assert path == "a\\u202egnp.exe"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_keys_of_the_review_page_answer_move_and_undo(review, open_page):
    page = open_page(review)
    expect(page.locator("#count")).to_contain_text("1 of 31, 0 answered")
    expect(page.locator("#around[data-drawn]")).to_be_visible()
    for key, count in (
        ("7", "2 of 31, 1 answered"),
        ("x", "3 of 31, 2 answered"),
        ("Enter", "4 of 31, 3 answered"),
        ("u", "3 of 31, 2 answered"),
        ("u", "2 of 31, 1 answered"),
        ("ArrowRight", "3 of 31, 1 answered"),
        ("ArrowLeft", "2 of 31, 1 answered"),
        ("ArrowLeft", "1 of 31, 1 answered"),
        ("ArrowLeft", "1 of 31, 1 answered"),
        ("3", "2 of 31, 1 answered"),
        ("Control+5", "2 of 31, 1 answered"),
    ):
        page.keyboard.press(key)
        expect(page.locator("#count")).to_have_text(count)
    page.keyboard.press("u")
    expect(page.locator("#said")).to_have_text("Undone. You said 7.")
    page.click("#keypad [data-key='4']")
    page.keyboard.press("Enter")  # accepts, and does not press the 4 again
    expect(page.locator(".tile.answered")).to_have_count(2)


def saved_rows(page, path):
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(path)
    assert download.value.suggested_filename == "corrections.csv"
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


def test_what_was_said_is_saved_and_goes_into_the_rows(review, table, run, open_page, tmp_path):
    page = open_page(review)
    said = {}
    for key in ("1", "x", "Enter"):
        said[page.locator("#path").inner_text()] = key if key != "Enter" else page.locator("#label").inner_text()
        page.keyboard.press(key)
    expect(page.locator("#unsaved")).to_have_text("not saved yet")
    columns, *rows = saved_rows(page, tmp_path / "corrections.csv")
    expect(page.locator("#unsaved")).to_have_text("")
    assert columns == ["path", "frame", "label"]
    accepted = {"nothing": "x"}
    assert {path: label for path, _, label in rows} == {path: accepted.get(key, key) for path, key in said.items()}
    result = run("review", table, "--apply", tmp_path / "corrections.csv", "-o", tmp_path / "corrected.csv")
    assert result.exit_code == 0, result.stderr
    corrected = {one["path"]: one for one in read_rows((tmp_path / "corrected.csv").read_text())}
    for path, _, label in rows:
        assert corrected[path]["label"] == label.removeprefix("x")
        assert corrected[path]["reason"].startswith("reviewed")


def test_progress_is_there_after_a_reload(review, open_page):
    page = open_page(review)
    for key in ("7", "x", "ArrowRight"):
        page.keyboard.press(key)
    page.reload()
    expect(page.locator("#count")).to_have_text("4 of 31, 2 answered")
    expect(page.locator("#unsaved")).to_have_text("not saved yet")
    page.keyboard.press("u")
    expect(page.locator("#count")).to_have_text("2 of 31, 1 answered")


def test_hostile_names_are_text_in_the_review_and_whole_in_what_it_saves(tmp_path, open_page):
    rows = [Shown(place, row(name, status="review", reason=name)) for place, name in enumerate(HOSTILE)]
    write_review(tmp_path / "review.html", rows, HOSTILE[0], model=load_model(), settings=Settings(), jobs=1)
    page = open_page(tmp_path / "review.html")
    expect(page.locator("#trouble")).to_be_visible()
    for _ in HOSTILE:
        page.keyboard.press("5")
    assert page.evaluate("window.hurt") is None
    assert page.locator("#strip img, #strip script").count() == 0
    _, *saved = saved_rows(page, tmp_path / "corrections.csv")
    assert sorted(path for path, _, _ in saved) == sorted(HOSTILE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_fit_a_phone(report, review, open_page, scheme):
    for path in (report, review):
        page = open_page(path, viewport=PHONE, color_scheme=scheme)
        expect(page.locator("canvas[data-drawn]").first).to_be_attached()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (np.mean([int(level) for level in ground.strip("rgb()").split(",")]) < 128) == (scheme == "dark")


def test_the_answers_fit_the_screen_of_a_phone_and_can_be_tapped(review, open_page):
    page = open_page(review, viewport=PHONE, has_touch=True)
    for button in page.locator("#keypad button").all():
        box = button.bounding_box()
        assert box["height"] >= 40
        assert box["y"] + box["height"] <= PHONE["height"]
    page.tap("#keypad [data-key='0']")
    expect(page.locator("#count")).to_have_text("2 of 31, 1 answered")


def test_the_report_prints_with_its_pictures(report, open_page):
    page = open_page(report)
    expect(page.locator("canvas[data-drawn]")).to_have_count(31)
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.emulate_media(media="print")
    assert not page.locator("#tools").is_visible()
    assert cards(page).first.is_visible()


def test_twenty_thousand_rows_are_searched_grouped_and_drawn(tmp_path, open_page):
    """One in ten has a picture, from few files; `benchmarks/report_page.py` measures what all of them cost."""
    files = [save(digit_page(number % 10, number // 10), tmp_path / f"{number:03}.png") for number in range(300)]
    kept, tally = Kept(), Tally()
    for place in range(20_000):
        name = str(files[place % 300])
        if place % 10:
            one = row(name, None, None, "error", "empty file", frame=1)
        else:
            one = row(name, place // 10 % 10, place % 9_973 / 9_973)
        kept.add(one)
        tally.add(one)
    path = tmp_path / "page.html"
    write_report(path, Run("classify", [str(tmp_path)], "m"), kept, tally, model=load_model(), settings=Settings())
    assert path.stat().st_size < 30e6
    page = open_page(path)
    expect(page.locator("#count")).to_have_text("20,000 pictures")
    expect(page.locator("canvas[data-drawn]").first).to_be_attached()
    page.fill("#search", "/123.png")
    expect(page.locator("#count")).to_have_text("67 of 20,000 pictures")
    page.select_option("#sort", "place")
    expect(cards(page)).to_have_count(67)
    expect(page.locator("canvas[data-drawn]")).to_have_count(0)  # 123 is an odd one
    page.fill("#search", "/120.png")
    expect(page.locator("#count")).to_have_text("67 of 20,000 pictures")
    expect(page.locator("canvas[data-drawn]")).to_have_count(67)
    page.click("#clear")
    page.select_option("#group", "label")
    for _ in range(30):
        page.mouse.wheel(0, 4_000)
        page.wait_for_timeout(20)
    expect(page.locator(".card").nth(600)).to_be_attached()
    assert page.locator("canvas[data-drawn]").count() < 600  # those far away were let go
