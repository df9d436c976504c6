"""One way out: what is tried again, what is given up, and when. A real server on loopback, real clients."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from flowjoy.clients import transport as module
from flowjoy.clients.faults import Fault, HttpError, MalformedAnswerError, Service
from flowjoy.clients.transport import Budget, Transport, in_time
from flowjoy.errors import FaultKind, HarvestError, UnknownModelError
from tests.fakes.faults import Drip, EmptyBody, Garbage, Reset, Slow, Stall, Truncate
from tests.fakes.http_base import Answer, Request, StandIn

PATIENCE = 1.0
"""What one request may take in these tests, in seconds."""


class Server(StandIn):
    """Answers everything with one small object."""

    def answer(self, request: Request) -> Answer:
        return Answer(200, {"ok": True, "path": request.path})


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as stand_in:
        yield stand_in


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules are the same with eight seconds; only nobody waits for them here."""
    monkeypatch.setattr(module, "REQUEST_SECONDS", PATIENCE)
    monkeypatch.setattr(module, "_FIRST_PAUSE_SECONDS", 0.02)


explain = Service(name="the server", hints={FaultKind.OUTAGE: "look"}).explain


def asking(server: StandIn) -> Callable[[], Any]:
    """A request by a client without any deadline of its own."""

    def request() -> Any:
        response = requests.get(f"{server.url}/thing")  # noqa: S113  (the deadline is what is tested)
        if response.status_code != 200:
            raise HttpError(response.status_code, response.headers)
        return response.json()

    return request


def call(server: StandIn, *, seconds: float = 30, tries: int | None = None) -> Any:
    return Transport(Budget(seconds)).call("the thing", asking(server), explain, tries=tries)


def refusal(server: StandIn, **terms: Any) -> HarvestError:
    """How the call ends when it does not succeed."""
    with pytest.raises(HarvestError) as problem:
        call(server, **terms)
    return problem.value


def test_call__gives_the_answer(server: Server) -> None:
    assert call(server) == {"ok": True, "path": "/thing"}
    assert len(server.requests) == 1


SLOW = [Stall(30), Drip(1.0)]
QUICK = [Answer(502), Answer(503), Reset(), Truncate(), EmptyBody(), Garbage()]
PASSING = [*QUICK, *SLOW]


@pytest.mark.parametrize("fault", PASSING, ids=repr)
def test_call__one_passing_fault_and_then_the_same_answer_as_without_it(server: Server, fault: Any) -> None:
    server.fail("/thing", fault=fault)
    assert call(server) == {"ok": True, "path": "/thing"}
    assert len(server.requests) == 2


@pytest.mark.parametrize("fault", QUICK, ids=repr)
def test_call__a_fault_that_stays_is_given_up_after_three_tries(server: Server, fault: Any) -> None:
    server.fail("/thing", times=None, fault=fault)
    assert str(refusal(server)).startswith("the thing: ")
    assert len(server.requests) == 3


@pytest.mark.matrix
@pytest.mark.parametrize("fault", SLOW, ids=repr)
def test_call__what_is_waited_for_in_vain_is_asked_only_once_more(server: Server, fault: Any) -> None:
    server.fail("/thing", times=None, fault=fault)
    assert "no complete answer" in str(refusal(server))
    assert len(server.requests) == 2


def test_call__the_refusal_says_what_failed_and_what_to_do(server: Server) -> None:
    server.fail("/thing", times=None, fault=Answer(503))
    message = refusal(server)
    assert (str(message), message.hint) == ("the thing: the server answered 503", "look")
    assert (message.kind, message.is_transient) == (FaultKind.OUTAGE, True)


@pytest.mark.parametrize("status", [400, 401, 404])
def test_call__a_refusal_that_will_not_pass_is_not_tried_again(server: Server, status: int) -> None:
    server.fail("/thing", times=None, fault=Answer(status))
    message = refusal(server)
    assert str(status) in str(message)
    assert not message.is_transient
    assert len(server.requests) == 1


def test_call__as_many_tries_as_are_allowed(server: Server) -> None:
    server.fail("/thing", times=None, fault=Answer(503))
    refusal(server, tries=1)
    assert len(server.requests) == 1


@pytest.mark.parametrize(("fault", "said"), [
    (Garbage(), "is not the JSON that the API promises"),
    (EmptyBody(), "is not the JSON that the API promises"),
    (Truncate(), "no connection, or it broke"),
    (Reset(), "no connection, or it broke"),
    (Stall(30), "no complete answer within"),
    (Drip(1.0), "no complete answer within"),
], ids=repr)  # fmt: skip
def test_call__each_fault_is_said_in_words_that_fit_it(server: Server, fault: Any, said: str) -> None:
    server.fail("/thing", times=None, fault=fault)
    assert said in str(refusal(server, tries=1))


def test_call__a_port_where_nobody_listens_is_said_with_what_to_check(server: Server) -> None:
    server.close()
    message = refusal(server, tries=1)
    assert "no connection" in str(message)
    assert "check that the address is right" in message.hint


@pytest.mark.parametrize("fault", [Stall(30), Drip(10.0), Slow(30)], ids=repr)
def test_call__a_server_that_stalls_or_drips_is_left_at_the_request_deadline(server: Server, fault: Any) -> None:
    server.fail("/thing", times=None, fault=fault)
    begun = time.monotonic()
    refusal(server, tries=1)
    assert time.monotonic() - begun >= PATIENCE
    assert server.answered == 0


def test_call__a_slow_answer_within_the_deadline_is_an_answer(server: Server) -> None:
    server.fail("/thing", fault=Slow(PATIENCE / 4))
    assert call(server)["ok"] is True
    assert len(server.requests) == 1


class Clock:
    """Time that passes only where it is waited for."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_budget__all_tries_together_end_with_it(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    def stalls(_: Callable[[], Any], seconds: float) -> Any:
        given.append(seconds)
        clock.now += seconds
        raise TimeoutError

    monkeypatch.setattr(module, "in_time", stalls)
    with pytest.raises(HarvestError):
        Transport(Budget(PATIENCE * 1.5)).call("the thing", dict, explain)
    assert given == [PATIENCE, pytest.approx(PATIENCE * 0.5 - sum(clock.pauses))]
    assert clock.now == pytest.approx(PATIENCE * 1.5)


def test_budget__is_shared_by_every_call_and_when_it_is_used_up_nothing_is_asked(server: Server) -> None:
    shared = Transport(Budget(0.25))
    assert shared.call("first", asking(server), explain)["ok"] is True
    time.sleep(0.3)
    with pytest.raises(HarvestError, match="the time for the whole run was used up") as problem:
        shared.call("second", asking(server), explain)
    assert problem.value.hint == "raise timeout-seconds"
    assert len(server.requests) == 1


def test_budget__is_never_negative() -> None:
    assert Budget(-5).left() == 0
    assert 0 < Budget(5).left() <= 5


def test_call__pauses_grow_between_tries(server: Server, clock: Clock) -> None:
    server.fail("/thing", times=None, fault=Answer(503))
    refusal(server)
    # Twice as long the second time, each by up to a quarter shorter or longer.
    assert clock.pauses == [pytest.approx(0.02, rel=0.25), pytest.approx(0.04, rel=0.25)]


def test_call__a_malformed_answer_is_asked_for_again() -> None:
    answers: Iterator[Any] = iter([MalformedAnswerError("page 2 is empty"), "right"])

    def request() -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert Transport(Budget(5)).call("the list", request, explain) == "right"


def test_call__a_malformed_answer_that_stays_is_said() -> None:
    def request() -> Any:
        raise MalformedAnswerError("page 2 is empty")

    with pytest.raises(HarvestError, match="the list: page 2 is empty") as problem:
        Transport(Budget(5)).call("the list", request, explain)
    assert problem.value.is_transient


def test_call__a_refusal_from_within_is_raised_as_it_is_and_not_tried_again() -> None:
    tries: list[int] = []

    def request() -> Any:
        tries.append(1)
        raise UnknownModelError("no such model")

    with pytest.raises(UnknownModelError, match=r"^no such model$"):
        Transport(Budget(5)).call("the model", request, explain)
    assert len(tries) == 1


def test_call__the_vendor_s_own_kind_of_error_is_raised() -> None:
    def translated(problem: Exception) -> Fault:
        return Fault(kind=FaultKind.MISSING, problem="unknown", error=UnknownModelError)

    def request() -> Any:
        raise KeyError("recommender")

    with pytest.raises(UnknownModelError, match="the model: unknown"):
        Transport(Budget(5)).call("the model", request, translated)


def test_call__a_bug_stays_a_bug() -> None:
    def request() -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Transport(Budget(5)).call("the thing", request, explain)


def test_in_time__an_answer_of_none_is_an_answer() -> None:
    assert in_time(lambda: None, 1) is None


def test_in_time__the_thread_that_is_left_behind_does_not_keep_the_process() -> None:
    release = threading.Event()
    before = set(threading.enumerate())
    with pytest.raises(TimeoutError):
        in_time(lambda: release.wait(30), 0.05)
    left = set(threading.enumerate()) - before
    assert left
    assert all(thread.daemon for thread in left)
    release.set()
