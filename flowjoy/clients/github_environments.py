"""The names of a repository's deployment environments: those that globs match, and those that a message proposes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.responses import Connection, Count, GraphQL, Id, Instant, Many, Response, Text, reader
from flowjoy.domain.name_patterns import any_match, is_glob, is_similar, likely_first
from flowjoy.errors import HarvestError

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


class _Deployment(GraphQL):
    created_at: Instant
    environment: Text


class _Newest(GraphQL):
    deployments: Connection[_Deployment]


class _Environment(Response):
    name: Text


class _Environments(Response):
    total_count: Count
    environments: Many[_Environment]


class _Listed(Response):
    id: Id
    ref: Text


_PAGES, _SHOWN = 20, 20


def is_meant(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a name is one of the environments asked for. GitHub ignores case."""
    return any_match(name.casefold(), [pattern.casefold() for pattern in patterns])


def absent(patterns: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return the environments asked for that are not among the names, ignoring case."""
    known = set(names)
    return [pattern for pattern in patterns if not any(is_meant(name, [pattern]) for name in known)]


def _spellings(name: str) -> set[str]:
    """Return the usual spellings of a name: a deployment keeps the spelling that its tool used."""
    return {name, name.lower(), name.upper(), name.title(), name[:1].upper() + name[1:]}


def chosen(github: GitHubApi, patterns: Sequence[str]) -> list[str]:
    """Return the exact names in their usual spellings, and the names that match a glob. Raise HarvestError."""
    exact = {spelling for pattern in patterns if not is_glob(pattern) for spelling in _spellings(pattern)}
    globs = [pattern for pattern in patterns if is_glob(pattern)]
    if not globs:
        return sorted(exact)
    known = {*_listed(github), *(name for name, _ in _newest(github))}
    # A name may itself contain the signs of a glob: then it is one of the known names.
    return sorted({*exact, *(name for name in known if is_meant(name, globs))})


def proposal(github: GitHubApi, seen: Iterable[str], patterns: Sequence[str], taken: Sequence[str] = ()) -> str:
    """Return the hint for environments without a deployment: other names, the likely ones first.

    `taken`: names that were also asked for, so they are not proposed.
    """
    names = set(seen)
    # A token that may not list environments leaves the names of the newest deployments.
    with suppress(HarvestError):
        names |= set(_listed(github))
    ranked = likely_first((name for name in names if not is_meant(name, (*patterns, *taken))), patterns)
    if not ranked:
        return "run again"
    more = f" and {len(ranked) - _SHOWN} more" if len(ranked) > _SHOWN else ""
    return f"set environment to one of: {', '.join(ranked[:_SHOWN])}{more}"


def without_deployment(github: GitHubApi, patterns: Sequence[str]) -> list[str]:
    """Return the environments asked for if GitHub lists them and REST also shows no deployment to any of them.

    Return none if this cannot be read, or if one of them has a deployment after all.
    """
    with suppress(HarvestError):
        names = sorted(name for name in _listed(github) if is_meant(name, patterns))
        kind = reader(list[_Listed])
        if not any(github.get("/deployments", kind, environment=name, per_page=1) for name in names[:_SHOWN]):
            return names[:_SHOWN]
    return []


def unlisted(github: GitHubApi, patterns: Sequence[str]) -> list[str]:
    """Return the environments asked for that GitHub does not list; all of them if it lists none to this token."""
    with suppress(HarvestError):
        return absent(patterns, _listed(github))
    return list(patterns)


def successors(github: GitHubApi, patterns: Sequence[str], since: datetime) -> dict[str, int]:
    """Return how many of the newest deployments were made since then in environments with a similar name."""
    counted: dict[str, int] = {}
    for name, created_at in _newest(github):
        similar = not is_meant(name, patterns) and any(is_similar(name, pattern) for pattern in patterns)
        if similar and created_at > since:
            counted[name] = counted.get(name, 0) + 1
    return counted


def refs(github: GitHubApi, environments: Sequence[str], wanted: set[int]) -> dict[int, str]:
    """Return the refs of these deployments by id, as far as REST lists them: GraphQL omits refs that are gone."""
    refs_by_id: dict[int, str] = {}
    for name in environments:
        page = 0
        while wanted - refs_by_id.keys():
            page += 1
            kind = reader(list[_Listed])
            listed = github.get("/deployments", kind, environment=name, per_page=PER_PAGE, page=page)
            refs_by_id |= {deployment.id: deployment.ref for deployment in listed if deployment.id in wanted}
            if len(listed) < PER_PAGE:
                break
    return refs_by_id


def _listed(github: GitHubApi) -> list[str]:
    names: list[str] = []
    for page in range(1, _PAGES + 1):
        listed = github.get("/environments", reader(_Environments), per_page=PER_PAGE, page=page)
        names += [environment.name for environment in listed.environments]
        if len(names) >= listed.total_count:
            break
        if not listed.environments:
            raise HarvestError(f"GitHub: the list of environments ends after {len(names)} of {listed.total_count}")
    return names


def _newest(github: GitHubApi) -> list[tuple[str, datetime]]:
    newest = github.graphql("newest deployments", NEWEST_QUERY, reader(_Newest)).deployments.nodes
    return [(deployment.environment, deployment.created_at) for deployment in newest]
