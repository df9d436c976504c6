"""Incidents from GitHub issues with a label: from opened to closed. One that was opened again is not over."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import Any

from flowjoy.errors import HarvestError
from flowjoy.github_api import Page, connection, every_page
from flowjoy.instants import parse_iso
from flowjoy.model import Incident
from flowjoy.records import unique
from flowjoy.sources.base import Access, Parsed, Query, stamp_of
from flowjoy.transport import MalformedAnswerError

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

_NOT_INCIDENTS = {"NOT_PLANNED": "not planned", "DUPLICATE": "duplicate"}


class GitHubIssues:
    """`incident-label`."""

    label = "GitHub issues"
    changes_for = None  # an issue may be closed, or opened again, at any time

    def fetch(self, query: Query, access: Access) -> list[dict[str, Any]]:
        """Return every issue with the label, back to the window's first day."""
        try:
            return self._issues(ISSUES_QUERY, query, access)
        except HarvestError as problem:
            if "stateReason" not in str(
                problem
            ):  # GitHub names the field that it does not know, and has no code for it
                raise
            return self._issues(PLAIN_ISSUES_QUERY, query, access)

    @staticmethod
    def _issues(document: str, query: Query, access: Access) -> list[dict[str, Any]]:
        label = query.settings.incident_label

        def read(cursor: str | None) -> Page:
            page = access.to_github.graphql("issues", document, _checked, after=cursor, label=label)
            if page is None:
                raise HarvestError(f"the repository has no label {label!r}", hint="check incident-label")
            access.progress(f"GitHub issues: {len(page[0])} more of {page[1]}")
            return page

        def enough(page: list[dict[str, Any]]) -> bool:
            return bool(page) and parse_iso(page[-1]["createdAt"]) < query.since

        return every_page("GitHub issues", read, key="id", enough=enough)

    def parse(self, raw: list[dict[str, Any]], query: Query) -> Parsed[Incident]:
        """Return one incident for each issue that was opened in the window, by as-of.

        How many older ones share the last page depends on how many newer ones there are.
        """
        issues = [(_incident(node, query), _closed_as(node, query)) for node in raw]
        ours = [(issue, reason) for issue, reason in issues if query.since <= issue.start <= query.as_of]
        left_out = Counter(reason for _, reason in ours if reason is not None)
        notes = [f"incidents left out: {left_out[name]} closed as {name}" for name in sorted(left_out)]
        if any("stateReason" not in node for node in raw):
            notes += ["this GitHub does not say why an issue was closed: those closed as not planned count, too"]
        return Parsed(records=unique(issue for issue, reason in ours if reason is None), notes=tuple(notes))


def _checked(repository: dict[str, Any]) -> Page | None:
    """One page, or None where there is no such label: a misspelt one must not read as "no incidents"."""
    if "label" not in repository:
        raise MalformedAnswerError("the answer does not say whether the label is there")
    if repository["label"] is None:
        return None
    nodes, total, cursor = connection(repository, "issues")
    for node in nodes:
        moves = node.get("timelineItems")
        shaped = isinstance(moves, dict) and isinstance(moves.get("nodes"), list)
        if not isinstance(node.get("id"), str) or not isinstance(node.get("number"), int) or not shaped:
            raise MalformedAnswerError("an issue has no id, no number or no history")
        try:
            parse_iso(str(node.get("createdAt")))
        except ValueError as problem:
            raise MalformedAnswerError(f"issue {node['number']}: {problem}") from None
    return nodes, total, cursor


def _closed_as(node: dict[str, Any], query: Query) -> str | None:
    """Return why an issue that is closed at as-of is not an incident; None for one that is open, or was solved.

    The event of the closing tells the reason as it was then. Only the issue tells `duplicate`, as it is now.
    """
    moves = _moves(node, query)
    known = [move for move in moves if move[0] <= query.as_of]
    if node["timelineItems"]["nodes"] and (not known or known[-1][1] != "ClosedEvent"):
        return None
    reasons = [known[-1][2]] if known else []
    if known == moves:
        reasons.insert(0, node.get("stateReason"))
    return next((_NOT_INCIDENTS[reason] for reason in reasons if reason in _NOT_INCIDENTS), None)


def _moves(node: dict[str, Any], query: Query) -> list[tuple[datetime, str, str | None]]:
    """Return when an issue was closed and opened again, and why, in time; within a second as its history has them."""
    name = f"GitHub issue {node['number']}"
    moves = [
        (stamp_of(move.get("createdAt"), name, query), str(move.get("__typename")), move.get("stateReason"))
        for move in node["timelineItems"]["nodes"]
        if isinstance(move, dict)
    ]
    return sorted(moves, key=lambda move: move[0])


def _incident(node: dict[str, Any], query: Query) -> Incident:
    """From opened to the last time it was closed by as-of; open where it was opened again after that."""
    name = f"GitHub issue {node['number']}"
    moves = [move for move in _moves(node, query) if move[0] <= query.as_of]
    end = moves[-1][0] if moves and moves[-1][1] == "ClosedEvent" else None
    if not node["timelineItems"]["nodes"] and node.get("closedAt") is not None:
        end = stamp_of(node["closedAt"], name, query)
    return Incident(
        id=f"incident:github:{node['number']}",
        source="github",
        service=query.settings.service,
        start=stamp_of(node["createdAt"], name, query),
        end=end if end is None or end <= query.as_of else None,
        title=str(node.get("title") or "") or None,
        url=str(node["url"]) if str(node.get("url", "")).startswith("https://") else None,
    )
