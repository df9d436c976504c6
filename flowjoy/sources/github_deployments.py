"""Code deployments from GitHub's deployments, with all their statuses in one GraphQL query a page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flowjoy import github_environments, github_files, shas
from flowjoy.dependence import HEAD
from flowjoy.errors import HarvestError
from flowjoy.github_api import PER_PAGE, GitHubApi, Page, connection, every_page
from flowjoy.instants import parse_iso
from flowjoy.model import CodeRecord, Outcome, StubText
from flowjoy.patterns import any_match
from flowjoy.records import fold
from flowjoy.report.words import plural
from flowjoy.sources.base import Access, Parsed, Query, stamp_of
from flowjoy.transport import MalformedAnswerError

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
      nodes {{{_FIELDS}
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
        nodes { id state createdAt logUrl environment }
      }
    }
  }
}
"""

AGAIN_QUERY = f"""
query FlowJoyDeploymentsAgain($ids: [ID!]!) {{
  nodes(ids: $ids) {{
    ... on Deployment {{{_FIELDS}
    }}
  }}
}}
"""

_PULL_REQUEST = re.compile(r"(?:refs/)?pull/(\d+)/(?:merge|head)")
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
        """Return every deployment to the environments back to the horizon, each with all its statuses and its ref.

        Those that are to be asked again are among them however old they are.
        """
        github = access.to_github
        environments = github_environments.chosen(github, query.settings.environment)
        found = _pages(github, query, access, environments) if environments else None
        if found is None or not found.nodes:
            _prove_empty(github, query)
        found = found or Deployments(nodes=[], total=0, stubs={})
        found.nodes.extend(_again(github, query, {node["id"] for node in found.nodes}))
        for node in found.nodes:
            if node["statuses"]["pageInfo"]["hasNextPage"]:
                node["statuses"]["nodes"] = _all_statuses(github, node)
        _name_refs(github, environments, found.nodes)
        return found

    def parse(self, raw: Deployments, query: Query) -> Parsed[CodeRecord]:
        """Return one record a release: matrix jobs of one run and sha are folded into their earliest success."""
        ours = [node for node in raw.nodes if pull_request_of(node) is None]
        pulls = {f"deployment:{node['databaseId']}" for node in raw.nodes if pull_request_of(node) is not None}
        elsewhere = sum(bool(other_environments(node, query)) for node in ours)
        notes = [
            f"{plural(count, 'deployment')} {why}"
            for count, why in (
                (len(pulls), "of pull requests put nothing live: left out"),
                (elsewhere, "succeeded in another environment only: left out"),
            )
            if count
        ]
        records = fold(_record(node, query) for node in ours)
        return Parsed(records=records, notes=tuple(notes), stubs=raw.stubs, total=raw.total, left_out=frozenset(pulls))


def pull_request_of(node: dict[str, Any]) -> int | None:
    """Return the number of the pull request that a deployment was made for; None for any other ref."""
    match = _PULL_REQUEST.fullmatch(_ref_of(node))
    return int(match[1]) if match is not None else None


def other_environments(node: dict[str, Any], query: Query) -> tuple[str, ...]:
    """Return where a deployment succeeded, if that was in none of the environments asked for."""
    successes = [status for status in node["statuses"]["nodes"] if status["state"] == "SUCCESS"]
    if any(_is_ours(status, query) for status in successes):
        return ()
    return tuple(sorted({str(status["environment"]) for status in successes}))


def _is_ours(status: dict[str, Any], query: Query) -> bool:
    """Whether a status speaks of an environment asked for. One that names none speaks of its deployment's own."""
    return not status["environment"] or any_match(status["environment"], query.settings.environment)


def _ref_of(node: dict[str, Any]) -> str:
    """The full ref of a deployment, as far as it is known: GitHub forgets that of a merged pull request."""
    ref = node.get("ref")
    if not isinstance(ref, dict):
        return str(node.get("refText") or "")
    name = str(ref.get("name") or "")
    return name if name.startswith("refs/") else f"{ref.get('prefix') or ''}{name}"


def _name_refs(github: GitHubApi, environments: list[str], nodes: list[dict[str, Any]]) -> None:
    """Give each deployment that could be a release, and whose ref is gone, the text of that ref."""
    nameless = [node for node in nodes if node["ref"] is None and node["statuses"]["totalCount"]]
    texts = github_environments.refs(github, environments, {node["databaseId"] for node in nameless})
    for node in nameless:
        node["refText"] = texts.get(node["databaseId"], "")


def _again(github: GitHubApi, query: Query, known: set[str]) -> list[dict[str, Any]]:
    """The deployments that had not succeeded and are too old for the pages that were read."""
    wanted = sorted(set(query.ask_again) - known)
    nodes: list[dict[str, Any]] = []
    for start in range(0, len(wanted), PER_PAGE):
        ids = wanted[start : start + PER_PAGE]
        nodes += github.graphql("earlier deployments", AGAIN_QUERY, _checked_nodes, "", ids=ids)
    return nodes


def _checked_nodes(data: dict[str, Any]) -> list[dict[str, Any]]:
    nodes = data.get("nodes")
    if not isinstance(nodes, list) or not all(isinstance(node, dict) and node for node in nodes):
        raise MalformedAnswerError("the answer does not hold every deployment that was asked for")
    for node in nodes:
        _check_node(node)
    return nodes


def _pages(github: GitHubApi, query: Query, access: Access, environments: list[str]) -> Deployments:
    stubs: dict[str, StubText] = {}
    totals: list[int] = []

    def read(cursor: str | None) -> Page:
        # Only the first page brings more stubs than that of the head, which each brings.
        page, found = _page(github, query, cursor, environments, () if cursor else query.recheck)
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
        _check_node(node)
    return nodes, total, cursor


def _check_node(node: dict[str, Any]) -> None:
    commit, number = node.get("commitOid"), node.get("databaseId")
    if not isinstance(number, int) or not isinstance(node.get("id"), str):
        raise MalformedAnswerError("a deployment has no id")
    if not isinstance(commit, str) or not shas.is_full(shas.lowered(commit)):
        raise MalformedAnswerError(f"deployment {number} has no commit sha")
    if not isinstance(node.get("environment"), str) or not isinstance(node.get("ref", ""), dict | None):
        raise MalformedAnswerError(f"deployment {number} does not say of which environment or ref it is")
    statuses, count, more = _checked_statuses(node)
    if more is None and len(statuses) < count:
        raise MalformedAnswerError(f"deployment {number} shows {len(statuses)} of {count} statuses")
    try:
        parse_iso(str(node.get("createdAt")))
    except ValueError as problem:
        raise MalformedAnswerError(f"deployment {number}: {problem}") from None


def _prove_empty(github: GitHubApi, query: Query) -> None:
    """No deployment in the environment: believed only when there is none at all, by a second answer."""
    (nodes, total, _), _ = _page(github, query, None, None)
    if total:
        raise HarvestError(
            f"there are deployments, but none in the environment {query.settings.environments!r}",
            hint=github_environments.proposal(
                github, [str(node["environment"]) for node in nodes], query.settings.environment
            ),
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
    if not all(isinstance(status.get("environment", 0), str | None) for status in statuses):
        raise MalformedAnswerError("a deployment status does not say of which environment it is")
    return statuses, total, cursor


def _record(node: dict[str, Any], query: Query) -> CodeRecord:
    name = f"GitHub deployment {node['databaseId']}"
    statuses = node["statuses"]["nodes"]
    stamps = [
        (stamp_of(status.get("createdAt"), name, query), str(status.get("state")))
        for status in statuses
        if _is_ours(status, query)
    ]
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
        environment=node["environment"],
        sha=shas.lowered(node["commitOid"]),
        shipped_at=at,
        run_id=run_id,
        outcome=outcome,
        created_at=stamp_of(node["createdAt"], name, query),
        under_way=outcome is Outcome.FAILED and all(state in _UNDER_WAY for last, state in stamps if last == at),
        url=f"{repository}/actions/runs/{run_id}" if run_id else f"{repository}/commit/{node['commitOid']}",
        ask_again=() if outcome is Outcome.SUCCESS else (node["id"],),
    )


def _run_of(statuses: list[dict[str, Any]]) -> str | None:
    """The workflow run, known from the address of a status's log."""
    runs = {match[1] for status in statuses if (match := _RUN_IN_URL.search(str(status.get("logUrl") or "")))}
    return min(runs, key=int, default=None)


def _is_this_run(node: dict[str, Any], run_id: str | None, query: Query) -> bool:
    """Whether this run makes the deployment: by the run's id, or by the event. Others may deploy the same commit."""
    if query.run_id is None:
        return False
    return run_id == query.run_id or node["databaseId"] == query.own_deployment
