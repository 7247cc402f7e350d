"""Small pictures packed for a page: the tiles of 64 rows on one sheet a view, decoded when they are to be seen.

One picture file a tile would cost 300 bytes of headers each; 20,000 tiles of 96 px so packed are 20 MB of page.
"""

import base64
import io
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from threadpoolctl import threadpool_limits

from digit_batch.batch.chunks import Settings, size_of
from digit_batch.features import BOX, SIDE
from digit_batch.predictions import Prediction
from digit_batch.report.page.pictures import SHADES, Look, Want, find_wanted, look
from digit_batch.report.tiles import GROUND, INK, PAPER, centre, mix

TILES = 64  # of a sheet
COLUMNS = 8  # tiles side by side
TILE_BYTES = 800  # of a photo on average at most: noise is packed harder, so that no folder makes a page too large
QUALITIES = (60, 30, 5)  # of a WebP, the next where the one before gives too much
ALONE_BYTES = 24 << 20  # of files, or
ALONE_ROWS = 1_500  # rows: below both, starting processes costs more than it saves
AHEAD = 4  # sheets under way for each process

Sheet = dict[str, Any]


def make_sheets(
    rows: Sequence[Prediction], photos: Mapping[str, int], *, settings: Settings, jobs: int | None = None
) -> Iterator[Sheet]:
    """Yield the sheets of rows, `TILES` rows to each.

    Parameters
    ----------
    rows : sequence of Prediction
        In the order of their table.
    photos : mapping of str to int
        The views ``whole`` and ``around`` that are wanted, with the side of their tiles in px.
    settings : Settings
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
    jobs = jobs or os.cpu_count() or 1
    if jobs == 1 or _is_little(wanted):
        with threadpool_limits(1):
            for part in sheets:
                yield make_sheet(part, photos, settings)
        return
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=threadpool_limits, initargs=(1,)
    ) as pool:
        waiting: deque[Future[Sheet]] = deque()
        for part in sheets:
            waiting.append(pool.submit(make_sheet, part, dict(photos), settings))
            if len(waiting) >= AHEAD * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _is_little(wanted: Sequence[Want]) -> bool:
    if len(wanted) > ALONE_ROWS:
        return False
    return sum(size_of(want.source) for want in wanted if want.source) < ALONE_BYTES


def make_sheet(wanted: Sequence[Want], photos: Mapping[str, int], settings: Settings) -> Sheet:
    """Return the sheet of some rows, as `make_sheets` gives it."""
    looks = list(look(wanted, polarity=settings.polarity, limits=settings.limits, whole="whole" in photos))
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
            sheet.paste(centre(tile, side, GROUND)[0], (column * side, row * side))
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
