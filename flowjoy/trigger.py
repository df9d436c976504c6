"""What made this run, and what it may do. Knows event payloads; a payload that is missing gives no trust."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TRUSTED_ON_DEFAULT_BRANCH = frozenset({"push", "schedule", "workflow_dispatch", "repository_dispatch"})
_TRUSTED = frozenset({"release", "deployment", "deployment_status", "workflow_run"})
_PULL_REQUESTS = frozenset({"pull_request", "pull_request_target"})


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """One run's event. `sha` is the commit whose checks it writes; `pull_request` its number, where it is one.

    `fork`: from another repository, or by Dependabot: no secrets, nothing is written outside the job.
    `trusted`: it may settle older checks and its ledger is believed.
    """

    event: str
    sha: str | None
    pull_request: int | None
    fork: bool
    trusted: bool

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
        ours = str(_held(run, "head_repository").get("full_name", "")).lower() == repository.lower()
        pulled = str(run.get("event", "")).startswith("pull_request")
        return Trigger(
            event=event,
            sha=_text(run.get("head_sha")) or sha,
            pull_request=None,
            fork=not ours,
            trusted=ours and not pulled,
        )
    deployed = _text(_held(payload, "deployment").get("sha")) if event in ("deployment", "deployment_status") else None
    on_default = default_branch is not None and ref == f"refs/heads/{default_branch}"
    return Trigger(
        event=event,
        sha=deployed or sha,
        pull_request=None,
        fork=False,
        trusted=is_trusted(event, on_default_branch=on_default),
    )


def is_trusted(event: str, *, on_default_branch: bool) -> bool:
    """Whether what a run of this repository with this event says is believed by later ones."""
    return event in _TRUSTED or (event in _TRUSTED_ON_DEFAULT_BRANCH and on_default_branch)


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
    )


def _held(payload: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = payload.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
