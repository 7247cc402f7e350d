"""Small pictures packed for a page: the tiles of 64 rows on one sheet a view, decoded when they are to be seen.

One picture file a tile would cost 300 bytes of headers each; 20,000 tiles of 96 px so packed are 20 MB of page.
"""

import base64
import io
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from threadpoolctl import threadpool_limits

from digit_batch.batch.chunks import Settings, size_of
from digit_batch.errors import DigitBatchError
from digit_batch.features import BOX, SIDE
from digit_batch.model import Model
from digit_batch.predictions import Prediction
from digit_batch.process import usable_cores
from digit_batch.report.page.pictures import SHADES, Look, Want, find_wanted, look
from digit_batch.report.tiles import GROUND, INK, PAPER, mix

TILES = 64  # of a sheet
COLUMNS = 8  # tiles side by side
TILE_BYTES = 800  # of a photo on average at most: noise is packed harder, so that no folder makes a page too large
QUALITIES = (60, 30, 5)  # of a WebP, the next where the one before gives too much
ALONE_BYTES = 24 << 20  # of files, or
ALONE_ROWS = 1_500  # rows: below both, starting processes costs more than it saves
AHEAD = 4  # sheets under way for each process
MOST_JOBS = 61  # processes: Windows waits for no more at once, and `ProcessPoolExecutor` refuses them there

Sheet = dict[str, Any]


def make_sheets(
    rows: Sequence[Prediction], photos: Mapping[str, int], *, model: Model, settings: Settings, jobs: int | None = None
) -> Iterator[Sheet]:
    """Yield the sheets of rows, `TILES` rows to each.

    Parameters
    ----------
    rows : sequence of Prediction
        In the order of their table.
    photos : mapping of str to int
        The views ``whole`` and ``around`` that are wanted, with the side of their tiles in px.
    model, settings
        How the pictures were read.
    jobs : int or None
        Processes; None takes all cores, and this process alone where there is little to read.

    Yields
    ------
    dict
        For each view its sheet as a ``data:`` URL; and ``trouble``, why there is no picture, by place on the sheet.
        Views are the photos, ``ink`` (tiles of 32 px) and ``grid`` (8 px).
    """
    wanted = find_wanted(rows)
    sheets = (wanted[start : start + TILES] for start in range(0, len(wanted), TILES))
    jobs = min(jobs or usable_cores(), MOST_JOBS)
    if jobs == 1 or _is_little(wanted):
        with threadpool_limits(1):
            for part in sheets:
                yield make_sheet(part, photos, model, settings)
        return
    yield from _share_out(sheets, dict(photos), model, settings, jobs)


def _share_out(
    parts: Iterable[list[Want]], photos: dict[str, int], model: Model, settings: Settings, jobs: int
) -> Iterator[Sheet]:
    """Have processes make the sheets, a few ahead of what is taken."""
    spawn = get_context("spawn")
    pool = ProcessPoolExecutor(jobs, spawn, _start_worker, (photos, model, settings))
    waiting: deque[Future[Sheet]] = deque()
    try:
        for part in parts:
            waiting.append(pool.submit(_work, part))
            if len(waiting) >= AHEAD * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise DigitBatchError(
            "A process that read pictures for the page was killed: out of memory? The rows are whole. "
            "Make the page with --jobs 1."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


_given: tuple[dict[str, int], Model, Settings]  # in a worker process: what is the same for every sheet


def _start_worker(*given: Any) -> None:
    """Compute with one thread, and leave Ctrl-C to the process that waits."""
    global _given
    _given = given
    threadpool_limits(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work(wanted: list[Want]) -> Sheet:
    photos, model, settings = _given
    return make_sheet(wanted, photos, model, settings)


def _is_little(wanted: Sequence[Want]) -> bool:
    if len(wanted) > ALONE_ROWS:
        return False
    return sum(size_of(want.source) for want in wanted if want.source) < ALONE_BYTES


def make_sheet(wanted: Sequence[Want], photos: Mapping[str, int], model: Model, settings: Settings) -> Sheet:
    """Return the sheet of some rows, as `make_sheets` gives it."""
    looks = list(look(wanted, model, settings, whole="whole" in photos))
    sheet: Sheet = {
        "ink": _pack_shades([seen.ink for seen in looks], BOX),
        "grid": _pack_shades([seen.grid for seen in looks], SIDE),
        "trouble": {str(place): seen.trouble for place, seen in enumerate(looks) if seen.trouble},
    }
    for view, side in photos.items():
        sheet[view] = _pack_photos(looks, view, side)
    return sheet


def _pack_photos(looks: Sequence[Look], view: str, side: int) -> str:
    sheet = Image.new("RGB", (COLUMNS * side, -(-len(looks) // COLUMNS) * side), GROUND)
    for place, seen in enumerate(looks):
        photo = seen.whole if view == "whole" else seen.around
        if photo is not None:
            scale = side / max(photo.size)
            size = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
            tile = photo.resize(size, Image.Resampling.BOX if scale < 0.5 else Image.Resampling.BICUBIC)
            row, column = divmod(place, COLUMNS)
            sheet.paste(tile, (column * side + (side - tile.width) // 2, row * side + (side - tile.height) // 2))
    for quality in QUALITIES:
        data = _encode(sheet, "WEBP", quality=quality, method=2)  # 4: half the speed, 6 % less
        if len(data) <= TILE_BYTES * len(looks) * max(1, side / 96) ** 2:
            break
    return _as_url(data, "webp")


def _pack_shades(tiles: Sequence[NDArray[np.uint8]], side: int) -> str:
    rows = -(-len(tiles) // COLUMNS)
    laid = np.zeros((rows * COLUMNS, side, side), np.uint8)
    laid[: len(tiles)] = tiles
    lines = laid.reshape(rows, COLUMNS, side, side).swapaxes(1, 2)
    sheet = Image.fromarray(lines.reshape(rows * side, COLUMNS * side))
    sheet.putpalette([level for shade in range(SHADES) for level in mix(shade / (SHADES - 1), INK, PAPER)])
    return _as_url(_encode(sheet, "PNG", bits=4), "png")


def _encode(image: Image.Image, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _as_url(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
