"""A server for clients that only transfer bytes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.http_base import Answer, Request, StandIn


class TenBytes(StandIn):
    """Answers everything with ten bytes."""

    def answer(self, request: Request) -> Answer:
        return Answer(200, b"0123456789")


@pytest.fixture
def ten_bytes() -> Iterator[TenBytes]:
    with TenBytes() as stand_in:
        yield stand_in
