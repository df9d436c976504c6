"""Code deployments from GitHub releases: a release counts from `published_at`; drafts and pre-releases do not count."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any, Self

from pydantic import model_validator

from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.github import every_page
from flowjoy.clients.responses import Connection, GraphQL, Id, Instant, Sha, Text, read, reader, refusal
from flowjoy.domain import CodeRecord
from flowjoy.domain.deduplication import fold
from flowjoy.domain.hosts import https_only
from flowjoy.domain.name_patterns import any_match, likely_first, unmatched
from flowjoy.domain.plurals import plural
from flowjoy.errors import HarvestError
from flowjoy.ledger.not_yet import with_commit
from flowjoy.sources.base import Clients, Entry, HarvestQuery, SourceResult, left_out, stamp_of
from flowjoy.sources.file_columns import named_briefly

RELEASES_QUERY = """
query FlowJoyReleases($owner: String!, $name: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    releases(first: 100, after: $after, orderBy: {field: CREATED_AT, direction: DESC}) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { databaseId tagName isDraft isPrerelease publishedAt createdAt url
        tagCommit { oid committedDate signature { isValid wasSignedByGitHub } }
      }
    }
  }
}
"""


_VERSION = re.compile(r"(\D*)(\d+(?:\.\d+)*)", re.ASCII)
"""A tag: its prefix and its numbers. What follows, such as `-lts`, is not compared."""


_MAINTAINED = "of an older commit under a lower tag"


class _Signature(GraphQL):
    is_valid: bool
    was_signed_by_git_hub: bool


class _Commit(GraphQL):
    oid: Sha
    committed_date: Instant
    signature: _Signature | None  # it is not signed

    @property
    def made_at(self) -> datetime | None:
        """When it was made, by GitHub's clock. None for one that was made elsewhere: its author chose the date."""
        trusted = self.signature is not None and self.signature.is_valid and self.signature.was_signed_by_git_hub
        return self.committed_date if trusted else None


class Release(GraphQL):
    """One release."""

    database_id: Id
    tag_name: Text
    is_draft: bool
    is_prerelease: bool
    created_at: Instant
    published_at: Instant | None  # a draft was not published yet
    url: str
    tag_commit: _Commit | None  # a draft's tag need not be there, and a tag can be deleted

    @model_validator(mode="after")
    def _is_published(self) -> Self:
        if self.published_at is None and not self.is_draft:
            raise refusal("is published, and does not say when")
        return self


class _Releases(GraphQL):
    releases: Connection[Release]


class GitHubReleases:
    """`code-source: releases`."""

    label = "GitHub releases"

    def fetch(self, query: HarvestQuery, access: Clients) -> tuple[Release, ...]:
        """Return every release, newest first: a draft may be published long after it was created."""

        def page(cursor: str | None) -> Connection[Release]:
            listed = access.to_github.graphql("releases", RELEASES_QUERY, reader(_Releases), after=cursor).releases
            access.progress(f"GitHub releases: {len(listed.nodes)} more of {listed.total_count}")
            return listed

        releases = every_page("GitHub releases", page, lambda release: release.database_id)
        if not releases:
            access.to_github.get("/releases", _checked_empty, per_page=1)
        return releases

    def parse(self, raw: Sequence[Release], query: HarvestQuery) -> SourceResult[CodeRecord]:
        """Return one record for each published release whose tag counts, without drafts and pre-releases."""
        published = [release for release in raw if not release.is_draft and not release.is_prerelease]
        ours = [release for release in published if _counts(release, query)]
        if published and not ours:
            wanted = query.settings.release_tags
            tags = likely_first((release.tag_name for release in published), wanted)
            raise HarvestError(
                f"there are releases, but none whose tag matches release-tags {', '.join(wanted)!r}",
                hint=f"set release-tags to globs of: {', '.join(tags[:20])}",
            )
        missing = unmatched(query.settings.release_tags, (release.tag_name for release in raw)) if published else ()
        if missing:
            tags = likely_first((release.tag_name for release in published if not _counts(release, query)), missing)
            others = ", ".join(tags[:20])
            raise HarvestError(
                f"there are releases, but none whose tag matches release-tags {', '.join(missing)!r}",
                hint=f"{f'set release-tags to globs of: {others}' if others else 'correct it'}, or leave it out until "
                "its first release",
            )
        maintained = _maintained(ours)
        ours = [release for release in ours if release not in maintained]
        entries = tuple(_entry(release, query, maintained) for release in raw)
        return SourceResult(
            records=fold(_record(release, query) for release in ours),
            not_yet=dict(bound for release in ours for bound in _moved(release, query)),
            notes=(
                *left_out((entry for entry in entries if entry.reason not in ("", _MAINTAINED)), "release"),
                *_notes(maintained),
            ),
            left_out=frozenset(f"release:{release.database_id}" for release in maintained),
            moves=True,
            own=frozenset(f"release:{release.database_id}" for release in ours if release.tag_name == query.own_tag),
            # One that is counted later, as after the live release was deleted, was live no earlier than that.
            waiting=frozenset(
                f"release:{r.database_id}" for r in raw if (r.is_prerelease and not r.is_draft) or r in maintained
            ),
            entries=entries,
        )


def _maintained(published: Sequence[Release]) -> list[Release]:
    """Return the releases of a commit older than the live one whose tag is lower than that of the live one.

    They maintain an older version beside it. Counted as rollbacks, they would cancel its clock.
    """
    first: dict[str, int] = {}
    maintained: list[Release] = []
    live: Release | None = None
    for release in sorted(published, key=lambda item: (item.published_at or item.created_at, item.database_id)):
        number = first.setdefault(_commit_of(release), len(first))
        if live is not None and number < first[_commit_of(live)] and _is_lower(release.tag_name, live.tag_name):
            maintained.append(release)
        else:
            live = release
    return maintained


def _is_lower(tag: str, other: str) -> bool:
    """Return whether a tag names a lower version than another, for sure: only tags with one prefix are compared."""
    lower, higher = _VERSION.match(tag), _VERSION.match(other)
    if lower is None or higher is None or lower[1] != higher[1]:
        return False
    pairs = zip_longest(lower[2].split("."), higher[2].split("."), fillvalue="0")
    return next((int(here) < int(there) for here, there in pairs if int(here) != int(there)), False)


def _notes(maintained: Sequence[Release]) -> tuple[str, ...]:
    """Return a note on releases that do not roll back, with what to do if one did."""
    if not maintained:
        return ()
    tags = named_briefly(release.tag_name for release in maintained)
    count = f"{plural(len(maintained), 'release')} {_MAINTAINED} than the live one: left out ({tags})"
    return (f"{count}. If one rolled back production, release its commit again under a higher tag",)


def _commit_of(release: Release) -> str:
    return f"tag {release.tag_name}" if release.tag_commit is None else release.tag_commit.oid


def _entry(release: Release, query: HarvestQuery, maintained: Sequence[Release]) -> Entry:
    reason = "not published yet" if release.is_draft else "marked as pre-release" if release.is_prerelease else ""
    detail = ""
    if not reason and not _counts(release, query):
        reason, detail = "without a matching tag", f"release-tags {', '.join(query.settings.release_tags)}"
    if release in maintained:
        reason = _MAINTAINED
    if not reason:
        return Entry.of(_record(release, query), release.tag_name)
    return Entry(
        id=f"release:{release.database_id}",
        at=release.created_at,
        label=release.tag_name,
        sha=None if release.tag_commit is None else release.tag_commit.oid,
        reason=reason,
        detail=detail,
        is_ours=False,
    )


def _counts(release: Release, query: HarvestQuery) -> bool:
    """Return whether `release-tags` matches the tag of a release; without that input every tag counts."""
    wanted = query.settings.release_tags
    return not wanted or any_match(release.tag_name, wanted)


def _checked_empty(answer: Any) -> None:
    """Raise MalformedAnswerError unless the REST list is empty as well."""
    if read(list[object], answer):
        raise MalformedAnswerError("one list of the releases is empty, the other is not")


def _moved(release: Release, query: HarvestQuery) -> Iterator[tuple[str, datetime]]:
    """Yield the bound of a release whose tag was moved to a commit that is younger than the publication.

    A date that the author of the commit chose only shows that the tag was moved, or that the date is wrong. It does not
    make the clock start later.
    """
    record, commit = _record(release, query), release.tag_commit
    if commit is not None and commit.committed_date > record.shipped_at:
        made_at = commit.made_at
        at = record.shipped_at if made_at is None else stamp_of(made_at, f"commit {commit.oid[:12]}", query)
        yield with_commit(record), min(at, query.latest)


def _record(release: Release, query: HarvestQuery) -> CodeRecord:
    # The validator makes sure that a published release has a time.
    at = release.published_at or release.created_at
    return CodeRecord(
        id=f"release:{release.database_id}",
        service=query.settings.service,
        environment=query.settings.environments,
        # Without its commit the dependencies of a release are unknown; they must not read as none.
        sha=_commit_of(release),
        shipped_at=stamp_of(at, f"GitHub release {release.database_id}", query),
        url=https_only(release.url),
    )
