"""The guard of conftest.py: a test that would leave this machine is refused, and found out."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import requests

from tests import conftest

if TYPE_CHECKING:
    from collections.abc import Iterator

ELSEWHERE = "192.0.2.1"  # RFC 5737: documentation


@pytest.fixture
def tries() -> Iterator[list[str]]:
    """What the guard wrote down, forgiven at the end because it was meant."""
    yield conftest._left_the_machine
    conftest._left_the_machine.clear()


def test_guard__a_connection_elsewhere_is_refused_and_remembered(tries: list[str]) -> None:
    with pytest.raises(PermissionError, match="leave this machine"):
        socket.create_connection((ELSEWHERE, 443), timeout=1)
    assert len(tries) == 1


def test_guard__a_datagram_elsewhere_is_refused_and_remembered(tries: list[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, pytest.raises(PermissionError):
        probe.sendto(b"x", (ELSEWHERE, 53))
    assert len(tries) == 1


def test_guard__a_refusal_that_a_library_swallows_is_still_remembered(tries: list[str]) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"http://{ELSEWHERE}/", timeout=1)
    assert tries


def test_guard__a_name_elsewhere_is_not_even_looked_up(tries: list[str]) -> None:
    with pytest.raises(PermissionError):
        socket.getaddrinfo("api.github.com", 443)
    assert len(tries) == 1


def test_guard__loopback_is_open(tries: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=1):
        assert tries == []
