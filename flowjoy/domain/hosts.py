"""Host names and addresses: which of them are this machine, or a private network."""

from __future__ import annotations

import ipaddress


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
