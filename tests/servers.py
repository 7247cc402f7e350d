"""Storages on the loopback address for the tests: S3 by moto, SFTP by asyncssh, and a web server."""

import asyncio
import contextlib
import functools
import http.server
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ACCESS, SECRET = "AKIDTESTTESTTESTTEST", "SECRETthatNobodyMaySee"


@contextmanager
def s3_server() -> Iterator[tuple[str, dict[str, str]]]:
    """Run an S3 server; give its address, and the environment in which its users find it and their credentials."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    try:
        yield (
            address,
            {
                "AWS_ENDPOINT_URL": address,
                "AWS_ACCESS_KEY_ID": ACCESS,
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
            },
        )
    finally:
        server.stop()


def s3_client(environment: dict[str, str]):
    """Return boto3's client for the server: the tests' own way into its buckets."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    )


@contextmanager
def sftp_server(root: Path, home: Path) -> Iterator[str]:
    """Serve a folder by SFTP; a key and the server's own are put into ``home/.ssh``. Gives the URL's beginning."""
    import asyncssh

    key, host_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    folder = home / ".ssh"
    folder.mkdir(parents=True)
    key.write_private_key(folder / "id_ed25519")
    (folder / "id_ed25519").chmod(0o600)
    key.write_public_key(folder / "authorized")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def serve():
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host_key],
            authorized_client_keys=str(folder / "authorized"),
            sftp_factory=functools.partial(asyncssh.SFTPServer, chroot=str(root).encode()),
        )

    server = asyncio.run_coroutine_threadsafe(serve(), loop).result()
    port = server.get_port()
    public = host_key.export_public_key().decode().strip()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}\n")
    try:
        yield f"sftp://tester@127.0.0.1:{port}"
    finally:

        async def end():
            server.close()
            await server.wait_closed()

        with contextlib.suppress(Exception):
            asyncio.run_coroutine_threadsafe(end(), loop).result(timeout=5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def web_server(root: Path, trouble: "list[int] | None" = None) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder by HTTP; give its address, and a list that fills with the paths asked for.

    Parameters
    ----------
    root
        The folder.
    trouble
        Statuses with which the next requests are answered, before it behaves.
    """
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if trouble:
                self.send_error(trouble.pop(0))
            else:
                super().do_GET()

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
