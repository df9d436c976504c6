"""Open pull requests as GitHub lists them, and the labels that pull requests and issues can have."""

from __future__ import annotations

from dataclasses import dataclass

from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.responses import GraphQL, Id, Response, Sha, Text, reader

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


def has_label(github: GitHubApi, name: str) -> bool:
    """Return whether the repository has a label of this name. Raise HarvestError."""
    return github.graphql("label", LABEL_QUERY, reader(_Labelled), label=name).label is not None
