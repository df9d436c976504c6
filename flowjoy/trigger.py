"""What made this run, and what it may do. Knows event payloads; a payload that is missing gives no trust."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

TRUSTED_EVENTS = frozenset(
    {
        "push",
        "schedule",
        "workflow_dispatch",
        "repository_dispatch",
        "release",
        "deployment",
        "deployment_status",
        "workflow_run",
    }
)
"""What a run of these events says is believed by later ones, where its head commit lies on the default branch."""

_PULL_REQUESTS = frozenset({"pull_request", "pull_request_target"})


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """One run's event. `sha` is the commit whose checks it writes; `pull_request` its number, where it is one.

    `fork`: from another repository, or by Dependabot: no secrets, nothing is written outside the job.
    `trusted`: it may settle older checks, it sends alerts, and its ledger is believed. `commit_in_doubt`: the commit
    that must lie on the default branch for that, where the event does not say so; `distrust`: why it is not trusted.
    """

    event: str
    sha: str | None
    pull_request: int | None
    fork: bool
    trusted: bool
    commit_in_doubt: str | None = None
    distrust: str = ""

    @property
    def of_pull_request(self) -> bool:
        """Whether the event is a pull request's, even if its payload does not say of which."""
        return self.event in _PULL_REQUESTS


def read(
    event: str,
    payload: Mapping[str, Any],
    *,
    sha: str | None,
    ref: str | None,
    repository: str,
    default_branch: str | None,
) -> Trigger:
    """The trigger of a run from what the runner tells. Without a known default branch nothing on it is trusted."""
    if event in _PULL_REQUESTS:
        return _pull_request(event, payload, repository)
    run = _held(payload, "workflow_run")
    if event == "workflow_run":
        return _after_a_run(run, sha, repository, default_branch)
    deployed = _text(_held(payload, "deployment").get("sha")) if event in ("deployment", "deployment_status") else None
    branch = ref.removeprefix("refs/heads/") if ref is not None and ref.startswith("refs/heads/") else None
    return _judged(event, deployed or sha, branch, default_branch, is_tag=(ref or "").startswith("refs/tags/"))


def _after_a_run(run: Mapping[str, Any], sha: str | None, repository: str, default_branch: str | None) -> Trigger:
    """The trigger of a `workflow_run`: it is about the commit of the run that ended."""
    head = _text(run.get("head_sha")) or sha
    if str(_held(run, "head_repository").get("full_name", "")).lower() != repository.lower():
        return _untrusted("workflow_run", head, "the run that ended is of a fork", fork=True)
    if str(run.get("event", "")) not in TRUSTED_EVENTS:
        return _untrusted("workflow_run", head, f"the run that ended is of the event {run.get('event')}")
    # A tag may bear the name of the branch: GitHub is asked whose commit it is.
    return _judged("workflow_run", head, None, default_branch)


def _judged(
    event: str, sha: str | None, branch: str | None, default_branch: str | None, *, is_tag: bool = False
) -> Trigger:
    """Trust as far as the event says it; what GitHub must be asked stays in doubt."""
    if event not in TRUSTED_EVENTS:
        return _untrusted(event, sha, f"no run of the event {event or 'unknown'} is")
    if default_branch is None:
        return _untrusted(event, sha, "the default branch is not known")
    if branch == default_branch:
        return Trigger(event=event, sha=sha, pull_request=None, fork=False, trusted=True)
    if event == "push" and not is_tag:
        return _untrusted(event, sha, f"it is of a push to another branch than {default_branch}")
    return replace(_untrusted(event, sha, f"its commit is not on {default_branch}"), commit_in_doubt=sha)


def _untrusted(event: str, sha: str | None, reason: str, *, fork: bool = False) -> Trigger:
    return Trigger(event=event, sha=sha, pull_request=None, fork=fork, trusted=False, distrust=reason)


def _pull_request(event: str, payload: Mapping[str, Any], repository: str) -> Trigger:
    pull = _held(payload, "pull_request")
    head = _held(pull, "head")
    source = str(_held(head, "repo").get("full_name", "")).lower()
    author = str(_held(pull, "user").get("login", ""))
    actor = str(_held(payload, "sender").get("login", ""))
    number = pull.get("number")
    return Trigger(
        event=event,
        sha=_text(head.get("sha")),
        pull_request=number if isinstance(number, int) else None,
        fork=source != repository.lower() or "dependabot[bot]" in (author, actor),
        trusted=False,
        distrust=f"no run of the event {event} is",
    )


def _held(payload: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = payload.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
