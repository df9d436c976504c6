"""Facts about the run that wrote a ledger: whether it could decide, and the checks that it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypedDict

from flowjoy.analysis.promise import compliance, verdict
from flowjoy.domain import Decision, check_names
from flowjoy.domain.bundle import Bundle

_BLOCKED = timedelta(days=14)
"""How long runs look for checks to turn back: pull requests that no one touches for longer are rarely merged."""

_MASKED = "***"
"""Replaces a secret in a text, which is then no longer what its source sent."""


class RunChecks(TypedDict):
    """The records about runs and their checks."""

    decided_at: datetime | None
    blocked_at: datetime | None
    check_names: Mapping[str, datetime]
    checks_settled: Mapping[str, datetime]


def checks_of(bundle: Bundle) -> RunChecks:
    """Return what later runs need to bring the checks of open pull requests up to date."""
    at, terms = bundle.generated_at, bundle.terms
    scope = compliance.in_scope(bundle.obligations, bundle.window.since, at)
    decision = verdict.decide(bundle.coverage, scope, enforce=terms.enforce).decision
    blocks = decision is Decision.ERROR or (decision is Decision.FAIL and terms.enforce)
    blocked_at = at if blocks else _by(bundle.blocked_at, at)
    names = {name: min(when, at) for name, when in bundle.check_names.items()}
    if terms.check_name and not is_masked(terms.check_name):
        names[check_names.of_promise(terms.check_name, terms.sla_hours)] = at
    return RunChecks(
        decided_at=_by(bundle.decided_at, at) if decision is Decision.ERROR else at,
        blocked_at=blocked_at if blocked_at is not None and at - blocked_at <= _BLOCKED else None,
        check_names=names,
        checks_settled={key: min(when, at) for key, when in bundle.checks_settled.items()},
    )


def is_masked(value: object) -> bool:
    """Return whether redaction removed a secret from a value."""
    return _MASKED in repr(value)


def _by(stamp: datetime | None, at: datetime) -> datetime | None:
    """Return a time that a ledger remembers, which cannot be after it was written."""
    return None if stamp is None else min(stamp, at)
