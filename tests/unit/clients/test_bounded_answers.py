"""The bound of each client's answers, in this process: over it, the rest is not read."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable

import pytest

from flowjoy.clients import http, size_limit
from flowjoy.clients.size_limit import BoundedOpener, OversizeError, bound_requests
from tests.fakes.http_base import Exchange, StandIn


class Undeclared:
    """The right body, whose length is not declared."""

    def serve(self, exchange: Exchange) -> None:
        exchange.write(b"HTTP/1.1 200 OK\r\n\r\n", b"0123456789")
        exchange.hang_up()


def by_requests(address: str) -> bytes:
    bound_requests()
    with http.new_session() as session:
        return bytes(session.get(address, timeout=30).content)


def by_urllib(address: str) -> bytes:
    with urllib.request.build_opener(BoundedOpener).open(address, timeout=30) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize("ask", [by_requests, by_urllib])
@pytest.mark.parametrize("undeclared", [0, 2])
def test_answer__over_the_bound_is_an_error_and_one_at_it_is_read(
    ten_bytes: StandIn, monkeypatch: pytest.MonkeyPatch, ask: Callable[[str], bytes], undeclared: int
) -> None:
    for _ in range(undeclared):
        ten_bytes.fail("/", fault=Undeclared())
    monkeypatch.setattr(size_limit, "LARGEST_ANSWER_BYTES", 10)
    assert ask(ten_bytes.url) == b"0123456789"
    monkeypatch.setattr(size_limit, "LARGEST_ANSWER_BYTES", 9)
    with pytest.raises(OversizeError):
        ask(ten_bytes.url)
