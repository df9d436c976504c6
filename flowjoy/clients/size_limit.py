"""Limits the decoded size of every answer: a megabyte of gzip must not become gigabytes of memory.

PyGithub, MLflow, the Databricks SDK and FlowJoy's own sessions all read through the adapter of `requests`, Slack's
clients through the installed opener of `urllib`. The clients create their sessions themselves, so the limit is set
in these two places.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPResponse
from io import BytesIO
from typing import Any
from urllib.request import BaseHandler, Request
from urllib.response import addinfourl

LARGEST_ANSWER_BYTES = 32 << 20


Listener = Callable[[str, Mapping[str, str], float], None]
"""Takes the address, the headers and the time (seconds of the epoch) of an answer."""

_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call the listener with every answer to a session of `requests` in this context."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


class OversizeError(Exception):
    """An answer is larger than LARGEST_ANSWER_BYTES; the rest of it was not read."""

    def __init__(self) -> None:
        super().__init__(f"the answer is larger than {LARGEST_ANSWER_BYTES >> 20} MiB")


class _BoundedBody:
    """A response of urllib3 that counts what it decodes. Raw reads in pieces are bounded by their callers."""

    def __init__(self, raw: Any) -> None:
        self._raw, self._decoded = raw, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def stream(self, amt: int | None = 1 << 16, decode_content: bool | None = None) -> Iterator[bytes]:  # noqa: FBT001  (urllib3's own signature)
        """Yield the body in pieces of `amt` bytes. Raises OversizeError."""
        for part in self._raw.stream(amt, decode_content=decode_content):
            yield self._counted(part)

    def read(self, amt: int | None = None, decode_content: bool | None = None, **more: Any) -> bytes:  # noqa: FBT001  (urllib3's own signature)
        """Return up to `amt` bytes of the body. Raises OversizeError."""
        if amt is None:
            return self._counted(self._raw.read(LARGEST_ANSWER_BYTES + 1, decode_content=decode_content, **more))
        part: bytes = self._raw.read(amt, decode_content=decode_content, **more)
        return part if decode_content is False else self._counted(part)

    def _counted(self, part: bytes) -> bytes:
        self._decoded += len(part)
        if self._decoded > LARGEST_ANSWER_BYTES:
            self._raw.close()
            raise OversizeError
        return part


def bound_requests() -> None:
    """Limit the answers of every session of `requests` in this process, including sessions of other libraries."""
    from requests.adapters import HTTPAdapter

    build: Any = HTTPAdapter.build_response
    if getattr(build, "is_bounded", False):
        return

    def build_bounded(adapter: Any, request: Any, raw: Any) -> Any:
        for listener in _listeners:
            listener(str(request.url), raw.headers, time.time())
        return build(adapter, request, _BoundedBody(raw))

    build_bounded.is_bounded = True  # type: ignore[attr-defined]  # a mark, so that it is done once
    HTTPAdapter.build_response = build_bounded  # type: ignore[assignment, method-assign]  # the clients make the adapters


class BoundedOpener(BaseHandler):
    """Reads the answers of `urllib`, including errors, up to the limit before they are processed."""

    handler_order = 400  # before the processor that raises the errors

    def http_response(self, _: Request, response: HTTPResponse) -> addinfourl:
        """Return the same response with its body read. Raises OversizeError."""
        declared = response.length
        if declared is not None and declared > LARGEST_ANSWER_BYTES:
            response.close()
            raise OversizeError
        # Only a read without a size notices that the body is shorter than declared.
        body = response.read() if declared is not None else response.read(LARGEST_ANSWER_BYTES + 1)
        if len(body) > LARGEST_ANSWER_BYTES:
            response.close()
            raise OversizeError
        answer = addinfourl(BytesIO(body), response.headers, response.url, response.status)
        answer.msg = response.msg  # type: ignore[attr-defined]  # where urllib keeps the reason
        return answer

    https_response = http_response


def oversize_in(problem: BaseException) -> OversizeError | None:
    """Return the OversizeError that a client has wrapped into an exception of its own."""
    seen: BaseException | None = problem
    while seen is not None and not isinstance(seen, OversizeError):
        seen = seen.__cause__ or seen.__context__
    return seen
