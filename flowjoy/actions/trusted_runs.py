"""The runs that are trusted: those of a trusted event whose commit is on the default branch.

A trusted run settles older checks and sends alerts, and later runs believe its ledger. A run knows its own event and
ref; GitHub says where a commit is (`pipeline/run_context` asks for this run's own), and what an earlier run was.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

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


_OF_DEFAULT_BRANCH = frozenset({"schedule", "repository_dispatch", "workflow_run"})
"""GitHub starts them on the default branch alone: no tag of its name can be meant."""

_DEPLOYMENTS = frozenset({"deployment", "deployment_status"})
"""Their ref may be a commit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trust:
    """Whether a run is trusted; `distrust`: why not. `depends_on_commit`: it is if its commit is on the branch."""

    trusted: bool = False
    distrust: str = ""
    depends_on_commit: bool = False


def of_event(event: str, branch: str | None, default_branch: str | None, *, is_tag: bool = False) -> Trust:
    """Return the trust of this run, as far as its event and ref prove it. `branch`: None for any other ref."""
    if event not in TRUSTED_EVENTS:
        return Trust(distrust=f"no run of the event {event or 'unknown'} is")
    if default_branch is None:
        return Trust(distrust="the default branch is not known")
    if branch == default_branch:
        return Trust(trusted=True)
    if branch is not None and not is_tag:
        return Trust(distrust=f"it is of another branch than {default_branch}")
    return Trust(distrust=f"its commit is not on {default_branch}", depends_on_commit=True)


def of_workflow_run(event: str, default_branch: str | None, *, is_ours: bool) -> Trust:
    """Return the trust of this run if it began because a run of `event` ended. `is_ours`: that is not of a fork."""
    if not is_ours:
        return Trust(distrust="the run that ended is of a fork")
    if event not in TRUSTED_EVENTS:
        return Trust(distrust=f"the run that ended is of the event {event}")
    # A tag can have the name of the branch: GitHub is asked where the commit is.
    return of_event("workflow_run", None, default_branch)


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierRun:
    """A run as GitHub lists it; repository and branch are None if the fork is gone."""

    event: str
    repository: str | None
    branch: str | None
    sha: str


class DefaultBranch(Protocol):
    """The default branch, as GitHub knows it."""

    @property
    def name(self) -> str:
        """Its short name."""

    def holds(self, commit: str, *others: str) -> bool:
        """Return whether a commit is on it; `others` may be asked for next."""

    def is_tag(self, name: str) -> bool:
        """Return whether a short name is a tag and not a branch."""

    def events_of_head(self, commit: str) -> frozenset[str]:
        """Return the events of this repository's runs of the branch, or of a tag of its name, with the commit."""

    def was_head(self, commit: str) -> bool:
        """Return whether a push made the commit the head of the branch."""


def ran_at_head(events: Collection[str], commit: str, branch: DefaultBranch) -> bool:
    """Return whether one of these runs proves that the commit was the head of the branch, which a tag may resemble."""
    if not _OF_DEFAULT_BRANCH.isdisjoint(events):
        return True
    return not TRUSTED_EVENTS.isdisjoint(events) and branch.was_head(commit)


def distrust(run: EarlierRun, repository: str, branch: DefaultBranch, others: Sequence[str]) -> str | None:
    """Return why the artifacts of an earlier run are not trusted; None if they are.

    `others`: commits that may be asked for next.
    """
    if run.repository is None or run.repository.lower() != repository.lower():
        return "its run is of another repository"
    if run.event not in TRUSTED_EVENTS:
        return f"its run is of the event {run.event} on {run.branch}"
    if not branch.holds(run.sha, *others):
        return f"its run is of the event {run.event} on {run.branch}, and its commit is not on {branch.name}"
    named = str(run.branch)
    if named == branch.name:
        if ran_at_head({run.event}, run.sha, branch):
            return None
        return f"its run is of the event {run.event} on a tag {named}, whose commit was never the head of that branch"
    of_commit = run.event in _DEPLOYMENTS and run.branch in (None, "", run.sha)
    if not of_commit and not branch.is_tag(named):
        return f"its run is of the event {run.event} on {run.branch}, which is not a tag"
    # The workflow file and every script of such a run are those of its commit. A merge brings in commits of a feature
    # branch that no one has read on their own.
    if not ran_at_head(branch.events_of_head(run.sha), run.sha, branch):
        return f"its run is of the event {run.event} on {run.branch}, and no run on {branch.name} is of that commit"
    return None
