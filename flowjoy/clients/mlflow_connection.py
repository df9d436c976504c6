"""Faults of a registry that cannot be reached: the name, the port, the proxy or TLS."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from flowjoy.clients.faults import Fault
from flowjoy.errors import FaultKind

REACH = "check mlflow-tracking-uri, and that the runner may reach it"
CERTIFICATE = (
    "set MLFLOW_TRACKING_SERVER_CERT_PATH (or, for every service, REQUESTS_CA_BUNDLE) to a file in the workspace "
    "that holds the certificate of your authority"
)


def explain_unreachable(problem: Exception, uri: str) -> Fault | None:
    """Return why there was no answer at all; None if there was one."""
    import requests
    import urllib3

    chain = list(_chain(problem))
    tls = next((item for item in chain if isinstance(item, ssl.SSLError)), None)
    lost = [item for item in chain if isinstance(item, OSError | urllib3.exceptions.HTTPError)]
    if not lost:
        return None
    asked: list[Any] = [getattr(item, "request", None) for item in chain]
    host = shown_host(next((str(request.url) for request in asked if request is not None), uri))
    if tls is not None or any(isinstance(item, requests.exceptions.SSLError) for item in lost):
        return _of_tls(tls, host)
    why, hint = _why(lost)
    slow = any(isinstance(item, requests.exceptions.Timeout) for item in lost)
    return Fault(kind=FaultKind.UNREACHABLE, problem=f"{host} could not be reached: {why}", hint=hint, slow=slow)


def _why(lost: list[Any]) -> tuple[str, str]:
    """Return the cause of a connection that failed, and the cure."""
    import requests

    if any(isinstance(item, requests.exceptions.ProxyError) for item in lost):
        return "the proxy did not let it through", "check HTTP_PROXY, HTTPS_PROXY and NO_PROXY"
    if any(isinstance(item, socket.gaierror) for item in lost):
        return (
            "the host is unknown",
            "check the name in mlflow-tracking-uri; a name of your own network needs a runner inside it",
        )
    if any(isinstance(item, ConnectionRefusedError) for item in lost):
        return "the connection was refused", f"{REACH}; check the port, and that the server is up"
    if any(isinstance(item, TimeoutError | requests.exceptions.Timeout) for item in lost):
        return "no answer came in time", f"{REACH}; an address of your own network needs a runner inside it"
    return f"the connection broke ({type(lost[0]).__name__})", REACH


def _of_tls(problem: ssl.SSLError | None, host: str) -> Fault:
    """Return the fault of TLS: the certificate, its name, its date, or no TLS at all."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        text = f"the certificate of {host} is not trusted ({problem.verify_message})"
        if problem.verify_code == _EXPIRED:
            return Fault(kind=FaultKind.UNTRUSTED, problem=text, hint="renew the certificate of the server")
        if problem.verify_code == _OTHER_NAME:
            return Fault(
                kind=FaultKind.UNTRUSTED,
                problem=text,
                hint="write the name that the certificate carries in mlflow-tracking-uri",
            )
        return Fault(kind=FaultKind.UNTRUSTED, problem=text, hint=CERTIFICATE)
    reason = problem.reason if problem is not None else None
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"):
        return Fault(
            kind=FaultKind.UNTRUSTED,
            problem=f"{host} does not speak TLS ({reason})",
            hint="write http:// in mlflow-tracking-uri (with credentials, also set mlflow-allow-http), or serve https",
        )
    client = "set MLFLOW_TRACKING_CLIENT_CERT_PATH to a file in the workspace with certificate and key"
    if reason is not None and "CERTIFICATE_REQUIRED" in reason:
        return Fault(kind=FaultKind.UNTRUSTED, problem=f"{host} asks for a client certificate", hint=client)
    if isinstance(problem, ssl.SSLEOFError):
        hint = (
            f"{REACH}; where it does not serve https, write http://; where it asks for a client certificate, {client}"
        )
        return Fault(
            kind=FaultKind.UNREACHABLE, problem=f"{host} closed the connection before it was encrypted", hint=hint
        )
    return Fault(
        kind=FaultKind.UNTRUSTED,
        problem=f"the connection to {host} is not trusted ({reason or 'TLS'})",
        hint=CERTIFICATE,
    )


_EXPIRED, _OTHER_NAME = 10, 62  # OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_HOSTNAME_MISMATCH


def _chain(problem: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what led to it; urllib3 keeps some of that among the arguments."""
    waiting: list[object] = [problem]
    seen: set[int] = set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, BaseException) and id(item) not in seen:
            seen.add(id(item))
            yield item
            waiting += [*item.args, item.__context__, item.__cause__]


def shown_host(address: str) -> str:
    """Return scheme, host and port of an address, as they may be shown."""
    parts = urlsplit(address.removeprefix("uc:"))
    netloc = re.sub(r"[^\w.:\[\]-]", "", parts.netloc.rpartition("@")[2])[:120]
    return f"{parts.scheme}://{netloc}" if netloc else "the registry"
