"""FlowJoy's own HTTP requests: no credentials but those given, no redirects, one timeout."""

from __future__ import annotations

from typing import Any

from flowjoy.clients.faults import HttpError

TIMEOUT_SECONDS = (4, 8)
"""To connect, and between two bytes; the transport bounds the whole request."""


def new_session() -> Any:
    """Return a session of `requests` that sends the credentials it is given, and no others."""
    import requests

    session = requests.Session()
    session.auth = _no_credentials  # or requests takes some from a .netrc
    return session


SUCCESS = range(200, 300)


def request(method: str, address: str, *, expected: int | range = 200, message_key: str = "", **content: Any) -> Any:
    """Return the answer to one request. Raise HttpError unless its status is, or is among, the `expected`.

    `message_key`: the key of an error's explanation in a JSON body; none is read without it.
    """
    with new_session() as session:
        answer = session.request(method, address, allow_redirects=False, timeout=TIMEOUT_SECONDS, **content)
    if answer.status_code not in (expected if isinstance(expected, range) else (expected,)):
        raise HttpError(answer.status_code, answer.headers, _message(answer, message_key) if message_key else "")
    return answer


def _message(answer: Any, key: str) -> str:
    try:
        return str(answer.json()[key])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _no_credentials(request: Any) -> Any:
    return request
