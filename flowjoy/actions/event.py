"""The event of a run, read from its payload. Without a payload, a run is not trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowjoy.actions import trusted_runs
from flowjoy.actions.trusted_runs import Trust
from flowjoy.domain.proposals import GROUP

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
    `trusted`: it may settle older checks and, if `remembered`, send alerts, and later runs believe its ledger.
    `unverified_commit`: the commit that must be on the default branch for that, where the event does not show it;
    `distrust`: why the run is not trusted. `remembered`: a run on the default branch shows that its commit was the
    head. `proposes`: it is about code that is to be merged: a pull request, a merge group (into `base_sha`), or a
    `workflow_run` of a pull request, which is found by `head` (`owner:branch`, where the payload names both) and by
    the numbers that the payload names (`named`).
    """

    event: str
    sha: str | None
    pull_request: int | None
    fork: bool
    trusted: bool
    unverified_commit: str | None = None
    distrust: str = ""
    remembered: bool = True
    base_sha: str | None = None
    proposes: bool = False
    head: str | None = None
    named: tuple[int, ...] = ()

    @property
    def asking(self) -> frozenset[int]:
        """The pull requests that the payload is about; `GROUP` for a merge group, which has no number."""
        if self.event == _MERGE_GROUP:
            return frozenset({GROUP})
        return frozenset(self.named if self.pull_request is None else {self.pull_request})

    @property
    def believed(self) -> bool:
        """Whether later runs believe its ledger."""
        return self.trusted and self.remembered

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
        queued = _run_event(event, _text(group.get("head_sha")), trusted_runs.of_event(event, None, None))
        return replace(queued, base_sha=_text(group.get("base_sha")), proposes=True)
    deployed = _text(_mapping(payload, "deployment").get("sha")) if event in _DEPLOYMENTS else None
    branch = ref.removeprefix("refs/heads/") if ref is not None and ref.startswith("refs/heads/") else None
    is_tag = (ref or "").startswith("refs/tags/")
    return _run_event(event, deployed or sha, trusted_runs.of_event(event, branch, default_branch, is_tag=is_tag))


def _after_a_run(run: Mapping[str, Any], sha: str | None, repository: str, default_branch: str | None) -> RunEvent:
    """Return the event of a `workflow_run`, which is about the commit of the run that ended.

    A run of a pull request from a fork does not name the pull request: its head identifies it.
    """
    commit, source = _text(run.get("head_sha")) or sha, str(_mapping(run, "head_repository").get("full_name", ""))
    owner, branch = source.partition("/")[0], _text(run.get("head_branch"))
    head = f"{owner}:{branch}" if owner and branch else None
    is_ours = source.lower() == repository.lower()
    trust = trusted_runs.of_workflow_run(str(run.get("event")), default_branch, is_ours=is_ours)
    event = _run_event(_WORKFLOW_RUN, commit, trust)
    if is_ours and not _is_of_pull_request(run):
        return event
    people = [_mapping(run, person).get("login") for person in ("actor", "triggering_actor")]
    return replace(event, proposes=True, head=head, fork=not is_ours or _DEPENDABOT in people, named=_numbers(run))


def _run_event(event: str, sha: str | None, trust: Trust) -> RunEvent:
    return RunEvent(
        event=event,
        sha=sha,
        pull_request=None,
        fork=False,
        trusted=trust.trusted,
        distrust=trust.distrust,
        unverified_commit=sha if trust.depends_on_commit else None,
    )


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
    return replace(
        _run_event(event, _text(head.get("sha")), trusted_runs.of_event(event, None, None)),
        pull_request=number if isinstance(number, int) else None,
        fork=source != repository.lower() or _DEPENDABOT in (author, actor),
        proposes=True,
    )


def _numbers(run: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the pull requests that a `workflow_run` names; none for one of a fork."""
    pulls = run.get("pull_requests")
    listed = [pull.get("number") for pull in pulls if isinstance(pull, dict)] if isinstance(pulls, list) else []
    return tuple(sorted({number for number in listed if type(number) is int and number > 0}))


def _is_of_pull_request(run: Mapping[str, Any]) -> bool:
    return str(run.get("event", "")).startswith(_PULL_REQUEST)


def _is_sha(value: object) -> bool:
    return isinstance(value, str) and _FULL_SHA.fullmatch(value) is not None


def _mapping(payload: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = payload.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
