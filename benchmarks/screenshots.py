"""Draws the pictures of the README: ``python benchmarks/screenshots.py`` writes docs/terminal.png and others.

The terminal is rich's own drawing of what `classify` prints; the pages are opened in a real browser. All of it is made
of `samples/`, by the model that ships.
"""

import io
import os
import re
import tempfile
from pathlib import Path

from chromium import open_browser
from PIL import Image
from playwright.sync_api import Page
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from typer.testing import CliRunner

from digit_batch.cli import screen
from digit_batch.cli.app import app
from digit_batch.labels import folder_label

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
COLUMNS = 54
ANSWERED = 6  # pictures of the review
SCALE = 1.5  # px of a picture for one of the page
THEME = TerminalTheme(
    (250, 250, 251),
    (31, 41, 55),
    [
        (31, 41, 55),
        (190, 18, 60),
        (21, 128, 61),
        (168, 75, 8),
        (29, 78, 216),
        (126, 34, 206),
        (14, 116, 144),
        (75, 85, 99),
    ],
)
FONT = '"DejaVu Sans Mono", "Liberation Mono", monospace'


def run(*words: object) -> None:
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exit_code not in (0, 3):
        raise SystemExit(result.output)


def terminal(words: list[str]) -> str:
    """Return what a command prints as SVG, without the fonts that rich would fetch from a network."""
    recorded = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, highlight=False)
    recorded.print(f"[bold]$ digit-batch {' '.join(words)}[/bold]\n")
    before, screen.out = screen.out, recorded
    try:
        run(*words)
    finally:
        screen.out = before
    svg = recorded.export_svg(title="digit-batch", theme=THEME)
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL).replace("Fira Code, monospace", FONT)


def save(page: Page, name: str) -> None:
    """Take the picture. A palette would make it smaller, and bands in what is photographed."""
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image.save(DOCS / name, "PNG", optimize=True)
    print(f"docs/{name}: {image.width}x{image.height}, {(DOCS / name).stat().st_size / 1e3:,.0f} kB")


def main() -> None:
    """Make the pictures."""
    with tempfile.TemporaryDirectory() as scratch, open_browser() as browser:
        work = Path(scratch)

        def open_page(path: Path, width: int, height: int) -> Page:
            page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=SCALE)
            page.goto(path.as_uri())
            return page

        drawing = work / "terminal.html"
        (work / "samples").symlink_to(ROOT / "samples")
        os.chdir(work)
        words = ["classify", "samples/scans"]
        drawing.write_text(f'<body style="margin: 0">{terminal(words)}', encoding="utf-8")
        page = open_page(drawing, 600, 620)
        box = page.locator("svg").bounding_box()
        page.set_viewport_size({"width": int(box["width"]), "height": int(box["height"])})
        save(page, "terminal.png")

        run("evaluate", "samples/labelled", "--report", work / "report.html", "--quiet")
        page = open_page(work / "report.html", 1240, 1340)
        page.wait_for_selector("canvas[data-drawn]")
        page.wait_for_timeout(500)
        save(page, "report.png")

        run("classify", "samples/labelled", "-o", work / "rows.csv", "--quiet")
        run("review", work / "rows.csv", "-o", work / "review.html", "--quiet")
        page = open_page(work / "review.html", 1240, 960)
        for _ in range(ANSWERED):
            page.keyboard.press(str(folder_label(page.inner_text("#path"))))
        page.wait_for_timeout(800)
        save(page, "review.png")


if __name__ == "__main__":
    main()
