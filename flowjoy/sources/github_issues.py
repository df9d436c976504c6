"""Incidents from GitHub issues with a label, from opened to closed. A reopened issue is an open incident."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.github import every_page
from flowjoy.clients.responses import Connection, GraphQL, Id, Instant, Many, Text, read
from flowjoy.domain import Incident
from flowjoy.domain.deduplication import unique
from flowjoy.domain.hosts import https_only
from flowjoy.errors import HarvestError
from flowjoy.sources.base import Clients, HarvestQuery, SourceResult, stamp_of

ISSUES_QUERY = """
query FlowJoyIssues($owner: String!, $name: String!, $label: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    label(name: $label) { id }
    issues(first: 100, after: $after, labels: [$label], orderBy: {field: CREATED_AT, direction: DESC}) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes {
        id
        number
        title
        url
        createdAt
        closedAt
        stateReason(enableDuplicate: true)
        timelineItems(last: 20, itemTypes: [CLOSED_EVENT, REOPENED_EVENT]) {
          nodes {
            __typename
            ... on ClosedEvent { createdAt stateReason }
            ... on ReopenedEvent { createdAt }
          }
        }
      }
    }
  }
}
"""

_REASONS = re.compile(r" *stateReason(\(.*\))?")
PLAIN_ISSUES_QUERY = _REASONS.sub("", ISSUES_QUERY)
"""For a GitHub Enterprise Server that does not know why an issue was closed."""

_Reason = Literal["COMPLETED", "NOT_PLANNED", "DUPLICATE", "REOPENED"] | None


class _Move(GraphQL):
    typename: Literal["ClosedEvent", "ReopenedEvent"] = Field(alias="__typename")
    created_at: Instant
    state_reason: _Reason = None  # issues closed before 2022 carry none


class _Timeline(GraphQL):
    nodes: Many[_Move]


class Issue(GraphQL):
    """One issue, with its last moves."""

    id: Text
    number: Id
    title: str
    url: str
    created_at: Instant
    closed_at: Instant | None  # it is open
    state_reason: _Reason = None  # it is open, or was closed before 2022
    timeline_items: _Timeline

    @property
    def says_why(self) -> bool:
        """Whether the answer has the reasons, which some servers do not know."""
        closed = [move for move in self.timeline_items.nodes if move.typename == "ClosedEvent"]
        return all("state_reason" in item.model_fields_set for item in (self, *closed))


class _Label(GraphQL):
    id: Text


class _Issues(GraphQL):
    label: _Label | None  # the label does not exist
    issues: Connection[Issue]


_NOT_INCIDENTS = {"NOT_PLANNED": "not planned", "DUPLICATE": "duplicate"}


class GitHubIssues:
    """`incident-label`."""

    label = "GitHub issues"

    def fetch(self, query: HarvestQuery, access: Clients) -> tuple[Issue, ...]:
        """Return every issue with the label, back to the window's first day."""
        try:
            return self._issues(ISSUES_QUERY, query, access)
        except HarvestError as problem:
            # GitHub names the field that it does not know, and has no code for it.
            if "'stateReason'" not in str(problem):
                raise
            return self._issues(PLAIN_ISSUES_QUERY, query, access)

    @staticmethod
    def _issues(document: str, query: HarvestQuery, access: Clients) -> tuple[Issue, ...]:
        label = query.settings.incident_label

        def check(repository: Any) -> _Issues:
            answer = read(_Issues, repository)
            if document == ISSUES_QUERY and not all(issue.says_why for issue in answer.issues.nodes):
                raise MalformedAnswerError("the answer does not say why an issue was closed")
            return answer

        def page(cursor: str | None) -> Connection[Issue]:
            answer = access.to_github.graphql("issues", document, check, after=cursor, label=label)
            if answer.label is None:  # a misspelt one must not read as "no incidents"
                raise HarvestError(f"the repository has no label {label!r}", hint="check incident-label")
            listed = answer.issues
            access.progress(f"GitHub issues: {len(listed.nodes)} more of {listed.total_count}")
            return listed

        def enough(listed: Connection[Issue]) -> bool:
            return bool(listed.nodes) and listed.nodes[-1].created_at < query.since

        return every_page("GitHub issues", page, lambda issue: issue.id, enough=enough)

    def parse(self, raw: Sequence[Issue], query: HarvestQuery) -> SourceResult[Incident]:
        """Return one incident for each issue that was opened in the window, by as-of.

        Older issues on the last page are ignored: their number depends on the newer ones.
        """
        issues = [(_incident(issue, query), _closed_as(issue, query)) for issue in raw]
        ours = [(issue, reason) for issue, reason in issues if query.since <= issue.start <= query.as_of]
        left_out = Counter(reason for _, reason in ours if reason is not None)
        notes = [f"incidents left out: {left_out[name]} closed as {name}" for name in sorted(left_out)]
        if not all(issue.says_why for issue in raw):
            notes += ["this GitHub does not say why an issue was closed: those closed as not planned also count"]
        return SourceResult(records=unique(issue for issue, reason in ours if reason is None), notes=tuple(notes))


def _closed_as(issue: Issue, query: HarvestQuery) -> str | None:
    """Return why an issue that is closed at as-of is not an incident; None if it is open or was solved.

    The closing event has the reason as it was then. Only the issue has `duplicate`, as it is now.
    """
    moves = _moves(issue)
    known = [move for move in moves if move.created_at <= query.as_of]
    if moves and (not known or known[-1].typename != "ClosedEvent"):
        return None
    reasons = [known[-1].state_reason] if known else []
    if known == moves:
        reasons.insert(0, issue.state_reason)
    return next((_NOT_INCIDENTS[reason] for reason in reasons if reason in _NOT_INCIDENTS), None)


def _moves(issue: Issue) -> list[_Move]:
    """Return the closings and reopenings of an issue, oldest first; within a second in the order of its history."""
    return sorted(issue.timeline_items.nodes, key=lambda move: move.created_at)


def _incident(issue: Issue, query: HarvestQuery) -> Incident:
    """Return the incident, from opened to the last closing by as-of; open if the issue was reopened after that."""
    name = f"GitHub issue {issue.number}"
    for move in _moves(issue):
        stamp_of(move.created_at, name, query)
    moves = [move for move in _moves(issue) if move.created_at <= query.as_of]
    end = moves[-1].created_at if moves and moves[-1].typename == "ClosedEvent" else None
    if not issue.timeline_items.nodes and issue.closed_at is not None:
        end = stamp_of(issue.closed_at, name, query)
    return Incident(
        id=f"incident:github:{issue.number}",
        source="github",
        service=query.settings.service,
        start=stamp_of(issue.created_at, name, query),
        end=end if end is None or end <= query.as_of else None,
        title=issue.title or None,
        url=https_only(issue.url),
    )
