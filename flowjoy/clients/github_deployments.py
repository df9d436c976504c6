"""GitHub's deployments with their statuses, many in one GraphQL query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from pydantic import model_validator

from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.clients import github_environments
from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.github import GitHubApi, every_page
from flowjoy.clients.github_files import BlobIds, WantedStubs
from flowjoy.clients.responses import Connection, GraphQL, Id, Instant, Sha, Text, read, reader, refusal
from flowjoy.domain import StubFile

_FIELDS = """
        id
        databaseId
        createdAt
        commitOid
        environment
        ref { name prefix }
        statuses(first: 20) {
          totalCount
          pageInfo { hasNextPage endCursor }
          nodes { id state createdAt logUrl environment }
        }"""


def _query(wanted: WantedStubs) -> str:
    """Return the query for one page of deployments, with the wanted stubs to save requests."""
    return f"""
query FlowJoyDeployments(
  $owner: String!, $name: String!, $environments: [String!], $after: String, $newest: Boolean!,
  $oldest: Boolean!, $afterOldest: String{wanted.declared}
) {{
  repository(owner: $owner, name: $name) {{{wanted.fields}
    newest: deployments(first: 100, orderBy: {{field: CREATED_AT, direction: DESC}}) @include(if: $newest) {{
      totalCount
      pageInfo {{ hasNextPage endCursor }}
      nodes {{{_FIELDS}
      }}
    }}
    oldest: deployments(
      first: 100, after: $afterOldest, environments: $environments, orderBy: {{field: CREATED_AT, direction: ASC}}
    ) @include(if: $oldest) {{
      totalCount
      pageInfo {{ hasNextPage endCursor }}
      nodes {{{_FIELDS}
      }}
    }}
    deployments(
      first: 100, after: $after, environments: $environments, orderBy: {{field: CREATED_AT, direction: DESC}}
    ) {{
      totalCount
      pageInfo {{ hasNextPage endCursor }}
      nodes {{{_FIELDS}
      }}
    }}
  }}
}}
"""


DEPLOYMENTS_QUERY = _query(WantedStubs(path="", commits=[HEAD]))
"""The query with one stub, for checking against GitHub's schema."""

STATUSES_QUERY = """
query FlowJoyStatuses($id: ID!, $after: String) {
  node(id: $id) {
    ... on Deployment {
      statuses(first: 100, after: $after) {
        totalCount
        pageInfo { hasNextPage endCursor }
        nodes { id state createdAt logUrl environment }
      }
    }
  }
}
"""

_UnderWay = Literal["IN_PROGRESS", "QUEUED", "PENDING", "WAITING"]
UNDER_WAY = frozenset(get_args(_UnderWay))


class DeploymentStatus(GraphQL):
    """One status. An unknown state is refused: it could mean success and must not read as "never succeeded"."""

    id: Text
    state: _UnderWay | Literal["SUCCESS", "FAILURE", "ERROR", "INACTIVE"]
    created_at: Instant
    log_url: str | None  # not every tool keeps a log
    environment: str | None  # that of its deployment


class Ref(GraphQL):
    """The branch, tag or pull request that was deployed."""

    name: Text
    prefix: str


class Deployment(GraphQL):
    """One deployment, with the first of its statuses."""

    id: Text
    database_id: Id
    created_at: Instant
    commit_oid: Sha
    environment: Text
    ref: Ref | None  # deleted, like that of a merged pull request
    statuses: Connection[DeploymentStatus]

    @model_validator(mode="after")
    def _shows_its_statuses(self) -> Self:
        if self.statuses.cursor is None and len(self.statuses.nodes) < self.statuses.total_count:
            raise refusal("shows fewer statuses than it counts")
        return self


class DeploymentsPage(GraphQL):
    """One page of deployments, newest first, and another one, `oldest` first, if it is asked for.

    The first page comes with the newest to any environment, if `newest` is asked for.
    """

    deployments: Connection[Deployment]
    newest: Connection[Deployment] | None = None
    oldest: Connection[Deployment] | None = None


class _Statuses(GraphQL):
    statuses: Connection[DeploymentStatus]


@dataclass(frozen=True, kw_only=True)
class Ends:
    """The positions in a list that is read from both ends: of the newest first, and of the oldest first.

    `both`: whether it is read from its oldest end as well.
    """

    newest: str | None = None
    oldest: str | None = None
    both: bool = False


def read_page(
    github: GitHubApi, ends: Ends, environments: list[str] | None, wanted: WantedStubs
) -> tuple[DeploymentsPage, dict[str, StubFile], BlobIds]:
    """Return one page of deployments to the environments (None: to any), and the stubs and ids that came with it."""
    # Without environments, the page itself shows the newest.
    with_newest = ends.newest is None and environments is not None

    def check(repository: dict[str, Any]) -> tuple[DeploymentsPage, dict[str, StubFile], BlobIds]:
        page = read(DeploymentsPage, repository)
        if with_newest and (page.newest is None or (page.newest.total_count and not page.newest.nodes)):
            raise MalformedAnswerError("the answer does not show the newest deployments")
        if ends.both and page.oldest is None:
            raise MalformedAnswerError("the answer does not show the oldest deployments")
        return page, *wanted.read(repository)

    asked: dict[str, Any] = {
        "after": ends.newest,
        "environments": environments,
        "newest": with_newest,
        "oldest": ends.both,
        "afterOldest": ends.oldest,
    }
    return github.graphql("deployments", _query(wanted), check, **asked, **wanted.variables)


def with_every_status(github: GitHubApi, node: Deployment) -> Deployment:
    """Return the deployment with all its pages of statuses."""
    if node.statuses.cursor is None:
        return node

    def page(cursor: str | None) -> Connection[DeploymentStatus]:
        asked = {"id": node.id, "after": cursor}
        return github.graphql("deployment statuses", STATUSES_QUERY, reader(_Statuses), "node", **asked).statuses

    what, counted = f"GitHub deployment {node.database_id}, statuses", node.statuses.total_count
    statuses = every_page(what, page, lambda status: status.id, minimum=counted)
    return node.model_copy(update={"statuses": node.statuses.model_copy(update={"nodes": statuses})})


def with_refs(github: GitHubApi, environments: list[str], nodes: Iterable[Deployment]) -> tuple[Deployment, ...]:
    """Return the deployments, with a deleted ref where the REST API still knows it."""
    nodes = tuple(nodes)
    nameless = {node.database_id for node in nodes if node.ref is None and node.statuses.total_count}
    texts = github_environments.refs(github, environments, nameless)
    refs = {number: Ref.model_construct(name=text, prefix="") for number, text in texts.items()}
    return tuple(node.model_copy(update={"ref": node.ref or refs.get(node.database_id)}) for node in nodes)
