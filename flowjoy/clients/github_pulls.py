"""Open pull requests as GitHub lists them, and the labels that pull requests and issues can have."""

from __future__ import annotations

from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.responses import GraphQL, Response, Sha, Text, reader

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


class _Label(GraphQL):
    id: Text


class _Labelled(GraphQL):
    label: _Label | None  # the label does not exist


def open_heads(github: GitHubApi) -> tuple[str, ...]:
    """Return the head commits of the hundred open pull requests that changed last, each once."""
    filters: dict[str, str | int] = {"state": "open", "sort": "updated", "direction": "desc", "per_page": PER_PAGE}
    pulls = github.get("/pulls", reader(list[_Pull]), **filters)
    return tuple(dict.fromkeys(pull.head.sha for pull in pulls))


def has_label(github: GitHubApi, name: str) -> bool:
    """Return whether the repository has a label of this name. Raise HarvestError."""
    return github.graphql("label", LABEL_QUERY, reader(_Labelled), label=name).label is not None
