"""Code deployments from GitHub's deployments, with all their statuses in one GraphQL query a page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flowjoy import github_files
from flowjoy.dependence import HEAD
from flowjoy.errors import HarvestError
from flowjoy.github_api import GitHubApi, Page, connection, every_page
from flowjoy.instants import parse_iso
from flowjoy.model import CodeRecord, Outcome, StubText
from flowjoy.patterns import likely_first
from flowjoy.records import fold
from flowjoy.sources.base import Access, Parsed, Query, stamp_of
from flowjoy.transport import MalformedAnswerError


def _query(files: int) -> str:
    """One page of deployments, and the stub at the head of the default branch and some commits: requests less."""
    return f"""
query FlowJoyDeployments(
  $owner: String!, $name: String!, $environments: [String!], $after: String{github_files.declared(files)}
) {{
  repository(owner: $owner, name: $name) {{{github_files.fields(files)}
    deployments(
      first: 100, after: $after, environments: $environments, orderBy: {{field: CREATED_AT, direction: DESC}}
    ) {{
      totalCount
      pageInfo {{ hasNextPage endCursor }}
      nodes {{
        id
        databaseId
        createdAt
        commitOid
        environment
        statuses(first: 20) {{
          totalCount
          pageInfo {{ hasNextPage endCursor }}
          nodes {{ id state createdAt logUrl }}
        }}
      }}
    }}
  }}
}}
"""


DEPLOYMENTS_QUERY = _query(1)
"""The query with one stub, for checking against GitHub's schema."""

STATUSES_QUERY = """
query FlowJoyStatuses($id: ID!, $after: String) {
  node(id: $id) {
    ... on Deployment {
      statuses(first: 100, after: $after) {
        totalCount
        pageInfo { hasNextPage endCursor }
        nodes { id state createdAt logUrl }
      }
    }
  }
}
"""

_RUN_IN_URL = re.compile(r"/actions/runs/(\d{1,20})(?:/|$)")
_UNDER_WAY = {"IN_PROGRESS", "QUEUED", "PENDING", "WAITING"}
_STATES = _UNDER_WAY | {"SUCCESS", "FAILURE", "ERROR", "INACTIVE"}


@dataclass(frozen=True, kw_only=True)
class Deployments:
    """The deployments as GitHub tells them and counts them, and the stubs that came with them."""

    nodes: list[dict[str, Any]]
    total: int
    stubs: Mapping[str, StubText]


class GitHubDeployments:
    """`code-source: deployments`."""

    label = "GitHub deployments"
    changes_for = timedelta(days=36)  # a job may wait and run for 35 days

    def fetch(self, query: Query, access: Access) -> Deployments:
        """Every deployment to the environment back to the horizon, each with all its statuses."""
        github = access.to_github
        found = _pages(github, query, access)
        if not found.nodes:
            _prove_empty(github, query)
        for node in found.nodes:
            if node["statuses"]["pageInfo"]["hasNextPage"]:
                node["statuses"]["nodes"] = _all_statuses(github, node)
        return found

    def parse(self, raw: Deployments, query: Query) -> Parsed[CodeRecord]:
        """One record a release: matrix jobs of one run and sha are folded into their earliest success."""
        records = fold(_record(node, query) for node in raw.nodes)
        return Parsed(records=records, stubs=raw.stubs, total=raw.total)


def _pages(github: GitHubApi, query: Query, access: Access) -> Deployments:
    stubs: dict[str, StubText] = {}
    totals: list[int] = []

    def read(cursor: str | None) -> Page:
        # Only the first page brings more stubs than that of the head, which each brings.
        page, found = _page(github, query, cursor, list(query.settings.environment), () if cursor else query.recheck)
        stubs.update(found)
        totals.append(page[1])
        access.progress(f"GitHub deployments: {len(page[0])} more of {page[1]}")
        return page

    def enough(page: list[dict[str, Any]]) -> bool:
        return bool(page) and parse_iso(page[-1]["createdAt"]) < query.horizon

    nodes = every_page("GitHub deployments", read, key="databaseId", enough=enough)
    return Deployments(nodes=nodes, total=totals[0], stubs=stubs)


def _page(
    github: GitHubApi,
    query: Query,
    cursor: str | None,
    environments: list[str] | None,
    recheck: tuple[str, ...] = (),
) -> tuple[Page, dict[str, StubText]]:
    path, commits = query.settings.model_stub, [HEAD, *recheck]

    def check(repository: dict[str, Any]) -> tuple[Page, dict[str, StubText]]:
        return _checked(repository), github_files.texts(repository, path, commits)

    text = DEPLOYMENTS_QUERY if len(commits) == 1 else _query(len(commits))
    asked = github_files.variables(path, commits)
    return github.graphql("deployments", text, check, after=cursor, environments=environments, **asked)


def _checked(repository: dict[str, Any]) -> Page:
    nodes, total, cursor = connection(repository, "deployments")
    for node in nodes:
        texts = [node.get("id"), node.get("commitOid")]
        if not isinstance(node.get("databaseId"), int) or not all(isinstance(text, str) for text in texts):
            raise MalformedAnswerError("a deployment has no id or no commit")
        statuses, count, more = _checked_statuses(node)
        if more is None and len(statuses) < count:
            raise MalformedAnswerError(f"deployment {node['databaseId']} shows {len(statuses)} of {count} statuses")
        try:
            parse_iso(str(node.get("createdAt")))
        except ValueError as problem:
            raise MalformedAnswerError(f"deployment {node['databaseId']}: {problem}") from None
    return nodes, total, cursor


def _prove_empty(github: GitHubApi, query: Query) -> None:
    """No deployment in the environment: believed only when there is none at all, by a second answer."""
    (nodes, total, _), _ = _page(github, query, None, None)
    if total:
        known = [str(node.get("environment")) for node in nodes]
        raise HarvestError(
            f"there are deployments, but none in the environment {query.settings.environments!r}",
            hint=f"set environment to one of: {', '.join(likely_first(known, query.settings.environment)[:20])}",
        )


def _all_statuses(github: GitHubApi, node: dict[str, Any]) -> list[dict[str, Any]]:
    """Statuses of a deployment that has more than one page of them."""

    def read(cursor: str | None) -> Page:
        return github.graphql(
            "deployment statuses", STATUSES_QUERY, _checked_statuses, root="node", id=node["id"], after=cursor
        )

    what, counted = f"GitHub deployment {node['databaseId']}, statuses", node["statuses"]["totalCount"]
    return every_page(what, read, key="id", least=counted)


def _checked_statuses(node: dict[str, Any]) -> Page:
    statuses, total, cursor = connection(node, "statuses")
    # A word that is not known could mean success: it must not read as "never succeeded".
    if any(status.get("state") not in _STATES for status in statuses):
        raise MalformedAnswerError("a deployment has a status of an unknown state")
    if not all(isinstance(status.get("id"), str) for status in statuses):
        raise MalformedAnswerError("a deployment status has no id")
    return statuses, total, cursor


def _record(node: dict[str, Any], query: Query) -> CodeRecord:
    name = f"GitHub deployment {node['databaseId']}"
    statuses = node["statuses"]["nodes"]
    stamps = [(stamp_of(status.get("createdAt"), name, query), str(status.get("state"))) for status in statuses]
    successes = [at for at, state in stamps if state == "SUCCESS" and at <= query.as_of]
    run_id = _run_of(statuses)
    outcome, at = Outcome.FAILED, max([at for at, _ in stamps], default=stamp_of(node["createdAt"], name, query))
    if successes:
        outcome, at = Outcome.SUCCESS, min(successes)
    elif _is_this_run(node, run_id, query) and all(state in _UNDER_WAY for last, state in stamps if last == at):
        outcome, at = Outcome.PROVISIONAL, query.as_of
    repository = f"{query.server_url}/{query.repository}"
    return CodeRecord(
        id=f"deployment:{node['databaseId']}",
        service=query.settings.service,
        environment=str(node.get("environment")),
        sha=node["commitOid"],
        shipped_at=at,
        run_id=run_id,
        outcome=outcome,
        created_at=stamp_of(node["createdAt"], name, query),
        under_way=outcome is Outcome.FAILED and all(state in _UNDER_WAY for last, state in stamps if last == at),
        url=f"{repository}/actions/runs/{run_id}" if run_id else f"{repository}/commit/{node['commitOid']}",
    )


def _run_of(statuses: list[dict[str, Any]]) -> str | None:
    """The workflow run, known from the address of a status's log."""
    runs = {match[1] for status in statuses if (match := _RUN_IN_URL.search(str(status.get("logUrl") or "")))}
    return min(runs, key=int, default=None)


def _is_this_run(node: dict[str, Any], run_id: str | None, query: Query) -> bool:
    if query.run_id is None:
        return False
    return run_id == query.run_id if run_id else node["commitOid"] == query.sha
