"""What every test stands on: no test leaves this machine."""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, settings

from flowjoy.clients import transport
from tests.fakes.registry import Registry, served

# The same examples each time, so that no change fails for what it did not touch; `make hunt` looks for new ones.
settings.register_profile("house", deadline=None, derandomize=True)
settings.register_profile("hunt", deadline=None, print_blob=True)
settings.register_profile("unshrunk", phases=(Phase.explicit, Phase.generate), deadline=None, derandomize=True)
settings.load_profile("house")

_GUARDED = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"}
_OURS = {"", "localhost", socket.gethostname()}
_NOWHERE = (".localhost", ".invalid", ".test", ".example")  # RFC 6761: names that lead to no machine

_left_the_machine: list[str] = []


def _stays_here(host: object) -> bool:
    """Whether a host is in 127.0.0.0/8, is ::1, or is a name that can only mean this machine or none."""
    name = host.decode(errors="replace") if isinstance(host, bytes) else str(host or "")
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return name in _OURS or name.endswith(_NOWHERE)


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Python's audit hook: it sees every socket of this process, whoever opened it."""
    if event not in _GUARDED:
        return
    address = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
    host = address[0] if isinstance(address, tuple) else address
    on_a_path = event != "socket.getaddrinfo" and not isinstance(address, tuple)  # a Unix socket, or connected before
    if not on_a_path and not _stays_here(host):
        _left_the_machine.append(f"{event} {address!r}")
        raise PermissionError(f"a test must not leave this machine: {event} {address!r}")


sys.addaudithook(_watch)


@pytest.fixture(autouse=True)
def no_internet() -> Iterator[None]:
    """Fails the test that tried, also where the code under test swallowed the refusal."""
    _left_the_machine.clear()
    yield
    tried, _left_the_machine[:] = list(_left_the_machine), []
    assert not tried, f"left this machine: {tried}"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries on loopback, half a second is of no use."""
    monkeypatch.setattr(transport, "_FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """The one real server: the tests that use it run on one worker, so that it is started once."""
    with served(tmp_path_factory.mktemp("mlflow-server")) as registry:
        yield registry


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Group the tests of the real server. pytest-xdist 3.8 names the group where pytest 9.2 no longer reads it."""
    for item in items:
        if "mlflow_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("mlflow"))
    yield
    for item in items:
        if "_nodeid" in vars(item):
            item._id = item.id.parse(item._nodeid)  # type: ignore[attr-defined]  # set by pytest-xdist
