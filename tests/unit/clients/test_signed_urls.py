"""Blobs behind signed URLs: what is not the whole blob is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowjoy.clients import signed_urls
from flowjoy.clients.transport import Budget, Transport
from flowjoy.errors import HarvestError
from tests.fakes.faults import Truncate
from tests.fakes.http_base import Answer, Request, StandIn


class BlobHost(StandIn):
    """Answers everything with one blob."""

    def answer(self, request: Request) -> Answer:
        return Answer(200, b"0123456789")


@pytest.fixture
def host() -> Iterator[BlobHost]:
    with BlobHost() as stand_in:
        yield stand_in


def blob(host: BlobHost) -> bytes:
    return signed_urls.get(f"{host.url}/blob?sig=secret", "report", Transport(Budget(30)))


def test_get__returns_the_whole_blob(host: BlobHost) -> None:
    assert blob(host) == b"0123456789"


def test_get__of_a_blob_over_the_limit_is_refused(host: BlobHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed_urls, "LARGEST_BYTES", 9)
    with pytest.raises(HarvestError, match="report: larger than 0 MB"):
        blob(host)


@pytest.mark.parametrize("status", [204, 206, 302, 403, 404, 500])
def test_get__of_any_other_status_is_no_blob(host: BlobHost, status: int) -> None:
    host.fail("/blob", times=None, fault=Answer(status, b"01234", {"Location": "/elsewhere"}))
    with pytest.raises(HarvestError, match="report: ") as problem:
        blob(host)
    assert "secret" not in problem.value.advised


def test_get__of_a_blob_that_is_shorter_than_declared_is_refused(host: BlobHost) -> None:
    host.fail("/blob", times=None, fault=Truncate(0.5))
    with pytest.raises(HarvestError, match="report: "):
        blob(host)
