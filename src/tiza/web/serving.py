"""Serve the page on this machine until Ctrl-C. What is being trained does not stop with it."""

import secrets
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from tiza.errors import RequestError, TizaError
from tiza.i18n import language
from tiza.web.app import STATIC, create_app
from tiza.web.choosing import data_sets
from tiza.web.running import empty_the_bin, id_of

PORT = 8270
TRIED = 20  # ports after it that are tried where nobody asked for one


def serve(folders: Sequence[Path], *, port: int | None, told: Callable[[str], None], browser: bool) -> None:
    """Serve the page; ``told`` is given its address, which holds the token, once it can be opened.

    ``folders``: the runs to begin with, one to look at or two to compare. Raises :class:`TizaError` for a port that is
    taken, and where the page was not built with the package.
    """
    if not (STATIC / "index.html").exists():
        raise TizaError("page-not-built", where=str(STATIC))
    listening = _listen(port)
    own, token = int(listening.getsockname()[1]), secrets.token_urlsafe(24)
    ids = [id_of(path) for path in folders]
    view = {0: "", 1: f"run/{''.join(ids[:1])}"}.get(len(ids), f"compare/{'/'.join(ids[:2])}")
    address = f"http://127.0.0.1:{own}/?token={token}#/{view}?lang={language()}"
    empty_the_bin()
    ahead = threading.Thread(target=data_sets)  # the embedded sets are at hand when they are asked for
    ahead.start()
    config = uvicorn.Config(
        create_app(token=token, port=own, named=folders), log_level="warning", access_log=False, lifespan="off",
        timeout_graceful_shutdown=1, server_header=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    with _ending(server):
        told(address)  # the port listens already: a browser that comes now waits a moment
        if browser:
            webbrowser.open(address)
        try:
            server.run(sockets=[listening])
        finally:
            ahead.join()  # torch in a thread that the end of the process cuts off aborts it


@contextmanager
def _ending(server: uvicorn.Server) -> Iterator[None]:
    """Ctrl-C ends the server in order from now on, and is raised in the end.

    Raised wherever it comes, it is lost where Python ignores exceptions, as in the finalisers that imports run.
    """
    pressed = False

    def end(*_: object) -> None:
        nonlocal pressed
        pressed = server.should_exit = True

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


def _listen(port: int | None) -> socket.socket:
    """A socket on this machine's own address; another port where the usual one is taken, unless one was asked for."""
    for candidate in (port,) if port is not None else (*range(PORT, PORT + TRIED), 0):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", candidate))
            listening.listen(128)
        except (OSError, OverflowError):
            listening.close()
            continue
        return listening
    raise RequestError("page-port", where=str(port), port=str(port))
