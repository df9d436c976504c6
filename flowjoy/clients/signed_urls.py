"""Blobs behind signed URLs: no token, no redirects, known hosts, bounded size.

A signed URL is a credential: it appears in no message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from flowjoy.clients import http
from flowjoy.clients.faults import HttpError, Service
from flowjoy.clients.transport import Transport
from flowjoy.domain.hosts import is_loopback
from flowjoy.errors import FaultKind, HarvestError

LARGEST_BYTES = 50 << 20
_PLAIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[!-\[\]-~]*)?")
_HOSTS = (".blob.core.windows.net", ".githubusercontent.com")
_SLICE_BYTES = 1 << 16
_BLOB_HOST = Service(
    name="the blob host",
    hints=dict.fromkeys(FaultKind, "run again") | {FaultKind.OUTAGE: "see githubstatus.com"},
)


def check_host(url: str, service: str, *, hosts: tuple[str, ...] = _HOSTS, owner: str = "GitHub") -> str:
    """Return the URL. Raise HarvestError unless it leads to one of the `hosts` of `owner`, or to that of `service`.

    A service on this machine may refer to this machine.
    """
    # Clients do not agree on what a backslash or a blank in a URL means.
    if not _PLAIN.fullmatch(url):
        raise HarvestError("a signed URL is malformed")
    target, home = urlsplit(url), urlsplit(service)
    host = target.hostname or ""
    known = target.scheme == "https" and host.endswith(hosts)
    same = target.scheme == home.scheme and host == home.hostname
    local = is_loopback(home.hostname) and target.scheme == "http" and is_loopback(host)
    if not (known or same or local) or target.username or target.password:
        raise HarvestError(f"a signed URL leads to a host that is not {owner}'s ({host[:100] or 'none'})")
    return url


def get(url: str, what: str, transport: Transport) -> bytes:
    """Return the blob. Raise HarvestError if it is larger than LARGEST_BYTES, cut short or cannot be fetched."""

    def request() -> bytes:
        with http.new_session() as session:
            answer = session.get(
                url,
                headers={"Accept-Encoding": "identity"},
                allow_redirects=False,
                stream=True,
                timeout=http.TIMEOUT_SECONDS,
            )
            if answer.status_code != 200:
                raise HttpError(answer.status_code, answer.headers)
            content = bytearray()
            # Raw, so that no encoding of the transfer can make it grow.
            while part := answer.raw.read(_SLICE_BYTES, decode_content=False):
                content += part
                if len(content) > LARGEST_BYTES:
                    raise HarvestError(f"{what}: larger than {LARGEST_BYTES >> 20} MB")
            return bytes(content)

    return transport.call(what, request, _BLOB_HOST.explain)


def put(
    url: str,
    body: bytes,
    parameters: Mapping[str, str],
    headers: Mapping[str, str],
    *,
    transport: Transport,
    tries: int,
) -> None:
    """Upload a part of a blob. Uploading the same part twice is harmless, so a failed upload is repeated."""

    def request() -> None:
        http.request("PUT", url, expected=201, data=body, params=dict(parameters), headers=dict(headers))

    transport.call("artifact blob", request, _BLOB_HOST.explain, tries=tries)
