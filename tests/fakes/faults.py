"""Ways in which a server lets its client down, for `StandIn.fail`. None of them outlives the server.

An `Answer` is a fault too: `fail("GET /repos", fault=Answer(503))`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from tests.fakes.http_base import Answer, Exchange

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Slow:
    """The right answer, after `seconds`."""

    seconds: float

    def serve(self, exchange: Exchange) -> None:
        exchange.wait(self.seconds)
        exchange.right_answer().serve(exchange)


@dataclass(frozen=True, slots=True)
class Stall:
    """Not one byte for `seconds`, then the connection closes."""

    seconds: float

    def serve(self, exchange: Exchange) -> None:
        exchange.wait(self.seconds)
        exchange.hang_up()


@dataclass(frozen=True, slots=True)
class Drip:
    """The right answer, head included, byte by byte."""

    bytes_per_second: float = 1.0

    def serve(self, exchange: Exchange) -> None:
        for byte in b"".join(exchange.right_answer().encoded()):
            exchange.write(bytes([byte]))
            exchange.wait(1 / self.bytes_per_second)


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset (RST) after the request was read."""

    def serve(self, exchange: Exchange) -> None:
        exchange.reset()


@dataclass(frozen=True, slots=True)
class Truncate:
    """The right head with its true Content-Length, but only a `fraction` of the body."""

    fraction: float = 0.5

    def serve(self, exchange: Exchange) -> None:
        head, body = exchange.right_answer().encoded()
        exchange.write(head, body[: int(len(body) * self.fraction)])
        exchange.hang_up()


@dataclass(frozen=True, slots=True)
class EmptyBody:
    """200 and no bytes."""

    def serve(self, exchange: Exchange) -> None:
        Answer(200, b"", {"Content-Type": "application/json; charset=utf-8"}).serve(exchange)


@dataclass(frozen=True, slots=True)
class Garbage:
    """A proxy's HTML page with status 200."""

    def serve(self, exchange: Exchange) -> None:
        Answer(200, b"<html><body>Sign in to continue</body></html>", {"Content-Type": "text/html"}).serve(exchange)


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect to `location`."""

    status: int
    location: str

    def serve(self, exchange: Exchange) -> None:
        Answer(self.status, b"", {"Location": self.location}).serve(exchange)


@dataclass(frozen=True, slots=True)
class Edited:
    """The right answer with its JSON body put through `edit`: a count that lies, a field that is gone."""

    edit: Callable[[Any], Any]

    def serve(self, exchange: Exchange) -> None:
        right = exchange.right_answer()
        Answer(right.status, self.edit(right.body), right.headers).serve(exchange)


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """The right answer, and after it `action`: the world changes between two pages."""

    action: Callable[[], object]

    def serve(self, exchange: Exchange) -> None:
        right = exchange.right_answer()
        self.action()
        right.serve(exchange)


@dataclass(frozen=True, slots=True)
class Ahead:
    """The right answer by a clock that is `seconds` ahead; `age`: as a cache hands it out."""

    seconds: float
    age: int | None = None

    def serve(self, exchange: Exchange) -> None:
        right = exchange.right_answer()
        cached = {} if self.age is None else {"Age": str(self.age)}
        date = formatdate(time.time() + self.seconds, usegmt=True)
        Answer(right.status, right.body, {**right.headers, **cached, "Date": date}).serve(exchange)
