"""Code deployments from GitHub's releases: a release counts from `published_at`; drafts and pre-releases do not."""

from __future__ import annotations

from typing import Any

from flowjoy.github_api import Page, connection, every_page
from flowjoy.instants import parse_iso
from flowjoy.model import CodeRecord
from flowjoy.records import unique
from flowjoy.sources.base import Access, Parsed, Query, stamp_of
from flowjoy.transport import MalformedAnswerError

RELEASES_QUERY = """
query FlowJoyReleases($owner: String!, $name: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    releases(first: 100, after: $after, orderBy: {field: CREATED_AT, direction: DESC}) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { databaseId tagName isDraft isPrerelease publishedAt createdAt url tagCommit { oid } }
    }
  }
}
"""


class GitHubReleases:
    """`code-source: releases`."""

    label = "GitHub releases"
    changes_for = None  # a draft may be published at any time

    def fetch(self, query: Query, access: Access) -> list[dict[str, Any]]:
        """Every release, newest first. All of them: a draft may be published long after it was created."""

        def read(cursor: str | None) -> Page:
            page = access.to_github.graphql("releases", RELEASES_QUERY, _checked, after=cursor)
            access.progress(f"GitHub releases: {len(page[0])} more of {page[1]}")
            return page

        nodes = every_page("GitHub releases", read, key="databaseId")
        if not nodes:
            access.to_github.get("/releases", _checked_empty, per_page=1)
        return nodes

    def parse(self, raw: list[dict[str, Any]], query: Query) -> Parsed[CodeRecord]:
        """One record a published release."""
        published = [node for node in raw if not node["isDraft"] and not node["isPrerelease"]]
        return Parsed(records=unique(_record(node, query) for node in published))


def _checked(repository: dict[str, Any]) -> Page:
    nodes, total, cursor = connection(repository, "releases")
    for node in nodes:
        flags = [node.get("isDraft"), node.get("isPrerelease")]
        if not isinstance(node.get("databaseId"), int) or not all(isinstance(flag, bool) for flag in flags):
            raise MalformedAnswerError("a release has no id, or does not say whether it is a draft or a pre-release")
        try:
            parse_iso(str(node.get("createdAt")))
        except ValueError as problem:
            raise MalformedAnswerError(f"release {node['databaseId']}: {problem}") from None
    return nodes, total, cursor


def _checked_empty(answer: Any) -> None:
    """No release at all is believed when a second door says so, too."""
    if not isinstance(answer, list) or answer:
        raise MalformedAnswerError("one list of the releases is empty, the other is not")


def _record(node: dict[str, Any], query: Query) -> CodeRecord:
    commit = node.get("tagCommit")
    return CodeRecord(
        id=f"release:{node['databaseId']}",
        service=query.settings.service,
        environment=query.settings.environments,
        # Without its commit nobody knows what the release depends on; it must not read as depending on nothing.
        sha=str(commit["oid"]) if isinstance(commit, dict) and commit.get("oid") else f"tag {node.get('tagName')}",
        shipped_at=stamp_of(node.get("publishedAt"), f"GitHub release {node['databaseId']}", query),
        url=str(node["url"]) if str(node.get("url", "")).startswith("https://") else None,
    )
