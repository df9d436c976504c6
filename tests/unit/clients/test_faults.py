"""The one mapping from an error status to a kind of fault, its pause and its hint."""

from __future__ import annotations

import time

import pytest

from flowjoy.clients.faults import HttpError, Service
from flowjoy.errors import FaultKind

SERVICE = Service(name="Acme", hints={FaultKind.AUTH: "check acme-token", FaultKind.REFUSED: "check acme-url"})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, FaultKind.MALFORMED),
        (204, FaultKind.MALFORMED),
        (302, FaultKind.REFUSED),
        (400, FaultKind.REFUSED),
        (401, FaultKind.AUTH),
        (403, FaultKind.PERMISSION),
        (404, FaultKind.MISSING),
        (408, FaultKind.OUTAGE),
        (409, FaultKind.CONFLICT),
        (422, FaultKind.REFUSED),
        (429, FaultKind.RATE_LIMIT),
        (500, FaultKind.OUTAGE),
        (503, FaultKind.OUTAGE),
    ],
)
def test_kind__follows_from_the_status(status: int, kind: FaultKind) -> None:
    error = HttpError(status, {})
    fault = SERVICE.fault_of(error)
    assert (error.kind, fault.kind) == (kind, kind)
    assert str(status) in fault.problem


@pytest.mark.parametrize(
    ("headers", "message", "kind"),
    [
        ({"Retry-After": "5"}, "", FaultKind.RATE_LIMIT),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}, "", FaultKind.RATE_LIMIT),
        ({}, "You have exceeded a secondary Rate Limit", FaultKind.RATE_LIMIT),
        ({"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "1"}, "", FaultKind.PERMISSION),
        ({"ratelimit-reset": "5"}, "", FaultKind.PERMISSION),
        ({"Retry-After": "soon"}, "", FaultKind.PERMISSION),
    ],
)
def test_kind__of_403_is_a_rate_limit_where_the_answer_says_so(
    headers: dict[str, str], message: str, kind: FaultKind
) -> None:
    assert HttpError(403, headers, message).kind is kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"RETRY-AFTER": "0.5"}, 0.5),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"ratelimit-reset": "3", "Retry-After": "7"}, 3.0),
        ({}, None),
    ],
)
def test_pause__is_that_of_the_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert HttpError(429, headers).wait_seconds == seconds
    assert SERVICE.fault_of(HttpError(429, headers)).wait_seconds == seconds


def test_pause__until_a_used_up_limit_resets() -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3600)}
    wait = HttpError(403, headers).wait_seconds
    assert wait is not None
    assert wait == pytest.approx(3600, abs=60)


def test_pause__is_asked_for_by_rate_limits_only() -> None:
    assert SERVICE.fault_of(HttpError(503, {"Retry-After": "7"})).wait_seconds is None


def test_transient__are_the_kinds_that_may_pass() -> None:
    assert {kind for kind in FaultKind if kind.is_transient} == {
        FaultKind.RATE_LIMIT,
        FaultKind.OUTAGE,
        FaultKind.UNREACHABLE,
        FaultKind.MALFORMED,
    }


def test_hint__is_that_of_the_service() -> None:
    assert SERVICE.fault_of(HttpError(401, {})).hint == "check acme-token"
    assert SERVICE.fault_of(HttpError(418, {})).hint == "check acme-url"
    assert SERVICE.fault_of(HttpError(429, {})).hint == "run again later"


def test_message__of_the_server_is_shortened_and_said_where_it_explains() -> None:
    assert "why" in SERVICE.fault_of(HttpError(403, {}, "why")).problem
    assert "why" not in SERVICE.fault_of(HttpError(401, {}, "why")).problem
    assert len(SERVICE.fault_of(HttpError(400, {}, "x" * 5000)).problem) < 300


def test_explain__leaves_other_exceptions_alone() -> None:
    assert SERVICE.explain(KeyError("x")) is None


def test_error__names_request_problem_hint_and_kind() -> None:
    error = SERVICE.fault_of(HttpError(401, {})).of("Acme /things")
    assert str(error).startswith("Acme /things: Acme ")
    assert (error.hint, error.kind, error.is_transient) == ("check acme-token", FaultKind.AUTH, False)
