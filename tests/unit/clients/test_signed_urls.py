"""Blobs behind signed URLs: what is not the whole blob is refused."""

from __future__ import annotations

import pytest

from flowjoy.clients import signed_urls
from flowjoy.clients.transport import Budget, Transport
from flowjoy.errors import HarvestError
from tests.fakes.faults import Truncate
from tests.fakes.http_base import Answer, StandIn


def blob(ten_bytes: StandIn) -> bytes:
    return signed_urls.get(f"{ten_bytes.url}/blob?sig=secret", "report", Transport(Budget(30)))


def test_get__returns_the_whole_blob(ten_bytes: StandIn) -> None:
    assert blob(ten_bytes) == b"0123456789"


def test_get__of_a_blob_over_the_limit_is_refused(ten_bytes: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed_urls, "LARGEST_BYTES", 9)
    with pytest.raises(HarvestError, match="report: larger than 0 MB"):
        blob(ten_bytes)


@pytest.mark.parametrize("status", [204, 206, 302, 403, 404, 500])
def test_get__of_any_other_status_is_no_blob(ten_bytes: StandIn, status: int) -> None:
    ten_bytes.fail("/blob", times=None, fault=Answer(status, b"01234", {"Location": "/elsewhere"}))
    with pytest.raises(HarvestError, match="report: ") as problem:
        blob(ten_bytes)
    assert "secret" not in problem.value.advised


def test_get__of_a_blob_that_is_shorter_than_declared_is_refused(ten_bytes: StandIn) -> None:
    ten_bytes.fail("/blob", times=None, fault=Truncate(0.5))
    with pytest.raises(HarvestError, match="report: "):
        blob(ten_bytes)
