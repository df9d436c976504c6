"""Code deployments from GitHub's releases: a release counts from `published_at`; drafts and pre-releases do not."""

from __future__ import annotations

from typing import Any

from flowjoy import shas
from flowjoy.errors import HarvestError
from flowjoy.github_api import Page, connection, every_page
from flowjoy.instants import parse_iso
from flowjoy.model import CodeRecord
from flowjoy.patterns import any_match, likely_first
from flowjoy.records import fold
from flowjoy.report.words import plural
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
        """Return one record a published release whose tag counts; drafts and pre-releases are left out, too."""
        published = [node for node in raw if not node["isDraft"] and not node["isPrerelease"]]
        ours = [node for node in published if counts(node, query)]
        if published and not ours:
            wanted = query.settings.release_tags
            tags = likely_first((node["tagName"] for node in published), wanted)
            raise HarvestError(
                f"there are releases, but none whose tag matches release-tags {', '.join(wanted)!r}",
                hint=f"set release-tags to globs of: {', '.join(tags[:20])}",
            )
        reasons = (
            (len(published) - len(ours), "of other tags"),
            (sum(node["isDraft"] for node in raw), "not published yet"),
            (sum(node["isPrerelease"] and not node["isDraft"] for node in raw), "marked as pre-release"),
        )
        notes = tuple(f"{plural(count, 'release')} {why}: left out" for count, why in reasons if count)
        return Parsed(records=fold(_record(node, query) for node in ours), notes=notes)


def counts(node: dict[str, Any], query: Query) -> bool:
    """Return whether `release-tags` matches the tag of a release; without that input every tag counts."""
    wanted = query.settings.release_tags
    return not wanted or any_match(node["tagName"], wanted)


def _checked(repository: dict[str, Any]) -> Page:
    nodes, total, cursor = connection(repository, "releases")
    for node in nodes:
        flags = [node.get("isDraft"), node.get("isPrerelease")]
        if not isinstance(node.get("databaseId"), int) or not all(isinstance(flag, bool) for flag in flags):
            raise MalformedAnswerError("a release has no id, or does not say whether it is a draft or a pre-release")
        if not isinstance(node.get("tagName"), str):
            raise MalformedAnswerError(f"release {node['databaseId']} has no tag")
        commit = node.get("tagCommit")
        if commit is not None and not (isinstance(commit, dict) and shas.is_full(shas.lowered(str(commit.get("oid"))))):
            raise MalformedAnswerError(f"release {node['databaseId']} has no commit sha")
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
        sha=shas.lowered(commit["oid"]) if isinstance(commit, dict) else f"tag {node['tagName']}",
        shipped_at=stamp_of(node.get("publishedAt"), f"GitHub release {node['databaseId']}", query),
        url=str(node["url"]) if str(node.get("url", "")).startswith("https://") else None,
    )
