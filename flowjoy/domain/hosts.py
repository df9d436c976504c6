"""Host names and addresses: their parts, and which of them are this machine or a private network."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

_LONGEST_ADDRESS = 255


def is_loopback(host: str | None) -> bool:
    """Return whether a host name or address is this machine."""
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_private(host: str | None) -> bool:
    """Return whether a host is named by an address of this machine or of a private network."""
    try:
        return ipaddress.ip_address(host or "").is_private
    except ValueError:
        return is_loopback(host)


def https_only(address: str | None) -> str | None:
    """Return an https address; None for any other text."""
    return address if address is not None and address.startswith("https://") else None


def split_address(text: str) -> SplitResult | None:
    """Return the parts of an address; None where it has none, or a port that cannot exist."""
    try:
        parts = urlsplit(text)
        is_possible = parts.port != 0
    except ValueError:
        return None
    return parts if is_possible else None


def base_url(text: str) -> str:
    """Return an https address (http on loopback only) without a slash at its end.

    Raise ValueError, with the form that is expected, for any other text and for an address with credentials.
    """
    is_plain = text.isprintable() and len(text) <= _LONGEST_ADDRESS
    parts = split_address(text) if is_plain else None
    if parts is None or not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("an address such as https://api.github.com, without credentials")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("an https address (http only on this machine)")
    return text.rstrip("/")
