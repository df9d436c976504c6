"""Translates errors of Slack into faults. Slack often answers 200 with an error code."""

from __future__ import annotations

import re
from http.client import HTTPException

from flowjoy.clients.faults import Fault, HttpError, Service
from flowjoy.errors import FaultKind

_HINTS = {
    "channel_not_found": "invite the bot (/invite @name in the channel), or check slack-channel",
    "not_in_channel": "invite the bot: /invite @name in the channel",
    "is_archived": "the channel is archived: set slack-channel to another",
    "channel_is_archived": "the channel is archived: make a webhook for another",
    "invalid_auth": "check slack-token: the bot token of the app, xoxb-…",
    "not_authed": "check slack-token: the bot token of the app, xoxb-…",
    "account_inactive": "the app was removed: install it again, and set slack-token",
    "token_revoked": "the token was revoked: install the app again, and set slack-token",  # nosec B105  (a hint, not a password)
    "missing_scope": "give the app this scope and install it again",
    "msg_blocks_too_long": "please report this",
    "invalid_blocks": "please report this",
    "no_service": "the webhook was removed: make a new one, and set slack-webhook-url",
    "invalid_token": "check slack-webhook-url",  # nosec B105  (a hint, not a password)
}


_KINDS = {
    **dict.fromkeys(
        ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "invalid_token"), FaultKind.AUTH
    ),
    **dict.fromkeys(("missing_scope", "not_in_channel"), FaultKind.PERMISSION),
    **dict.fromkeys(("channel_not_found", "no_service"), FaultKind.MISSING),
    **dict.fromkeys(("thread_not_found", "message_not_found"), FaultKind.GONE),
}
_OUTAGES = frozenset({"internal_error", "fatal_error", "service_unavailable"})
_SLACK = Service(name="Slack", hints={FaultKind.OUTAGE: "see slack-status.com"})


def explain(problem: Exception) -> Fault | None:
    """Return the fault behind an exception of Slack's client, None for any other exception."""
    from slack_sdk.errors import SlackApiError

    if isinstance(problem, SlackApiError):
        answer = problem.response
        needed = str(answer.get("needed") or "")
        scope = f": {needed}" if re.fullmatch(r"[a-z:,._]{1,100}", needed) else ""
        return _fault(HttpError(int(answer.status_code), answer.headers, str(answer.get("error") or "")), scope)
    if isinstance(problem, HttpError):
        return _fault(problem, "")
    if isinstance(problem, HTTPException):
        text = f"the answer broke off ({type(problem).__name__})"
        return Fault(kind=FaultKind.UNREACHABLE, problem=text, hint="run again")
    return None


def is_rate_limit(problem: Exception) -> bool:
    """Return whether Slack limited the rate, so that the request was certainly not carried out."""
    fault = explain(problem)
    return fault is not None and fault.kind is FaultKind.RATE_LIMIT


def _fault(error: HttpError, scope: str) -> Fault:
    """Return the fault behind an error. Slack often answers 200 with an error code; other texts are not repeated."""
    code = error.message if re.fullmatch(r"[a-z_]{1,60}", error.message) else ""
    if code == "ratelimited":
        error = HttpError(429, error.headers)
    if error.kind in (FaultKind.RATE_LIMIT, FaultKind.OUTAGE):
        return _SLACK.fault_of(error)
    if code in _OUTAGES:
        return _SLACK.fault(FaultKind.OUTAGE, code)
    if 300 <= error.status < 400 or (error.status == 200 and not code):
        problem = "Slack's answer is not what its API promises"
        return Fault(kind=FaultKind.MALFORMED, problem=problem, hint="run again")
    return Fault(
        kind=_KINDS.get(code, FaultKind.REFUSED),
        problem=f"Slack refused ({code or error.status}{scope})",
        hint=_HINTS.get(code, "look this error up at docs.slack.dev"),
    )
