"""The names of a repository's deployment environments: which of them globs choose, and which a message proposes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from flowjoy.errors import HarvestError
from flowjoy.github_api import PER_PAGE, GitHubApi, connection, listing
from flowjoy.instants import parse_iso
from flowjoy.patterns import any_match, is_glob, is_similar, likely_first
from flowjoy.transport import MalformedAnswerError

NEWEST_QUERY = """
query FlowJoyNewestDeployments($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) {
    deployments(first: 100, orderBy: {field: CREATED_AT, direction: DESC}) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { createdAt environment }
    }
  }
}
"""

_PAGES, _SHOWN = 20, 20


def chosen(github: GitHubApi, patterns: Sequence[str]) -> list[str]:
    """Return the exact names, and the names of environments that the globs match. Raise HarvestError."""
    exact = [pattern for pattern in patterns if not is_glob(pattern)]
    globs = [pattern for pattern in patterns if is_glob(pattern)]
    if not globs:
        return exact
    known = {*_listed(github), *(name for name, _ in _newest(github))}
    # A name may hold what reads as a glob: then it is itself one of the known.
    return sorted({*exact, *(name for name in known if any_match(name, globs))})


def proposal(github: GitHubApi, seen: Iterable[str], patterns: Sequence[str]) -> str:
    """Return the cure where no deployment is in the environments asked for; the likely names come first."""
    names = set(seen)
    # A token that may not list environments leaves the names of the newest deployments.
    with suppress(HarvestError):
        names |= set(_listed(github))
    ranked = likely_first(names, patterns)
    more = f" and {len(ranked) - _SHOWN} more" if len(ranked) > _SHOWN else ""
    return f"set environment to one of: {', '.join(ranked[:_SHOWN])}{more}"


def successors(github: GitHubApi, patterns: Sequence[str], since: datetime) -> dict[str, int]:
    """Return how many of the newest deployments were made since then in environments with a similar name."""
    counted: dict[str, int] = {}
    for name, created_at in _newest(github):
        similar = not any_match(name, patterns) and any(is_similar(name, pattern) for pattern in patterns)
        if similar and created_at > since:
            counted[name] = counted.get(name, 0) + 1
    return counted


def refs(github: GitHubApi, environments: Sequence[str], wanted: set[int]) -> dict[int, str]:
    """Return the refs of these deployments by their ids, as far as REST lists them: GraphQL knows none that is gone."""
    found: dict[int, str] = {}
    for name in environments:
        page = 0
        while wanted - found.keys():
            page += 1
            listed = github.get("/deployments", _checked_deployments, environment=name, per_page=PER_PAGE, page=page)
            found |= {number: ref for number, ref in listed.items() if number in wanted}
            if len(listed) < PER_PAGE:
                break
    return found


def _listed(github: GitHubApi) -> list[str]:
    names: list[str] = []
    for page in range(1, _PAGES + 1):
        listed, total = github.get("/environments", _checked_environments, per_page=PER_PAGE, page=page)
        names += listed
        if len(names) >= total or not listed:
            break
    return names


def _checked_environments(answer: Any) -> tuple[list[str], int]:
    items, total = listing(answer, "environments")
    names = [item.get("name") for item in items]
    if not all(isinstance(name, str) and name for name in names):
        raise MalformedAnswerError("an environment has no name")
    return [str(name) for name in names], total


def _checked_deployments(answer: Any) -> dict[int, str]:
    if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
        raise MalformedAnswerError("the answer is not a list of deployments")
    if not all(isinstance(item.get("id"), int) and isinstance(item.get("ref"), str) for item in answer):
        raise MalformedAnswerError("a deployment has no id or no ref")
    return {item["id"]: item["ref"] for item in answer}


def _newest(github: GitHubApi) -> list[tuple[str, datetime]]:
    def check(repository: dict[str, Any]) -> list[tuple[str, datetime]]:
        nodes, _, _ = connection(repository, "deployments")
        try:
            return [(str(node.get("environment")), parse_iso(str(node.get("createdAt")))) for node in nodes]
        except ValueError as problem:
            raise MalformedAnswerError(f"a deployment carries a wrong time: {problem}") from None

    return github.graphql("newest deployments", NEWEST_QUERY, check)
