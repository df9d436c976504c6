"""Open pull requests as GitHub lists them, and the labels that pull requests and issues can have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.responses import GraphQL, Id, Instant, Response, Sha, Text, reader

MAX_PAGES = 5

LABELLED = """
    hotfixes: pullRequests(
      states: MERGED, labels: [$hotfix], first: 100, orderBy: {field: UPDATED_AT, direction: DESC}
    ) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { number mergeCommit { oid } }
    }"""
"""The field of a query that shows the merged pull requests with a label, the hundred that changed last."""

LABEL_QUERY = """
query FlowJoyLabel($owner: String!, $name: String!, $label: String!) {
  repository(owner: $owner, name: $name) {
    label(name: $label) { id }
  }
}
"""


class _Head(Response):
    sha: Sha


class _Pull(Response):
    head: _Head


class _Repository(Response):
    full_name: Text


class _Branch(Response):
    ref: Text
    sha: Sha
    repo: _Repository | None  # a deleted fork


class PullRequest(Response):
    """A pull request, open or closed."""

    number: Id
    head: _Branch
    created_at: Instant
    updated_at: Instant
    closed_at: Instant | None  # it is open
    merged_at: Instant | None  # it was not merged
    merge_commit_sha: Sha | None = None  # GitHub has not tried to merge it yet


class _Merge(GraphQL):
    oid: Sha


class LabelledPull(GraphQL):
    """A merged pull request, and the commit that merged it."""

    number: Id
    merge_commit: _Merge | None  # the repository no longer has it


class _Label(GraphQL):
    id: Text


class _Labelled(GraphQL):
    label: _Label | None  # the label does not exist


@dataclass(frozen=True, kw_only=True)
class OpenHeads:
    """The head commits of open pull requests, each once. `is_complete`: there are no further ones."""

    shas: tuple[str, ...] = ()
    is_complete: bool = False


def open_heads(github: GitHubApi) -> OpenHeads:
    """Return the head commits of the hundred open pull requests that changed last."""
    filters: dict[str, str | int] = {"state": "open", "sort": "updated", "direction": "desc", "per_page": PER_PAGE}
    pulls = github.get("/pulls", reader(list[_Pull]), **filters)
    return OpenHeads(shas=tuple(dict.fromkeys(pull.head.sha for pull in pulls)), is_complete=len(pulls) < PER_PAGE)


def changed_since(github: GitHubApi, since: datetime) -> tuple[PullRequest, ...]:
    """Return the pull requests that changed since then, of the 500 that changed last. Raise HarvestError."""
    order: Mapping[str, str | int] = {"state": "all", "sort": "updated", "direction": "desc", "per_page": PER_PAGE}
    pulls: dict[int, PullRequest] = {}
    for page in range(1, MAX_PAGES + 1):
        listed = github.get("/pulls", reader(list[PullRequest]), **order, page=page)
        pulls |= {pull.number: pull for pull in listed}
        if len(listed) < PER_PAGE or listed[-1].updated_at < since:
            break
    return tuple(pulls.values())


def has_label(github: GitHubApi, name: str) -> bool:
    """Return whether the repository has a label of this name. Raise HarvestError."""
    return github.graphql("label", LABEL_QUERY, reader(_Labelled), label=name).label is not None
