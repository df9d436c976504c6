"""Blobs behind signed addresses: no token, no redirects, known hosts, bounded size. Knows HTTP, no artifact.

A signed address is a credential: it appears in no message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flowjoy.clients.transport import Fault, MalformedAnswerError, Transport
from flowjoy.domain.hosts import is_loopback
from flowjoy.errors import HarvestError

LARGEST_BYTES = 50 << 20
_PLAIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[!-\[\]-~]*)?")
_HOSTS = (".blob.core.windows.net", ".githubusercontent.com")
_TIMEOUT_SECONDS = (4, 8)
_SLICE = 1 << 16


class BlobRefusalError(Exception):
    """The host answered with another status than the one that means success."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"the host answered {status}")


def check_host(address: str, service: str, *, hosts: tuple[str, ...] = _HOSTS, owner: str = "GitHub") -> str:
    """The address itself. HarvestError unless it leads to one of the `hosts` of `owner`, or to the host of `service`.

    A service on this machine may send on to this machine.
    """
    # Clients do not agree on what a backslash or a blank in an address means.
    if not _PLAIN.fullmatch(address):
        raise HarvestError("a signed address is no address")
    asked, home = urlsplit(address), urlsplit(service)
    host = asked.hostname or ""
    known = asked.scheme == "https" and host.endswith(hosts)
    same = asked.scheme == home.scheme and host == home.hostname
    local = is_loopback(home.hostname) and asked.scheme == "http" and is_loopback(host)
    if not (known or same or local) or asked.username or asked.password:
        raise HarvestError(f"a signed address leads to a host that is not {owner}'s ({host[:100] or 'none'})")
    return address


def get(address: str, what: str, transport: Transport) -> bytes:
    """The blob. HarvestError when it is larger than LARGEST_BYTES, cut short or does not come."""

    def request() -> bytes:
        with plain_session() as session:
            answer = session.get(
                address,
                headers={"Accept-Encoding": "identity"},
                allow_redirects=False,
                stream=True,
                timeout=_TIMEOUT_SECONDS,
            )
            if answer.status_code != 200:
                raise BlobRefusalError(answer.status_code)
            held = bytearray()
            # Raw, so that no encoding of the transfer can make it grow.
            while part := answer.raw.read(_SLICE, decode_content=False):
                held += part
                if len(held) > LARGEST_BYTES:
                    raise HarvestError(f"{what}: larger than {LARGEST_BYTES >> 20} MB")
            if answer.headers.get("Content-Length", str(len(held))) != str(len(held)):
                raise MalformedAnswerError("the blob is cut short")
            return bytes(held)

    return transport.call(what, request, explain)


def put(
    address: str,
    body: bytes,
    *,
    parameters: Mapping[str, str],
    headers: Mapping[str, str],
    what: str,
    transport: Transport,
    tries: int,
) -> None:
    """Send a part of a blob: the same part again does no harm, so a failing one is repeated."""

    def request() -> None:
        with plain_session() as session:
            answer = session.put(
                address,
                data=body,
                params=dict(parameters),
                headers=dict(headers),
                allow_redirects=False,
                timeout=_TIMEOUT_SECONDS,
            )
            if answer.status_code != 201:
                raise BlobRefusalError(answer.status_code)

    transport.call(what, request, explain, tries=tries)


def explain(problem: Exception) -> Fault | None:
    """What a refusal means to a user."""
    if not isinstance(problem, BlobRefusalError):
        return None
    passing = problem.status >= 500 or problem.status in (408, 429)
    return Fault(problem=str(problem), hint="see githubstatus.com" if passing else "run again", passing=passing)


def plain_session() -> Any:
    """A session of `requests` that sends the credentials it is given, and no others."""
    import requests

    session = requests.Session()
    session.auth = _no_credentials  # or requests takes some from a .netrc, which the host must not get
    return session


def _no_credentials(request: Any) -> Any:
    return request
