"""The event of a run, and the trust that it gives. Without a payload, a run is not trusted."""

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
"""Later runs believe the ledger of a run of these events, if its commit is on the default branch."""

_PULL_REQUEST = "pull_request"
"""The prefix of every event of a pull request: also `pull_request_target` and `pull_request_review`."""

_MERGE_GROUP, _WORKFLOW_RUN = "merge_group", "workflow_run"
_OF_BASE = frozenset({"pull_request_target", _WORKFLOW_RUN})
_DEPLOYMENTS = frozenset({"deployment", "deployment_status"})
_DEPENDABOT = "dependabot[bot]"
_FULL_SHA = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")


@dataclass(frozen=True, kw_only=True)
class RunEvent:
    """The event of one run. `sha` is the commit that its checks are written for, `pull_request` the number, if any.

    `fork`: from another repository, or by Dependabot: without secrets, and nothing is written outside the job.
    `trusted`: it may settle older checks, it sends alerts, and later runs believe its ledger. `unverified_commit`: the
    commit that must be on the default branch for that, where the event does not show it; `distrust`: why the run is
    not trusted. `proposes`: it is about code that is to be merged: a pull request, a merge group (into `base_sha`), or
    a `workflow_run` of a pull request, which is found by `head` (`owner:branch`, where the payload names both).
    """

    event: str
    sha: str | None
    pull_request: int | None
    fork: bool
    trusted: bool
    unverified_commit: str | None = None
    distrust: str = ""
    base_sha: str | None = None
    proposes: bool = False
    head: str | None = None

    @property
    def of_pull_request(self) -> bool:
        """Whether the event is one of a pull request, even if its payload does not name the pull request."""
        return self.event.startswith(_PULL_REQUEST)

    @property
    def may_be_off_branch(self) -> bool:
        """Whether its commit may be off the default branch: it is then compared with it, like a proposal."""
        return self.sha is not None and not (self.trusted or self.proposes or self.fork)

    @property
    def brings_its_workflow(self) -> bool:
        """Whether the workflow file of the run is that of its commit, and not that of the base branch."""
        return not self.trusted and self.event not in _OF_BASE


def read(
    event: str,
    payload: Mapping[str, Any],
    *,
    sha: str | None,
    ref: str | None,
    repository: str,
    default_branch: str | None,
) -> RunEvent:
    """Return the event of a run. Without a known default branch, a run on it is not trusted."""
    if event.startswith(_PULL_REQUEST):
        return _pull_request(event, payload, repository)
    if event == _WORKFLOW_RUN:
        return _after_a_run(_mapping(payload, _WORKFLOW_RUN), sha, repository, default_branch)
    if event == _MERGE_GROUP:
        group = _mapping(payload, _MERGE_GROUP)
        queued = _untrusted(event, _text(group.get("head_sha")), f"no run of the event {event} is")
        return replace(queued, base_sha=_text(group.get("base_sha")), proposes=True)
    deployed = _text(_mapping(payload, "deployment").get("sha")) if event in _DEPLOYMENTS else None
    branch = ref.removeprefix("refs/heads/") if ref is not None and ref.startswith("refs/heads/") else None
    return _judged(event, deployed or sha, branch, default_branch, is_tag=(ref or "").startswith("refs/tags/"))


def _after_a_run(run: Mapping[str, Any], sha: str | None, repository: str, default_branch: str | None) -> RunEvent:
    """Return the event of a `workflow_run`, which is about the commit of the run that ended.

    A run of a pull request from a fork does not name the pull request: its head identifies it.
    """
    commit, source = _text(run.get("head_sha")) or sha, str(_mapping(run, "head_repository").get("full_name", ""))
    owner, branch = source.partition("/")[0], _text(run.get("head_branch"))
    head = f"{owner}:{branch}" if owner and branch else None
    if source.lower() != repository.lower():
        foreign = _untrusted(_WORKFLOW_RUN, commit, "the run that ended is of a fork", fork=True)
        return replace(foreign, proposes=True, head=head)
    if _is_of_pull_request(run):
        people = [_mapping(run, person).get("login") for person in ("actor", "triggering_actor")]
        pulled = _untrusted(_WORKFLOW_RUN, commit, f"the run that ended is of the event {run.get('event')}")
        return replace(pulled, proposes=True, head=head, fork=_DEPENDABOT in people)
    if str(run.get("event", "")) not in TRUSTED_EVENTS:
        return _untrusted(_WORKFLOW_RUN, commit, f"the run that ended is of the event {run.get('event')}")
    # A tag can have the name of the branch: GitHub is asked where the commit is.
    return _judged(_WORKFLOW_RUN, commit, None, default_branch)


def _judged(
    event: str, sha: str | None, branch: str | None, default_branch: str | None, *, is_tag: bool = False
) -> RunEvent:
    """Return the event with the trust that it proves by itself; the rest is left to a question to GitHub."""
    if event not in TRUSTED_EVENTS:
        return _untrusted(event, sha, f"no run of the event {event or 'unknown'} is")
    if default_branch is None:
        return _untrusted(event, sha, "the default branch is not known")
    if branch == default_branch:
        return RunEvent(event=event, sha=sha, pull_request=None, fork=False, trusted=True)
    if event == "push" and not is_tag:
        return _untrusted(event, sha, f"it is of a push to another branch than {default_branch}")
    return replace(_untrusted(event, sha, f"its commit is not on {default_branch}"), unverified_commit=sha)


def _untrusted(event: str, sha: str | None, reason: str, *, fork: bool = False) -> RunEvent:
    return RunEvent(event=event, sha=sha, pull_request=None, fork=fork, trusted=False, distrust=reason)


def missing_field(event: str, payload: Mapping[str, Any]) -> str | None:
    """Return the required field that the payload lacks; None where it identifies the code that the run is about."""
    if event.startswith(_PULL_REQUEST):
        pull = _mapping(payload, "pull_request")
        if not isinstance(pull.get("number"), int):
            return "pull_request.number"
        return None if _is_sha(_mapping(pull, "head").get("sha")) else "pull_request.head.sha"
    if event == _MERGE_GROUP:
        group = _mapping(payload, _MERGE_GROUP)
        return next((f"merge_group.{key}" for key in ("head_sha", "base_sha") if not _is_sha(group.get(key))), None)
    if event == _WORKFLOW_RUN:
        return _missing_of_run(_mapping(payload, _WORKFLOW_RUN))
    if event in _DEPLOYMENTS and not _is_sha(_mapping(payload, "deployment").get("sha")):
        return "deployment.sha"
    return None


def _missing_of_run(run: Mapping[str, Any]) -> str | None:
    """Return the required field that a `workflow_run` lacks. Only runs of pull requests can be of a deleted fork."""
    if not _is_sha(run.get("head_sha")):
        return "workflow_run.head_sha"
    if _text(run.get("event")) is None:
        return "workflow_run.event"
    deleted_fork = "head_repository" in run and run["head_repository"] is None and _is_of_pull_request(run)
    named = _text(_mapping(run, "head_repository").get("full_name")) is not None
    return None if named or deleted_fork else "workflow_run.head_repository"


def _pull_request(event: str, payload: Mapping[str, Any], repository: str) -> RunEvent:
    pull = _mapping(payload, "pull_request")
    head = _mapping(pull, "head")
    source = str(_mapping(head, "repo").get("full_name", "")).lower()
    author = str(_mapping(pull, "user").get("login", ""))
    actor = str(_mapping(payload, "sender").get("login", ""))
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


def _mapping(payload: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = payload.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
