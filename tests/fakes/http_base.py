"""A server on loopback that answers, remembers what it was asked, and breaks on demand. Knows no vendor."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Request(NamedTuple):
    """What a client asked. Header names are lower case; of a repeated query key the last value counts.

    Of a key that ends in `[]` all do, with commas between.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body or b"null")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. A body that is no bytes is sent as JSON. As a fault: this instead of the right answer."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> tuple[bytes, bytes]:
        """Head and body, as they go over the wire."""
        plain = isinstance(self.body, bytes)
        content = self.body if plain else json.dumps(self.body).encode()
        headers = {
            "Date": formatdate(usegmt=True),
            "Content-Type": "text/plain; charset=utf-8" if plain else "application/json; charset=utf-8",
            **self.headers,
            "Content-Length": str(len(content)),
        }
        lines = [f"HTTP/1.1 {self.status} {responses.get(self.status, '')}", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode(), content

    def serve(self, exchange: Exchange) -> None:
        exchange.write(*self.encoded())


class Fault(Protocol):
    """What happens to a request instead of the right answer."""

    def serve(self, exchange: Exchange) -> None: ...


class Exchange:
    """One request and the wire back to its client."""

    def __init__(self, request: Request, handler: _Handler, server: StandIn) -> None:
        self.request, self._handler, self._server = request, handler, server

    def right_answer(self) -> Answer:
        return self._server.locked_answer(self.request)

    def write(self, *parts: bytes) -> None:
        self._handler.connection.sendall(b"".join(parts))

    def wait(self, seconds: float) -> None:
        """Sleep, but not past the end of the server."""
        if self._server.stopping.wait(seconds):
            raise ConnectionAbortedError

    def hang_up(self) -> None:
        self._handler.close_connection = True

    def reset(self) -> None:
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._handler.connection.close()
        self.hang_up()


@dataclass(slots=True)
class _Plan:
    match: str
    times: int | None
    skip: int
    fault: Fault

    def takes(self, line: str) -> bool:
        if self.match not in line or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class StandIn:
    """Subclasses say what to `answer`. Listens from `__init__` on a free port of 127.0.0.1, until `close`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answered = 0  # requests served to their end: those that a client gave up on are not among them
        self.stopping = threading.Event()
        self.delay = 0.0  # seconds before each answer
        self.delayed: list[tuple[float, float]] = []  # when each delay began and ended, by the monotonic clock
        self._plans: list[_Plan] = []
        self._lock = threading.RLock()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answer(self, request: Request) -> Answer:
        """The right answer. One request at a time."""
        raise NotImplementedError

    def locked_answer(self, request: Request) -> Answer:
        with self._lock:
            return self.answer(request)

    def fail(self, match: str, times: int | None = 1, *, skip: int = 0, fault: Fault) -> None:
        """Break `times` requests (None: all) whose `METHOD /path?query` holds `match`, after letting `skip` pass."""
        with self._lock:
            self._plans.append(_Plan(match, times, skip, fault))

    def encrypt(self, certificate: Path, *, clients: Path | None = None) -> str:
        """Speak TLS from now on, with this key and certificate; with `clients`, ask for one that it signed."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = self.url.replace("http://127.0.0.1", "https://localhost")
        return self.url

    def heal(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._plans.clear()

    def count(self, method: str | None = None, path_contains: str | None = None) -> int:
        """How many of the requests so far had this method and this text in their path."""
        with self._lock:
            return sum(r.method == (method or r.method) and (path_contains or "") in r.path for r in self.requests)

    def begin(self, request: Request, target: str) -> Fault | None:
        """Log a request and say which fault it meets."""
        with self._lock:
            self.requests.append(request)
            return next((p.fault for p in self._plans if p.takes(f"{request.method} {target}")), None)

    def served(self) -> None:
        with self._lock:
            self.answered += 1

    def close(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _query_of(text: str) -> dict[str, str]:
    pairs = parse_qsl(text, keep_blank_values=True)
    lists = {name: ",".join(value for key, value in pairs if key == name) for name, _ in pairs if name.endswith("[]")}
    return {**dict(pairs), **lists}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _handle(self) -> None:
        stand_in, url = self.server.stand_in, urlsplit(self.path)
        request = Request(
            self.command,
            unquote(url.path),
            _query_of(url.query),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        exchange = Exchange(request, self, stand_in)
        try:
            answer = stand_in.begin(request, self.path) or exchange.right_answer()
            if stand_in.delay:
                began = time.monotonic()
                exchange.wait(stand_in.delay)
                stand_in.delayed.append((began, time.monotonic()))
            answer.serve(exchange)
            stand_in.served()
        except ConnectionError:  # the client went away, or the server is being closed
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        """Say nothing: the log is `requests`."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """End the open connections too: a keep-alive client must not talk on to a closed server."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks while it is read is the client's affair; anything else is a defect, and shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
