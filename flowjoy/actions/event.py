"""What made this run, and what it may do. Knows event payloads; a payload that is missing gives no trust."""

from __future__ import annotations

import re
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

_PULL_REQUEST = "pull_request"
"""How the name of each event of a pull request begins: also `pull_request_target` and `pull_request_review`."""

_MERGE_GROUP, _WORKFLOW_RUN = "merge_group", "workflow_run"
_OF_BASE = frozenset({"pull_request_target", _WORKFLOW_RUN})
_DEPLOYMENTS = frozenset({"deployment", "deployment_status"})
_DEPENDABOT = "dependabot[bot]"
_FULL_SHA = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")


@dataclass(frozen=True, kw_only=True)
class RunEvent:
    """One run's event. `sha` is the commit whose checks it writes; `pull_request` its number, where it is one.

    `fork`: from another repository, or by Dependabot: no secrets, nothing is written outside the job.
    `trusted`: it may settle older checks, it sends alerts, and its ledger is believed. `commit_in_doubt`: the commit
    that must lie on the default branch for that, where the event does not say so; `distrust`: why it is not trusted.
    `proposes`: it is about code that asks to be merged: a pull request, a merge group (into `base_sha`), or a
    `workflow_run` of a pull request, which is looked for by `head` (`owner:branch`, where the payload names both).
    """

    event: str
    sha: str | None
    pull_request: int | None
    fork: bool
    trusted: bool
    commit_in_doubt: str | None = None
    distrust: str = ""
    base_sha: str | None = None
    proposes: bool = False
    head: str | None = None

    @property
    def of_pull_request(self) -> bool:
        """Whether the event is a pull request's, even if its payload does not say of which."""
        return self.event.startswith(_PULL_REQUEST)

    @property
    def proposes_its_workflow(self) -> bool:
        """Whether the run's workflow file is the proposal's own. For some events GitHub takes the base branch's."""
        return self.proposes and self.event not in _OF_BASE


def read(
    event: str,
    payload: Mapping[str, Any],
    *,
    sha: str | None,
    ref: str | None,
    repository: str,
    default_branch: str | None,
) -> RunEvent:
    """Return the trigger of a run. Without a known default branch nothing on it is trusted."""
    if event.startswith(_PULL_REQUEST):
        return _pull_request(event, payload, repository)
    if event == _WORKFLOW_RUN:
        return _after_a_run(_held(payload, _WORKFLOW_RUN), sha, repository, default_branch)
    if event == _MERGE_GROUP:
        group = _held(payload, _MERGE_GROUP)
        queued = _untrusted(event, _text(group.get("head_sha")), f"no run of the event {event} is")
        return replace(queued, base_sha=_text(group.get("base_sha")), proposes=True)
    deployed = _text(_held(payload, "deployment").get("sha")) if event in _DEPLOYMENTS else None
    branch = ref.removeprefix("refs/heads/") if ref is not None and ref.startswith("refs/heads/") else None
    return _judged(event, deployed or sha, branch, default_branch, is_tag=(ref or "").startswith("refs/tags/"))


def _after_a_run(run: Mapping[str, Any], sha: str | None, repository: str, default_branch: str | None) -> RunEvent:
    """The trigger of a `workflow_run`: it is about the commit of the run that ended.

    A run of a fork's pull request names no pull request: its head says whose it is.
    """
    commit, source = _text(run.get("head_sha")) or sha, str(_held(run, "head_repository").get("full_name", ""))
    owner, branch = source.partition("/")[0], _text(run.get("head_branch"))
    head = f"{owner}:{branch}" if owner and branch else None
    if source.lower() != repository.lower():
        theirs = _untrusted(_WORKFLOW_RUN, commit, "the run that ended is of a fork", fork=True)
        return replace(theirs, proposes=True, head=head)
    if _is_of_pull_request(run):
        people = [_held(run, person).get("login") for person in ("actor", "triggering_actor")]
        pulled = _untrusted(_WORKFLOW_RUN, commit, f"the run that ended is of the event {run.get('event')}")
        return replace(pulled, proposes=True, head=head, fork=_DEPENDABOT in people)
    if str(run.get("event", "")) not in TRUSTED_EVENTS:
        return _untrusted(_WORKFLOW_RUN, commit, f"the run that ended is of the event {run.get('event')}")
    # A tag may bear the name of the branch: GitHub is asked whose commit it is.
    return _judged(_WORKFLOW_RUN, commit, None, default_branch)


def _judged(
    event: str, sha: str | None, branch: str | None, default_branch: str | None, *, is_tag: bool = False
) -> RunEvent:
    """Trust as far as the event says it; what GitHub must be asked stays in doubt."""
    if event not in TRUSTED_EVENTS:
        return _untrusted(event, sha, f"no run of the event {event or 'unknown'} is")
    if default_branch is None:
        return _untrusted(event, sha, "the default branch is not known")
    if branch == default_branch:
        return RunEvent(event=event, sha=sha, pull_request=None, fork=False, trusted=True)
    if event == "push" and not is_tag:
        return _untrusted(event, sha, f"it is of a push to another branch than {default_branch}")
    return replace(_untrusted(event, sha, f"its commit is not on {default_branch}"), commit_in_doubt=sha)


def _untrusted(event: str, sha: str | None, reason: str, *, fork: bool = False) -> RunEvent:
    return RunEvent(event=event, sha=sha, pull_request=None, fork=fork, trusted=False, distrust=reason)


def missing(event: str, payload: Mapping[str, Any]) -> str | None:
    """Return the field that the payload must have and lacks; None where it says whose code the run is about."""
    if event.startswith(_PULL_REQUEST):
        pull = _held(payload, "pull_request")
        if not isinstance(pull.get("number"), int):
            return "pull_request.number"
        return None if _is_sha(_held(pull, "head").get("sha")) else "pull_request.head.sha"
    if event == _MERGE_GROUP:
        group = _held(payload, _MERGE_GROUP)
        return next((f"merge_group.{key}" for key in ("head_sha", "base_sha") if not _is_sha(group.get(key))), None)
    if event == _WORKFLOW_RUN:
        return _missing_of_run(_held(payload, _WORKFLOW_RUN))
    if event in _DEPLOYMENTS and not _is_sha(_held(payload, "deployment").get("sha")):
        return "deployment.sha"
    return None


def _missing_of_run(run: Mapping[str, Any]) -> str | None:
    """Null is a deleted fork only where the run belongs to a pull request: no other run comes from a fork."""
    if not _is_sha(run.get("head_sha")):
        return "workflow_run.head_sha"
    if _text(run.get("event")) is None:
        return "workflow_run.event"
    deleted_fork = "head_repository" in run and run["head_repository"] is None and _is_of_pull_request(run)
    named = _text(_held(run, "head_repository").get("full_name")) is not None
    return None if named or deleted_fork else "workflow_run.head_repository"


def _pull_request(event: str, payload: Mapping[str, Any], repository: str) -> RunEvent:
    pull = _held(payload, "pull_request")
    head = _held(pull, "head")
    source = str(_held(head, "repo").get("full_name", "")).lower()
    author = str(_held(pull, "user").get("login", ""))
    actor = str(_held(payload, "sender").get("login", ""))
    number = pull.get("number")
    return RunEvent(
        event=event,
        sha=_text(head.get("sha")),
        pull_request=number if isinstance(number, int) else None,
        fork=source != repository.lower() or _DEPENDABOT in (author, actor),
        trusted=False,
        distrust=f"no run of the event {event} is",
        proposes=True,
    )


def _is_of_pull_request(run: Mapping[str, Any]) -> bool:
    return str(run.get("event", "")).startswith(_PULL_REQUEST)


def _is_sha(value: object) -> bool:
    return isinstance(value, str) and _FULL_SHA.fullmatch(value) is not None


def _held(payload: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = payload.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
