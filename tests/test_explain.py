"""`digit-batch explain` shows each step of a reading, in a picture and in the terminal."""

from pathlib import Path

import numpy as np
import pytest
from pages import draw_page
from PIL import Image
from typer.testing import CliRunner, Result

from digit_batch.cli.app import app
from digit_batch.features import GRAIN
from digit_batch.model import load_model
from digit_batch.reading import Reading, read_pictures
from digit_batch.report.seen import Seen, candidates, straighten
from digit_batch.report.stages import COLUMNS, HEAD, MARGIN, ROW, TILE, TITLE, draw_stages
from digit_batch.report.tiles import INK, MARK, draw_grid, draw_picture

HOSTILE = ("\x1b[31mred.png", "[bold]b[bold].png", "two\nlines.png", "名前é.png", "a" * 240 + ".png")
ROWS = (0, 5, 8)  # of scikit-learn's digits: a zero, a five, an eight


def read(page: np.ndarray) -> Reading:
    (reading,) = read_pictures(load_model(), [page])
    return reading


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three digits on white paper."""
    (tmp_path / "scans").mkdir()
    for row in ROWS:
        Image.fromarray(draw_page(row)).save(tmp_path / "scans" / f"{row}.png")
    return tmp_path / "scans"


def explain(*words: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["explain", *map(str, words)])


def tile(page: Image.Image, row: int, column: int) -> np.ndarray:
    """Return the pixels of one tile of a page."""
    left, top = COLUMNS[column], MARGIN + HEAD + row * ROW + TITLE
    return np.asarray(page)[top : top + TILE, left : left + TILE].astype(int)


def inked(pixels: np.ndarray) -> float:
    """Return the share of pixels in nearly full ink."""
    return float((np.abs(pixels - np.array(INK)).sum(axis=2) < 90).mean())


def test_the_page_has_a_row_for_each_image(folder: Path, tmp_path: Path) -> None:
    assert explain(folder, "-o", tmp_path / "one.png").exit_code == 0
    assert explain(folder, folder, "-o", tmp_path / "two.png").exit_code == 0
    with Image.open(tmp_path / "one.png") as one, Image.open(tmp_path / "two.png") as two:
        assert one.format == "PNG"
        assert two.height - one.height == len(ROWS) * ROW


def test_every_step_of_a_row_shows_the_digits_ink(folder: Path, tmp_path: Path) -> None:
    """The picture has its frame, and ink, box and grid are neither empty nor all ink."""
    explain(folder, "-o", tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as page:
        for row in range(len(ROWS)):
            assert (tile(page, row, 0) == MARK).all(axis=2).any()
            for column in (1, 2, 3):
                least = 0.05 if column == 1 else 0.005  # evened strokes are thin, and mostly grey
                assert least < inked(tile(page, row, column)) < 0.6, (row, column)


def test_the_frame_in_the_picture_encloses_the_digit() -> None:
    page = draw_page(0, sides=(1.5, 0.2, 0.2, 1.5))  # the zero lies at the right, above the middle
    ink = read(page).ink
    drawn = np.asarray(draw_picture(Image.fromarray(page), page.shape[1::-1], ink, 300))
    rows, columns = np.nonzero((drawn == MARK).all(axis=2))
    assert columns.min() > 150
    assert rows.max() < 150
    inside = drawn[rows.min() : rows.max(), columns.min() : columns.max()]
    outside = drawn.copy()
    outside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = 255
    assert inside.min() < 60
    assert outside.min() > 200


def test_the_grid_is_darker_where_more_ink_was_counted() -> None:
    drawn = np.asarray(draw_grid(np.arange(64, dtype=np.float32) / 4, 320).convert("L"), float)
    corners = drawn[2:320:40, 2:320:40].ravel()  # beside the numbers
    assert (np.diff(corners) <= 0).all()
    assert corners[0] > 250 > 60 > corners[-1]


def test_the_straightened_box_is_what_the_grid_was_counted_on() -> None:
    reading = read(draw_page(5))
    blocks = straighten(reading).reshape(8, 4, 8, 4).mean(axis=(1, 3)) * 16
    np.testing.assert_allclose(blocks.ravel(), reading.features, atol=GRAIN / 2 + 1e-3)


def test_the_page_keeps_little_of_a_large_photo() -> None:
    large = np.kron(draw_page(3, height=100)[..., 0], np.ones((20, 20), np.uint8))
    seen = Seen.of("large.png", 0, large, read(large))
    assert seen.picture is not None
    assert max(seen.picture.size) < 1000
    assert seen.size == large.shape[::-1]
    frame = (np.asarray(draw_stages([seen])) == MARK).all(axis=2)
    small = Seen.of("small.png", 0, large[::20, ::20], read(large[::20, ::20]))
    expected = (np.asarray(draw_stages([small])) == MARK).all(axis=2)
    assert np.abs(np.argwhere(frame).mean(axis=0) - np.argwhere(expected).mean(axis=0)).max() < 4


def test_the_terminal_names_the_label_the_runners_up_and_the_status(folder: Path) -> None:
    result = explain(folder / "8.png")
    reading = read(draw_page(8))
    assert result.exit_code == 0
    assert len(candidates(reading)) == 3
    for digit, chance in candidates(reading):
        assert f"{digit} {chance:.3f}" in result.stdout
    assert reading.status in result.stdout
    assert "dark on light ground" in result.stdout


def test_the_terminal_shows_the_numbers_of_the_grid(folder: Path) -> None:
    shown = explain(folder / "5.png").stdout
    middle = read(draw_page(5)).features.reshape(8, 8)[3]
    assert "".join(f"{round(float(value)) or '·':>3}" for value in middle) in shown


def test_the_polarity_found_is_told(tmp_path: Path) -> None:
    Image.fromarray(255 - draw_page(5)).save(tmp_path / "light.png")
    assert "light on dark ground" in explain(tmp_path / "light.png").stdout


def test_an_unreadable_image_gives_its_reason_and_3_and_the_others_are_shown(folder: Path, tmp_path: Path) -> None:
    (folder / "6.png").write_bytes(b"no image at all")
    result = explain(folder)
    assert result.exit_code == 3
    assert "unreadable  not an image" in result.stdout
    assert result.stdout.count("straightened") == len(ROWS)
    result = explain(folder, "-o", tmp_path / "page.png")
    assert result.exit_code == 3
    with Image.open(tmp_path / "page.png") as page:
        assert inked(tile(page, 1, 1)) > 0.05
        assert inked(tile(page, 2, 1)) == 0  # 6.png comes after 5.png
        assert inked(tile(page, 3, 1)) > 0.05


def test_a_blank_image_is_explained_without_a_label(tmp_path: Path) -> None:
    Image.new("L", (60, 80), 240).save(tmp_path / "blank.png")
    result = explain(tmp_path / "blank.png")
    assert result.exit_code == 0
    assert "no label" in result.stdout
    assert "blank: no ink found" in result.stdout
    assert explain(tmp_path / "blank.png", "-o", tmp_path / "page.png").exit_code == 0


def test_an_existing_page_is_replaced_only_with_force(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.png"
    page.write_bytes(b"mine")
    refused = explain(folder, "-o", page)
    assert refused.exit_code == 1
    assert "--force" in refused.stderr
    assert page.read_bytes() == b"mine"
    assert explain(folder, "-o", page, "--force").exit_code == 0
    assert page.read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.png", "scans"]


def test_a_page_of_another_format_is_refused_before_any_work(folder: Path, tmp_path: Path) -> None:
    result = explain(folder, "-o", tmp_path / "page.gif")
    assert result.exit_code == 1
    assert ".png" in result.stderr
    assert not (tmp_path / "page.gif").exists()


def test_a_folder_without_images_gives_5(tmp_path: Path) -> None:
    assert explain(tmp_path).exit_code == 5


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_shown_as_text(name: str, tmp_path: Path) -> None:
    """No escape code reaches the terminal, markup is not obeyed, and any name can be drawn."""
    scan = tmp_path / name
    Image.fromarray(draw_page(0)).save(scan, "PNG")
    shown = explain(scan).stdout
    assert "\x1b" not in shown
    if "bold" in name:
        assert name in "".join(shown.split())  # the terminal folds long names
    assert explain(scan, "-o", tmp_path / "page.png").exit_code == 0
