"""What a hundred million scans take: each stage of a run measured alone, and what that comes to.

Every figure of docs/scale.md is printed here. Stages that many machines share go at their own speed times the cores;
those of one machine (the walk, the scheduler, the writer, the join) are what a larger cluster waits for in the end.

    python benchmarks/scale.py                    # 28x28 PNGs
    python benchmarks/scale.py --kind crops       # crops of 300x400
    python benchmarks/scale.py --price 0.04       # of a core for an hour, in any currency
    python benchmarks/scale.py --listing          # only how fast a bucket is listed
"""

import argparse
import http.server
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from folders import CROPS, SMALL, make_folder
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from digit_batch.batch.chunks import CHUNK_FILES, Settings, cut_chunks, read_chunk
from digit_batch.batch.cluster import PARCEL_CHUNKS
from digit_batch.batch.engine import images_among
from digit_batch.images import Source, fetch_ahead, walk
from digit_batch.images.sources import Place
from digit_batch.model import load_model
from digit_batch.output import open_part
from digit_batch.parquet import packing
from digit_batch.predictions import Prediction, cells, header, row_text
from digit_batch.shards import Share, merge, open_roll

IMAGES = 100_000_000
KINDS = {kind.name: kind for kind in (SMALL, CROPS)}
LATENCY = 0.02  # s that a storage takes to answer, as S3 within its region
PARCEL_FILES = PARCEL_CHUNKS * CHUNK_FILES
PARCELS = 200
ROWS = 50_000
HOURS_WANTED = 10
PAGE_NAMES = 1_000  # that S3 gives with one answer, at most
FOLDER_PAGES = 100  # of the folder that is listed


class Storage(http.server.BaseHTTPRequestHandler):
    """A storage whose every answer takes `LATENCY` to come."""

    protocol_version = "HTTP/1.1"  # connections are kept, as a storage keeps them

    def answer(self, data: bytes) -> None:
        """Send what was asked for."""
        time.sleep(LATENCY)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words: object) -> None:
        """Print nothing."""


def rate(count: int, act: Callable[[], object]) -> float:
    """Return how many a second, doing it once."""
    began = time.perf_counter()
    act()
    return count / (time.perf_counter() - began)


def exhaust(items: Iterator[object]) -> None:
    """Take everything and keep nothing."""
    for _ in items:
        pass


def measure_reading(sources: list[Source]) -> float:
    """Return images a second of one core: decoding, ink, features, answer."""
    model, settings, chunks = load_model(bare=True), Settings(), list(cut_chunks(sources))
    with threadpool_limits(1):  # as a reader does
        exhaust(read_chunk(chunks[0], model, settings))  # warm
        return rate(len(sources), lambda: exhaust(chain.from_iterable(read_chunk(c, model, settings) for c in chunks)))


def measure_fetching(path: Path) -> float:
    """Return files a second that one process fetches from a storage that takes `LATENCY` to answer."""
    data = path.read_bytes()

    class Slow(Storage):
        def do_GET(self) -> None:
            self.answer(data)

    with serving(Slow) as address:
        chunk = [Source("x.png", f"{address}/x.png", place=Place("url", 0, len(data)))] * 64
        exhaust(fetch_ahead(chunk))  # opens the connections
        return rate(320, lambda: [exhaust(fetch_ahead(chunk)) for _ in range(5)])


def measure_listing() -> float:
    """Return names a second that the walk of a bucket finds in one folder, where each page takes `LATENCY` to come."""

    class Bucket(Storage):
        def do_HEAD(self) -> None:
            self.send_error(404)

        def do_GET(self) -> None:
            page = int(parse_qs(urlsplit(self.path).query).get("continuation-token", ["0"])[0])
            names = range(page * PAGE_NAMES, (page + 1) * PAGE_NAMES)
            files = "".join(
                f"<Contents><Key>scans/{n:08}.png</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                f"<ETag>&quot;{n:032x}&quot;</ETag><Size>379</Size><StorageClass>STANDARD</StorageClass></Contents>"
                for n in names
            )
            more = f"<NextContinuationToken>{page + 1}</NextContinuationToken>" if page + 1 < FOLDER_PAGES else ""
            self.answer(
                '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name>'
                f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{more}{files}</ListBucketResult>".encode()
            )

    with serving(Bucket) as address:
        os.environ |= {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
        found = 0

        def walk_bucket() -> None:
            nonlocal found
            found = sum(1 for _ in images_among(walk(["s3://bucket/scans"])))

        speed = rate(FOLDER_PAGES * PAGE_NAMES, walk_bucket)
    assert found == FOLDER_PAGES * PAGE_NAMES, found
    return speed


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answer on the loopback address until the block ends; gives the address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def measure_scheduling() -> float:
    """Return parcels a second through Dask's scheduler, of which each is next to no work."""
    from dask.distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        names = [f"scans/{n:08}.png" for n in range(PARCEL_FILES)]
        client.gather(client.map(len, [names] * 4, pure=False))
        return rate(PARCELS, lambda: client.gather(client.map(len, [names] * PARCELS, pure=False)))


def main() -> None:
    """Measure each stage, and print what it comes to for `IMAGES`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=list(KINDS), default="small")
    parser.add_argument("--price", type=float, default=0.04, help="of one core for one hour (default 0.04)")
    parser.add_argument("--listing", action="store_true", help="only how fast a bucket is listed")
    given = parser.parse_args()
    if given.listing:
        speed = measure_listing()
        print(
            f"{FOLDER_PAGES * PAGE_NAMES:,} names in one folder of a bucket, {LATENCY * 1000:.0f} ms a page of "
            f"{PAGE_NAMES:,}: {speed:,.0f} a second; 10^8 take {IMAGES / speed / 3600:,.1f} h"
        )
        return
    kind = KINDS[given.kind]
    with tempfile.TemporaryDirectory() as root:
        stages = _measure(Path(root), kind)
    console = Console()
    console.print(_stages(stages, kind.about))
    console.print(_totals(stages, given.price))


def _measure(root: Path, kind: object) -> dict[str, float]:
    """Return what was measured: rates a second, and bytes."""
    folder = make_folder(root / "scans", kind, files=4_000 if kind is SMALL else 600)  # type: ignore[arg-type]
    sources = list(images_among(walk([str(folder)])))
    listed = rate(len(sources) * 5, lambda: [exhaust(images_among(walk([str(folder)]))) for _ in range(5)])
    share = Share(1, 64)
    rows = [Prediction(f"scans/{n // 1000:04}/{n:07}.png", 0, n % 10, n % 997 / 997, "ok") for n in range(ROWS)]
    table = root / "out.csv"

    def write() -> None:
        with open_part(table, {}, force=True) as part:
            part.begin(row_text(header()))
            for start in range(0, ROWS, CHUNK_FILES):
                chunk = rows[start : start + CHUNK_FILES]
                part.write("".join(row_text(cells(row)) for row in chunk), len(chunk))

    found = {
        "image": sum(Path(source.path).stat().st_size for source in sources) / len(sources),
        "listing": listed,
        "sharing": rate(len(sources) * 5, lambda: [share.holds(s.name) for s in sources * 5]),
        "reading": measure_reading(sources),
        "fetching": measure_fetching(Path(sources[0].path)),
        "scheduling": measure_scheduling() * PARCEL_FILES,
        "writing": rate(ROWS, write),
    }
    found["row"] = table.stat().st_size / ROWS
    found["packing"] = rate(ROWS, lambda: packing(root / "out.parquet", {})(table))
    found["packed"] = (root / "out.parquet").stat().st_size / ROWS
    tables = []
    for number in range(1, 9):
        tables.append(root / f"{number}.csv")
        with open_roll(tables[-1], Share(number, 8), {}) as roll, tables[-1].open("w", newline="") as stream:
            stream.write(row_text(header()))
            stream.writelines(row_text(cells(Prediction(s.name, 0, 7, 0.9983, "ok"))) for s in roll.call(sources))
    found["joining"] = rate(len(sources), lambda: exhaust(merge(tables)))
    return found


def _stages(found: dict[str, float], about: str) -> Table:
    table = Table(title=f"Stages, {about}", title_justify="left")
    for name, side in (
        ("stage", "left"),
        ("where", "left"),
        ("a second", "right"),
        ("10^8 take", "right"),
        ("keeps up with", "right"),
    ):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    for stage, where, words in (
        ("listing", "one", "the walk of a local disk"),
        ("sharing", "each", "a name's share, --shard"),
        ("fetching", "each", f"from a storage, {LATENCY * 1000:.0f} ms an answer"),
        ("reading", "each", "decode, ink, features, answer; one core"),
        ("scheduling", "one", f"Dask, {PARCEL_FILES:,} files a parcel"),
        ("writing", "one", "the CSV"),
        ("packing", "one", "CSV to Parquet, at the end"),
        ("joining", "one", "merge of 8 shares"),
    ):
        speed = found[stage]
        cores = f"{speed / found['reading']:,.0f} cores" if where == "one" else ""
        place = "one machine" if where == "one" else "every process"
        table.add_row(words, place, f"{speed:,.0f}", f"{IMAGES / speed / 3600:,.1f} h", cores)
    return table


def _totals(found: dict[str, float], price: float) -> Table:
    table = Table(show_header=False, title="A hundred million", title_justify="left")
    core_hours = IMAGES / found["reading"] / 3600
    cores = -(-core_hours // HOURS_WANTED)
    table.add_row("images", f"{found['image']:,.0f} bytes each, {IMAGES * found['image'] / 1e12:,.2f} TB")
    table.add_row("CSV", f"{found['row']:.0f} bytes a row, {IMAGES * found['row'] / 1e9:,.1f} GB")
    table.add_row("Parquet", f"{found['packed']:.1f} bytes a row, {IMAGES * found['packed'] / 1e9:,.1f} GB")
    table.add_row("core hours", f"{core_hours:,.1f}; in {HOURS_WANTED} hours: {cores:,.0f} core{'s' * (cores > 1)}")
    table.add_row("network, these cores", f"{cores * found['reading'] * found['image'] * 8 / 1e6:,.0f} Mbit/s")
    table.add_row("cost", f"{price * core_hours * 1e6 / IMAGES:.3f} for a million at {price:g} a core hour")
    return table


if __name__ == "__main__":
    main()
